"""The question forms: of what, by what."""

from __future__ import annotations

import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import QuestionError, ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import Cell, Concat, Entry, Index, Slice
from symrnn.reading import read_cell, read_question

LSTM = """
size n, m
param W[n,n+m], U[n,n]
input x[m]
state h[n], c[n] = 0
c[t] = tanh(W @ concat(h[t-1], x[t])) + U @ c[t-1]
h[t] = tanh(c[t])
loss L = sum(norm2(h[t]), t)
"""


@pytest.mark.parametrize(
    ("of", "by"),
    [
        ("L", "W"),
        ("L[t]", "o[t]"),
        ("h[t]", "h[k]"),
        ("h[t]", "h[t-1]"),
        ("o[2]", "x[1]"),
        ("L", "h[0]"),
        ("h[tau]", "h[0]"),
        ("L", "W[i,j]"),
        ("L", "W[0,1]"),
        ("h[t]", "W[:,0:2]"),
        ("norm2(h[t])", "b"),
        ("h[t][0]", "b"),
        ("W @ h[t]", "alpha"),
        ("yhat[t]", "o[t]"),
    ],
)
def test_the_forms_of_a_question(of: str, by: str, elman: Cell) -> None:
    found = read_question(of, by, elman)
    assert tuple(to_text(node).replace(", ", ",") for node in found) == (of, by)


def test_a_stacked_state_and_a_block() -> None:
    cell = read_cell(LSTM)
    of, by = read_question("concat(h[t], c[t])", "concat(h[t-1], c[t-1])", cell)
    assert isinstance(of, Concat)
    assert isinstance(by, Concat)
    block = read_question("L", "W[:, n:n+m]", cell)[1]
    assert isinstance(block, Slice)
    assert to_text(block) == "W[:, n:m+n]"
    assert isinstance(read_question("L", "W[i,j]", cell)[1], Entry)


def test_the_summand_stands_for_a_loss_without_equation() -> None:
    of, _ = read_question("L[t]", "W", read_cell(LSTM))
    assert to_text(of) == "norm2(h[t])"


@pytest.mark.parametrize(
    ("of", "by", "kind", "message"),
    [
        ("", "W", QuestionError, "of.*empty"),
        ("L", " ", QuestionError, "by.*empty"),
        ("L", "beta", QuestionError, "const"),
        ("L", "L", QuestionError, "not by the loss"),
        ("L", "W @ W", QuestionError, "one differentiates by"),
        ("L", "n", QuestionError, "one differentiates by"),
        ("L", "h", ReadingError, r"Write h\[t\]"),
        ("L", "Wh", UnknownNameError, "nothing declares"),
        ("L", "h[-1]", QuestionError, r"outside the times 0..tau"),
        ("L", "x[0]", QuestionError, r"outside the times 1..tau"),
        ("o[0]", "W", QuestionError, r"outside the times 1..tau"),
        ("L", "h[tau+1]", QuestionError, r"outside"),
        ("L", "U @ h[t]", ShapeError, "n×m and n×1"),
        ("L", "W[9,", ReadingError, "expected"),
    ],
)
def test_questions_without_an_answer(of: str, by: str, kind: type[SymrnnError], message: str, elman: Cell) -> None:
    with pytest.raises(kind, match=message):
        read_question(of, by, elman)


def test_a_cell_without_a_loss() -> None:
    cell = read_cell("size n\nparam W[n,n]\nstate h[n]\nh[t] = tanh(W @ h[t-1])", "bare")
    with pytest.raises(QuestionError, match='"bare" has no loss'):
        read_question("L", "W", cell)


def test_the_times_of_a_backward_state_and_of_lag_two() -> None:
    cell = read_cell("size n\nparam W[n,n]\ng[t] = tanh(W @ g[t+1])\nq[t] = W @ q[t-2] + g[t]")
    assert read_question("g[1]", "g[tau+1]", cell)[1] == cell.variable("g", Index.of("tau") + 1)
    assert read_question("q[1]", "q[-1]", cell)[1] == cell.variable("q", Index.of(-1))
    with pytest.raises(QuestionError, match="outside"):
        read_question("g[1]", "g[0]", cell)
