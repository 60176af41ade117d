"""In which line of an answer the mistake is, whatever the parts are called."""

from __future__ import annotations

import pytest

from symrnn.api.loading import load
from symrnn.checking.answers import Answer, read_answer
from symrnn.checking.asked import Asked
from symrnn.checking.localisation import localised
from symrnn.checking.stations import Bench
from symrnn.language import Layout
from symrnn.reading.question import read_question

GRU = """
{h}[t] = W_y.T @ (yhat[t] - y[t]) + diag(z[t+1]) @ {h}[t+1] + diag(r[t+1]) @ U.T @ {a}[t+1] + U_z.T @ {b}[t+1] + U_r.T @ {c}[t+1]
{a}[t] = diag((1 - htilde[t]**2) * (1 - z[t])) @ {h}[t]
{b}[t] = diag(z[t] * (1 - z[t]) * (h[t-1] - htilde[t])) @ {h}[t]
{c}[t] = diag(r[t] * (1 - r[t]) * h[t-1]) @ U.T @ {a}[t]
sum({c}[t] @ x[t].T, t)
"""  # noqa: E501
MISTAKES = [
    (None, "x[t].T, t)", "x[t-1].T, t)"),
    (0, "diag(z[t+1])", "diag(1 - z[t+1])"),
    (0, "U_z.T", "U_z"),
    (0, "(yhat[t] - y[t])", "yhat[t]"),
    (1, "(1 - z[t]))", "z[t])"),
    (2, "(h[t-1] - htilde[t])", "(h[t-1])"),
    (3, "h[t-1]) @ U.T", "h[t]) @ U.T"),
]

ELMAN = "p[t] = V.T @ (yhat[t] - y[t]) + W.T @ q[t+1]; q[t] = diag(1 - h[t]**2) @ p[t]; sum(q[t] @ h[t-1].T, t)"


def lines(cell: str, of: str, by: str, text: str) -> set[int | None] | None:
    bench = Bench(load(cell))
    asked = Asked(bench.cell, *read_question(of, by, bench.cell), Layout.DENOMINATOR)
    station = bench.stations(asked)[1]
    found = localised(read_answer(Answer(text), asked)[0], bench, station, station.points[0])
    return None if found is None else set(found.lines)


@pytest.mark.parametrize(("line", "right", "wrong"), MISTAKES)
def test_the_line_with_the_mistake(line: int | None, right: str, wrong: str) -> None:
    text = GRU.format(h="dh", a="da", b="d2", c="d3")
    assert right in text
    assert lines("gru", "L", "W_r", text.replace(right, wrong)) == {line}


def test_names_that_say_nothing() -> None:
    assert lines("elman", "L", "W", ELMAN.replace("V.T", "2*V.T")) == {0}
    assert lines("elman", "L", "W", ELMAN.replace("h[t]**2", "h[t]")) == {1}
    assert lines("elman", "L", "W", ELMAN.replace("h[t-1].T", "h[t].T")) == {None}


def test_a_part_that_is_no_derivative_is_searched_as_well() -> None:
    text = "s[t] = 1 - h[t]; g[t] = V.T @ (yhat[t] - y[t]) + W.T @ (s[t+1] * g[t+1]); sum((s[t] * g[t]) @ h[t-1].T, t)"
    found = lines("elman", "L", "W", text)
    assert found is None or 0 in found


def test_the_mistake_is_found_in_the_line(judged) -> None:
    text = GRU.format(h="dh", a="da", b="d2", c="d3").replace("diag(r[t+1]) @ U.T", "U.T")
    found = judged("gru", "L", "W_r", text, "denominator", explain=True)
    assert found.verdict == "wrong"
    assert "the factor diag(r[t+1]) is missing" in found.mistake
    assert judged("gru", "L", "W_r", found.repair, "denominator").verdict == "correct"
