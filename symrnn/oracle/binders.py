"""Sums and ordered products over an index range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symrnn.errors import DataError
from symrnn.language.binder import HadamardProduct, Product, Sum
from symrnn.oracle.frame import OUT, Array, Fn, Frame
from symrnn.oracle.scope import Children

if TYPE_CHECKING:
    from symrnn.oracle.compiler import Compiler


MOST_BEGINNINGS = 1_000
"""How many beginnings of a product are kept; a longer product is multiplied out from there."""


def register(rule: Any) -> None:
    """Enter the binders' rules."""
    rule.register(Sum, sum_rule)
    rule.register(Product, product_rule)
    rule.register(HadamardProduct, product_rule)


def sum_rule(node: Sum, child: Children, compiler: Compiler) -> Fn:
    """Σ over the range; the empty sum is 0, and so is a term that is out of range."""
    body, place = child.raw(node.body), compiler.positions.of(node.index)
    lower, upper = compiler.index(node.lower), compiler.index(node.upper)
    weight, zeros = compiler.weight(node.body), compiler.zeros(node)
    nothing = OUT if child.vanishes(node.body) else zeros

    def total(frame: Frame) -> Array:
        index = frame.index
        low, high, outer = lower(index), upper(index), index[place]
        value = None if high >= low else zeros
        frame.spend(weight * max(0, high - low + 1))
        for at in range(low, high + 1):
            index[place] = at
            term = body(frame)
            if term is not OUT:
                value = term if value is None else value + term
        index[place] = outer
        return nothing if value is None else value

    return total


def product_rule(node: Product, child: Children, compiler: Compiler) -> Fn:
    """Π with the first index leftmost; one step beyond the end is the identity, further is an error.

    Products that share their first factor share their beginnings: Π from t down to k grows by one factor on
    the right as k falls, so all of them together cost no more than the longest.
    """
    body, place, step = child(node.body), compiler.positions.of(node.index), node.step
    first, last = compiler.index(node.first), compiler.index(node.last)
    elementwise = isinstance(node, HadamardProduct) or node.is_scalar
    times = np.multiply if elementwise else np.matmul
    shape = compiler.shape(node.shape) or (1, 1)
    one = compiler.arithmetic.array(np.ones(shape) if elementwise else np.eye(shape[0]))
    weight, key = compiler.weight(node.body), compiler.key()
    others = tuple(compiler.positions.of(name) for name in sorted(child.free(node.body) - {node.index}))
    shown = f"prod(…, {node.index}, {node.first}, {node.last}, {node.step})"

    def ordered(frame: Frame) -> Array:
        index = frame.index
        start, stop, outer = first(index), last(index), index[place]
        count = (stop - start) * step + 1
        if count < 0:
            raise DataError(
                f"the product {shown} runs from {start} to {stop}, below the empty product",
                hint=f"One step beyond the end, {start - step}, is the empty product.",
            )
        beginnings = frame.local.setdefault((key, start, *[index[other] for other in others]), [])
        done = min(len(beginnings), count)
        value = beginnings[done - 1] if done else one
        frame.spend(weight * (count - done))
        for position in range(done, count):
            index[place] = start + position * step
            factor = body(frame)
            value = factor if position == 0 else times(value, factor)
            if position < MOST_BEGINNINGS:
                beginnings.append(value)
        index[place] = outer
        return value

    return ordered
