"""Asking whether a formula is right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symrnn.api.deriving import question
from symrnn.api.loading import load
from symrnn.checking.answers import Answer, claim_question
from symrnn.checking.asked import Asked
from symrnn.checking.check import check as check_answer
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Verdict
from symrnn.errors import QuestionError, SymrnnError, did_you_mean
from symrnn.language import Cell, Layout


def check(
    cell: str | Path | Cell,
    answer: str,
    of: Any = None,
    wrt: Any = None,
    *,
    layout: str | Layout | None = None,
    names: Mapping[str, str] | None = None,
    entries_from: int = 0,
    seed: int = 0,
    relu0: float = 0.0,
    explain: bool = True,
) -> Verdict:
    """The verdict on an answer, in the formula language or in LaTeX, to *of* by *wrt*.

    Without ``layout`` either is right and the verdict says which it is.  ``names`` binds the answer's names to the
    cell's (``{"T": "tau"}``), ``entries_from`` is the number of the first entry.  Of what and by what may be left out
    where the answer is a claim.  ``explain`` looks for the mistake and the nearest right formula.

    >>> found = check("elman", "(yhat[t] - y[t]).T", "L", "o[t]")
    >>> found.verdict, found.layout
    ('correct', 'numerator')
    """
    loaded = load(cell)
    given = Answer(answer, names, entries_from)
    asked = asked_about(loaded, given, of, wrt, layout)
    if isinstance(asked, Verdict):
        return asked
    return check_answer(given, asked, Bench(loaded, seed, relu0), explain)


def asked_about(cell: Cell, answer: Answer, of: Any, wrt: Any, layout: str | Layout | None) -> Asked | Verdict:
    """What an answer is held against; the verdict "unreadable" where only the answer could have said it and doesn't."""
    if wrt is None:
        try:
            claimed = claim_question(answer, cell)
        except SymrnnError as error:
            return Verdict("unreadable", mistake=str(error))
        if claimed is None:
            raise QuestionError(
                "by what is the answer a derivative?", hint="Say it with --wrt, or write a claim, D(L, W) = …"
            )
        return Asked(cell, *claimed, _layout(layout))
    return Asked(cell, *question(cell, of, wrt), _layout(layout))


def _layout(layout: str | Layout | None) -> Layout | None:
    if layout is None or isinstance(layout, Layout):
        return layout
    known = [one.value for one in Layout]
    if layout not in known:
        raise QuestionError(f'there is no layout "{layout}"', hint=did_you_mean(layout, known))
    return Layout(layout)
