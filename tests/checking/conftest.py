"""A short way to check an answer about a cell of the library, the numbers kept between the tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from symrnn.api.loading import load
from symrnn.checking.answers import Answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Verdict
from symrnn.language import Layout
from symrnn.reading.question import read_question


@cache
def bench_of(cell: str) -> Bench:
    return Bench(load(cell))


@pytest.fixture(scope="session")
def judged() -> Callable[..., Verdict]:
    """The verdict on an answer: cell, of, by, text."""

    def judged(
        cell: Any, of: str, by: str, text: str, layout: str | None = None, explain: bool = False, **how: Any
    ) -> Verdict:
        bench = bench_of(cell) if isinstance(cell, str) else Bench(cell)
        asked = Asked(bench.cell, *read_question(of, by, bench.cell), Layout(layout) if layout else None)
        return check(Answer(text, **how), asked, bench, explain)

    return judged
