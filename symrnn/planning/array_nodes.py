"""Array expressions: what a formula of the language becomes once it is to be computed.

Orientation is gone: a column and its row are the same array of one axis, an axis of constant size 1 has none, and
``@``, ``*``, ``.T``, ``diag`` and ``trace`` all are one form, the :class:`Einsum`.  Besides its own axes an array may
have a batch axis (``batched``) and depend on running times (``times``); both are known and not written.

Nodes are interned like those of the language, so that equal expressions are one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from symrnn.language import Index, Role

Axes = tuple[Index, ...]
Labels = tuple[int, ...]
Factor = tuple["Array", Labels]


class Array:
    """One array expression; ``axes`` are its own axes, without batch and time."""

    __slots__ = ("__weakref__", "args", "axes", "batched", "children", "times")

    args: tuple[Any, ...]
    children: tuple[Array, ...]
    axes: Axes
    batched: bool
    times: frozenset[str]

    _interned: ClassVar[WeakValueDictionary[tuple[Any, ...], Array]] = WeakValueDictionary()

    def __new__(cls, *args: Any) -> Self:
        key = (cls, *args)
        known = Array._interned.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
        node = super().__new__(cls)
        node.args = args
        node.children = tuple(_children(args))
        node.batched = any(c.batched for c in node.children)
        node.times = frozenset().union(*(c.times for c in node.children))
        node._infer()
        Array._interned[key] = node
        return node

    def _infer(self) -> None:
        """Set ``axes``, and correct ``batched`` and ``times`` where they are not the children's."""
        raise NotImplementedError(type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.args))})"


def _children(args: Iterable[Any]) -> Iterator[Array]:
    for arg in args:
        if isinstance(arg, Array):
            yield arg
        elif isinstance(arg, tuple):
            yield from _children(arg)


class Load(Array):
    """A named array, ``Load(name, role, time, axes, batched)``; ``time`` is None where it has none."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.batched = self.args[3], self.args[4]
        self.times = self.time.names() if self.time is not None else frozenset()

    @property
    def name(self) -> str:
        """The name in the cell, or a part's."""
        return self.args[0]

    @property
    def role(self) -> Role:
        """What it is in the cell."""
        return self.args[1]

    @property
    def time(self) -> Index | None:
        """When it is read."""
        return self.args[2]


class Literal(Array):
    """An exact number, ``Literal(value)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()

    @property
    def value(self) -> Fraction:
        """The number."""
        return self.args[0]


class Count(Array):
    """A size, a length or a time used as a number, ``Count(index)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.times = (), self.args[0].names()


class BatchCount(Array):
    """How many examples there are; 1 without a batch."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()


class Full(Array):
    """A constant array, ``Full(axes, value)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[0]


class Identity(Array):
    """The identity matrix, ``Identity(size)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = (self.args[0], self.args[0])


class Einsum(Array):
    """A product, ``Einsum(coefficient, factors, out, extents)``: coefficient · Σ over labels that are not in ``out``.

    Each factor is an array with one label per own axis.  ``extents`` gives the size of labels in ``out`` that no factor
    has (the result is constant along these).
    """

    __slots__ = ()

    def _infer(self) -> None:
        sizes = self.sizes()
        self.axes = tuple(sizes[label] for label in self.out)

    @property
    def coefficient(self) -> Fraction:
        """The exact number in front."""
        return self.args[0]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Arrays with their labels."""
        return self.args[1]

    @property
    def out(self) -> Labels:
        """The labels of the result, in order."""
        return self.args[2]

    def sizes(self) -> dict[int, Index]:
        """The size of every label."""
        found = dict(self.args[3])
        for array, labels in self.factors:
            found.update(zip(labels, array.axes, strict=True))
        return found

    @property
    def summed(self) -> Labels:
        """The labels that are summed over, in order of appearance."""
        seen = dict.fromkeys(label for _, labels in self.factors for label in labels)
        return tuple(label for label in seen if label not in self.out)


class Plus(Array):
    """A sum, ``Plus(terms)``: all of the same axes, or scalar."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = next((t.axes for t in self.terms if t.axes), ())

    @property
    def terms(self) -> tuple[Array, ...]:
        """What is added."""
        return self.args[0]


class Apply(Array):
    """An elementwise or vector primitive, ``Apply(name, arguments, order)``, of the first argument's axes.

    Besides the primitives of :mod:`symrnn.primitives`: ``reciprocal``, ``power`` (with a scalar exponent) and
    ``kinked`` ones with ``order`` 1, which the emitters know.
    """

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[1][0].axes

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.args[0]

    @property
    def arguments(self) -> tuple[Array, ...]:
        """What it is applied to."""
        return self.args[1]

    @property
    def order(self) -> int:
        """How many primes."""
        return self.args[2]


class Largest(Array):
    """The largest entry of a vector, ``Largest(operand)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()


class Cut(Array):
    """A block along one axis, ``Cut(operand, axis, start, stop)``."""

    __slots__ = ()

    def _infer(self) -> None:
        operand, axis, start, stop = self.args
        self.axes = (*operand.axes[:axis], stop - start, *operand.axes[axis + 1 :])


class Element(Array):
    """One place along an axis, which goes: ``Element(operand, axis, index)``."""

    __slots__ = ()

    def _infer(self) -> None:
        operand, axis, index = self.args
        self.axes = operand.axes[:axis] + operand.axes[axis + 1 :]
        self.times = operand.times | index.names()


class Join(Array):
    """Stacking along one axis, ``Join(parts, axis, axes)``; a part without that axis is one line of it."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[2]

    @property
    def parts(self) -> tuple[Array, ...]:
        """What is stacked."""
        return self.args[0]


class Reshape(Array):
    """The same numbers in row-major order over other axes, ``Reshape(operand, axes)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[1]


class Linalg(Array):
    """``Linalg(kind, operand, exponent)``: ``inv``, ``det`` or ``matrix_power`` of a square matrix."""

    __slots__ = ()

    def _infer(self) -> None:
        kind, operand, exponent = self.args
        self.axes = () if kind == "det" else operand.axes
        if exponent is not None:
            self.times = operand.times | exponent.names()


class Between(Array):
    """1 where ``lower <= index <= upper`` and else 0: ``Between(index, lower, upper)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.times = (), frozenset().union(*(i.names() for i in self.args))


class OverTime(Array):
    """A sum over a running index, ``OverTime(body, index, lower, upper)``, both bounds included."""

    __slots__ = ()

    def _infer(self) -> None:
        body, index, lower, upper = self.args
        self.axes = body.axes
        self.times = (body.times - {index}) | lower.names() | upper.names()


class BatchSum(Array):
    """The sum over the batch axis; what has none counts once per example."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.batched = self.args[0].axes, False
