"""Whatever is handed in, there is a verdict, soon, and nothing but the documented errors."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.api.loading import load
from symrnn.checking.answers import Answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check
from symrnn.checking.numeric import read_numbers
from symrnn.checking.sketches import sketches
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import VERDICTS
from symrnn.errors import ReadingError, SymrnnError
from symrnn.reading.question import read_question

BENCH = Bench(load("elman"))
ASKED = Asked(BENCH.cell, *read_question("L", "W", BENCH.cell))
PIECES = [
    "W", "W.T", "h[t]", "h[t-1].T", "V", "yhat[t]", "y[t]", "g[t+1]", "diag(", "sum(", "prod(", ")", "(", "@", "*", "+",
    "-", "/", "**2", ", t)", ", j, t, k+1, -1)", "D(L, W)", "Dplus(h[k], W)",
    "=", "\n", ";", "0.5", "tau", "[0]", "[i,j]",
    "eye(n)", "inv(W)", "matrix_power(W, t-k)", "tanh'(a[t])", "1/tau",
]  # fmt: skip
LATEX = [
    r"\frac{", "}", r"\partial L", r"\partial W", "=", r"\sum_{t=1}^{\tau}", r"\prod_{j=k+1}^{t}", "W^\\top", "h_{t-1}",
    r"\operatorname{diag}(", ")", r"\left(", r"\right)", r"\odot", r"\otimes", r"\hat{y}_t", "V", "^2", "_", "{", r"\\",
    r"\begin{aligned}", r"\end{aligned}", "&", r"\quad", "where", r"\tanh'", r"\delta_t", "-", "+", r"\nabla_{h_t} L",
]  # fmt: skip
LONGEST_SECONDS = 30


def verdict_on(text: str) -> str:
    start = monotonic()
    found = check(Answer(text), ASKED, BENCH, explain=False)
    assert monotonic() - start < LONGEST_SECONDS
    assert found.verdict in VERDICTS
    return found.verdict


@given(st.text(max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    verdict_on(text)


@given(st.binary(max_size=60))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    verdict_on(data.decode("utf-8", errors="replace"))


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_pieces_of_formulas_get_a_verdict(pieces: list[str]) -> None:
    verdict_on(" ".join(pieces))


@given(st.lists(st.sampled_from(LATEX), max_size=14))
def test_pieces_of_latex_get_a_verdict(pieces: list[str]) -> None:
    verdict_on(" ".join(pieces))


@given(st.lists(st.sampled_from(PIECES), max_size=10))
def test_sketches_of_anything_are_texts(pieces: list[str]) -> None:
    for count, sketch in enumerate(sketches(" ".join(pieces))):
        assert sketch.text
        if count > 50:
            break


@given(st.text(alphabet="0123456789.,;/()[]- x", max_size=30))
def test_numbers_are_read_or_refused(text: str) -> None:
    with suppress(ReadingError):
        read_numbers(text)


@pytest.mark.parametrize("text", ["(2/3", "1/0", "x", "", "1 2", "((((((((1))))))))"])
def test_bad_numbers(text: str) -> None:
    with pytest.raises(SymrnnError):
        read_numbers(text)
