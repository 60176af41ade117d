"""The process that checks answers for ``symrnn grade``: ``python -m symrnn.api.grader``, JSON in and out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from symrnn.api.checking import asked_about
from symrnn.api.loading import load
from symrnn.checking.answers import Answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check
from symrnn.checking.search import Effort
from symrnn.checking.stations import Bench
from symrnn.checking.workers import serve
from symrnn.errors import QuestionError

EFFORT = Effort(candidates=1_500, seconds=1e6)
"""Counted in formulas alone: the report must not depend on how busy the machine is."""

FRESH_AFTER = 25
"""After so many answers the numbers are set up anew, so that what is remembered stays small."""


def begin(setup: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What answers messages ``{"text": …}`` about the question in the setup."""
    cell = load(setup["cell"])
    asked = asked_about(cell, Answer(""), setup["of"], setup["wrt"], setup["layout"])
    if not isinstance(asked, Asked):
        raise QuestionError("the question says not by what")
    return Grader(asked, setup)


class Grader:
    """Checks one answer after the other."""

    def __init__(self, asked: Asked, setup: dict[str, Any]) -> None:
        self.asked, self.setup, self.count = asked, setup, 0
        self.bench = self._bench()

    def _bench(self) -> Bench:
        return Bench(self.asked.cell, int(self.setup["seed"]), float(self.setup["relu0"]))

    def __call__(self, message: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        if self.count % FRESH_AFTER == 0:
            self.bench = self._bench()
        answer = Answer(str(message["text"]), self.setup["names"], int(self.setup["entries_from"]))
        return check(answer, self.asked, self.bench, effort=EFFORT).to_dict()


if __name__ == "__main__":
    sys.exit(serve(begin))
