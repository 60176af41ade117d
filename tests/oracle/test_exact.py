"""Exact numbers: the exercises' scalar cells by hand, and a statement where a function is not rational."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symrnn.errors import DataError
from symrnn.language import Index, Inverse, MatrixPower, Role, Variable
from symrnn.language import build as b
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.dual import Dual
from symrnn.oracle.exact import ExactEvaluator
from symrnn.oracle.rational import RATIONAL
from symrnn.reading.cellfile import read_cell

RELU = """
param V, W
input x
state h
z[t] = V * h[t-1] + W * x[t]
h[t] = relu(z[t])
"""

GENERAL = """
size n, m
param W[n,n], U[n,m], b[n]
input x[m]
state h[n]
h[t] = relu(W @ h[t-1] + U @ x[t] + b)
s[t] = tanh(h[t])
loss L = sum(norm2(s[t]), t)
"""


def evaluator(text: str, at_kink=0, **values) -> ExactEvaluator:
    cell = read_cell(text, "cell")
    return ExactEvaluator(
        cell, instance_from_values(cell, {k.replace("_0", "[0]"): v for k, v in values.items()}), at_kink
    )


def h(e: ExactEvaluator, time: int) -> Variable:
    return e.cell.variable("h", Index.of(time))


def test_the_exam_that_prints_two_thirds():
    e = evaluator(RELU, V=-2, W=1, h_0=2, x=[2, "3/2", 4])
    assert [e.evaluate(h(e, t)).text() for t in (1, 2, 3)] == ["0", "3/2", "1"]
    by = [e.cell.variable("V"), e.cell.variable("W"), e.cell.variable("x", Index.of(1))]
    found = [e.total(h(e, 3), x) for x in by]
    assert [f.text() for f in found] == ["3/2", "1", "0"]
    assert all(f.exact and not f.touched for f in found)


@pytest.mark.parametrize("at_kink, expected", [(0, "0"), (Fraction(1, 2), "5/2"), (1, "5")])
def test_the_slope_at_the_kink_is_the_chosen_one_and_is_reported(at_kink, expected):
    e = evaluator(RELU, at_kink, V=-2, W=1, h_0=5, x=[10])
    found = e.total(h(e, 1), e.cell.variable("V"))
    assert found.text() == expected
    assert found.touched == {"relu"}
    floating = e.floating.total(h(e, 1), e.cell.variable("V"))
    assert floating == float(Fraction(expected))


def test_vectors_and_decimals_stay_exact():
    e = evaluator(
        GENERAL,
        W=[["0.4", ".4"], [0.9, 0.7]],
        U=[[0.3, 0.6, 0], [0.2, "1/10", 1]],
        b=[0.1, 0.6],
        h=[0, 0],
        x=[[0, 1, 0], [0, 1, 0]],
    )
    first, second = e.evaluate(h(e, 1)), e.evaluate(h(e, 2))
    assert first.text() == [["7/10"], ["7/10"]]
    assert second.text() == [[str(Fraction(126, 100))], [str(Fraction(182, 100))]]
    jacobian = e.total(h(e, 2), h(e, 1))
    assert jacobian.text() == [["2/5", "2/5"], ["9/10", "7/10"]]


def test_what_is_not_rational_comes_as_floats_with_the_reason():
    e = evaluator(GENERAL, W=[["1/2"]], U=[["1/3"]], b=[1], h=[1], x=[[1], [2]])
    assert e.evaluate(h(e, 2)).exact
    loss = e.evaluate(e.cell.variable("L"))
    assert not loss.exact
    assert "tanh" in loss.statement
    states = [Fraction(1)]
    for x in (1, 2):
        states.append(states[-1] / 2 + Fraction(x, 3) + 1)
    assert float(loss.array) == pytest.approx(sum(np.tanh(float(s)) ** 2 for s in states[1:]), rel=1e-15)


def test_exact_derivatives_agree_with_the_complex_step():
    rng = np.random.default_rng(3)
    values = {name: rng.integers(-6, 7, shape).tolist() for name, shape in (("W", (3, 3)), ("U", (3, 2)), ("b", (3,)))}
    e = evaluator(GENERAL, **values, h=[1, 2, 3], x=[[1, 2], [3, "1/2"], [1, 1], [2, -1]])
    for by in (e.cell.variable("W"), h(e, 0), e.cell.variable("x", Index.of(2))):
        exact = e.total(h(e, 4), by)
        assert exact.exact
        np.testing.assert_allclose(exact.array.astype(float), e.floating.total(h(e, 4), by), rtol=1e-9, atol=1e-6)
    assert np.abs(e.total(h(e, 4), e.cell.variable("W")).array).max() > 0


def test_exact_linear_algebra():
    A = Variable("A", Role.PARAMETER, (Index.of("n"), Index.of("n")))
    cell = read_cell("size n\nparam A[n,n]\nloss L = trace(inv(A)) + det(A)", "cell")
    e = ExactEvaluator(cell, instance_from_values(cell, {"A": [[0, 2, 1], [1, 0, "1/3"], [3, 1, 4]]}))
    inverse, cube = e.evaluate(Inverse(A)), e.evaluate(MatrixPower(A, Index.of(3)))
    assert inverse.exact
    product = np.matmul(inverse.array, e.evaluate(A).array)
    assert (product == RATIONAL.array(np.eye(3))).all()
    back = e.evaluate(b.matmul(MatrixPower(A, Index.of(-3)), MatrixPower(A, Index.of(3))))
    assert (back.array == RATIONAL.array(np.eye(3))).all()
    assert cube.array.shape == (3, 3)
    exact = e.total(cell.variable("L"), A)
    assert exact.exact
    np.testing.assert_allclose(exact.array.astype(float), e.floating.total(cell.variable("L"), A), rtol=1e-12)


def test_dual_numbers():
    x = Dual(Fraction(2), Fraction(1))
    y = 3 / x - (1 - x) * x / 2 + (-x)
    assert (y.value, y.tangent) == (Fraction(1, 2), Fraction(-3, 4) + Fraction(3, 2) - 1)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"W": [[1, 2], [3]]}, "different lengths"),
        ({"W": [["a"]]}, '"a" is not a number'),
        ({"W": [[1, 2]]}, "where n is expected"),
        ({"Q": 1}, 'takes no value "Q"'),
        ({"W": [[1]], "U": [[1]], "x": 3}, "one value per time"),
        ({"W": [[1]], "U": [[1]]}, "number of steps"),
        ({"W": [1]}, "ax"),
    ],
)
def test_numbers_that_do_not_fit(values, message):
    cell = read_cell(GENERAL, "cell")
    with pytest.raises(DataError, match=message):
        instance_from_values(cell, values)


def test_what_is_missing_is_only_missed_when_it_is_needed():
    e = evaluator(GENERAL, W=[["1/2"]], U=[["1/3"]], h=[1], x=[[1], [2]])
    assert e.evaluate(b.matmul(e.cell.variable("W"), h(e, 0))).text() == [["1/2"]]
    with pytest.raises(DataError, match='"b"'):
        e.evaluate(h(e, 1))


def test_labels_stand_for_one_hot_targets():
    text = "size n, K\nparam V[K,n]\ninput x[n]\ntarget y[K] onehot\nloss L = sum(norm2(V @ x[t] - y[t]), t)"
    cell = read_cell(text, "cell")
    values = {"V": [[1, 2], [0, 1], [1, 1]], "x": [[1, 0], [0, 1]]}
    by_label = instance_from_values(cell, {**values, "y": [2, 0]})
    whole = instance_from_values(cell, {**values, "y": [[0, 0, 1], [1, 0, 0]]})
    for t in (1, 2):
        assert (by_label.values["y"][t] == whole.values["y"][t]).all()
    with pytest.raises(DataError, match=r"classes are 0\.\.2"):
        instance_from_values(cell, {**values, "y": [3, 0]})
