"""Derivatives on the unrolled graph: what is held fixed, by what one may differentiate, and two methods that agree."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn import cells
from symrnn.errors import DataError, QuestionError
from symrnn.language import Concat, Entry, HStack, Index, Jacobian, Layout, Neg, Slice, Transpose, Vec
from symrnn.language import build as b
from symrnn.language.cell import Start
from symrnn.oracle.compare import relative_error
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell

TWO_LAYERS = """
size n, p, m
param W[n,n], U[n,m], R[p,p], Q[p,n], v[p]
input x[m]
state h[n], g[p]
a[t] = W @ h[t-1] + U @ x[t]
h[t] = tanh(a[t])
g[t] = tanh(R @ g[t-1] + Q @ h[t])
o[t] = v.T @ g[t]
loss L = sum(o[t]**2, t) + norm2(W)
"""

RELU = "param w, u\ninput x\nstate h\nz[t] = w*h[t-1] + u*x[t]\nh[t] = relu(z[t])\nloss L = sum(h[t]**2, t)"


@pytest.fixture(scope="module")
def cell():
    return read_cell(TWO_LAYERS, "cell")


@pytest.fixture(scope="module")
def e(cell):
    return Evaluator(cell, random_instance(cell, 1))


@pytest.fixture(scope="module")
def at(cell):
    return lambda name, time: cell.variable(name, Index.of(time))


def library_cell(name):
    return read_cell(cells.source_text(name), name, heads=cells.head_text)


def test_what_an_immediate_derivative_holds_fixed(cell, e, at):
    W, Q, L = cell.variable("W"), cell.variable("Q"), cell.variable("L")
    tanh_slope = np.diagflat(1 - e.value("h", 3) ** 2)
    np.testing.assert_allclose(e.immediate(at("h", 3), at("h", 2)), tanh_slope @ e.value("W"))
    # The layer above at the same step is computed again, the one a step earlier is not.
    g_slope = np.diagflat(1 - e.value("g", 3) ** 2)
    np.testing.assert_allclose(e.immediate(at("g", 3), at("h", 2)), g_slope @ e.value("Q") @ tanh_slope @ e.value("W"))
    np.testing.assert_allclose(e.immediate(at("g", 3), at("g", 2)), g_slope @ e.value("R"))
    assert np.abs(e.total(at("g", 3), at("h", 2)) - e.immediate(at("g", 3), at("h", 2))).max() > 1e-3
    # Of the loss by a parameter: all states fixed; by a state: the other times fixed.
    np.testing.assert_allclose(e.immediate(L, W), 2 * e.value("W").T)
    assert not e.immediate(L, Q).any()
    o3 = 2 * e.value("o", 3) * e.value("v").T
    np.testing.assert_allclose(e.immediate(L, at("g", 3)), o3, rtol=1e-13)
    np.testing.assert_allclose(e.immediate(L, at("h", 3)), o3 @ g_slope @ e.value("Q"), rtol=1e-13)
    stack = b.concat(at("h", 3), at("g", 3))
    np.testing.assert_allclose(e.immediate(L, stack), np.hstack([np.zeros((1, 3)), o3]), rtol=1e-13)
    # Of what has no state in it by an input: everything later is beyond reach anyway.
    np.testing.assert_allclose(e.immediate(at("h", 3), at("x", 3)), tanh_slope @ e.value("U"))
    assert not e.immediate(at("h", 3), at("x", 2)).any()
    # The same parameter through a variable that is no state.
    np.testing.assert_allclose(e.immediate(at("a", 3), at("h", 2)), e.value("W"))


def test_a_stack_of_two_times_belongs_to_its_later_one():
    """Lag 2: s_t = (h_t; h_{t-1}), ∂⁺s_t/∂W = (∂⁺h_t/∂W; 0), so that Σ_k ∂L/∂s_k ∂⁺s_k/∂W is the gradient."""
    cell = library_cell("lag2")
    e = Evaluator(cell, random_instance(cell, 2))
    loss, weight = cell.variable(cell.loss_name), Vec(cell.variable("W1"))

    def s(time):
        return b.concat(cell.variable("h", Index.of(time)), cell.variable("h", Index.of(time - 1)))

    upper, lower = np.split(e.immediate(s(3), weight), 2)
    np.testing.assert_allclose(upper, e.immediate(cell.variable("h", Index.of(3)), weight))
    assert not lower.any()
    companion = e.immediate(s(3), s(2))
    np.testing.assert_array_equal(companion[3:], np.eye(6)[:3])
    np.testing.assert_allclose(companion, e.total(s(3), s(2)))
    gradient = sum(e.total(loss, s(k)) @ e.immediate(s(k), weight) for k in range(1, 6))
    np.testing.assert_allclose(gradient, e.total(loss, weight), rtol=1e-11)


def test_cutting_at_a_variable_between(cell, e, at):
    """∂L/∂a_2 counts everything later, and what a_2 is computed from does not matter."""
    through = e.total(cell.variable("L"), at("h", 2)) @ np.diagflat(1 - e.value("h", 2) ** 2)
    np.testing.assert_allclose(e.total(cell.variable("L"), at("a", 2)), through, rtol=1e-12)
    assert not e.total(at("a", 2), at("h", 2)).any()
    np.testing.assert_array_equal(e.total(at("a", 2), at("a", 2)), np.eye(3))


def test_entries_blocks_and_stacks_are_parts_of_the_whole(cell, e, at):
    L, W, U = cell.variable("L"), cell.variable("W"), cell.variable("U")
    whole = e.total(L, W)
    number = Index.of
    np.testing.assert_allclose(e.total(L, Entry(W, (number(1), number(2)))), whole[2, 1])
    block = Slice(W, (number(0), number(2)), (number(1), number(3)))
    np.testing.assert_allclose(e.total(L, block), whole[1:3, 0:2])
    np.testing.assert_allclose(e.total(L, Transpose(W)), whole.T)
    np.testing.assert_allclose(e.total(L, Vec(W)), whole.T.reshape(1, -1, order="F"))
    np.testing.assert_allclose(e.total(L, HStack((W, U))), np.vstack([whole, e.total(L, U)]))
    np.testing.assert_allclose(
        e.total(L, Concat((Vec(W), at("x", 2)))), np.hstack([e.total(L, Vec(W)), e.total(L, at("x", 2))])
    )
    symbolic = Entry(W, (number("i"), number("j")))
    np.testing.assert_allclose(e.total(L, symbolic, {"i": 1, "j": 2}), whole[2, 1])
    part = e.total(at("g", 4), Slice(at("h", 2), (number(1), number(3)), None))
    np.testing.assert_allclose(part, e.total(at("g", 4), at("h", 2))[:, 1:])


def test_shapes_in_both_layouts(cell, e, at):
    L, W, x = cell.variable("L"), cell.variable("W"), at("x", 2)
    for of, by in [(L, W), (L, x), (at("g", 4), x), (at("g", 4), W), (at("o", 4), W), (x, x)]:
        numerator, denominator = (e.evaluate(Jacobian(of, by, layout)) for layout in Layout)
        np.testing.assert_array_equal(numerator, denominator.transpose())
        assert numerator.shape == tuple(s.value(e.instance.sizes) for s in Jacobian(of, by, Layout.NUMERATOR).shape)


def test_the_expression_may_be_any(cell, e, at):
    h, x = at("h", 3), at("x", 2)
    node = b.matmul(b.transpose(h), b.apply("exp", h))
    slope = e.total(h, x)
    value = e.value("h", 3)
    expected = (np.exp(value) * (1 + value)).T @ slope
    np.testing.assert_allclose(e.total(node, x), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "of, by, error, message",
    [
        ("L", Neg, QuestionError, "differentiate by a Neg"),
        ("L", lambda W: Entry(W, (Index.of(5), Index.of("n") - 1)), DataError, "leaves an axis"),
    ],
)
def test_by_what_one_cannot_differentiate(cell, e, of, by, error, message):
    with pytest.raises(error, match=message):
        e.total(cell.variable(of), by(cell.variable("W")))


def test_a_time_that_does_not_exist(cell, e, at):
    with pytest.raises(DataError, match=r"h\[9\] is outside the times"):
        e.total(cell.variable("L"), at("h", 9))


def test_inert_derivatives_do_not_nest(cell, e, at):
    inner = Jacobian(cell.variable("L"), at("h", 2), Layout.NUMERATOR)
    with pytest.raises(DataError, match="derivative inside"):
        e.evaluate(Jacobian(inner, at("x", 1), Layout.NUMERATOR))


def test_many_coordinates_are_done_in_pieces(monkeypatch, cell, e):
    whole = e.total(cell.variable("L"), cell.variable("W"))
    monkeypatch.setattr("symrnn.oracle.differentiate.LARGEST_BATCH", 20)
    pieces = Evaluator(cell, e.instance).total(cell.variable("L"), cell.variable("W"))
    np.testing.assert_allclose(pieces, whole, rtol=1e-14)


def test_the_method_fits_the_functions():
    relu, smooth = read_cell(RELU, "relu"), read_cell(RELU.replace("relu", "tanh"), "tanh")
    generic = read_cell("function f = relu\n" + RELU.replace("relu(", "f("), "f")
    for cell, copies in ((relu, 4), (smooth, 1), (generic, 4)):
        e = Evaluator(cell, random_instance(cell, 0))
        assert e.derivatives.step_for(cell.variable("L")).copies == copies
    e = Evaluator(smooth, random_instance(smooth, 0))
    kinked = b.apply("abs", smooth.variable("h", Index.of(2)))
    assert e.derivatives.step_for(kinked).copies == 4
    with pytest.raises(QuestionError, match="no method"):
        Evaluator(smooth, random_instance(smooth, 0), method="simplex")


def test_both_methods_agree_for_relu():
    cell = read_cell(RELU, "relu")
    for seed in range(4):
        instance = random_instance(cell, seed)
        found = [
            Evaluator(cell, instance, method=m).total(cell.variable("L"), cell.variable("w"))
            for m in ("complex", "central")
        ]
        assert relative_error(*found) < 1e-9


@pytest.mark.parametrize("name", cells.names())
def test_complex_step_and_differences_agree_over_the_library(name):
    cell = library_cell(name)
    if cell.loss is None:
        pytest.skip("no loss")
    loss = cell.variable(cell.loss_name)
    instance = random_instance(cell, 3)
    complex_step, central = (Evaluator(cell, instance, method=m) for m in ("complex", "central"))
    asked = [cell.variable(d.name) for d in cell.parameters if not d.timed]
    asked += [cell.variable(s.name, t) for s, t, _ in cell.initial_keys() if s.start != Start.EXPRESSION]
    asked += [cell.variable(d.name, cell.time.first + 1) for d in cell.inputs if d.timed]
    for by in asked:
        found, truth = central.total(loss, by), complex_step.total(loss, by)
        assert relative_error(found, truth) < 1e-7, by


@pytest.mark.parametrize("name", cells.names())
def test_the_adjoint_recursion_holds_in_the_oracles_own_numbers(name):
    """λ_t = ∂⁺L/∂s_t + λ_{t+1} J_{t+1} and ∂L/∂θ = ∂⁺L/∂θ + Σ_t λ_t ∂⁺s_t/∂θ + λ_0 ∂⁺s_0/∂θ tie ∂⁺ to ∂."""
    cell = library_cell(name)
    if cell.loss is None or not cell.states or any(state.lags != (1,) for state in cell.states):
        pytest.skip("a forward recurrence of one step")
    e = Evaluator(cell, random_instance(cell, 5))
    loss = cell.variable(cell.loss_name)
    first, last = (bound.value(e.instance.sizes) for bound in (cell.time.first, cell.time.last))

    def s(time):
        return b.concat(*(Vec(cell.variable(state.name, Index.of(time))) for state in cell.states))

    adjoint = e.immediate(loss, s(last))
    gradient = {d.name: 0.0 for d in cell.parameters if not d.timed}
    for time in range(last, first - 2, -1):
        assert relative_error(adjoint, e.total(loss, s(time))) < 1e-10 or np.abs(adjoint).max() < 1e-13
        for parameter in gradient:
            theta = Vec(cell.variable(parameter))
            gradient[parameter] = gradient[parameter] + adjoint @ e.immediate(s(time), theta)
        if time >= first:
            adjoint = e.immediate(loss, s(time - 1)) + adjoint @ e.immediate(s(time), s(time - 1))
    for parameter, sum_over_time in gradient.items():
        theta = Vec(cell.variable(parameter))
        found = sum_over_time + e.immediate(loss, theta)
        assert relative_error(found, e.total(loss, theta)) < 1e-8, parameter
