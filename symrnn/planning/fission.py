"""What has to run step by step, and what can be done for all times at once.

Operations that depend on themselves across time (a strongly connected component of the graph) make a loop.  Everything
else is done for all times at once, before or after it: that alone lifts input projections, the head, the local
derivative factors and the weight gradients out of the loops.  Sums and products inside a loop hand their outer terms
and factors over first:

before → after
    a = b + W h[t-1] + U x          → a = W h[t-1] + (b + U x)
    g = lam c[t-1] f (1 - f)        → g = lam (c[t-1] f (1 - f))
    d = lam p, e = d q, d unused here → e = lam (p q)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.errors import UnsupportedError
from symrnn.language import Role
from symrnn.planning.factors import share_factors
from symrnn.planning.graph import Arg, Op, Program, deref
from symrnn.planning.loops import components
from symrnn.planning.simplify import can_inline, inline_factor, inline_products, is_elementwise, merge_equal, users

ONE = Fraction(1)


@dataclass(eq=False)
class Component:
    """One operation, or a loop's; ``direction`` is 1 for a loop that ascends, -1 for one that descends.

    ``sweeps``: all its times are done at once, again and again.
    """

    ops: list[Op]
    direction: int = 0
    sweeps: bool = False

    @property
    def is_loop(self) -> bool:
        """Whether it runs step by step."""
        return self.direction != 0


@dataclass
class Fission:
    """The components of a program, operands before users.

    Of truncated adjoints, ``captured`` are those of fixed times with the number of sweeps before the last at which they
    are wanted, and ``depth`` is the farthest read in steps.
    """

    program: Program
    components: list[Component] = field(default_factory=list)
    captured: dict[Op, int] = field(default_factory=dict)
    depth: int = 0

    def loops(self) -> list[Component]:
        """The loops in order."""
        return [c for c in self.components if c.is_loop]


def reads(op: Op) -> list[Arg]:
    """What an operation reads, variables seen through."""
    return [deref(a) for a in op.args]


def split(program: Program) -> Fission:
    """Find the loops and lift out of them what need not be inside.

    Raises UnsupportedError where a loop would have to run in both directions.
    """
    changed = True
    while changed:
        changed = any(_shrink(program, component) for component in _components(program) if component.is_loop)
        inline_products(program)
    for component in _components(program):
        if component.is_loop:
            _hand_over(component)
    for component in _components(program):
        if component.is_loop and component.direction:
            _repeat_reads(program, component)
    merge_equal(program)
    share_factors(program, {op for c in _components(program) if c.is_loop for op in c.ops})
    return Fission(program, _components(program))


def _components(program: Program) -> list[Component]:
    ops = program.ops()
    edges = {op: [a.op for a in reads(op)] for op in ops}
    for key, op in program.initials.items():
        state = key.split("[")[0]
        target = program.variables.get((state, Role.COMPUTED))
        if target is not None:
            # A state's initial expression comes before the loop.
            edges[deref(Arg(target)).op].append(deref(Arg(op)).op)
    roots = [deref(Arg(r)).op for r in program.roots()]
    order = list(dict.fromkeys([*roots, *ops]))
    found = []
    for members in components(order, edges):
        inside = set(members)
        shifts = {a.shift for op in members for a in reads(op) if a.op in inside and a.shift}
        if len(members) == 1 and not shifts:
            found.append(Component(members))
            continue
        signs = {1 if s < 0 else -1 for s in shifts}
        if len(signs) != 1:
            names = sorted({name for op in members for name in op.names})
            raise UnsupportedError(f"{', '.join(names)} would have to run in both directions at once")
        found.append(Component(_within_step(members), signs.pop()))
    return found


def _within_step(members: list[Op]) -> list[Op]:
    """Operations of one step, operands of the same step first."""
    inside = set(members)
    done: dict[Op, None] = {}
    open_ops: set[Op] = set()

    def visit(op: Op) -> None:
        if op in done or op in open_ops:
            return
        open_ops.add(op)
        for arg in reads(op):
            if arg.op in inside and arg.shift == 0:
                visit(arg.op)
        done[op] = None

    for op in sorted(members, key=lambda o: o.names):
        visit(op)
    return list(done)


def _shrink(program: Program, component: Component) -> bool:
    """Products that only other products of the loop use are taken into these, and leave the loop."""
    inside = set(component.ops)
    read = users(program)
    for op in component.ops:
        if not is_elementwise(op):
            continue
        within = [a for a in reads(op) if a.op in inside]
        readers = [u for u in dict.fromkeys(read[op]) if u in inside and u is not op]
        if len(within) != 1 or len(within) == len(op.args) or not readers:
            continue
        places = [(u, i) for u in readers for i, a in enumerate(reads(u)) if a.op is op]
        if all(is_elementwise(u) and can_inline(op, u, i) for u, i in places):
            for reader in readers:
                while (place := next((i for i, a in enumerate(reads(reader)) if a.op is op), None)) is not None:
                    inline_factor(reader, place)
            return True
    return False


def _hand_over(component: Component) -> None:
    """Split what comes from outside off the sums and products of a loop."""
    inside = set(component.ops)
    made: dict[tuple[object, ...], Op] = {}
    for op in component.ops:
        if op.kind == "plus":
            _split_plus(op, inside, made)
        elif is_elementwise(op):
            _split_product(op, inside, made)


def _split_plus(op: Op, inside: set[Op], made: dict[tuple[object, ...], Op]) -> None:
    terms = list(zip(reads(op), op.data, strict=True))
    outer = [(a, c) for a, c in terms if a.op not in inside]
    if len(outer) < 2:
        return
    key = ("plus", tuple((id(a.op), a.shift, c) for a, c in outer))
    hoisted = made.get(key)
    if hoisted is None:
        axes = next((a.op.axes for a, _ in outer if a.op.axes), ())
        args = [a for a, _ in outer]
        batched, timed = any(a.op.batched for a in args), any(a.op.timed for a in args)
        hoisted = made[key] = Op("plus", args, tuple(c for _, c in outer), axes, batched, timed)
    inner = [(a, c) for a, c in terms if a.op in inside]
    op.args = [Arg(hoisted), *(a for a, _ in inner)]
    op.data = (ONE, *(c for _, c in inner))


def _split_product(op: Op, inside: set[Op], made: dict[tuple[object, ...], Op]) -> None:
    coefficient, labels, out, extents = op.data
    factors = list(zip(reads(op), labels, strict=True))
    outer = [(a, n) for a, n in factors if a.op not in inside]
    if not outer or (len(outer) == 1 and coefficient == 1) or extents:
        return
    outer.sort(key=lambda f: (f[0].op.timed, f[0].op.batched))
    key = ("product", coefficient, tuple((id(a.op), a.shift, n) for a, n in outer))
    hoisted = made.get(key)
    if hoisted is None:
        args = [a for a, _ in outer]
        wide = any(n for _, n in outer)
        axes = next((a.op.axes for a, n in outer if n), ())
        batched, timed = any(a.op.batched for a in args), any(a.op.timed for a in args)
        data = (coefficient, tuple(n for _, n in outer), out if wide else (), ())
        hoisted = made[key] = Op("product", args, data, axes, batched, timed)
    inner = [(a, n) for a, n in factors if a.op in inside]
    op.args = [*(a for a, _ in inner), Arg(hoisted)]
    op.data = (ONE, (*(n for _, n in inner), out if hoisted.axes else ()), out, ())


def _repeat_reads(program: Program, component: Component) -> None:
    """In a forward loop only states are read across steps: what else is, is computed where it is read."""
    inside = set(component.ops)
    states = {
        deref(Arg(op)).op
        for (name, role), op in program.variables.items()
        if role is Role.COMPUTED and name in program.system.cell.state
    }
    made: dict[tuple[Op, int], Op] = {}

    def moved(arg: Arg) -> Arg:
        if arg.op not in inside or arg.op in states or not arg.shift or arg.op.adjoint:
            return arg
        found = made.get((arg.op, arg.shift))
        if found is None:
            op = arg.op
            found = Op(op.kind, [], op.data, op.axes, op.batched, op.timed)
            made[arg.op, arg.shift] = found
            found.args = [moved(Arg(a.op, a.shift + arg.shift) if a.op.timed else a) for a in reads(op)]
        return Arg(found)

    for op in component.ops:
        op.args = [moved(a) for a in reads(op)]
    # Whoever reads the same elsewhere takes what the loop has computed.
    for op in program.ops():
        if op not in inside:
            op.args = [Arg(made[a.op, a.shift]) if (a.op, a.shift) in made else a for a in reads(op)]
