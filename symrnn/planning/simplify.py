"""Rewrites of the graph that save work; each keeps the value of the operation that it changes.

before → after
    log(exp(s) * (1/z))                → s - log(z)              the logarithm of a softmax never sees a zero
    Σ_k y_k (s_k - l)                  → Σ_k y_k s_k - l         where y is declared to sum to 1
    a*g + b*(1 - g)                    → b + g*(a - b)           a gated mean: two calls less
    v*p - v*q                          → v*(p - q)               v an adjoint: the rest leaves the loop
    (a*b)*c, used once                 → a*b*c                   so that factors can be sorted
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symrnn.language import Role
from symrnn.planning.graph import Arg, Op, Program, deref

ONE = Fraction(1)
Users = dict[Op, list[Op]]
UNIT_SUM = frozenset({"onehot", "distribution"})


def users(program: Program) -> Users:
    """Who reads each operation, with multiplicity; what is wanted counts as read."""
    found: Users = {}
    for op in program.ops():
        for arg in op.args:
            found.setdefault(deref(arg).op, []).append(op)
    for root in [*program.roots(), *program.initials.values()]:
        inner = deref(Arg(root)).op
        found.setdefault(inner, []).append(inner)
    return found


def simplify(program: Program) -> None:
    """All rewrites, in place."""
    _everywhere(program, _log_of_softmax)
    _everywhere(program, lambda op: _over_unit_sum(op, program))
    merge_equal(program)
    read = users(program)
    _everywhere(program, lambda op: _total_of_sum(op, read))
    _everywhere(program, _gated_mean)
    _everywhere(program, _common_adjoint)
    inline_products(program)
    _everywhere(program, _common_adjoint)
    inline_products(program)
    merge_equal(program)


def merge_equal(program: Program) -> None:
    """Make operations that have become equal one; repeated, because their users become equal then, too."""
    changed = True
    while changed:
        changed = False
        first: dict[tuple[object, ...], Op] = {}
        merged: dict[Op, Op] = {}
        ops = program.ops()
        for op in ops:
            key = (op.kind, tuple((id(a.op), a.shift) for a in map(deref, op.args)), op.data, op.axes)
            known = first.setdefault(key, op)
            if known is not op:
                merged[op] = known
        for op, known in merged.items():
            changed = True
            known.names.extend(n for n in op.names if n not in known.names)
            known.adjoint = known.adjoint or op.adjoint
        if merged:
            _replace(program, ops, merged)


def _replace(program: Program, ops: list[Op], merged: dict[Op, Op]) -> None:
    for op in ops:
        op.args = [Arg(merged.get(a.op, a.op), a.shift) for a in map(deref, op.args)]
    for variable in program.variables.values():
        while variable.target in merged:
            variable.target = merged[variable.target]
    for group in (program.gradients, program.initials):
        for key, op in group.items():
            inner = deref(Arg(op)).op
            group[key] = merged.get(inner, op)
    program.loss = merged.get(program.loss, program.loss)


def _everywhere(program: Program, rule: Callable[[Op], bool]) -> None:
    for op in program.ops():
        rule(op)


def become(op: Op, other: Arg) -> None:
    """Turn an operation into another one of the same value."""
    source = deref(other).op
    if other.shift == 0 and source.kind not in ("data", "var"):
        op.kind, op.args, op.data = source.kind, list(source.args), source.data
        op.adjoint = op.adjoint or source.adjoint
    else:
        op.kind, op.args, op.data = "plus", [Arg(source, other.shift)], (ONE,)


def is_elementwise(op: Op) -> bool:
    """A product without a sum, all of whose factors have the result's axes or none."""
    return op.kind == "product" and all(names in ((), op.data[2]) for names in op.data[1])


def _product_args(op: Op) -> list[Arg]:
    return [deref(a) for a in op.args]


def _log_of_softmax(op: Op) -> bool:
    if op.kind != "apply" or op.data != ("log", 0):
        return False
    inner = deref(op.args[0])
    if inner.op.kind != "product" or len(inner.op.args) != 2 or inner.op.data[0] != 1:
        return False
    first, second = _product_args(inner.op)
    if not (_is_apply(first.op, "exp") and _is_apply(second.op, "reciprocal")):
        return False
    exponent, total = first.op.args[0], second.op.args[0]
    log = Op("apply", [total], ("log", 0), (), second.op.batched, second.op.timed)
    shift = inner.shift
    op.kind, op.data = "plus", (ONE, -ONE)
    op.args = [Arg(exponent.op, exponent.shift + shift), Arg(log, shift)]
    return True


def _total_of_sum(op: Op, read: Users) -> bool:
    """A total of a linear combination is one of totals, where nobody else needs the combination."""
    if op.kind != "total":
        return False
    inner = deref(op.args[0])
    if any(user.kind != "total" for user in read.get(inner.op, [])):
        return False
    if inner.op.kind != "plus" or inner.shift or inner.op.adjoint or not op.data[2]:
        return False
    terms = list(zip(map(deref, inner.op.args), inner.op.data, strict=True))
    if any(not a.op.timed or a.shift or a.op.axes != op.axes or not a.op.batched for a, _ in terms):
        return False
    parts = [Op("total", [a], op.data, op.axes, False, False) for a, _ in terms]
    for part in parts:
        _total_of_sum(part, read)
    op.kind, op.args, op.data = "plus", [Arg(part) for part in parts], tuple(c for _, c in terms)
    return True


def _is_apply(op: Op, name: str) -> bool:
    return op.kind == "apply" and op.data == (name, 0)


def _over_unit_sum(op: Op, program: Program) -> bool:
    """Σ y (s - l) over the axis of a target that sums to 1."""
    if op.kind != "product" or op.data[1] != ((0,), (0,)) or op.data[2] != ():
        return False
    for target, other in (_product_args(op), _product_args(op)[::-1]):
        if not sums_to_one(target.op, program) or other.op.kind != "plus" or other.shift or target.shift:
            continue
        terms = list(zip(other.op.args, other.op.data, strict=True))
        scalars = [(a, c) for a, c in terms if not a.op.axes]
        vectors = [(a, c) for a, c in terms if a.op.axes]
        if not scalars or not vectors:
            continue
        rest = vectors[0][0] if len(vectors) == 1 and vectors[0][1] == 1 else Arg(_plus(vectors, other.op.axes))
        scale = op.data[0]
        picked = Op("product", [target, rest], (scale, ((0,), (0,)), (), ()), (), op.batched, op.timed)
        op.kind, op.args = "plus", [Arg(picked), *(a for a, _ in scalars)]
        op.data = (ONE, *(c * scale for _, c in scalars))
        return True
    return False


def _plus(terms: list[tuple[Arg, Fraction]], axes: tuple[object, ...]) -> Op:
    args = [a for a, _ in terms]
    adjoint = all(a.op.adjoint and not a.shift for a in args)
    batched, timed = any(a.op.batched for a in args), any(a.op.timed for a in args)
    return Op("plus", args, tuple(c for _, c in terms), axes, batched, timed, adjoint)  # type: ignore[arg-type]


def sums_to_one(op: Op, program: Program) -> bool:
    """Whether an operand is a target whose entries are declared to add up to 1."""
    if op.kind != "data" or op.data[1] is not Role.TARGET:
        return False
    return bool(program.system.cell.declaration[op.data[0]].attributes & UNIT_SUM)


def _gated_mean(op: Op) -> bool:
    if op.kind != "plus":
        return False
    terms = list(zip(map(deref, op.args), op.data, strict=True))
    for i, (b, cb) in enumerate(terms):
        gate = _complement(b, op) if cb == 1 else None
        if gate is None:
            continue
        place, g = gate
        for j, (a, ca) in enumerate(terms):
            at = _factor(a, g, op) if ca == 1 and i != j else None
            if at is None:
                continue
            rest_a, rest_b = _without(a.op, at), _without(b.op, place)
            difference = _plus([(rest_a, ONE), (rest_b, -ONE)], op.axes)
            names = tuple(range(len(op.axes)))
            data = (ONE, (names if g.op.axes else (), names), names, ())
            gated = Op("product", [g, Arg(difference)], data, op.axes, *_either(g.op, difference))
            kept = [t for k, t in enumerate(terms) if k not in (i, j)]
            op.args = [rest_b, Arg(gated), *(a for a, _ in kept)]
            op.data = (ONE, ONE, *(c for _, c in kept))
            return True
    return False


def _either(a: Op, b: Op) -> tuple[bool, bool]:
    return a.batched or b.batched, a.timed or b.timed


def _simple(arg: Arg, owner: Op) -> bool:
    """A plain elementwise product of two factors of the owner's axes, read now."""
    op = arg.op
    return (
        is_elementwise(op) and not arg.shift and len(op.args) == 2 and op.data[0] == 1 and op.axes == owner.axes
    ) and not op.adjoint


def _complement(arg: Arg, owner: Op) -> tuple[int, Arg] | None:
    """The place of a factor 1 - g in a product, and g."""
    if not _simple(arg, owner):
        return None
    for place, factor in enumerate(_product_args(arg.op)):
        op = factor.op
        if op.kind == "plus" and len(op.args) == 2 and not factor.shift and op.data == (ONE, -ONE):
            number, gate = map(deref, op.args)
            if number.op.kind == "number" and number.op.data == (ONE,) and gate.op.axes in ((), owner.axes):
                return place, gate
    return None


def _factor(arg: Arg, wanted: Arg, owner: Op) -> int | None:
    if not _simple(arg, owner):
        return None
    factors = _product_args(arg.op)
    return next((i for i, f in enumerate(factors) if f == wanted and factors[1 - i].op.axes == owner.axes), None)


def _without(product: Op, place: int) -> Arg:
    return deref(product.args[1 - place])


def _common_adjoint(op: Op) -> bool:
    """Terms with a common adjoint factor become one: the factor times the sum of the rest."""
    if op.kind != "plus" or len(op.args) < 2:
        return False
    split: list[tuple[Arg, list[tuple[Arg, tuple[int, ...]]], Fraction] | None] = []
    for arg, coefficient in zip(map(deref, op.args), op.data, strict=True):
        split.append(_adjoint_and_rest(arg, coefficient, op))
    groups: dict[Arg, list[int]] = {}
    for place, found in enumerate(split):
        if found is not None:
            groups.setdefault(found[0], []).append(place)
    chosen = next((places for places in groups.values() if len(places) > 1), None)
    if chosen is None:
        return False
    adjoint = split[chosen[0]][0]  # type: ignore[index]
    moved = Arg(adjoint.op, 0)
    terms = []
    for place in chosen:
        _, rest, coefficient = split[place]  # type: ignore[misc]
        terms.append((_rest(rest, op, -adjoint.shift), coefficient))
    rests = _plus(terms, op.axes)
    rests.axes = op.axes if any(a.op.axes for a, _ in terms) else ()
    names = tuple(range(len(op.axes)))
    labels = (names if adjoint.op.axes else (), names if rests.axes else ())
    product = Op("product", [moved, Arg(rests)], (ONE, labels, names, ()), op.axes, True, True, True)
    product.batched, product.timed = _either(adjoint.op, rests)
    kept = [(a, c) for place, (a, c) in enumerate(zip(op.args, op.data, strict=True)) if place not in chosen]
    op.args = [Arg(product, adjoint.shift), *(a for a, _ in kept)]
    op.data = (ONE, *(c for _, c in kept))
    return True


def _adjoint_and_rest(
    arg: Arg, coefficient: Fraction, owner: Op
) -> tuple[Arg, list[tuple[Arg, tuple[int, ...]]], Fraction] | None:
    """For a term v * p * q: v where it alone is an adjoint, the others, and the number in front."""
    op = arg.op
    if op.adjoint and op.names and op.axes == owner.axes:
        return arg, [], coefficient
    if not (is_elementwise(op) and op.adjoint and op.axes == owner.axes):
        return None
    factors = list(zip(_product_args(op), op.data[1], strict=True))
    adjoints = [(f, names) for f, names in factors if f.op.adjoint]
    if len(adjoints) != 1 or adjoints[0][0].op.axes != owner.axes:
        return None
    rest = [(Arg(f.op, f.shift + (arg.shift if f.op.timed else 0)), names) for f, names in factors if not f.op.adjoint]
    vector = adjoints[0][0]
    return Arg(vector.op, vector.shift + arg.shift), rest, coefficient * op.data[0]


def _rest(factors: list[tuple[Arg, tuple[int, ...]]], owner: Op, shift: int) -> Arg:
    moved = [(Arg(a.op, a.shift + shift) if a.op.timed else a, names) for a, names in factors]
    if not moved:
        return Arg(Op("number", [], (ONE,), (), False, False))
    if len(moved) == 1:
        return moved[0][0]
    names = tuple(range(len(owner.axes)))
    axes = owner.axes if any(n for _, n in moved) else ()
    labels = tuple(n if not n else names for _, n in moved)
    args = [a for a, _ in moved]
    batched, timed = any(a.op.batched for a in args), any(a.op.timed for a in args)
    return Arg(Op("product", args, (ONE, labels, names if axes else (), ()), axes, batched, timed))


def inline_products(program: Program) -> None:
    """Elementwise products that one other elementwise product uses become part of it."""
    changed = True
    while changed:
        changed = False
        read = users(program)
        for op in program.ops():
            if not is_elementwise(op):
                continue
            for place, arg in enumerate(_product_args(op)):
                if len(read[arg.op]) == 1 and can_inline(arg.op, op, place):
                    inline_factor(op, place)
                    changed = True
                    break


def can_inline(inner: Op, outer: Op, place: int) -> bool:
    """Whether a factor is an elementwise product of the same kind of value (bound at the same time)."""
    return (
        is_elementwise(inner)
        and not inner.data[3]
        and inner.timed == outer.timed
        and inner.batched == outer.batched
        and outer.data[1][place] == (outer.data[2] if inner.axes else ())
    )


def inline_factor(op: Op, place: int) -> None:
    """Put a factor's own factors in its place."""
    arg = deref(op.args[place])
    coefficient, labels, out, extents = op.data
    inner_coefficient, inner_labels, _, _ = arg.op.data
    args = [Arg(a.op, a.shift + arg.shift) if a.op.timed else a for a in _product_args(arg.op)]
    names = [labels[place] if n else () for n in inner_labels]
    op.args = [*op.args[:place], *args, *op.args[place + 1 :]]
    op.data = (
        coefficient * inner_coefficient,
        (*labels[:place], *names, *labels[place + 1 :]),
        out,
        extents,
    )
