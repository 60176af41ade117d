"""The plain RNN, whose numbers and derivatives are written out here by hand."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn.errors import DataError
from symrnn.language import (
    ONE,
    Entry,
    Formula,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Part,
    Role,
    Variable,
)
from symrnn.language import build as b
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator

NUM, DEN = Layout.NUMERATOR, Layout.DENOMINATOR
T, J, K = Index.of("t"), Index.of("j"), Index.of("k")


def loss_by_hand(instance, **changed):
    p = {**instance.values, "h0": instance.initial["h[0]"], **changed}
    h, total, states = p["h0"], 0.0, []
    for t in range(1, instance.sizes["tau"] + 1):
        h = np.tanh(p["b"] + p["W"] @ h + p["U"] @ p["x"][t])
        o = p["c"] + p["V"] @ h
        total = total - (p["y"][t].T @ (o - np.log(np.exp(o).sum()))).item()
        states.append(h)
    return total, states


def gradient_by_hand(instance, name):
    """dL/dparameter in the parameter's own shape, by backpropagation written out."""
    v, tau = instance.values, instance.sizes["tau"]
    hs = [instance.initial["h[0]"], *loss_by_hand(instance)[1]]
    grads = {k: np.zeros_like(v[k]) for k in "UWVbc"}
    g = np.zeros_like(hs[0])
    for t in range(tau, 0, -1):
        o = v["c"] + v["V"] @ hs[t]
        e = np.exp(o) / np.exp(o).sum() - v["y"][t]
        grads["V"] += e @ hs[t].T
        grads["c"] += e
        delta = (1 - hs[t] ** 2) * (v["V"].T @ e + g)
        grads["W"] += delta @ hs[t - 1].T
        grads["U"] += delta @ v["x"][t].T
        grads["b"] += delta
        g = v["W"].T @ delta
    grads["h0"] = g
    return grads[name]


@pytest.fixture(params=[0, 1, 2])
def instance(elman, request):
    return random_instance(elman, request.param)


@pytest.fixture
def evaluator(elman, instance):
    return Evaluator(elman, instance)


class Names:
    """The cell's variables, in formulas."""

    def __init__(self, cell):
        self.cell = cell

    def __getattr__(self, name):
        cell = self.cell
        timed = name in cell.equation or (name in cell.declaration and cell.declaration[name].timed)
        return (lambda time: cell.variable(name, Index.of(time))) if timed else cell.variable(name)


@pytest.fixture
def v(elman):
    return Names(elman)


def test_simulation_is_the_cell(evaluator, instance):
    total, states = loss_by_hand(instance)
    assert evaluator.value("L").item() == pytest.approx(total, rel=1e-14)
    np.testing.assert_allclose(evaluator.value("h", 5), states[-1], rtol=1e-14)


@pytest.mark.parametrize("name", [*"UWVbc", "h0"])
@pytest.mark.parametrize("method, error", [("complex", 1e-14), ("central", 1e-9)])
def test_derivatives_of_the_loss(elman, instance, v, name, method, error):
    by = v.h(0) if name == "h0" else elman.variable(name)
    found = Evaluator(elman, instance, method=method).total(elman.variable("L"), by)
    truth = gradient_by_hand(instance, name)
    assert found.shape == truth.shape[::-1]
    assert np.abs(found.T - truth).max() / np.abs(truth).max() < error


def slope(v, t):
    return b.diag(b.subtract(ONE, b.power(v.h(t), 2)))


def adjoint_terms(v):
    return b.matmul(b.transpose(b.subtract(v.yhat(T), v.y(T))), v.V)


def closed(v, step=-1):
    first, last = (T, K + 1) if step == -1 else (K + 1, T)
    chain = b.product_over(b.matmul(slope(v, J), v.W), "j", first, last, step)
    inner = b.sum_over(b.matmul(v.h(K - 1), adjoint_terms(v), chain, slope(v, K)), "k", 1, "t")
    return b.sum_over(inner, "t", 1, "tau")


def recursion(v):
    def g(time):
        return Variable("g", Role.PART, (Index.of(1), Index.of("n")), Index.of(time))

    line = b.add(adjoint_terms(v), b.matmul(g(T + 1), slope(v, T + 1), v.W))
    return Formula(b.sum_over(b.matmul(v.h(T - 1), g(T), slope(v, T)), "t", 1, "tau"), (Part("g", T, line),))


def chain_rule(v, layout):
    factors = [
        Jacobian(v.L(T), v.o(T), layout),
        Jacobian(v.o(T), v.h(T), layout),
        Jacobian(v.h(T), v.h(K), layout),
        ImmediateJacobian(v.h(K), v.W, layout),
    ]
    product = b.matmul(*(factors if layout is NUM else factors[::-1]))
    return b.sum_over(b.sum_over(product, "k", 1, "t"), "t", 1, "tau")


def test_closed_form_recursion_and_chain(evaluator, instance, v):
    truth = gradient_by_hand(instance, "W")
    for formula in (closed(v), recursion(v), chain_rule(v, NUM)):
        np.testing.assert_allclose(evaluator.evaluate(formula).T, truth, rtol=0, atol=1e-14)
    np.testing.assert_allclose(evaluator.evaluate(chain_rule(v, DEN)), truth, rtol=0, atol=1e-14)


def test_the_wrong_order_of_a_product_is_another_number(evaluator, instance, v):
    truth = gradient_by_hand(instance, "W")
    assert np.abs(evaluator.evaluate(closed(v, step=1)).T - truth).max() > 1e-3


def test_index_form(evaluator, instance, v):
    truth = gradient_by_hand(instance, "W")
    i, j, l, q = map(Index.of, "ijlq")
    e = b.subtract(v.yhat(T), v.y(T))
    chain = b.product_over(b.matmul(slope(v, Index.of("s")), v.W), "s", T, K + 1, -1)
    term = b.times(
        Entry(e, (l,)),
        Entry(v.V, (l, q)),
        Entry(chain, (q, i)),
        b.subtract(ONE, b.power(Entry(v.h(K), (i,)), 2)),
        Entry(v.h(K - 1), (j,)),
    )
    form = b.sum_over(b.sum_over(term, "k", 1, "t"), "t", 1, "tau")
    np.testing.assert_allclose(evaluator.evaluate_index_form(form, ["i", "j"]), truth, rtol=0, atol=1e-14)
    np.testing.assert_allclose(evaluator.evaluate_index_form(form, ["j", "i"]), truth.T, rtol=0, atol=1e-14)


def test_index_form_of_inert_derivatives(evaluator, elman, v):
    i, j, l = map(Index.of, "ijl")
    L, h = elman.variable("L"), v.h(T)
    by_entries = b.times(Jacobian(Entry(h, (l,)), Entry(v.W, (i, j)), NUM), Jacobian(L, Entry(h, (l,)), NUM))
    whole = evaluator.evaluate(b.matmul(Jacobian(L, h, NUM), Jacobian(h, v.W, NUM)), {"t": 3})
    found = evaluator.evaluate_index_form(by_entries, ["i", "j"], {"t": 3})
    np.testing.assert_allclose(found, whole.T, rtol=1e-13)
    for layout in (NUM, DEN):
        third = b.times(Entry(Jacobian(h, v.W, layout), (l, i, j)), Jacobian(L, Entry(h, (l,)), NUM))
        np.testing.assert_allclose(evaluator.evaluate_index_form(third, ["i", "j"], {"t": 3}), found, rtol=1e-13)


def test_the_derivative_by_a_state_has_all_future_terms(evaluator, instance, elman, v):
    whole = evaluator.total(elman.variable("L"), v.h(2))
    own = evaluator.total(v.L(2), v.h(2))
    future = sum(evaluator.total(v.L(s), v.h(2)) for s in range(3, 6))
    np.testing.assert_allclose(whole, own + future, rtol=1e-13)
    assert np.abs(future).max() > 1e-2
    np.testing.assert_allclose(evaluator.immediate(elman.variable("L"), v.h(2)), own, rtol=1e-13)


def test_what_came_before_does_not_depend_on_it(evaluator, v):
    assert not evaluator.total(v.h(2), v.h(3)).any()
    np.testing.assert_array_equal(evaluator.total(v.h(3), v.h(3)), np.eye(3))


def test_immediate_and_total_differ(evaluator, instance, v):
    found = evaluator.immediate(v.h(3), v.W)
    states = loss_by_hand(instance)[1]
    expected = np.einsum("ab,ac->abc", np.diagflat(1 - states[2] ** 2), np.ones((3, 1)) @ states[1].T)
    np.testing.assert_allclose(found, expected.swapaxes(1, 2), atol=1e-15)
    assert np.abs(evaluator.total(v.h(3), v.W) - found).max() > 1e-2


def test_outside_the_times_is_an_error(evaluator, v):
    with pytest.raises(DataError, match=r"h\[6\] is outside the times 1\.\.5"):
        evaluator.evaluate(v.h(T), {"t": 6})
    with pytest.raises(DataError, match="no value was given for t"):
        evaluator.evaluate(v.h(T))
