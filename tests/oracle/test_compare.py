"""Relative errors, and ladders that find the first length at which a formula is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn.oracle.compare import Rung, first_wrong, ladder, relative_error
from symrnn.reading.cellfile import read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope


@pytest.mark.parametrize(
    "found, truth, expected",
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.0, 3e-17], [0.0, 0.0], 0.0),
        ([0.0, 1e-3], [0.0, 2e-17], 1e-3),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_relative_error(found, truth, expected):
    assert relative_error(np.array(found), np.array(truth)) == pytest.approx(expected)


def test_rungs():
    rungs = (Rung(1, 1e-16), Rung(2, 1e-13), Rung(3, 0.4), Rung(4, np.inf, "no"))
    assert first_wrong(rungs) == 3
    assert first_wrong(rungs[:2]) is None
    assert first_wrong((Rung(1, np.nan),)) == 1


def climb(cell, text, **options):
    formula = read_formula(text, Scope.of(cell))
    by = cell.variable("W")
    return ladder(cell, lambda e: (e.evaluate(formula), e.total(cell.variable("L"), by)), **options)


@pytest.fixture(scope="module")
def elman():
    text = "size n, m\nparam W[n,n], U[n,m], r[n]\ninput x[m]\nstate h[n]"
    return read_cell(text + "\nh[t] = tanh(W @ h[t-1] + U @ x[t])\nloss L = r.T @ h[tau]", "cell")


CLOSED = "sum(h[k-1] @ r.T @ prod(diag(1-h[j]**2) @ W, j, {bounds}) @ diag(1-h[k]**2), k, {first}, tau)"


@pytest.mark.parametrize(
    "bounds, first, wrong_from",
    [
        ("tau, k+1, -1", "1", None),
        ("k+1, tau, 1", "1", 3),
        ("tau, k+1, -1", "2", 1),
        ("tau, k+1, -1", "max(1, tau-2)", 4),
    ],
)
def test_the_first_length_at_which_a_formula_is_wrong(elman, bounds, first, wrong_from):
    rungs = climb(elman, CLOSED.format(bounds=bounds, first=first))
    assert [rung.tau for rung in rungs] == [1, 2, 3, 4, 5, 6]
    assert first_wrong(rungs) == wrong_from
    right = rungs if wrong_from is None else rungs[: wrong_from - 1]
    assert all(rung.error < 1e-12 for rung in right)


def test_a_length_without_an_answer_is_a_rung(elman):
    rungs = climb(elman, "h[2] @ r.T", taus=(1, 2))
    assert rungs[0].failure is not None
    assert "outside the times" in rungs[0].failure
    assert rungs[1].failure is None
    assert first_wrong(rungs) == 1
