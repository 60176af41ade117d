"""Mistakes among factors: order, a transpose, one too many, one missing, a wrong number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from symrnn.checking.edit import Change, Setting, made
from symrnn.checking.places import Place
from symrnn.emitting.text import to_text
from symrnn.language import (
    Add,
    Diag,
    Divide,
    Entry,
    Hadamard,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Jacobian,
    Layout,
    MatMul,
    Neg,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    build,
)

MOST_FACTORS = 9
"""In longer products only neighbours change places."""


def transposition(place: Place, setting: Setting) -> Iterator[Change]:
    """A transpose that is missing, or one too many."""
    node, parent = place.node, place.parent
    if (
        len(node.shape) != 2
        or isinstance(node, (Diag, Neg))
        or isinstance(parent, (Transpose, Entry))
        or node.is_single
    ):
        return
    new = build.transpose(node)
    what = "one transpose too many" if isinstance(node, Transpose) else "a transpose is missing"
    yield Change("transpose", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def missing_diag(place: Place, setting: Setting) -> Iterator[Change]:
    """``diag(v)`` for v, and v for ``diag(v)``."""
    node, parent = place.node, place.parent
    if isinstance(node, Diag):
        inner = node.args[0]
        yield Change("diag", inner, f"the diag in {to_text(node)} is too many")
        if isinstance(inner, MatMul) and inner.args[0][-1].is_column:
            *before, vector = inner.args[0]
            new = made(MatMul, (*before, build.diag(vector)))
            if new is not None:
                yield Change("diag", new, f"the diag belongs around {to_text(vector)} alone: {to_text(new)}")
    elif node.is_column and not node.is_single and not isinstance(parent, (Diag, Hadamard, Neg, Transpose, Power)):
        new = made(build.diag, node)
        if new is not None:
            yield Change("diag", new, f"a diag is missing: {to_text(node)} stands where {to_text(new)} belongs")


def order_of_factors(place: Place, setting: Setting) -> Iterator[Change]:
    """Factors of a matrix product in another order."""
    node = place.node
    if not isinstance(node, MatMul):
        return
    factors = node.args[0]
    for changed, moved in _orders(factors):
        new = made(MatMul, changed)
        if new is None:
            continue
        diags = [f for f in moved if isinstance(f, Diag)]
        names = " and ".join(to_text(f) for f in moved)
        what = "the diag stands on the wrong side" if len(diags) == 1 else "factors are in the wrong order"
        yield Change("swap", new, f"{what}: {names}")


def _orders(factors: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], tuple[Node, ...]]]:
    count = len(factors)
    for i, j in combinations(range(count), 2):
        if count > MOST_FACTORS and j > i + 1:
            continue
        changed = list(factors)
        changed[i], changed[j] = changed[j], changed[i]
        yield tuple(changed), (factors[i], factors[j])
    for i in range(count):
        for j in range(count):
            if abs(i - j) > 1 and count <= MOST_FACTORS:
                rest = [*factors[:i], *factors[i + 1 :]]
                yield (*rest[:j], factors[i], *rest[j:]), (factors[i],)
    if 2 < count <= MOST_FACTORS:
        yield factors[::-1], factors


def drop_factor(place: Place, setting: Setting) -> Iterator[Change]:
    """A factor too many."""
    node = place.node
    if not isinstance(node, (MatMul, Hadamard)):
        return
    factors = node.args[0]
    for number, factor in enumerate(factors):
        rest = (*factors[:number], *factors[number + 1 :])
        new = rest[0] if len(rest) == 1 else made(type(node), rest)
        if new is not None:
            yield Change("extra factor", new, f"the factor {to_text(factor)} is too many")


def missing_link(place: Place, setting: Setting) -> Iterator[Change]:
    """A derivative that is missing in a chain: ``D(a, b) @ D(c, d)`` lacks ``D(b, c)``."""
    node, parent = place.node, place.parent
    if not isinstance(node, (MatMul, Jacobian, ImmediateJacobian)) or isinstance(parent, MatMul):
        return
    factors = node.args[0] if isinstance(node, MatMul) else (node,)
    asked = setting.pool.asked
    for gap in range(len(factors) + 1):
        before, after = (factors[gap - 1] if gap else None), (factors[gap] if gap < len(factors) else None)
        if any(isinstance(f, (Jacobian, ImmediateJacobian)) for f in (before, after)):
            yield from _links(factors, gap, before, after, (asked.of, asked.by))


def _links(
    factors: tuple[Node, ...], gap: int, before: Node | None, after: Node | None, asked: tuple[Node, Node]
) -> Iterator[Change]:
    known = next(f for f in (before, after) if isinstance(f, (Jacobian, ImmediateJacobian)))
    numerator = known.layout is Layout.NUMERATOR
    upper, lower = (before, after) if numerator else (after, before)
    of = _side(upper, 1) if upper is not None else asked[0]
    by = _side(lower, 0) if lower is not None else asked[1]
    if of is None or by is None or of == by:
        return
    for kind in (Jacobian, ImmediateJacobian):
        link = made(kind, of, by, known.layout)
        new = None if link is None else made(MatMul, (*factors[:gap], link, *factors[gap:]))
        if new is not None and link is not None:
            yield Change("missing factor", new, f"the factor {to_text(link)} is missing")


def _side(node: Node, which: int) -> Node | None:
    return node.args[which] if isinstance(node, (Jacobian, ImmediateJacobian)) else None


def add_factor(place: Place, setting: Setting) -> Iterator[Change]:
    """A factor that is missing, from the pool of the cell's Jacobians, weights and gates."""
    node, parent = place.node, place.parent
    if isinstance(parent, (MatMul, Hadamard, Transpose, Power, Divide)) or isinstance(node, (Sum, Number)):
        return
    if isinstance(node, Add) and isinstance(parent, (Add, Product)):
        return
    times = setting.times(place)
    for factor in setting.pool.scalars(times, setting.formula.parts):
        yield Change("missing factor", Hadamard((factor, node)), f"the factor {to_text(factor)} is missing")
    if len(node.shape) != 2:
        return
    if node.is_single:
        yield from _vector_by_number(place, setting, times)
        return
    for factor in setting.pool.factors(times, setting.formula.parts):
        yield from _with_factor(node, factor)
    for factor in setting.pool.arrays(node.shape, times):
        factors = (*node.args[0], factor) if isinstance(node, Hadamard) else (node, factor)
        yield Change("missing factor", Hadamard(factors), f"the factor {to_text(factor)} is missing")


def _vector_by_number(place: Place, setting: Setting, times: list[Index]) -> Iterator[Change]:
    """A column or row that is missing beside a 1×1 product, where that is all there is of a term."""
    if not isinstance(place.parent, (Sum, type(None))):
        return
    for vector in setting.pool.vectors(times):
        for factors in ((vector, place.node), (place.node, vector)):
            new = made(MatMul, factors)
            if new is not None:
                yield Change("missing factor", new, f"the factor {to_text(vector)} is missing")


def _with_factor(node: Node, factor: Node) -> Iterator[Change]:
    """The factor at every place of a product where it multiplies."""
    factors = node.args[0] if isinstance(node, MatMul) else (node,)
    if len(factor.shape) != 2 or factor.is_single:
        return
    for gap in range(len(factors) + 1):
        if not _fits(factors[gap - 1 : gap], factor, factors[gap : gap + 1]):
            continue
        new = made(MatMul, (*factors[:gap], factor, *factors[gap:]))
        if new is not None:
            yield Change("missing factor", new, f"the factor {to_text(factor)} is missing")


def _fits(before: tuple[Node, ...], factor: Node, after: tuple[Node, ...]) -> bool:
    """Whether a factor multiplies where it would stand; an attempt that fails would cost more than this look."""
    left = not before or len(before[0].shape) != 2 or before[0].shape[1] == factor.shape[0]
    return left and (not after or len(after[0].shape) != 2 or after[0].shape[0] == factor.shape[1])


def scale(place: Place, setting: Setting) -> Iterator[Change]:
    """A number or 1/τ that is missing or too many, at one term."""
    node, parent = place.node, place.parent
    if isinstance(node, Number):
        for value in (1, 2, -1):
            if node.value != value:
                yield _scaled_number(node, build.number(value))
        if node.value:
            yield _scaled_number(node, build.number(1 / node.value))
        return
    if isinstance(node, (Neg, Variable)) or not isinstance(parent, (Add, Sum, type(None))):
        return
    length = setting.cell.time.length
    factors: list[Node] = [build.number(2), build.number("0.5")]
    if length.constant is None:
        factors += [build.divide(build.number(1), IndexNumber(length)), IndexNumber(length)]
    for factor in factors:
        yield Change("scale", Hadamard((factor, node)), f"the factor {to_text(factor)} is missing")


def _scaled_number(node: Number, new: Node) -> Change:
    return Change("scale", new, f"the number {to_text(node)} should be {to_text(new)}")
