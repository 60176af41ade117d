"""A whole cell checked: every gradient by formula and by code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from symrnn.api.loading import load
from symrnn.language import Cell, Layout

if TYPE_CHECKING:
    from symrnn.checking.cell_check import CellCheck


def verify(cell: str | Path | Cell, seed: int = 0, relu0: float = 0.0, layout: str | Layout | None = None) -> CellCheck:
    """Check every parameter, input and initial value of a cell, derivations and generated code, against the oracle.

    The result tells ``passed``, ``failures``, ``max_error`` and prints as the table of ``symrnn verify``.

    >>> found = verify("counter")
    >>> found.passed, found.max_error < 1e-10
    (True, True)
    """
    # The emitters of code are loaded for this alone.
    from symrnn.api.deriving import chosen_layout
    from symrnn.checking.cell_check import check_cell

    found = load(cell)
    return check_cell(found, seed, relu0, layout=chosen_layout(found, layout))
