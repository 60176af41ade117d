"""A formula with parts: named lines, perhaps recursive, and the expression that uses them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from symrnn.language.index import Index
from symrnn.language.node import Node


@dataclass(frozen=True)
class Part:
    """``name = e``, ``name[t] = e`` (general time) or ``name[tau] = e`` (one time, overriding the general line).

    A timed part is 0 outside the time range, and a product with such a factor is 0 whatever its other factors.
    """

    name: str
    time: Index | None
    expression: Node

    def is_general(self, fixed: Container[str]) -> bool:
        """Whether the line defines the part at every time: its time is a bare symbol other than the fixed ones.

        ``fixed`` are the symbols that stand for one number, the sizes and tau.
        """
        return self.time is not None and self.time.name is not None and self.time.name not in fixed


@dataclass(frozen=True)
class Formula:
    """An expression together with the parts it uses, in the order they were written.

    ``of`` and ``by`` are filled where the formula was written as a claim, ``D(of, by) = e``.
    ``immediate`` then tells ``Dplus(of, by) = e`` from it.
    """

    expression: Node
    parts: tuple[Part, ...] = ()
    of: Node | None = None
    by: Node | None = None
    immediate: bool = False
