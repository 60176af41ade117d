"""Asking whether a formula is right."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symrnn.api.deriving import question
from symrnn.api.loading import load
from symrnn.checking.answers import Answer, claim_question
from symrnn.checking.asked import Asked
from symrnn.checking.check import check as check_answer
from symrnn.checking.code_answer import CodeAnswer
from symrnn.checking.code_answer import check_code as check_function
from symrnn.checking.numeric import NumericExercise
from symrnn.checking.numeric import check_numbers as compare_numbers
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Verdict
from symrnn.errors import Location, QuestionError, ReadingError, SymrnnError, did_you_mean
from symrnn.files import read_text
from symrnn.language import Cell, Layout
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope


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


def check_code(
    cell: str | Path | Cell,
    code: str,
    of: Any = None,
    wrt: Any = None,
    *,
    layout: str | Layout | None = None,
    seed: int = 0,
    relu0: float = 0.0,
) -> Verdict:
    """The verdict on a Python function, ``FILE:FUNCTION``; it is run, in a process with limits.

    It is called as ``f(values, **times)`` with all numbers by name, or, where its first parameter is ``params``, as
    generated code is: ``f(params, inputs, targets, initial) -> (loss, gradients)``.
    """
    loaded = load(cell)
    asked = Asked(loaded, *question(loaded, of, wrt), _layout(layout))
    return check_function(CodeAnswer.of(code), asked, Bench(loaded, seed, relu0))


def check_numbers(
    cell: str | Path | Cell,
    answer: str,
    values: Mapping[str, Any] | Path,
    of: str,
    wrt: str | None = None,
    *,
    layout: str | Layout | None = None,
    relu0: float = 0.0,
) -> Verdict:
    """The verdict on numbers, ``"2/3"`` or ``"(0, 0)"``, for a quantity of the cell or its derivative.

    ``values`` are the exercise's numbers by name (time first), or a TOML or JSON file of them.

    >>> values = {"V": -3, "W": 3, "h[0]": 0, "x": [2, 3, 1], "y": [0, 0, 0]}
    >>> check_numbers("scalar_relu", "3", values, "h[3]").verdict
    'correct'
    """
    loaded = load(cell)
    given = read_values(values) if isinstance(values, Path) else values
    if wrt is None:
        of_node, by_node = read_expression(of, Scope.of(loaded)), None
    else:
        of_node, by_node = question(loaded, of, wrt)
    return compare_numbers(answer, NumericExercise(loaded, of_node, by_node, given, relu0), _layout(layout))


def read_values(path: Path) -> dict[str, Any]:
    """The numbers of a TOML or JSON file, by name; raises ReadingError where it is neither."""
    text = read_text(path)
    try:
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as problem:
        raise ReadingError(f"these are no numbers by name: {problem}", location=Location(str(path))) from None
    if not isinstance(found, dict):
        raise ReadingError("these are no numbers by name", location=Location(str(path)))
    return found
