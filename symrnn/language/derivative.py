r"""Derivatives that nobody has worked out yet: inert nodes, two kinds that cannot be taken for each other.

The shape of y by x, numerator layout; denominator layout has all axes reversed:

====================  ==========  ==========  ===========
y \\ x                 scalar      vector m    matrix p×q
====================  ==========  ==========  ===========
scalar                scalar      1×m         q×p
vector n              n×1         n×m         n×q×p
matrix r×s            r×s         r·s of vec  (use vec)
====================  ==========  ==========  ===========

A scalar by a row ``x[1,m]`` is m×1, as the rule for a scalar by a p×q matrix has it.
"""

from __future__ import annotations

from symrnn.errors import ShapeError
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.node import SCALAR, Node, Shape, format_shape


def derivative_shape(of: Shape, by: Shape, layout: Layout = Layout.NUMERATOR) -> Shape:
    """The shape of a derivative.

    >>> n, m = Index.of("n"), Index.of("m")
    >>> format_shape(derivative_shape((), (n, m)))
    'm×n'
    >>> format_shape(derivative_shape((n, Index.of(1)), (m, Index.of(1)), Layout.DENOMINATOR))
    'm×n'
    """
    numerator = _numerator_shape(of, by)
    return numerator if layout is Layout.NUMERATOR else numerator[::-1]


def _numerator_shape(of: Shape, by: Shape) -> Shape:
    one = Index.of(1)
    if of in (SCALAR, (one, one)):
        return of if by == SCALAR else by[::-1]
    if by in (SCALAR, (one, one)):
        return of
    if one in of and one in by:
        return (_length(of), _length(by))
    if one in of:
        return (_length(of), *by[::-1])
    raise ShapeError(
        f"a {format_shape(of)} matrix by a {format_shape(by)} array has more than three axes",
        hint="Ask for it in vec form: D(vec(A), vec(B)), or in index form.",
    )


def _length(shape: Shape) -> Index:
    return shape[0] if shape[1].constant == 1 else shape[1]


class Jacobian(Node):
    """The total derivative ``D(of, by)``: everything that depends on ``by`` counts, through all later times."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, of: Node, by: Node, layout: Layout) -> Shape:
        return derivative_shape(of.shape, by.shape, layout)

    @property
    def of(self) -> Node:
        """What is differentiated."""
        return self.args[0]

    @property
    def by(self) -> Node:
        """By what."""
        return self.args[1]

    @property
    def layout(self) -> Layout:
        """In which layout."""
        return self.args[2]


class ImmediateJacobian(Node):
    """The immediate derivative ``Dplus(of, by)``, ∂⁺: states at all other times and other copies held fixed.

    Source: P. Werbos, "Backpropagation through time" (1990), ordered against immediate derivatives; the mark ∂⁺
    as in R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks" (2013), eq. 5.
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, of: Node, by: Node, layout: Layout) -> Shape:
        return derivative_shape(of.shape, by.shape, layout)

    @property
    def of(self) -> Node:
        """What is differentiated."""
        return self.args[0]

    @property
    def by(self) -> Node:
        """By what."""
        return self.args[1]

    @property
    def layout(self) -> Layout:
        """In which layout."""
        return self.args[2]
