"""Answers that are numbers: a numeric exercise's result, held against exact arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from symrnn.checking.comparison import Array
from symrnn.checking.verdict import Factor, Verdict
from symrnn.errors import DataError, Location, ReadingError
from symrnn.language import Cell, Layout, Node
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.exact import ExactEvaluator, Numbers

TOKEN = re.compile(r"\s*(?:(?P<number>[-+−]?\s*\d+(?:\.\d*)?|[-+−]?\s*\.\d+)|(?P<sign>[][(),;/=]))")
LONGEST = 20_000
DEEPEST = 6
EXACT = Fraction(1, 10**9)


@dataclass(frozen=True)
class Written:
    """A number as it was written: its value, and by how much what it stands for may differ."""

    value: Fraction
    slack: Fraction


def read_numbers(text: str) -> Any:
    """Numbers, fractions and lists of them, ``[[1, 2/3], [.5, 0]]`` or ``(0, 0)``, as nested lists.

    A decimal stands for everything that rounds to it.

    >>> read_numbers("(2/3, 0.38)")[1].slack
    Fraction(1, 200)

    Raises ReadingError with the place of what is neither.
    """
    if len(text) > LONGEST:
        raise ReadingError(f"the answer has {len(text)} characters; at most {LONGEST} are read")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.token: str | None = None
        self.start = 0
        self.take()

    def take(self) -> None:
        """Go to the next token."""
        found = TOKEN.match(self.text, self.at)
        self.start = self.at
        if found is None:
            if self.text[self.at :].strip():
                raise self.error("expected a number, a fraction or a list")
            self.token = None
            return
        self.token, self.at = found.group().strip(), found.end()

    def error(self, message: str) -> ReadingError:
        """What was expected, and where."""
        line = self.text.count("\n", 0, self.start) + 1
        column = self.start - (self.text.rfind("\n", 0, self.start) + 1) + 1
        return ReadingError(message, location=Location("answer", line, column))

    def whole(self) -> Any:
        """The answer, to its end."""
        found = self.value(0)
        if self.token is not None:
            raise self.error("expected the end of the answer")
        return found

    def value(self, depth: int) -> Any:
        """A number or a list."""
        if depth > DEEPEST:
            raise self.error("the lists are nested too deeply")
        if self.token in ("(", "["):
            return self.list({"(": ")", "[": "]"}[self.token], depth)
        return self.number()

    def list(self, end: str, depth: int) -> Any:
        """The entries up to the closing bracket; one in round brackets is a number."""
        round_ones = self.token == "("
        self.take()
        items = [self.value(depth + 1)]
        while self.token in (",", ";"):
            self.take()
            items.append(self.value(depth + 1))
        if self.token != end:
            raise self.error(f'expected "," or "{end}"')
        self.take()
        return items[0] if round_ones and len(items) == 1 else items

    def number(self) -> Written:
        """A number or a fraction."""
        above = self._plain()
        if self.token != "/":
            return above
        self.take()
        below = self._plain()
        if not below.value:
            raise self.error("division by zero")
        return Written(above.value / below.value, EXACT)

    def _plain(self) -> Written:
        if self.token is None or (not self.token[-1:].isdigit() and not self.token.endswith(".")):
            raise self.error("expected a number, a fraction or a list")
        digits = self.token.replace("−", "-").replace(" ", "")
        self.take()
        _, point, decimals = digits.partition(".")
        slack = Fraction(1, 2 * 10 ** len(decimals)) if point and decimals else EXACT
        return Written(Fraction(digits.rstrip(".")), slack)


@dataclass(frozen=True)
class NumericExercise:
    """A quantity of a cell at given numbers, or its derivative where ``by`` is given."""

    cell: Cell
    of: Node
    by: Node | None
    values: Mapping[str, Any]
    at_kink: float = 0.0

    def right(self) -> Numbers:
        """What is right, in numerator layout."""
        evaluator = ExactEvaluator(self.cell, instance_from_values(self.cell, self.values), Fraction(self.at_kink))
        return evaluator.evaluate(self.of) if self.by is None else evaluator.total(self.of, self.by)


def check_numbers(text: str, exercise: NumericExercise, layout: Layout | None = None) -> Verdict:
    """The verdict on numbers; raises what the exercise itself may raise (a missing value, a time that isn't there)."""
    numbers = exercise.right()
    try:
        answer = read_numbers(text)
        shown = np.array(answer, dtype=object)
    except (ReadingError, ValueError) as error:
        return Verdict("unreadable", mistake=str(error))
    truth = np.asarray(numbers.array)
    if not all(isfinite(entry) for entry in truth.reshape(-1)):
        raise DataError("what is asked for is no finite number there", hint="Is something divided by zero?")
    found = {one: _agrees(shown, truth if one is Layout.NUMERATOR else truth.T) for one in Layout}
    said = "the numbers are exact" if numbers.exact else numbers.statement
    right = f"right is {numbers.text()}"
    layouts = [one for one in Layout if found[one]]
    if layouts:
        name = "both" if len(layouts) == 2 else layouts[0].value
        if layout in (None, *layouts):
            return Verdict("correct", layout=name, error=_error(shown, truth, layouts[0]), proof=said)
        return Verdict("transposed", layout=name, error=0.0, mistake=f"it is in {name} layout; {right}")
    factor = _factor(shown, truth)
    if factor is not None:
        verdict = "negated" if factor.is_minus_one else "scaled"
        return Verdict(
            verdict, factor=factor, error=_error(shown, truth, None), mistake=f"{right}: {factor} times that"
        )
    return Verdict("wrong", error=_error(shown, truth, None), mistake=right)


def _same_shape(answer: Array, truth: Array) -> bool:
    """Whether they can be compared; a row, a column and a plain list of their entries are the same list."""
    if answer.shape == truth.shape or (answer.size, truth.size) == (1, 1):
        return True
    flat = truth.ndim == 2 and 1 in truth.shape
    return flat and answer.ndim == 1 and answer.size == truth.size


def _agrees(answer: Array, truth: Array) -> bool:
    if not _same_shape(answer, truth):
        return False
    pairs = zip(answer.reshape(-1), truth.reshape(-1), strict=True)
    return all(abs(Fraction(right) - written.value) <= written.slack for written, right in pairs)


def _error(answer: Array, truth: Array, layout: Layout | None) -> float | None:
    right = truth.T if layout is Layout.DENOMINATOR else truth
    if not _same_shape(answer, right):
        return None
    a = np.array([float(w.value) for w in answer.reshape(-1)])
    b = np.array([float(x) for x in right.reshape(-1)])
    scale = float(np.abs(b).max())
    return float(np.abs(a - b).max()) / scale if scale else float(np.abs(a - b).max())


def _factor(answer: Array, truth: Array) -> Factor | None:
    """The common factor; of a single number only the sign is one, any two numbers being multiples of each other."""
    if not _same_shape(answer, truth):
        return None
    pairs = [(w.value, Fraction(x)) for w, x in zip(answer.reshape(-1), truth.reshape(-1), strict=True)]
    factors = {a / b for a, b in pairs if b}
    if len(factors) != 1 or any(a for a, b in pairs if not b):
        return None
    factor = factors.pop()
    if not factor or (len(pairs) == 1 and factor != -1):
        return None
    return Factor(factor)
