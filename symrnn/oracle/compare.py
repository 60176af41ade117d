"""Comparing arrays by relative error, and walking a ladder of sequence lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symrnn.errors import SymrnnError
from symrnn.language.cell import Cell
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.frame import Array

COMPLEX_TOLERANCE = 1e-10
CENTRAL_TOLERANCE = 1e-6
AT_ZERO = 1e-14
"""What counts as zero, at unit scale, where the true value is zero."""

LADDER = (1, 2, 3, 4, 5, 6)


def relative_error(found: Array, truth: Array) -> float:
    """max|A − B| / max|B|; where B is zero up to rounding max|A − B|, and 0 where that is rounding too.

    A derivative that vanishes identically comes out as some 1e-17, of which nobody should ask digits.

    Arrays of different shapes, and numbers that are not finite, are infinitely far apart.

    >>> relative_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    0.5
    """
    a, b = np.asarray(found), np.asarray(truth)
    if a.shape != b.shape:
        return float("inf")
    if a.size == 0:
        return 0.0
    scale = float(np.abs(b).max())
    off = float(np.abs(a - b).max())
    if not np.isfinite(off):
        return float("inf")
    if scale <= AT_ZERO:
        return 0.0 if off <= AT_ZERO else off
    return off / scale


@dataclass(frozen=True)
class Rung:
    """One length of the ladder: the relative error, infinite where the evaluation failed, and then why."""

    tau: int
    error: float
    failure: str | None = None


Pair = Callable[[Evaluator], tuple[Array, Array]]
"""What was found and what is true, over one instance."""


def ladder(
    cell: Cell,
    pair: Pair,
    *,
    seed: int = 0,
    taus: Iterable[int] = LADDER,
    sizes: Mapping[str, int] | None = None,
    method: str | None = None,
    at_kink: float = 0.0,
) -> tuple[Rung, ...]:
    """The relative error at each sequence length.

    Some printed formulas are right up to 2 or 3 steps and wrong after that.  A length at which the question
    has no answer (``pair`` raises) is a rung that failed, not an end of the ladder.
    """
    rungs = []
    for tau in taus:
        try:
            evaluator = Evaluator(cell, random_instance(cell, seed, sizes, tau), method=method, at_kink=at_kink)
            rungs.append(Rung(tau, relative_error(*pair(evaluator))))
        except SymrnnError as error:
            rungs.append(Rung(tau, float("inf"), error.message))
    return tuple(rungs)


def first_wrong(rungs: Sequence[Rung], tolerance: float = COMPLEX_TOLERANCE) -> int | None:
    """The first length with an error above the tolerance, None where there is none."""
    return next((rung.tau for rung in rungs if not rung.error <= tolerance), None)
