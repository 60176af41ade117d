"""The adjoint loops of a truncated gradient as sweeps over all times at once.

A sweep computes every time from what the sweep before has left, so inside it the order of times plays no part: what
was a step of a loop is done for all times at once, in pieces, as many times as the window is long.

before → after
    for t from the last: d[t] = (e[t] + d[t+1] W) f[t]     → w + 1 times: D = (E + D shifted · W) F

Values stand in place: who reads another time's value of the sweep before must come before it is computed anew, and
reads a copy where it can't.
"""

from __future__ import annotations

from fractions import Fraction

from symrnn.errors import UnsupportedError
from symrnn.planning.fission import Component, Fission, reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.storage import VIEWS
from symrnn.planning.truncating import distance_back

Edges = dict[Op, list[Op]]
Ordered = dict[Op, None]


def truncated(fission: Fission) -> Fission:
    """The adjoint loops of a program made sweeps; adjoints of fixed times are captured some sweeps before the last.

    Raises UnsupportedError where a sweep cannot be done for all times at once.
    """
    captured = _captured(fission)
    loops = [c for c in fission.loops() if any(op.adjoint for op in c.ops)]
    members = _members(fission.program.ops(), {op for c in loops for op in c.ops}, {reads(a)[0].op for a in captured})
    if any(op.kind in ("select", "total", "at") for op in members):
        raise UnsupportedError("a sweep with values of single times")
    depth = max([0, *captured.values(), *(abs(a.shift) for op in members for a in reads(op) if a.op in members)])
    for op in list(members):
        members |= dict.fromkeys(_delayed(op, members))
    found = [Component(_ordered(group), way, sweeps=True) for way, group in _directions(members, loops)]
    inside = {op for c in found for op in c.ops}
    rest = [c for c in fission.components if not inside.intersection(c.ops)]
    return Fission(fission.program, _sorted([*rest, *found]), captured, depth)


def _members(ops: list[Op], loops: set[Op], wanted: set[Op]) -> Ordered:
    """The loops, what lies between them, and what is read at another time: everything that depends on the age."""
    core = loops | wanted
    while True:
        below = _closure(core, _readers(ops))
        above = _closure(core, {op: [a.op for a in reads(op)] for op in ops})
        members = {op: None for op in ops if op.timed and op in below and op in above}
        across = {a.op for op in members for a in reads(op) if a.shift and a.op.adjoint}
        if across <= members.keys():
            return members
        core = core | across


def _readers(ops: list[Op]) -> Edges:
    found: Edges = {}
    for op in ops:
        for arg in reads(op):
            found.setdefault(arg.op, []).append(op)
    return found


def _closure(start: set[Op], edges: Edges) -> set[Op]:
    found, pending = set(start), list(start)
    while pending:
        for other in edges.get(pending.pop(), ()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


def _captured(fission: Fission) -> dict[Op, int]:
    """The adjoints of fixed times that gradients read."""
    program = fission.program
    found: dict[Op, int] = {}
    for gradient in program.system.gradients:
        pending = [deref(Arg(program.gradients[gradient.key])).op]
        while pending:
            op = pending.pop()
            if op.kind == "at" and reads(op)[0].op.timed:
                if reads(op)[0].op.adjoint:
                    back = distance_back(program.system, gradient, op.data[0])
                    if found.setdefault(op, back) != back:
                        raise UnsupportedError("an adjoint that is read for two initial values")
            elif not op.timed and op.kind != "total":
                pending.extend(a.op for a in reads(op))
    return found


def _delayed(op: Op, members: Ordered) -> list[Op]:
    """Reads over several steps, one step at a time: each copy is a sweep older."""
    made: list[Op] = []
    for place, arg in enumerate(reads(op)):
        if arg.op not in members or abs(arg.shift) < 2:
            continue
        sign = 1 if arg.shift > 0 else -1
        source = arg.op
        for _ in range(abs(arg.shift) - 1):
            source = _copy(Arg(source, sign))
            made.append(source)
        op.args[place] = Arg(source, sign)
    return made


def _copy(arg: Arg) -> Op:
    op = arg.op
    return Op("plus", [arg], (Fraction(1),), op.axes, op.batched, True, True)


def _directions(members: Ordered, loops: list[Component]) -> list[tuple[int, Ordered]]:
    """The members in groups that have nothing to do with each other, with the direction of their loops."""
    both: Edges = {op: [] for op in members}
    for op in members:
        for arg in reads(op):
            if arg.op in members:
                both[op].append(arg.op)
                both[arg.op].append(op)
    found = []
    left = dict(members)
    while left:
        whole = _closure({next(iter(left))}, both)
        group = {op: None for op in members if op in whole}
        signs = {c.direction for c in loops if c.ops[0] in group}
        signs |= {-1 if a.shift > 0 else 1 for op in group for a in reads(op) if a.op in group and a.shift}
        if len(signs) > 1:
            raise UnsupportedError("truncated adjoints of both directions at once")
        found.append((signs.pop() if signs else -1, group))
        left = {op: None for op in left if op not in group}
    return found


def _ordered(members: Ordered) -> list[Op]:
    """Operands of the same sweep first, readers of the sweep before ahead of what they read."""
    names = list(members)
    while True:
        after: Edges = {op: [] for op in names}
        across: list[tuple[Op, Op, int]] = []
        for op in names:
            for place, arg in enumerate(reads(op)):
                owner, shift = _owner(arg)
                if owner not in after:
                    continue
                if shift:
                    across.append((op, owner, place))
                    if owner is not op:
                        after[owner].append(op)
                else:
                    after[op].append(arg.op)
                    if arg.op is not owner:
                        after[arg.op].append(owner)
        circle = _sorted_ops(names, after)
        own = [(reader, place) for reader, owner, place in across if owner is reader]
        if isinstance(circle, list) and not own:
            return circle
        stuck = circle if isinstance(circle, set) else set()
        reader, place = own[0] if own else next((r, p) for r, o, p in across if r in stuck and o in stuck)
        copied = _copy(reads(reader)[place])
        reader.args[place] = Arg(copied)
        names.append(copied)


def _owner(arg: Arg) -> Arg:
    """What a read looks at, blocks and entries seen through."""
    while arg.op.kind in VIEWS:
        inner = reads(arg.op)[0]
        arg = Arg(inner.op, inner.shift + arg.shift)
    return arg


def _sorted_ops(names: list[Op], after: Edges) -> list[Op] | set[Op]:
    """The operations, each after those that have to come first; or those that no order is right for."""
    done: dict[Op, None] = {}
    left = list(names)
    while left:
        ready = [op for op in left if all(other in done for other in after[op])]
        if not ready:
            return set(left)
        done.update(dict.fromkeys(ready))
        left = [op for op in left if op not in done]
    return list(done)


def _sorted(components: list[Component]) -> list[Component]:
    """Components, operands before users, otherwise in the order in which they came."""
    home = {op: c for c in components for op in c.ops}
    done: dict[int, Component] = {}
    path: set[int] = set()

    def visit(component: Component) -> None:
        if id(component) in done:
            return
        if id(component) in path:
            raise UnsupportedError("sweeps that depend on each other")
        path.add(id(component))
        for op in component.ops:
            for arg in reads(op):
                other = home.get(arg.op)
                if other is not None and other is not component:
                    visit(other)
        done[id(component)] = component

    for component in components:
        visit(component)
    return list(done.values())
