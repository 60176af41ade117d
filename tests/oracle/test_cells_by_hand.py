"""Cells written out in NumPy and in torch: the simulation, and the derivatives by a third road."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from symrnn.language import Index
from symrnn.language import build as b
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell

LSTM = """
size n, m
param W_f[n,m], U_f[n,n], b_f[n], W_i[n,m], U_i[n,n], b_i[n]
param W_c[n,m], U_c[n,n], b_c[n], W_o[n,m], U_o[n,n], b_o[n], p[n]
input x[m]
target y[n]
state h[n], c[n]
f[t] = sigmoid(W_f @ x[t] + U_f @ h[t-1] + b_f)
i[t] = sigmoid(W_i @ x[t] + U_i @ h[t-1] + b_i)
g[t] = tanh(W_c @ x[t] + U_c @ h[t-1] + b_c)
h[t] = o[t] * tanh(c[t])
o[t] = sigmoid(W_o @ x[t] + U_o @ h[t-1] + p * c[t] + b_o)
c[t] = f[t] * c[t-1] + i[t] * g[t]
loss L = mean(norm2(h[t] - y[t]), t)
"""

BOTH_WAYS = """
size n, p, m
param W[n,n], U[n,m], R[p,p], Q[p,m], v[n+p]
input x[m]
state h[n], r[p] learned
h[t] = tanh(W @ h[t-1] + U @ x[t])
r[t] = tanh(R @ r[t+1] + Q @ x[t])
s[t] = v.T @ concat(h[t], r[t])
pool = sum(s[t], t)/tau
loss L = pool**2 + sum(s[t]**3, t, 2, tau)
"""

LAG2 = """
size n, m
param A[n,n], B[n,n], U[n,m]
input x[m]
state h[n]
time t = 0..N-1
h[t] = tanh(A @ h[t-1] + B @ h[t-2] + U @ x[t])
loss L = 0.5*norm2(h[N-1]) + sum(h[t].T @ h[t-1], t)
"""


def sigmoid(lib: ModuleType, x):
    return 1 / (1 + lib.exp(-x))


def lstm(lib, w, tau):
    h, c, loss = w["h[0]"], w["c[0]"], 0
    for t in range(1, tau + 1):
        gate = {k: w[f"W_{k}"] @ w["x"][t] + w[f"U_{k}"] @ h + w[f"b_{k}"] for k in "fico"}
        c = sigmoid(lib, gate["f"]) * c + sigmoid(lib, gate["i"]) * lib.tanh(gate["c"])
        h = sigmoid(lib, gate["o"] + w["p"] * c) * lib.tanh(c)
        loss = loss + ((h - w["y"][t]) ** 2).sum() / tau
    return loss


def both_ways(lib, w, tau):
    hs, rs = {0: w["h[0]"]}, {tau + 1: w["r[tau+1]"]}
    for t in range(1, tau + 1):
        hs[t] = lib.tanh(w["W"] @ hs[t - 1] + w["U"] @ w["x"][t])
    for t in range(tau, 0, -1):
        rs[t] = lib.tanh(w["R"] @ rs[t + 1] + w["Q"] @ w["x"][t])
    n = len(hs[0])
    s = {t: (w["v"][:n] * hs[t]).sum() + (w["v"][n:] * rs[t]).sum() for t in range(1, tau + 1)}
    return (sum(s.values()) / tau) ** 2 + sum(s[t] ** 3 for t in range(2, tau + 1))


def lag2(lib, w, tau):
    hs, loss = [w["h[-2]"], w["h[-1]"]], 0
    for t in range(tau):
        hs.append(lib.tanh(w["A"] @ hs[-1] + w["B"] @ hs[-2] + w["U"] @ w["x"][t]))
        loss = loss + (hs[-1] * hs[-2]).sum()
    return loss + 0.5 * (hs[-1] ** 2).sum()


CASES = {"lstm": (LSTM, lstm), "both ways": (BOTH_WAYS, both_ways), "lag 2": (LAG2, lag2)}


@pytest.fixture(params=CASES)
def case(request):
    text, by_hand = CASES[request.param]
    cell = read_cell(text, "cell")
    instance = random_instance(cell, 7)
    tau = instance.sizes.get("tau") or instance.sizes["N"]
    return cell, instance, by_hand, tau


def leaves(instance, convert):
    values = {
        name: {t: convert(v) for t, v in value.items()} if isinstance(value, dict) else convert(value)
        for name, value in instance.values.items()
    }
    return {**values, **{key: convert(v) for key, v in instance.initial.items()}}


def test_the_simulation(case):
    cell, instance, by_hand, tau = case
    expected = by_hand(np, leaves(instance, np.asarray), tau)
    assert Evaluator(cell, instance).value("L").item() == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("method, tolerance", [("complex", 1e-13), ("central", 1e-8)])
def test_the_derivatives_agree_with_torch(case, method, tolerance):
    torch = pytest.importorskip("torch")
    cell, instance, by_hand, tau = case
    given = leaves(instance, lambda a: torch.tensor(a, dtype=torch.float64, requires_grad=True))
    by_hand(torch, given, tau).backward()
    evaluator = Evaluator(cell, instance, method=method)
    loss = cell.variable("L")
    for name, leaf in given.items():
        for time, tensor in leaf.items() if isinstance(leaf, dict) else [(None, leaf)]:
            if "[" in name:
                state, key = name.rstrip("]").split("[")
                by = cell.variable(state, {"tau+1": Index.of("tau") + 1}.get(key) or Index.of(int(key)))
            else:
                by = cell.variable(name, None if time is None else Index.of(time))
            truth = tensor.grad.numpy()
            error = np.abs(evaluator.total(loss, by).T - truth).max() / np.abs(truth).max()
            assert error < tolerance, name


def test_a_stack_keeps_its_components_apart():
    """∂(h_t; c_t)/∂(h_{t−1}; c_{t−1}): the c-by-c block is diag(f_t), while ∂L/∂c_t alone goes through h_t too."""
    cell = read_cell(LSTM.replace("+ p * c[t]", "+ p"), "cell")
    e = Evaluator(cell, random_instance(cell, 1))

    def at(name, time):
        return cell.variable(name, Index.of(time))

    now, before = b.concat(at("h", 3), at("c", 3)), b.concat(at("h", 2), at("c", 2))
    jacobian = e.total(now, before)
    f, o, c = e.value("f", 3), e.value("o", 3), e.value("c", 3)
    n = len(f)
    np.testing.assert_allclose(jacobian[n:, n:], np.diagflat(f), atol=1e-15)
    np.testing.assert_allclose(jacobian[:n, n:], np.diagflat(o * (1 - np.tanh(c) ** 2) * f), atol=1e-15)
    np.testing.assert_allclose(e.immediate(now, before), jacobian, atol=1e-15)
    alone = e.total(cell.variable("L"), at("c", 3))
    stacked = e.total(cell.variable("L"), b.concat(at("h", 3), at("c", 3)))
    by_h = e.total(cell.variable("L"), at("h", 3))
    np.testing.assert_allclose(stacked[:, :n], by_h, atol=1e-15)
    through_h = by_h @ np.diagflat(o * (1 - np.tanh(c) ** 2))
    np.testing.assert_allclose(alone, stacked[:, n:] + through_h, atol=1e-15)


def test_the_adjoint_of_the_stack_gives_every_gradient():
    """λ_t = ∂⁺L/∂s_t + λ_{t+1} J_{t+1}, ∂L/∂θ = ∂⁺L/∂θ + Σ λ_t ∂⁺s_t/∂θ, all in the oracle's own numbers."""
    cell = read_cell(LSTM, "cell")
    e = Evaluator(cell, random_instance(cell, 2))
    loss = cell.variable("L")

    def s(time):
        return b.concat(cell.variable("h", Index.of(time)), cell.variable("c", Index.of(time)))

    adjoint = e.immediate(loss, s(5))
    gradient = 0
    for t in range(5, 0, -1):
        np.testing.assert_allclose(adjoint, e.total(loss, s(t)), atol=1e-14)
        gradient = gradient + np.einsum("an,nqp->qp", adjoint, e.immediate(s(t), cell.variable("U_f")))
        adjoint = e.immediate(loss, s(t - 1)) + adjoint @ e.immediate(s(t), s(t - 1))
    gradient = gradient + e.immediate(loss, cell.variable("U_f"))
    np.testing.assert_allclose(gradient, e.total(loss, cell.variable("U_f")), atol=1e-14)
