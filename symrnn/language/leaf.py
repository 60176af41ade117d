"""The leaves: numbers, constant matrices and the variables of a cell."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

from symrnn.language.index import Index
from symrnn.language.node import SCALAR, Node, Shape


class Role(Enum):
    """What a variable is: declared by the cell file, or defined by an equation or a formula's part."""

    PARAMETER = "param"
    CONSTANT = "const"
    INPUT = "input"
    TARGET = "target"
    COMPUTED = "computed"
    LOSS = "loss"
    PART = "part"


class Number(Node):
    """An exact rational number: ``Number(Fraction(1, 2))``; a decimal in a text is read exactly."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, value: Fraction) -> Shape:
        if not isinstance(value, Fraction):
            raise TypeError(f"Number takes a Fraction, not {type(value).__name__}")
        return SCALAR

    @property
    def value(self) -> Fraction:
        """The number."""
        return self.args[0]


class IndexNumber(Node):
    """A size or a time used as a number: the K of ``1/K``, the t of ``t*b``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, index: Index) -> Shape:
        return SCALAR

    @property
    def index(self) -> Index:
        """The size or time."""
        return self.args[0]


class Variable(Node):
    """A named quantity, ``Variable(name, role, shape, time)``; ``time`` is None where it has none.

    ``h[t-1]`` is ``Variable("h", Role.COMPUTED, (n, 1), Index("t - 1"))``.  States are computed variables: that
    one is read at another time is a fact about its cell, not about the node.
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, name: str, role: Role, shape: Shape, time: Index | None = None) -> Shape:
        return shape

    def __new__(cls, name: str, role: Role, shape: Shape, time: Index | None = None) -> Variable:
        return super().__new__(cls, name, role, shape, time)

    @property
    def name(self) -> str:
        """The name as declared."""
        return self.args[0]

    @property
    def role(self) -> Role:
        """What it is."""
        return self.args[1]

    @property
    def time(self) -> Index | None:
        """When it is, or None."""
        return self.args[3]

    def at(self, time: Index) -> Variable:
        """The same variable at another time."""
        return Variable(self.name, self.role, self.shape, time)


class Eye(Node):
    """The identity matrix ``eye(n)``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, size: Index) -> Shape:
        return (size, size)


class Ones(Node):
    """All ones; ``Ones(rows, columns)``, where ``ones(n)`` in a text is the column."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, rows: Index, columns: Index) -> Shape:
        return (rows, columns)


class Zeros(Node):
    """All zeros, ``Zeros(shape)``: of any shape, so that a derivative that vanishes has one."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, shape: Shape) -> Shape:
        return shape


class Delta(Node):
    """The Kronecker delta of two indices."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, left: Index, right: Index) -> Shape:
        return SCALAR


ZERO = Number(Fraction(0))
ONE = Number(Fraction(1))
MINUS_ONE = Number(Fraction(-1))


def number(value: int | Fraction | str) -> Number:
    """An exact number from an integer, a fraction or decimal text.

    >>> number("0.25").value
    Fraction(1, 4)
    """
    return Number(Fraction(value))
