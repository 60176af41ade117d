"""The primitives: one record each, everything about them in one place.

To add one, add its record to :mod:`elementwise` or :mod:`vectors` (and, if it is not elementwise, its shape rule to
``symrnn.language.operation.SHAPES``); emitters, evaluator, calculus and the gradient test find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from symrnn.primitives.elementwise import ELEMENTWISE, PIECEWISE_LINEAR
from symrnn.primitives.record import Primitive
from symrnn.primitives.vectors import REDUCTIONS, VECTORS

PRIMITIVES: Mapping[str, Primitive] = MappingProxyType({p.name: p for p in (*ELEMENTWISE, *VECTORS, *REDUCTIONS)})


def lookup(name: str) -> Primitive | None:
    """The record of a primitive, or None for a name that is none (a generic function, say).

    >>> lookup("tanh").rule
    "tanh'(x) = 1 - y²"
    """
    return PRIMITIVES.get(name)


def names() -> tuple[str, ...]:
    """The names of all primitives."""
    return tuple(PRIMITIVES)


__all__ = ["PIECEWISE_LINEAR", "PRIMITIVES", "Primitive", "lookup", "names"]
