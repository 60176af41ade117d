"""In which order a product of several factors is multiplied: always two at a time, the cheapest pair first.

Sizes are symbols, so costs are compared at nominal ones.  A chain with a vector in it never multiplies two matrices.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from symrnn.language import Index
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Einsum, Factor, Labels

NOMINAL_SIZE = 32
NOMINAL_BATCH = 8


@lru_cache(maxsize=4096)
def pairwise(product: Einsum) -> Array:
    """The same product as nested ones: each sums over labels of at most two factors, or only multiplies entries."""
    sizes = product.sizes()
    factors = list(product.factors)
    used = {label for _, labels in factors for label in labels}
    extents = {label: sizes[label] for label in product.out if label not in used}
    factors = [_presummed(f, [g for g in factors if g is not f], product.out) for f in factors]
    while len(factors) > 2 and _summed(factors, product.out):
        left, right = _cheapest(factors, product.out, sizes)
        rest = [f for f in factors if f is not left and f is not right]
        factors = (
            [*rest, _join(left, right, rest, product.out)] if not rest else _put(factors, left, right, product.out)
        )
    return _raw(product.coefficient, factors, product.out, extents)


def _put(factors: list[Factor], left: Factor, right: Factor, out: Labels) -> list[Factor]:
    """Replace two factors by their product, at the place of the first one."""
    rest = [f for f in factors if f is not left and f is not right]
    joined = _join(left, right, rest, out)
    place = next(i for i, f in enumerate(factors) if f is left or f is right)
    before = sum(1 for f in factors[:place] if f is not left and f is not right)
    return [*rest[:before], joined, *rest[before:]]


def _summed(factors: list[Factor], out: Labels) -> list[int]:
    return [label for _, labels in factors for label in labels if label not in out]


def _presummed(factor: Factor, rest: list[Factor], out: Labels) -> Factor:
    """A label that only this factor has and that is summed is summed at once."""
    _, labels = factor
    kept = tuple(x for x in labels if x in out or any(x in other for _, other in rest))
    if kept == labels or not rest:
        return factor
    return _raw(Fraction(1), [factor], kept, {}), kept


def _join(left: Factor, right: Factor, rest: list[Factor], out: Labels) -> Factor:
    needed = set(out).union(*(labels for _, labels in rest))
    labels = tuple(dict.fromkeys(x for x in (*left[1], *right[1]) if x in needed))
    return _raw(Fraction(1), [left, right], labels, {}), labels


def _raw(coefficient: Fraction, factors: list[Factor], out: Labels, extents: dict[int, Index]) -> Array:
    """An Einsum whose factors stay as they are (the building function would take products in again)."""
    order = dict.fromkeys(label for _, labels in factors for label in labels)
    order.update(dict.fromkeys(out))
    names = {label: place for place, label in enumerate(order)}
    renamed = tuple((a, tuple(names[x] for x in labels)) for a, labels in factors)
    shown = tuple(names[x] for x in out)
    if coefficient == 1 and len(renamed) == 1 and renamed[0][1] == shown:
        return renamed[0][0]
    return Einsum(coefficient, renamed, shown, tuple((names[x], size) for x, size in extents.items()))


def _cheapest(factors: list[Factor], out: Labels, sizes: dict[int, Index]) -> tuple[Factor, Factor]:
    pairs = [(a, b) for i, a in enumerate(factors) for b in factors[i + 1 :]]
    return min(pairs, key=lambda pair: _cost(pair, factors, out, sizes))


def _cost(pair: tuple[Factor, Factor], factors: list[Factor], out: Labels, sizes: dict[int, Index]) -> tuple[int, int]:
    left, right = pair
    rest = [f for f in factors if f is not left and f is not right]
    needed = set(out).union(*(labels for _, labels in rest))
    union = set(left[1]) | set(right[1])
    repeat = NOMINAL_BATCH if left[0].batched or right[0].batched else 1
    work = repeat * _volume(union, sizes)
    # Pairs that share no label make outer products: only where nothing else is left.
    return (work + repeat * _volume(union & needed, sizes), 0 if set(left[1]) & set(right[1]) else 1)


def _volume(labels: set[int], sizes: dict[int, Index]) -> int:
    volume = 1
    for label in labels:
        volume *= _nominal(sizes[label])
    return volume


def _nominal(size: Index) -> int:
    return max(1, size.value(dict.fromkeys(size.names(), NOMINAL_SIZE)))


def _inner_product(product: Einsum, groups: dict[Labels, list[Array]], labels: Labels) -> Array:
    """Σ a_i b_i, the scalars beside it multiplied afterwards."""
    pair: list[Factor] = [(a, labels) for a in groups[labels]]
    scalars: list[Factor] = [(a, ()) for a in groups.get((), [])]
    if not scalars:
        return product
    inner = _raw(Fraction(1), pair, (), {})
    return _raw(product.coefficient, [(inner, ()), *scalars], (), {})


def is_elementwise(array: Array) -> bool:
    """Whether it is a product without any sum."""
    return isinstance(array, arrays.Einsum) and not array.summed


@lru_cache(maxsize=4096)
def grouped(product: Einsum) -> Array:
    """The product as nested ones: factors of the same labels multiplied entry by entry first, then pairs.

    ``v_i p_i q_i W_ij`` becomes ``(v p q)_i W_ij``, so that ``v p q`` is computed once for all that use it.
    """
    groups: dict[Labels, list[Array]] = {}
    for array, labels in product.factors:
        groups.setdefault(labels, []).append(array)
    vectors = [labels for labels in groups if labels]
    if len(vectors) <= 1 and not product.summed:
        return product
    if len(vectors) == 1 and not product.out and len(groups[vectors[0]]) == 2:
        return _inner_product(product, groups, vectors[0])
    scalars = groups.pop((), [])
    if scalars and groups:
        host = min(groups, key=lambda labels: (not any(a.batched for a in groups[labels]), len(labels)))
        groups[host] = [*groups[host], *scalars]
    factors: list[Factor] = []
    for labels, members in groups.items():
        if len(members) == 1:
            factors.append((members[0], labels))
        else:
            inner = [(a, labels if a.axes else ()) for a in members]
            distinct = tuple(dict.fromkeys(labels))
            factors.append((_raw(Fraction(1), inner, distinct, {}), distinct))
    sizes = product.sizes()
    used = {label for _, labels in factors for label in labels}
    extents = {label: sizes[label] for label in product.out if label not in used}
    rebuilt = _raw(product.coefficient, factors, product.out, extents)
    return pairwise(rebuilt) if isinstance(rebuilt, Einsum) else rebuilt
