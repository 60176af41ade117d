"""Stacked and packed vectors taken apart, so that every part can go its own way; the planner stacks them anew.

before → after
    W @ (h; x)                       → W[:, :n] @ h + W[:, n:] @ x      the part with x leaves the loop
    tanh(W @ h + b)[0:n]             → tanh(W[0:n] @ h + b[0:n])        gates that were packed
    Σ_t (d_1; d_2) hᵀ                → (Σ d_1 hᵀ; Σ d_2 hᵀ)
"""

from __future__ import annotations

from fractions import Fraction

from symrnn.language import Index
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, Program, deref
from symrnn.planning.simplify import become, is_elementwise, merge_equal, users

ONE = Fraction(1)


def take_apart(program: Program) -> None:
    """All rules, in place, until none applies."""
    changed = True
    while changed:
        read = users(program)
        changed = False
        for op in program.ops():
            if _sum_of_padded(op) or _cut(op, read) or _product_of_join(op) or _total_of_join(op):
                changed = True
        merge_equal(program)


def _sum_of_padded(op: Op) -> bool:
    """A sum of stacks that are zero but for one part each, side by side, is one stack."""
    if op.kind != "plus" or len(op.args) < 2 or len(op.axes) != 1 or any(c != 1 for c in op.data):
        return False
    parts: dict[Index, tuple[Arg, Index]] = {}
    for arg in reads(op):
        if not _is_vector_join(arg.op) or arg.shift:
            return False
        filled = [(a, start, stop) for a, start, stop, _ in _spans(arg.op) if not _is_zero(a.op)]
        if len(filled) != 1 or filled[0][1] in parts:
            return False
        inner, start, stop = filled[0]
        parts[start] = (inner, stop)
    place, ordered = Index.of(0), []
    while place in parts:
        inner, place = parts.pop(place)
        ordered.append(inner)
    if parts or place != op.axes[0]:
        return False
    op.kind, op.args, op.data = "join", ordered, (0, op.axes)
    return True


def _is_zero(op: Op) -> bool:
    return op.kind in ("full", "number") and op.data[-1] == 0


def _spans(join: Op) -> list[tuple[Arg, Index, Index, bool]]:
    """The parts of a stack of vectors with their first and last places, and whether they are vectors themselves."""
    found = []
    start = Index.of(0)
    for arg in reads(join):
        wide = len(arg.op.axes) == 1
        stop = start + (arg.op.axes[0] if wide else 1)
        found.append((arg, start, stop, wide))
        start = stop
    return found


def _is_vector_join(op: Op) -> bool:
    return op.kind == "join" and len(op.axes) == 1 and op.timed


def _moved(arg: Arg, shift: int) -> Arg:
    return Arg(arg.op, arg.shift + shift) if arg.op.timed else arg


def _cut_of(op: Op, axis: int, start: Index, stop: Index, wide: bool) -> Op:
    """A block of an operation along an axis, or one place of it."""
    if not wide:
        axes = op.axes[:axis] + op.axes[axis + 1 :]
        return Op("element", [Arg(op)], (axis, start), axes, op.batched, op.timed, op.adjoint, op.backward)
    axes = (*op.axes[:axis], stop - start, *op.axes[axis + 1 :])
    return Op("cut", [Arg(op)], (axis, start, stop), axes, op.batched, op.timed, op.adjoint, op.backward)


def _like(op: Op, args: list[Arg], data: tuple[object, ...], axes: tuple[Index, ...]) -> Op:
    found = Op(op.kind, args, data, axes, any(a.op.batched for a in args), any(a.op.timed for a in args))
    found.adjoint = (any(a.op.adjoint for a in args) and op.kind != "plus") or (
        op.kind == "plus" and all(a.op.adjoint and not a.shift for a in args)
    )
    found.backward = any(a.op.backward for a in args)
    return found


def _product_of_join(op: Op) -> bool:
    """A matrix times a stack is the sum of its blocks times the parts."""
    if op.kind != "product" or len(op.args) != 2 or len(op.data[2]) != 1 or op.data[3]:
        return False
    coefficient, labels, out, _ = op.data
    for place in (0, 1):
        stacked, matrix = reads(op)[place], reads(op)[1 - place]
        mine, other = labels[place], labels[1 - place]
        if not _is_vector_join(stacked.op) or len(mine) != 1 or len(other) != 2 or mine[0] in out or matrix.op.timed:
            continue
        axis = other.index(mine[0])
        terms: list[Arg] = []
        for part, start, stop, wide in _spans(stacked.op):
            block = _cut_of(matrix.op, axis, start, stop, wide)
            vector = _moved(part, stacked.shift)
            if wide:
                data: tuple[object, ...] = (ONE, (other, mine), out, ())
                terms.append(Arg(_like(op, [Arg(block), vector], data, op.axes)))
            elif part.op.kind == "number" and part.op.data[0] == 1:
                terms.append(Arg(block))
            else:
                terms.append(Arg(_like(op, [Arg(block), vector], (ONE, ((0,), ()), (0,), ()), op.axes)))
        adjoint = op.adjoint
        op.kind, op.args, op.data = "plus", terms, tuple(coefficient for _ in terms)
        op.adjoint = adjoint
        return True
    return False


def _cut(op: Op, read: dict[Op, list[Op]]) -> bool:
    """A block of what is computed is computed from blocks, where nobody needs the whole."""
    if op.kind != "cut" or not op.timed or len(op.axes) != 1:
        return False
    inner = deref(op.args[0])
    whole, shift = inner.op, inner.shift
    if whole.kind in ("data", "cut") or any(r.kind != "cut" for r in read.get(whole, [])):
        return False
    _, start, stop = op.data
    blocked = _blocked(whole, start, stop)
    if blocked is None:
        return False
    if shift:
        op.kind, op.args, op.data = "plus", [Arg(blocked.op, blocked.shift + shift)], (ONE,)
    else:
        become(op, blocked)
    return True


def _blocked(whole: Op, start: Index, stop: Index) -> Arg | None:
    """The block of an operation as an operation on blocks."""
    axes = (stop - start,)

    def part(arg: Arg) -> Arg:
        if not arg.op.axes or (arg.op.kind == "full" and not arg.op.timed):
            return arg if not arg.op.axes else Arg(Op("full", [], (axes, arg.op.data[1]), axes, False, False))
        return Arg(_cut_of(arg.op, 0, start, stop, True), arg.shift)

    if whole.kind == "plus" or (whole.kind == "apply" and len(whole.axes) == 1):
        return Arg(_like(whole, [part(a) for a in reads(whole)], whole.data, axes))
    if is_elementwise(whole) and not whole.data[3]:
        return Arg(_like(whole, [part(a) for a in reads(whole)], whole.data, axes))
    if whole.kind == "join":
        inside = [(a, f, t) for a, f, t, _ in _spans(whole) if f == start and t == stop]
        return inside[0][0] if inside else None
    if whole.kind == "product" and len(whole.data[2]) == 1 and not whole.data[3]:
        (label,) = whole.data[2]
        args = []
        for arg, names in zip(reads(whole), whole.data[1], strict=True):
            if label in names:
                arg = Arg(_cut_of(arg.op, names.index(label), start, stop, True), arg.shift)
            args.append(arg)
        return Arg(_like(whole, args, whole.data, axes))
    return None


def _total_of_join(op: Op) -> bool:
    """A sum over time of a stack, or of a product with one, is a stack of sums."""
    if op.kind != "total" or not op.axes:
        return False
    inner = reads(op)[0]
    if _is_vector_join(inner.op) and not inner.shift:
        parts = [Arg(_total(op, arg, arg.op.axes)) for arg, _, _, _ in _spans(inner.op)]
        op.kind, op.args, op.data = "join", parts, (0, op.axes)
        return True
    product = inner.op
    outer = product.kind == "product" and len(product.args) == 2 and len(product.data[2]) == 2 and not inner.shift
    if not outer or product.data[3] or any(len(names) != 1 for names in product.data[1]):
        return False
    coefficient, labels, out, _ = product.data
    for place in (0, 1):
        stacked, rest = reads(product)[place], reads(product)[1 - place]
        if not _is_vector_join(stacked.op) or coefficient != 1:
            continue
        axis = out.index(labels[place][0])
        parts = []
        for arg, _, _, wide in _spans(stacked.op):
            vector = _moved(arg, stacked.shift)
            if wide:
                order = [vector, rest] if place == 0 else [rest, vector]
                sizes = tuple((vector if labels[place][0] == x else rest).op.axes[0] for x in out)
                piece = _like(product, order, product.data, sizes)
                parts.append(Arg(_total(op, Arg(piece), sizes)))
            elif arg.op.kind == "number":
                scaled = rest if arg.op.data[0] == 1 else None
                if scaled is None or scaled.shift:
                    return False
                parts.append(Arg(_total(op, scaled, rest.op.axes)))
            else:
                return False
        op.kind, op.args, op.data = "join", parts, (axis, op.axes)
        return True
    return False


def _total(op: Op, arg: Arg, axes: tuple[Index, ...]) -> Op:
    return Op("total", [arg], op.data, axes, False, False)
