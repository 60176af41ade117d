"""The base of all nodes: immutable, interned, with a shape that is checked on construction.

Two equal expressions are one object, so equality is identity and a shared subexpression is stored, visited
and differentiated once.  ``type(node)(*node.args) == node`` holds for every node, which is also how one is
pickled and rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from symrnn.language.index import Index

Shape = tuple[Index, ...]
"""``()`` a scalar, ``(rows, columns)`` a matrix, and three axes for a vector by a matrix (see `derivative`)."""

SCALAR: Shape = ()


class Node:
    """One expression.  ``args`` are nodes, indices, strings, numbers and tuples of nodes, never lists."""

    __slots__ = ("__weakref__", "args", "children", "shape")

    args: tuple[Any, ...]
    children: tuple[Node, ...]
    shape: Shape

    _interned: ClassVar[WeakValueDictionary[tuple[Any, ...], Node]] = WeakValueDictionary()

    def __new__(cls, *args: Any) -> Self:
        key = (cls, *args)
        known = Node._interned.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
        node = super().__new__(cls)
        object.__setattr__(node, "args", args)
        object.__setattr__(node, "children", tuple(_children(args)))
        object.__setattr__(node, "shape", cls.infer_shape(*args))
        Node._interned[key] = node
        return node

    @classmethod
    def infer_shape(cls, *args: Any) -> Shape:
        """The shape from the arguments; raises ShapeError where they do not fit."""
        raise NotImplementedError(f"{cls.__name__} has no shape rule")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.args)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.args))})"

    @property
    def is_scalar(self) -> bool:
        """No axes at all; a 1×1 matrix is not a scalar, though it may stand for one."""
        return self.shape == SCALAR

    @property
    def is_column(self) -> bool:
        """An n×1 matrix (1×1 included)."""
        return len(self.shape) == 2 and self.shape[1].constant == 1

    @property
    def is_row(self) -> bool:
        """A 1×n matrix (1×1 included)."""
        return len(self.shape) == 2 and self.shape[0].constant == 1

    @property
    def is_single(self) -> bool:
        """A scalar, or a 1×1 matrix, which counts as one in ``* / + -``."""
        return self.shape == SCALAR or (self.is_row and self.is_column)


def _children(args: tuple[Any, ...]) -> Iterator[Node]:
    for arg in args:
        if isinstance(arg, Node):
            yield arg
        elif isinstance(arg, tuple):
            yield from _children(arg)


def format_shape(shape: Shape) -> str:
    """A shape as a message shows it.

    >>> format_shape((Index.of("n"), Index.of(1))), format_shape(())
    ('n×1', 'scalar')
    """
    return "×".join(str(axis) if axis.name or axis.constant is not None else f"({axis})" for axis in shape) or "scalar"
