"""Which times act on which: questions and losses that name fixed or shifted times, and where answers' ranges end."""

from __future__ import annotations

import pytest

from symrnn.reading.cellfile import read_cell
from tests.calculus.support import TOLERANCE, ask, evaluator, form_error, library_cell, step_error

PAIRS = """
cell pairs
size n, m
param W[n,n], U[n,m]
input x[m]
state h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
loss L = sum(norm2(h[t] - h[t-1]), t) + dot(h[tau], h[1])
"""

BACKWARD = """
cell backward
size n, m
param W[n,n], U[n,m], r[n]
input x[m]
state h[n]
h[t] = tanh(W @ h[t+1] + U @ x[t])
loss L = dot(r, h[tau-1]) + norm2(h[1])
"""


@pytest.mark.parametrize(
    ("text", "of", "by"),
    [
        (PAIRS, "L", "x[t]"),
        (PAIRS, "L", "W"),
        (PAIRS, "dot(h[3], h[tau-1])", "x[k]"),
        (PAIRS, "h[3]", "x[k]"),
        (PAIRS, "h[t]", "x[3]"),
        (PAIRS, "h[t+1]", "h[2]"),
        (BACKWARD, "L", "x[t]"),
        (BACKWARD, "L", "W"),
        (BACKWARD, "h[t]", "x[3]"),
        (BACKWARD, "h[2]", "h[k+1]"),
    ],
)
def test_a_source_at_a_fixed_time_acts_on_its_own_side_only(text: str, of: str, by: str) -> None:
    cell = read_cell(text)
    judge = evaluator(cell)
    found = ask(cell, of, by, ("all",))
    assert found.forms
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)
    assert all(step_error(step, judge) < TOLERANCE for step in found.steps)


@pytest.mark.parametrize(
    ("of", "by", "span"),
    [
        ("h[tau-1]", "x[k]", "k 1 tau - 1"),
        ("h[t]", "h[2]", "t 2 tau"),
        ("h[t+1]", "h[2]", "t 1 tau - 1"),
        ("h[2]", "h[k-1]", "k 2 3"),
        ("L[3]", "x[k]", "k 1 3"),
        ("h[t]", "h[0]", "t 1 tau"),
    ],
)
def test_a_fixed_time_bounds_the_free_one(of: str, by: str, span: str) -> None:
    (found,) = ask(library_cell("elman"), of, by).spans
    assert f"{found.index} {found.lower} {found.upper}" == span


@pytest.mark.parametrize(
    ("name", "of", "by", "span"),
    [
        ("elman", "a[t]", "h[k]", "k 1 t - 1"),
        ("elman", "a[t]", "x[k]", "k 1 t"),
        ("elman", "a[t]", "a[k]", "k 1 t"),
        ("elman", "h[t-1]", "x[k]", "k 1 t - 1"),
        ("elman", "h[t]", "h[k-1]", "k 2 t"),
        ("elman", "h[t-1]", "h[k+1]", "k 0 t - 2"),
        ("lstm", "f[t]", "o[k]", "k 1 t - 1"),
        ("lstm", "c[t]", "h[k]", "k 1 t"),
    ],
)
def test_what_is_read_from_earlier_steps_ends_earlier(name: str, of: str, by: str, span: str) -> None:
    cell = library_cell(name)
    judge = evaluator(cell)
    found = ask(cell, of, by, ("all",))
    shown = [f"{s.index} {s.lower} {s.upper}" for s in found.spans]
    assert span in shown
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)
    assert all(step_error(step, judge) < TOLERANCE for step in found.steps)


STACKED_BOTH_WAYS = """
cell both
size n, m, p
param A[n,m], B[n,n], C[n,m], D[n,n], P[p,n], Q[p,n], R[p,p], v[p]
input x[m]
state f[n], g[n], u[p]
f[t] = tanh(A @ x[t] + B @ f[t-1])
g[t] = tanh(C @ x[t] + D @ g[t+1])
u[t] = tanh(P @ f[t] + Q @ g[t] + R @ u[t-1])
loss L = sum(dot(v, u[t]), t)
"""


@pytest.mark.parametrize(("of", "by"), [("f[t]", "A"), ("g[t]", "D"), ("f[t]", "P"), ("u[3]", "D"), ("f[3]", "x[k]")])
def test_a_lower_layer_owes_nothing_to_an_upper_one(of: str, by: str) -> None:
    cell = read_cell(STACKED_BOTH_WAYS)
    judge = evaluator(cell)
    found = ask(cell, of, by, ("all",))
    assert "index" in {form.name for form in found.forms}
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)
    assert all(step_error(step, judge) < TOLERANCE for step in found.steps)


@pytest.mark.parametrize(
    ("text", "of", "by"),
    [
        (PAIRS, "h[2]", "h[5]"),
        (PAIRS, "h[2]", "x[3]"),
        (BACKWARD, "h[4]", "h[2]"),
        (PAIRS.replace("state h[n]", "state h[n] = W @ ones(n)"), "h[t]", "W"),
    ],
)
def test_what_comes_too_late_does_not_act_and_a_start_does(text: str, of: str, by: str) -> None:
    cell = read_cell(text)
    judge = evaluator(cell, tau=5)
    found = ask(cell, of, by, ("all",))
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)
    assert all(step_error(step, judge) < TOLERANCE for step in found.steps)
