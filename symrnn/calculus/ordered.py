"""Ordered products of Jacobians, written as simply as their factors allow.

before → after
    Π_{j=t}^{k+1} A              → A^{t−k}
    Π_{j=t}^{k+1} diag(v_j)      → diag(⊙_j v_j)
    Π_{j=t}^{k+1} diag(v)        → diag(v^{t−k})
    Π_{j=t}^{t−1} A_j            → A_t A_{t−1}
    Π_{j=t}^{t+1} A_j            → I
"""

from __future__ import annotations

from symrnn.calculus.products import product
from symrnn.language import build
from symrnn.language.binder import HadamardProduct, Product
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Eye
from symrnn.language.node import Node
from symrnn.language.operation import Diag
from symrnn.language.traversal import free_indices, substitute_indices

LONGEST_WRITTEN_OUT = 3
"""A product of a known number of factors is written out up to this length."""


def ordered_product(factor: Node, index: str, first: Index, last: Index, step: int) -> Node:
    """The product of ``factor`` at index = first, first + step, …, last, the first leftmost.

    Source: the order is that of the chain rule in numerator layout, the later step on the left.
    """
    length = ((last - first) * step + 1).constant
    if length is not None and 0 <= length <= LONGEST_WRITTEN_OUT:
        places = [first + step * i for i in range(length)]
        written = [substitute_indices(factor, {index: place}) for place in places]
        return product(*written) if written else _one(factor)
    if isinstance(factor, Eye) or factor is ONE:
        return factor
    if index not in free_indices(factor):
        return _power(factor, (last - first) * step + 1)
    if isinstance(factor, Diag):
        vector = factor.args[0]
        return Diag(HadamardProduct(vector, index, first, last, step))
    return Product(factor, index, first, last, step)


def _one(factor: Node) -> Node:
    return Eye(factor.shape[0]) if factor.shape else ONE


def _power(factor: Node, exponent: Index) -> Node:
    if isinstance(factor, Diag):
        return Diag(build.power(factor.args[0], build.index_number(exponent)))
    if factor.is_scalar:
        return build.power(factor, build.index_number(exponent))
    return build.matrix_power(factor, exponent)
