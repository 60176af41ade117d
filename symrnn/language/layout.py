"""The two layouts of a matrix derivative."""

from __future__ import annotations

from enum import Enum


class Layout(Enum):
    """Numerator layout: y in R^m by x in R^n is m×n.  Denominator layout is its transpose throughout.

    >>> Layout.NUMERATOR.other
    <Layout.DENOMINATOR: 'denominator'>
    """

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"

    @property
    def other(self) -> Layout:
        """The layout that this one is the transpose of."""
        return Layout.DENOMINATOR if self is Layout.NUMERATOR else Layout.NUMERATOR
