"""Inert derivatives, sums and products as they are printed, and everything that print leaves open."""

from __future__ import annotations

import pytest

from symrnn.language import Layout
from symrnn.reading.latex_reader import MAX_READINGS

DERIVATIVES = [
    (r"\frac{\partial L}{\partial W}", "D(L, W)"),
    (r"\frac{\partial L_t}{\partial h_t}", "D(L[t], h[t])"),
    (r"\frac{dL}{dW}", "D(L, W)"),
    (r"\frac{\mathrm{d} h_t}{\mathrm{d} h_{t-1}}", "D(h[t], h[t-1])"),
    (r"\frac{\text{d}L}{\text{d}W}", "D(L, W)"),
    (r"\partial L / \partial W", "D(L, W)"),
    ("∂L/∂W", "D(L, W)"),
    ("∂hₜ/∂hₜ₋₁", "D(h[t], h[t-1])"),
    ("dL/dW", "D(L, W)"),
    (r"\frac{\partial}{\partial W} L", "D(L, W)"),
    (r"\frac{\partial}{\partial h_t}\left(W h_t\right)", "D(W @ h[t], h[t])"),
    (r"\nabla_W L", "D(L, W)"),
    (r"\nabla_{h_t} L", "D(L, h[t])"),
    (r"\nabla_{h^{(t)}} L", "D(L, h[t])"),
    (r"(\nabla_{o_t} L)^\top", "D(L, o[t]).T"),
    (r"\partial_W L", "D(L, W)"),
    (r"\frac{\partial^{+} h_k}{\partial W}", "Dplus(h[k], W)"),
    (r"\frac{\partial^+ h_k}{\partial W}", "Dplus(h[k], W)"),
    (r"\frac{\partial^+ h_k}{\partial^+ W}", "Dplus(h[k], W)"),
    (r"\frac{\bar\partial h_k}{\partial W}", "Dplus(h[k], W)"),
    (r"\frac{\partial^{*} h_k}{\partial W}", "Dplus(h[k], W)"),
    ("∂⁺h_k/∂W", "Dplus(h[k], W)"),
    (r"\frac{\partial L}{\partial W_{ij}}", "D(L, W[i,j])"),
    (r"\frac{\partial h_{t,i}}{\partial W_{lj}}", "D(h[t][i], W[l,j])"),
    (r"\frac{\partial [h_t; x_t]}{\partial h_{t-1}}", "D(concat(h[t], x[t]), h[t-1])"),
    (r"\frac{\partial h_t}{\partial \operatorname{vec}(W)}", "D(h[t], vec(W))"),
    (
        r"\frac{\partial L}{\partial o_1}\frac{\partial o_1}{\partial h_0}\frac{\partial^+ h_0}{\partial W}",
        "D(L, o[1]) @ D(o[1], h[0]) @ Dplus(h[0], W)",
    ),
    (
        r"\frac{\partial L}{\partial o_1} \cdot \frac{\partial o_1}{\partial h_0} \cdot"
        r"\frac{\partial^+ h_0}{\partial W}",
        "D(L, o[1]) @ D(o[1], h[0]) @ Dplus(h[0], W)",
    ),
]

BINDERS = [
    (r"\sum_{t=1}^{\tau} b h_t^\top", "sum(b @ h[t].T, t, 1, tau)"),
    (r"\sum_t b h_t^\top", "sum(b @ h[t].T, t, 1, tau)"),
    (r"\sum\limits_{t=1}^\tau h_t", "sum(h[t], t, 1, tau)"),
    ("Σ_t hₜ", "sum(h[t], t, 1, tau)"),
    ("∑ₜ hₜ", "sum(h[t], t, 1, tau)"),
    (r"\sum_{t=1}^{\tau}\sum_{k=1}^{t} W^{t-k} h_k", "sum(sum(matrix_power(W, t-k) @ h[k], k, 1, t), t, 1, tau)"),
    (r"\sum_{i=t}^{1} h_i", "sum(h[i], i, 1, t)"),
    (r"\sum_{i=3}^{1} h_i", "sum(h[i], i, 1, 3)"),
    (r"\sum_{k=t+1}^{\tau} h_k", "sum(h[k], k, t+1, tau)"),
    (r"\sum_{k\le t} h_k", "sum(h[k], k, 1, t)"),
    (r"\sum_{k<t} h_k", "sum(h[k], k, 1, t-1)"),
    (r"\sum_{k \geq t} h_k", "sum(h[k], k, t, tau)"),
    (r"\sum_{1 \le k \le t} h_k", "sum(h[k], k, 1, t)"),
    (r"\sum_{k=1,\dots,t} h_k", "sum(h[k], k, 1, t)"),
    (r"\sum_{\substack{t}} h_t", "sum(h[t], t, 1, tau)"),
    (r"\sum_{t} h_t + b", "sum(h[t], t, 1, tau) + b"),
    (r"b + \sum_{t} h_t", "b + sum(h[t], t, 1, tau)"),
    (r"\sum_t \left( h_t + b \right)", "sum(h[t] + b, t, 1, tau)"),
    (r"W \sum_t h_t \odot b", "W @ sum(h[t] * b, t, 1, tau)"),
    (r"\sum_{i \neq j} W_{ij}", "sum((1 - delta(i, j)) * W[i,j], i, 0, n-1)"),
    (r"\prod_{j=t}^{k+1} \operatorname{diag}(1 - h_j^2) W", "prod(diag(1 - h[j]**2) @ W, j, t, k+1, -1)"),
    (r"\prod_{j=k+1}^{t} \operatorname{diag}(1 - h_j^2) W", "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1)"),
    (r"\prod_{t \ge j > k} \operatorname{diag}(h_j) W", "prod(diag(h[j]) @ W, j, t, k+1, -1)"),
    (r"\prod_{k < j \le t} \operatorname{diag}(h_j) W", "prod(diag(h[j]) @ W, j, k+1, t, 1)"),
    (
        r"\left(\prod_{j=t}^{k+1} \frac{\partial h_j}{\partial h_{j-1}}\right) h_k",
        "prod(D(h[j], h[j-1]), j, t, k+1, -1) @ h[k]",
    ),
    (r"\bigodot_{j=k+1}^{t} h_j", "hprod(h[j], j, k+1, t, 1)"),
    (r"\prod_{j=k+1}^{t} h_j", "hprod(h[j], j, k+1, t, 1)"),
    (
        r"\prod_{j=t}^{k+1} W^\top \operatorname{diag}(h_j)\, V^\top y_t",
        "prod(W.T @ diag(h[j]), j, t, k+1, -1) @ V.T @ y[t]",
    ),
    (
        r"\prod_{j=t}^{k+1} \frac{\partial h_j}{\partial h_{j-1}} \frac{\partial^+ h_k}{\partial W}",
        "prod(D(h[j], h[j-1]), j, t, k+1, -1) @ Dplus(h[k], W)",
    ),
]


@pytest.mark.parametrize(("latex", "text"), DERIVATIVES + BINDERS, ids=lambda value: value)
def test_first_reading(latex: str, text: str, read, formula) -> None:
    assert read(latex)[0].formula == formula(text)


def test_the_layout_is_the_contexts(read, formula) -> None:
    latex = r"\sum_t (\nabla_{o_t} L) h_t^\top"
    first = read(latex, layout=Layout.DENOMINATOR)[0]
    assert first.formula == formula("sum(D(L, o[t]) @ h[t].T, t)", layout=Layout.DENOMINATOR)


OPEN = [
    (
        r"\prod_{j=k+1}^{t} \operatorname{diag}(h_j) W",
        ["prod(diag(h[j]) @ W, j, k+1, t, 1)", "prod(diag(h[j]) @ W, j, t, k+1, -1)"],
    ),
    (r"\tanh'(h_t) \odot b", ["tanh'(h[t]) * b", "(1 - h[t]**2) * b"]),
    (r"\sigma'(h_t) \odot b", ["sigmoid'(h[t]) * b", "h[t] * (1 - h[t]) * b"]),
    (r"h_t \otimes x_t", ["kron(h[t], x[t])", "h[t] @ x[t].T"]),
    (r"h_t \cdot b", ["dot(h[t], b)", "h[t] * b"]),
    (r"\frac{\partial h_t}{\partial W}", ["D(h[t], W)", "Dplus(h[t], W)"]),
    (r"\frac{\partial L}{\partial x_t} W", None),
    (r"\frac{\partial L}{\partial h_t} W", ["D(L, h[t]) @ W", "D(L[t], h[t]) @ W"]),
    (r"1/2 \theta_c", ["1/2 * theta_c", "1/(2*theta_c)"]),
    (r"\tanh \theta_c \theta_c", ["tanh(theta_c*theta_c)", "tanh(theta_c)*theta_c"]),
    (r"W^2", ["matrix_power(W, 2)", "W**2"]),
    (r"\sum_j h_j + b_j", ["sum(h[j], j, 1, tau) + b[j]", None]),
    (r"\sum_j (W_{ij} + W_{ji})", ["sum(W[i,j] + W[j,i], j, 0, n-1)"]),
    (r"b \odot W h_t", ["b * (W @ h[t])"]),
    (r"W \odot W_{hh} W", ["W * (W_hh @ W)", "(W * W_hh) @ W"]),
    (r"[h_t, b]", ["concat(h[t], b)", "hcat(h[t], b)"]),
    (r"|W|", ["det(W)", "abs(W)"]),
]


@pytest.mark.parametrize(("latex", "texts"), [case for case in OPEN if case[1]], ids=lambda value: str(value))
def test_every_reading_is_found(latex: str, texts: list[str | None], read, formula) -> None:
    found = [reading.formula for reading in read(latex)]
    for text in texts:
        if text is not None:
            assert formula(text) in found, text
    assert found[0] == formula(texts[0])
    assert len(set(found)) == len(found)


def test_readings_say_what_was_chosen(read) -> None:
    readings = read(r"\prod_{j=k+1}^{t} \operatorname{diag}(\tanh'(h_j)) W")
    assert (
        readings[0].choices
        == (
            ("tanh′ is the derivative", "by its argument"),
            ("the product in line 1, column 1 takes", "2 factors"),
            ("the product's factors are", "ascending"),
        )
        or dict(readings[0].choices)["the product's factors are"] == "ascending"
    )
    assert {dict(r.choices).get("the product's factors are") for r in readings} == {"ascending", "descending"}
    assert all(r.description for r in readings)


def test_an_unambiguous_formula_has_one_reading(read) -> None:
    (only,) = read(r"\sum_{t=1}^{\tau} \operatorname{diag}(1 - h_t^2) V^\top (\hat y_t - y_t) h_{t-1}^\top")
    assert only.choices == ()


def test_readings_are_bounded(read) -> None:
    open_signs = r"\sigma'(h_t) \otimes \tanh'(h_t) + \exp'(b) \otimes b + W^2 (h_t \otimes h_t)"
    assert 8 < len(read(open_signs.replace("W^2 (h_t", r"(\sigma'(b)"))) <= MAX_READINGS
