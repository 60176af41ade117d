"""Array expressions and how they are made: products taken into products, sums flattened, zeros and ones left out.

before → after
    Σ_j A_ij (Σ_k …)        a factor that sums stays one factor
    (2 a) (3 b)             → 6 a b
    a + (b + c)             → a + b + c
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from symrnn.language import Index, Shape
from symrnn.planning.array_nodes import (
    Apply,
    Array,
    Axes,
    BatchCount,
    BatchSum,
    Between,
    Count,
    Cut,
    Einsum,
    Element,
    Factor,
    Full,
    Identity,
    Join,
    Labels,
    Largest,
    Linalg,
    Literal,
    Load,
    OverTime,
    Plus,
    Reshape,
)

__all__ = [
    "ONE",
    "ZERO",
    "Apply",
    "Array",
    "Axes",
    "BatchCount",
    "BatchSum",
    "Between",
    "Count",
    "Cut",
    "Einsum",
    "Element",
    "Factor",
    "Full",
    "Identity",
    "Join",
    "Labels",
    "Largest",
    "Linalg",
    "Literal",
    "Load",
    "OverTime",
    "Plus",
    "Reshape",
    "axes_of",
    "batch_sum",
    "einsum",
    "is_zero",
    "literal",
    "loads",
    "plus",
    "postorder",
    "power",
    "reciprocal",
    "scale",
    "terms",
    "times",
    "transpose",
    "zeros",
]

ZERO = Literal(Fraction(0))
ONE = Literal(Fraction(1))


def axes_of(shape: Shape) -> Axes:
    """The axes that an array of this shape has: those that are not of constant size 1."""
    return tuple(axis for axis in shape if axis.constant != 1)


def literal(value: int | Fraction) -> Literal:
    """An exact number."""
    return Literal(Fraction(value))


def is_zero(array: Array) -> bool:
    """Whether it is zero by its form."""
    return (isinstance(array, Literal) and array.value == 0) or (isinstance(array, Full) and array.args[1] == 0)


def zeros(axes: Axes) -> Array:
    """The zero of these axes."""
    return Full(axes, Fraction(0)) if axes else ZERO


def einsum(
    factors: Iterable[Factor], out: Labels, coefficient: Fraction | int = 1, extents: dict[int, Index] | None = None
) -> Array:
    """The product, with elementwise factors that are products themselves taken in and numbers collected in front.

    A factor that sums over an axis stays one factor: it is computed by itself, and perhaps shared.
    """
    factors = list(factors)
    carried = _into_sum(factors, out, coefficient, extents)
    if carried is not None:
        return carried
    if len(factors) == 1 and isinstance(factors[0][0], Plus) and _permutes(factors[0][1], out):
        total, labels = factors[0]
        return plus([einsum([(t, labels)], out, coefficient) for t in _spread(total)])  # type: ignore[arg-type]
    if len(factors) == 1 and isinstance(factors[0][0], BatchSum) and _permutes(factors[0][1], out):
        return BatchSum(einsum([(factors[0][0].args[0], factors[0][1])], out, coefficient))
    product, labels = factors[0] if len(factors) == 1 else (None, ())
    if isinstance(product, Einsum) and sorted(labels) == sorted(out):
        names = dict(zip(labels, product.out, strict=True))
        if len(set(labels)) == len(labels):
            shown = tuple(names[label] for label in out)
            return _canonical(
                product.coefficient * Fraction(coefficient), list(product.factors), shown, product.sizes()
            )
    number = Fraction(coefficient)
    flat: list[Factor] = []
    sizes: dict[int, Index] = dict(extents or {})
    for array, labels in factors:
        for inner, inner_labels, scale in _inline(array, labels):
            number *= scale
            if inner is not None:
                flat.append((inner, inner_labels))
        sizes.update(zip(labels, array.axes, strict=True))
    if number == 0 or any(is_zero(a) for a, _ in flat):
        return zeros(tuple(sizes[label] for label in out))
    return _canonical(number, flat, out, sizes)


def _permutes(labels: Labels, out: Labels) -> bool:
    return labels != out and sorted(labels) == sorted(out) and len(set(out)) == len(out)


def _into_sum(
    factors: list[Factor], out: Labels, coefficient: Fraction | int, extents: dict[int, Index] | None
) -> Array | None:
    """A sum over time with nothing but numbers and scalars beside it: these go inside."""
    sums = [(a, labels) for a, labels in factors if isinstance(a, OverTime)]
    if len(sums) != 1 or any(a.axes for a, _ in factors if not isinstance(a, OverTime)):
        return None
    ((total, _),) = sums
    body, index, lower, upper = total.args
    if any(index in a.times for a, _ in factors if a is not total):
        return None
    inner = [(body if a is total else a, names) for a, names in factors]
    return OverTime(einsum(inner, out, coefficient, extents), index, lower, upper)


def _inline(array: Array, labels: Labels) -> Iterator[tuple[Array | None, Labels, Fraction]]:
    if isinstance(array, Literal):
        yield None, (), array.value
    elif isinstance(array, Full):
        yield None, (), array.args[1]
    elif isinstance(array, Einsum) and not array.summed:
        names = dict(zip(array.out, labels, strict=True))
        yield None, (), array.coefficient
        for inner, inner_labels in array.factors:
            yield inner, tuple(names[label] for label in inner_labels), Fraction(1)
    else:
        yield array, labels, Fraction(1)


def _canonical(number: Fraction, factors: list[Factor], out: Labels, sizes: dict[int, Index]) -> Array:
    used = {label for _, labels in factors for label in labels}
    lost = [label for label in sizes if label not in used and label not in out]
    for label in lost:
        # A sum over an axis along which nothing changes: the axis' length.
        size = sizes[label]
        if size.constant is not None:
            number *= size.constant
        else:
            factors = [*factors, (Count(size), ())]
    order = dict.fromkeys(label for _, labels in factors for label in labels)
    order.update(dict.fromkeys(out))
    names = {label: place for place, label in enumerate(order)}
    renamed = tuple((a, tuple(names[label] for label in labels)) for a, labels in factors)
    shown = tuple(names[label] for label in out)
    if number == 1 and len(renamed) == 1 and renamed[0][1] == shown:
        return renamed[0][0]
    if not renamed and not shown:
        return Literal(number)
    extents = tuple((names[label], sizes[label]) for label in dict.fromkeys(out) if label not in used)
    if not renamed:
        return Full(tuple(size for _, size in extents), number)
    return Einsum(number, renamed, shown, extents)


def scale(array: Array, number: Fraction | int) -> Array:
    """The array times an exact number."""
    labels = tuple(range(len(array.axes)))
    return einsum([(array, labels)], labels, number)


def times(*arrays: Array) -> Array:
    """The elementwise product; arrays without own axes multiply anything."""
    widest = max((len(a.axes) for a in arrays), default=0)
    labels = tuple(range(widest))
    axes = next((a.axes for a in arrays if len(a.axes) == widest), ())
    return einsum([(a, labels if a.axes else ()) for a in arrays], labels, 1, dict(zip(labels, axes, strict=True)))


def terms(array: Array) -> tuple[Array, ...]:
    """What is added up in a sum; anything else alone."""
    return array.terms if isinstance(array, Plus) else (array,)


def plus(terms: Iterable[Array]) -> Array:
    """The flat sum without zeros; numbers are added up."""
    flat = [inner for t in terms for inner in (t.terms if isinstance(t, Plus) else (t,))]
    axes = next((t.axes for t in flat if t.axes), ())
    kept: list[Array] = []
    number = Fraction(0)
    for term in flat:
        if isinstance(term, Literal):
            number += term.value
        elif not is_zero(term):
            kept.append(term)
    if number:
        place = next(i for i, t in enumerate(flat) if isinstance(t, Literal))
        kept.insert(min(place, len(kept)), Literal(number))
    if not kept:
        return zeros(axes)
    total = kept[0] if len(kept) == 1 else Plus(tuple(kept))
    return total if total.axes == axes else Plus((*kept, zeros(axes)))


def transpose(array: Array) -> Array:
    """All own axes reversed."""
    if len(array.axes) < 2:
        return array
    if isinstance(array, Plus):
        return plus([transpose(t) for t in array.terms])
    labels = tuple(range(len(array.axes)))
    return einsum([(array, labels)], labels[::-1])


def reciprocal(array: Array) -> Array:
    """One over it, elementwise."""
    if isinstance(array, Literal) and array.value:
        return Literal(1 / array.value)
    if isinstance(array, Apply) and array.name == "reciprocal":
        return array.arguments[0]
    return Apply("reciprocal", (array,), 0)


def power(base: Array, exponent: Array) -> Array:
    """The elementwise power by a scalar."""
    if isinstance(exponent, Literal):
        if exponent.value == 1:
            return base
        if exponent.value == -1:
            return reciprocal(base)
    return Apply("power", (base, exponent), 0)


def batch_sum(array: Array) -> Array:
    """The sum over the examples, term by term."""
    if is_zero(array):
        return array
    if isinstance(array, Plus):
        terms = list(_spread(array))
        together = [t for t in terms if t.batched and not isinstance(t, OverTime) and len(t.axes) < 2]
        apart = [t for t in terms if t not in together]
        return plus([*([BatchSum(plus(together))] if together else []), *(batch_sum(t) for t in apart)])
    if isinstance(array, OverTime):
        body, index, lower, upper = array.args
        return OverTime(batch_sum(body), index, lower, upper)
    if array.batched:
        return BatchSum(array)
    labels = tuple(range(len(array.axes)))
    return einsum([(BatchCount(), ()), (array, labels)], labels)


def _spread(total: Plus) -> Iterator[Array]:
    """The terms, scalars among them brought to the sum's axes."""
    labels = tuple(range(len(total.axes)))
    for term in total.terms:
        if term.axes == total.axes:
            yield term
        else:
            yield einsum([(term, ())], labels, 1, dict(zip(labels, total.axes, strict=True)))


def postorder(*roots: Array) -> Iterator[Array]:
    """Every distinct array below and including the roots, children first."""
    seen: set[Array] = set()
    stack: list[tuple[Array, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))


def loads(*roots: Array) -> list[Load]:
    """All named arrays in the expressions."""
    return [node for node in postorder(*roots) if isinstance(node, Load)]
