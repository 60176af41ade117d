"""Common factors of elementwise products, each pair multiplied once.

before → after
    a*b*c, a*b*d, a*b   → p = a*b, p*c, p*d, p
Only products outside the loops are looked at: what a loop computes, it computes anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations

from symrnn.planning.graph import Arg, Op, Program, deref
from symrnn.planning.simplify import is_elementwise

Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two factors, each the operation's place in the program and its time; one of them is at the present time."""


def share_factors(program: Program, inside: set[Op]) -> None:
    """Extract the pair of factors that most products have in common, until none is common to two."""
    while True:
        order = {op: place for place, op in enumerate(program.ops())}
        products = [op for op in order if op not in inside and is_elementwise(op) and op.timed and op.axes]
        counts = Counter(pair for op in products for pair in sorted(set(_pairs(op, order))))
        best = max(counts, key=lambda pair: counts[pair], default=None)
        if best is None or counts[best] < 2:
            return
        _extract(products, best, order)


def _factors(op: Op) -> list[Arg]:
    """The factors that have the product's own axes and depend on time; the others are not worth sharing."""
    return [a for a, names in zip(map(deref, op.args), op.data[1], strict=True) if names and a.op.timed]


def _pairs(op: Op, order: dict[Op, int]) -> Iterable[Pair]:
    """Pairs of factors, moved so that an adjoint, or else the later of the two, is at the present time."""
    if len(op.args) < 2:
        return
    for a, b in combinations(sorted(_factors(op), key=lambda a: (order[a.op], a.shift)), 2):
        if a.op.axes == b.op.axes and a.op.batched == b.op.batched:
            now = _now(a, b)
            yield (order[a.op], a.shift - now), (order[b.op], b.shift - now)


def _now(a: Arg, b: Arg) -> int:
    if a.op.adjoint != b.op.adjoint:
        return a.shift if a.op.adjoint else b.shift
    return min(a.shift, b.shift) if a.op.backward or b.op.backward else max(a.shift, b.shift)


def _extract(products: list[Op], pair: Pair, order: dict[Op, int]) -> None:
    ops = {place: op for op, place in order.items()}
    (first, early), (second, late) = pair
    left, right = Arg(ops[first], early), Arg(ops[second], late)
    whole = next((op for op in products if _is_just(op, pair, order)), None)
    if whole is None:
        names = tuple(range(len(left.op.axes)))
        data = (Fraction(1), (names, names), names, ())
        whole = Op("product", [left, right], data, left.op.axes, left.op.batched, left.op.timed)
        whole.adjoint = left.op.adjoint or right.op.adjoint
        whole.backward = left.op.backward or right.op.backward
    for op in products:
        if op is whole:
            continue
        found = _places(op, left, right)
        if found is not None:
            i, j, shift = found
            coefficient, labels, out, extents = op.data
            rest = [k for k in range(len(op.args)) if k not in (i, j)]
            op.args = [Arg(whole, shift), *(op.args[k] for k in rest)]
            op.data = (coefficient, (labels[i], *(labels[k] for k in rest)), out, extents)


def _is_just(op: Op, pair: Pair, order: dict[Op, int]) -> bool:
    factors = sorted((order[a.op], a.shift) for a in map(deref, op.args))
    return op.data[0] == 1 and len(op.args) == 2 and factors == sorted(pair)


def _places(op: Op, left: Arg, right: Arg) -> tuple[int, int, int] | None:
    factors = [deref(a) for a in op.args]
    for i, a in enumerate(factors):
        for j, b in enumerate(factors):
            if i != j and a.op is left.op and b.op is right.op and b.shift - a.shift == right.shift - left.shift:
                return i, j, a.shift - left.shift
    return None
