"""Formulas with parts: recursions both ways, overrides, what is outside the time range, and circles."""

from __future__ import annotations

import time

import numpy as np
import pytest

from symrnn.errors import DataError
from symrnn.language import Formula, Index, Part, Role, Variable
from symrnn.language import build as b
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope

LINEAR = """
size n, m
param W[n,n], U[n,m], r[n]
input x[m]
state h[n]
h[t] = W @ h[t-1] + U @ x[t]
loss L = sum(r.T @ h[t], t)
"""


@pytest.fixture(scope="module")
def evaluator():
    cell = read_cell(LINEAR, "cell")
    return Evaluator(cell, random_instance(cell, 4, tau=5))


def value(evaluator, text, **times):
    return evaluator.evaluate(read_formula(text, Scope.of(evaluator.cell)), times)


def truth(evaluator):
    return evaluator.total(evaluator.cell.variable("L"), evaluator.cell.variable("W"))


@pytest.mark.parametrize(
    "text",
    [
        "g[t] = r.T + g[t+1] @ W; sum(h[t-1] @ g[t], t)",
        "g[tau] = r.T; g[t] = r.T + g[t+1] @ W; sum(h[t-1] @ g[t], t)",
        "q = r.T; sum(sum(h[t-1] @ q @ matrix_power(W, s-t), s, t, tau), t)",
        "F = W; g[t] = r.T + g[t+1] @ F; k[t] = h[t-1] @ g[t]; sum(k[t], t)",
        "g[t] = r + W.T @ g[t+1]; sum(h[t-1] @ g[t].T, t)",
    ],
)
def test_recursions(evaluator, text):
    np.testing.assert_allclose(value(evaluator, text), truth(evaluator), rtol=1e-12)


def test_a_factor_outside_the_range_makes_the_product_zero(evaluator):
    whole = "g[t] = r.T + g[t+1] @ diag(h[t+1]) @ inv(diag(h[t+1])) @ W; sum(h[t-1] @ g[t], t)"
    np.testing.assert_allclose(value(evaluator, whole), truth(evaluator), rtol=1e-10)
    nested = "g[t] = r + W.T @ (h[t+1]/h[t+1] * g[t+1]); sum(h[t-1] @ g[t].T, t)"
    np.testing.assert_allclose(value(evaluator, nested), truth(evaluator), rtol=1e-12)
    with pytest.raises(DataError, match=r"h\[6\]"):
        value(evaluator, "g[t] = r.T + g[t+1] @ W + h[t+1].T; sum(h[t-1] @ g[t], t)")


def test_a_part_is_zero_outside_the_range(evaluator):
    assert not value(evaluator, "g[t] = r; g[t]", t=6).any()
    assert value(evaluator, "g[t] = r; g[t]", t=0).shape == (3, 1)
    total = value(evaluator, "g[t] = r; g[t-1] + g[t+1]", t=5)
    np.testing.assert_array_equal(total, value(evaluator, "r"))
    np.testing.assert_array_equal(value(evaluator, "g[t] = r; tanh(g[t+1]) + r", t=5), value(evaluator, "r"))


def test_a_single_time_overrides_the_general_line(evaluator):
    doubled = value(evaluator, "g[t] = r; g[tau] = 2*r; g[1] = 3*r; sum(g[t], t)")
    np.testing.assert_allclose(doubled, 8 * value(evaluator, "r"))


def test_untimed_parts_follow_the_index_of_their_surroundings(evaluator):
    macro = "J = diag(h[j]) @ W; prod(J, j, t, k+1, -1)"
    plain = "prod(diag(h[j]) @ W, j, t, k+1, -1)"
    for k, t in [(1, 4), (4, 4), (2, 3)]:
        np.testing.assert_allclose(value(evaluator, macro, k=k, t=t), value(evaluator, plain, k=k, t=t))


def test_a_part_may_depend_on_the_questions_other_indices(evaluator):
    cell = evaluator.cell
    h, n = cell.variable("h", Index.of("j")), Index.of("n")
    J, k = Index.of("j"), Index.of("k")
    P = lambda time: Variable("P", Role.PART, (n, Index.of(1)), Index.of(time))  # noqa: E731
    body = b.add(b.times(b.index_number(k), h), P(J - 1))
    formula = Formula(b.sum_over(P(k), "k", 1, "tau"), (Part("P", J, body),))
    hs = [evaluator.value("h", t) for t in range(1, 6)]
    expected = sum(k * sum(hs[:k]) for k in range(1, 6))
    np.testing.assert_allclose(evaluator.evaluate(formula), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "parts, message",
    [
        ([("g", "t", "g", "t")], "depends on itself"),
        ([("g", "t", "f", "t"), ("f", "t", "g", "t")], "depends on itself"),
        ([("g", None, "f", None), ("f", None, "g", None)], "circle"),
    ],
)
def test_circles(evaluator, parts, message):
    shape = (Index.of("n"), Index.of(1))

    def part(name, time):
        return Variable(name, Role.PART, shape, None if time is None else Index.of(time))

    lines = tuple(Part(n, None if t is None else Index.of(t), part(m, s)) for n, t, m, s in parts)
    with pytest.raises(DataError, match=message):
        evaluator.evaluate(Formula(part("g", parts[0][1]), lines), {"t": 2})


def test_no_line_for_a_time(evaluator):
    g = Variable("g", Role.PART, (Index.of("n"), Index.of(1)), Index.of("t"))
    formula = Formula(g, (Part("g", Index.of("tau"), evaluator.cell.variable("r")),))
    assert evaluator.evaluate(formula, {"t": 5}).any()
    with pytest.raises(DataError, match="no line for the time 3"):
        evaluator.evaluate(formula, {"t": 3})


def test_a_thousand_steps_need_no_deep_recursion():
    text = "param w\ninput x\nstate h\nh[t] = w*h[t-1] + x[t]\nloss L = sum(h[t], t)"
    cell = read_cell(text, "cell")
    start = time.perf_counter()
    e = Evaluator(cell, random_instance(cell, 0, tau=1500))
    backward = e.evaluate(read_formula("g[t] = 1 + g[t+1]*w; sum(g[t]*h[t-1], t)", Scope.of(cell)))
    forward = e.evaluate(read_formula("s[t] = h[t-1] + w*s[t-1]; sum(s[t], t)", Scope.of(cell)))
    assert backward == pytest.approx(e.total(cell.variable("L"), cell.variable("w")), rel=1e-10)
    assert forward == pytest.approx(backward, rel=1e-10)
    assert time.perf_counter() - start < 10
