"""Formulas as books, papers and exercise texts typeset them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from symrnn.errors import ShapeError
from symrnn.language import Layout
from symrnn.oracle.compare import relative_error
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import load_cell_file, read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.latex_reader import read_latex
from symrnn.reading.scope import Scope

PUBLISHED = Path(__file__).parent.parent / "published"
CASES = tomllib.loads((PUBLISHED / "cases.toml").read_text("utf-8"))["case"]
TYPESET = [
    pytest.param(case, quantity, id=f"{case['id']}-{quantity['name']}")
    for case in CASES
    for quantity in case["quantity"]
    if "latex" in quantity
]


@pytest.mark.parametrize(("case", "quantity"), TYPESET)
def test_a_published_formula(case: dict[str, Any], quantity: dict[str, Any]) -> None:
    cell = load_cell_file(PUBLISHED / "cases" / f"{case['id']}.cell")
    scope, layout = Scope.of(cell), Layout.DENOMINATOR
    if quantity["expect"] == "nonconformable":
        with pytest.raises(ShapeError, match=r"do not multiply|differ"):
            read_latex(quantity["latex"], scope, layout)
        return
    printed = read_latex(quantity["latex"], scope, layout)[0].formula
    text = f"{case.get('parts', '')}\n{quantity['formula']}"
    typed = read_formula(text, scope, layout)
    evaluator = Evaluator(cell, random_instance(cell, 0, None, case.get("tau", 4)))
    times = {"t": 2, **quantity.get("at", {})}
    assert relative_error(evaluator.evaluate(printed, times), evaluator.evaluate(typed, times)) < 1e-10


def test_the_cases_are_there() -> None:
    assert len(TYPESET) >= 15


INCLASS = """
size n, m
param W[n,m], V[n,n], C[m,n], b[n]
input x[m]
state h[n]
time t = 0..N-1
h[t] = relu(W @ x[t] + V @ h[t-1] + b)
o[t] = C @ h[t]
loss L = sum(norm2(x[t+1] - o[t]), t, 0, N-2)
"""

NOTES = """
size n, m, K
param U[n,m], W[n,n], V[K,n]
input x[m]
target y[K] onehot
state s[n] = 0
time t = 0..N-1
s[t] = tanh(U @ x[t] + W @ s[t-1])
q[t] = V @ s[t]
yhat[t] = softmax(q[t])
E[t] = -y[t].T @ log(yhat[t])
loss L = 1/N * sum(E[t], t)
"""

TUM = """
param V, W
input x
state h
z[t] = V*h[t-1] + W*x[t]
h[t] = relu(z[t])
"""

GREFF = """
size n, m
param W_z[n,m], R_z[n,n], W_f[n,m], R_f[n,n], p_f[n], W_o[n,m], R_o[n,n], p_o[n]
input x[m], Delta[n]
state y[n], c[n]
time t = 0..T
zbar[t] = W_z @ x[t] + R_z @ y[t-1]
z[t] = tanh(zbar[t])
fbar[t] = W_f @ x[t] + R_f @ y[t-1] + p_f * c[t-1]
f[t] = sigmoid(fbar[t])
c[t] = z[t] + c[t-1] * f[t]
obar[t] = W_o @ x[t] + R_o @ y[t-1] + p_o * c[t]
o[t] = sigmoid(obar[t])
y[t] = tanh(c[t]) * o[t]
loss L = sum(Delta[t].T @ y[t], t)
"""

EXERCISES = [
    (INCLASS, r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial o_0} \cdot \frac{\partial o_0}{\partial W}",
     "D(L, W) = D(L, o[0]) @ D(o[0], W)"),
    (INCLASS, r"\sum_{i=0}^{N-1}\sum_{j=i+1}^{N-1} \left(\frac{\partial L}{\partial o_j} \cdot \frac{\partial o_j}"
     r"{\partial h_{j-1}} \cdot \prod_{k=j-i}^{j-1}\frac{\partial h_k}{\partial h_{k-1}}\right)",
     "sum(sum(D(L, o[j]) @ D(o[j], h[j-1]) @ prod(D(h[k], h[k-1]), k, j-i, j-1, 1), j, i+1, N-1), i, 0, N-1)"),
    (INCLASS, r"\frac{\partial o_0}{\partial W_{0,0}} = (0, 0)", "D(o[0], W[0,0]) = concat(0, 0)"),
    (NOTES, r"\frac{\partial E_t}{\partial \hat y_{t,k}} = -\frac{y_{t,k}}{\hat y_{t,k}}",
     "D(E[t], yhat[t][k]) = -(y[t][k] / yhat[t][k])"),
    (NOTES, r"\frac{\partial \hat y_k}{\partial q_l} = \begin{cases} -\hat y_k \hat y_l & k \ne l \\ "
     r"\hat y_k (1 - \hat y_k) & k = l \end{cases}",
     "D(yhat[t][k], q[t][l]) = -(1 - delta(k,l))*yhat[t][k]*yhat[t][l]"
     " + (1 - (1 - delta(k,l)))*yhat[t][k]*(1 - yhat[t][k])"),
    (NOTES, r"\frac{\partial E_t}{\partial q_{t,l}} = \hat y_l - y_l", "D(E[t], q[t][l]) = yhat[t][l] - y[t][l]"),
    (NOTES, r"\frac{\partial q_l}{\partial V_{ij}} = \delta_{il} s_j", "D(q[t][l], V[i,j]) = delta(i, l) * s[t][j]"),
    (NOTES, r"\frac{\partial E_t}{\partial V} = (\hat y_t - y_t) \otimes s_t",
     "D(E[t], V) = (yhat[t] - y[t]) @ s[t].T"),
    (NOTES, r"\frac{d s_t}{dW} = \sum_{r=0}^{t} \frac{\partial s_t}{\partial s_r}\frac{\partial s_r}{\partial W}",
     "D(s[t], W) = sum(D(s[t], s[r]) @ Dplus(s[r], W), r, 0, t)"),
    (NOTES, r"L = -\frac{1}{N} \sum_t y_t^\top \log \hat y_t", "-(1/N * sum(y[t].T @ log(yhat[t]), t, 0, N-1))"),
    (TUM, r"\frac{\partial h_t}{\partial V} = h_{t-1} + V \frac{\partial h_{t-1}}{\partial V}",
     "D(h[t], V) = h[t-1] + V*D(h[t-1], V)"),
    (TUM, r"\frac{\partial h_t}{\partial x_\tau} = \mathrm{ReLU}'(z_t)\left(V \frac{\partial h_t}{\partial x_\tau}"
     r" + W \delta_{t\tau}\right)",
     "D(h[t], x[tau]) = relu'(z[t]) * (V*D(h[t], x[tau]) + W*delta(t, tau))"),
    (TUM, r"\frac{\partial h_3}{\partial V} = r_3 h_2 + r_2 V h_1 + r_1 V^2 h_0, \quad r_t = \mathrm{ReLU}'(z_t)",
     "r[t] = relu'(z[t]); D(h[3], V) = r[3]*h[2] + r[2]*V*h[1] + r[1]*V**2*h[0]"),
    (GREFF, r"""\begin{aligned}
        \delta \mathbf{y}^t &= \Delta^t + R_z^T \delta\mathbf{\bar z}^{t+1} + R_f^T \delta\bar{\mathbf{f}}^{t+1} \\
        \delta \bar{\mathbf{f}}^t &= \delta \mathbf{c}^t \odot \mathbf{c}^{t-1} \odot \sigma'(\bar{\mathbf{f}}^t) \\
        \delta \mathbf{c}^t &= \delta \mathbf{y}^t \odot \mathbf{o}^t \odot \tanh'(\mathbf{c}^t)
          + p_f \odot \delta\bar{\mathbf f}^{t+1} + \delta\mathbf c^{t+1} \odot \mathbf f^{t+1} \\
        \delta \bar{\mathbf{z}}^t &= \delta \mathbf{c}^t \odot \tanh'(\bar{\mathbf{z}}^t) \\
        \delta R_f &= \sum_{t=0}^{T-1} \delta\bar{\mathbf f}^{t+1} {\mathbf{y}^t}^T
     \end{aligned}""",
     """deltay[t] = Delta[t] + R_z.T @ deltazbar[t+1] + R_f.T @ deltafbar[t+1]
     deltafbar[t] = deltac[t] * c[t-1] * sigmoid'(fbar[t])
     deltac[t] = deltay[t] * o[t] * tanh'(c[t]) + p_f * deltafbar[t+1] + deltac[t+1] * f[t+1]
     deltazbar[t] = deltac[t] * tanh'(zbar[t])
     sum(deltafbar[t+1] @ y[t].T, t, 0, T-1)"""),
]  # fmt: skip


@pytest.mark.parametrize(("cell_text", "latex", "text"), EXERCISES, ids=lambda value: value[:40])
def test_a_claim_of_an_exercise(cell_text: str, latex: str, text: str) -> None:
    scope = Scope.of(read_cell(cell_text)).with_indices("i", "j", "k", "l")
    found = [reading.formula for reading in read_latex(latex, scope)]
    assert read_formula(text, scope) in found


def test_the_free_letters_of_a_claim_in_index_form() -> None:
    scope = Scope.of(read_cell(NOTES))
    latex = (
        r"\frac{\partial E_t}{\partial W_{ij}} = (\hat y_l - y_l) V_{lm} \sum_{r=0}^{t} "
        r"\frac{\partial s_m}{\partial s_{r,n}} \frac{\partial s_{r,n}}{\partial W_{ij}}"
    )
    first = read_latex(latex, scope)[0].formula
    # m and n are sizes of this cell; as component indices they are other letters.
    text = "(yhat[t][l] - y[t][l]) * V[l,m_1] * sum(D(s[t][m_1], s[r][n_1]) * D(s[r][n_1], W[i,j]), r, 0, t)"
    assert first.expression == read_formula(text, scope.with_indices("m_1", "n_1", "l", "i", "j")).expression
