"""The bound indices of a closed form, chosen so that the question's own symbols stay free."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.language.cell import Cell
from symrnn.language.traversal import fresh_index


@dataclass(frozen=True)
class Letters:
    """The bound indices of a closed form: of the loss's time, of the copy of the parameter, of the product."""

    outer: str
    inner: str
    factor: str

    @staticmethod
    def avoiding(cell: Cell, taken: frozenset[str]) -> Letters:
        """The usual t, k, j, or others where the question has taken them."""
        now = cell.time.index
        taken = taken | frozenset((*cell.sizes, *dict(cell.equal_sizes))) | cell.time.last.names()
        outer = fresh_index(now if now not in taken else "r", taken)
        factor = fresh_index("j", taken | {outer, "k"})
        return Letters(outer, fresh_index("k", taken | {outer, factor}), factor)
