"""Sums and ordered products over an integer index with symbolic bounds.

Both bounds belong to the range.  One step beyond the end is the empty sum 0 and the empty product I.
"""

from __future__ import annotations

from symrnn.errors import ShapeError
from symrnn.language.index import Index
from symrnn.language.node import Node, Shape, format_shape


class Sum(Node):
    """``Sum(body, index, lower, upper)``; empty where the upper bound is below the lower."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, body: Node, index: str, lower: Index, upper: Index) -> Shape:
        return body.shape

    @property
    def body(self) -> Node:
        """What is added up."""
        return self.args[0]

    @property
    def index(self) -> str:
        """The bound symbol."""
        return self.args[1]

    @property
    def lower(self) -> Index:
        """The first value."""
        return self.args[2]

    @property
    def upper(self) -> Index:
        """The last value."""
        return self.args[3]


class Product(Node):
    """The ordered product ``Product(body, index, first, last, step)``, the first index leftmost.

    ``step`` is -1 (descending, as in numerator layout) or 1.  ``last`` one step before ``first`` is the empty
    product I; below that is an error when it is evaluated.  For a scalar body it is the ordinary product.
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, body: Node, index: str, first: Index, last: Index, step: int) -> Shape:
        if step not in (1, -1):
            raise ShapeError(f"the step of a product is 1 or -1, not {step}")
        if not body.is_scalar and (len(body.shape) != 2 or body.shape[0] != body.shape[1]):
            raise ShapeError(f"an ordered product takes square factors, but got {format_shape(body.shape)}")
        return body.shape

    @property
    def body(self) -> Node:
        """The factor at the index."""
        return self.args[0]

    @property
    def index(self) -> str:
        """The bound symbol."""
        return self.args[1]

    @property
    def first(self) -> Index:
        """The leftmost factor's index."""
        return self.args[2]

    @property
    def last(self) -> Index:
        """The rightmost factor's index."""
        return self.args[3]

    @property
    def step(self) -> int:
        """1 ascending, -1 descending."""
        return self.args[4]


class HadamardProduct(Product):
    """The elementwise product over a range, ``hprod``; the empty one is all ones.  The factors commute."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, body: Node, index: str, first: Index, last: Index, step: int) -> Shape:
        if step not in (1, -1):
            raise ShapeError(f"the step of a product is 1 or -1, not {step}")
        return body.shape
