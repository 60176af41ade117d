"""Thirty spellings of right answers, none of which may be called wrong; some are shown to be equal by rewriting."""

from __future__ import annotations

import pytest

G = "g[t] = V.T @ (yhat[t] - y[t]) + W.T @ diag(1 - h[t+1]**2) @ g[t+1]\n"
ROW = "lam[t] = (yhat[t] - y[t]).T @ V + lam[t+1] @ diag(1 - h[t+1]**2) @ W\n"
E = "e[t] = yhat[t] - y[t]\n"
INNER = "diag(1 - h[k]**2) @ prod(W.T @ diag(1 - h[j]**2), j, k+1, t, 1) @ V.T @ (yhat[t] - y[t]) @ h[k-1].T"
STEP = "prod(diag(1 - h[j]**2) @ W, j, t, k+1, -1)"

BY_W = [
    G + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)",
    G + "sum(((1 - h[t]**2) * g[t]) @ h[t-1].T, t)",
    G + "sum(diag(tanh'(a[t])) @ g[t] @ h[t-1].T, t)",
    G + "sum(diag(1 - tanh(a[t])**2) @ g[t] @ h[t-1].T, t, 1, tau)",
    G + "sum(h[t-1] @ g[t].T @ diag(1 - h[t]**2), t).T",
    G + "sum((h[t-1] @ (diag(1 - h[t]**2) @ g[t]).T).T, t)",
    G + "D(L, W) = sum(diag(1 - h[s]**2) @ g[s] @ h[s-1].T, s)",
    ROW + "sum(h[t-1] @ lam[t] @ diag(1 - h[t]**2), t)",
    ROW + "sum(h[t-1] @ (lam[t] * (1 - h[t]**2).T), t)",
    E + "g[t] = W.T @ ((1 - h[t+1]**2) * g[t+1]) + V.T @ e[t]\nsum(((1 - h[t]**2) * g[t]) @ h[t-1].T, t)",
    "d[t] = (1 - h[t]**2) * (V.T @ (yhat[t] - y[t]) + W.T @ d[t+1])\nsum(d[t] @ h[t-1].T, t)",
    f"sum(sum({INNER}, k, 1, t), t)",
    f"sum(sum({INNER}, t, k, tau), k, 1, tau)",
    f"sum(sum({INNER}, t, k, tau), k)",
    "sum(diag(1 - h[t]**2) @ D(L, h[t]) @ h[t-1].T, t)",
    "sum(h[t-1] @ D(L, a[t]), t)",
    "sum(D(L, a[t]) @ h[t-1].T, t)",
    "sum(D(L[t], W), t)",
    "sum(sum(D(L[t], h[k]) @ Dplus(h[k], W), k, 1, t), t)",
    "sum(D(L, h[k]) @ Dplus(h[k], W), k, 1, tau)",
    G + "0.5 * sum(2 * (diag(1 - h[t]**2) @ g[t] @ h[t-1].T), t)",
    G + "-sum(-(diag(1 - h[t]**2) @ g[t] @ h[t-1].T), t)",
    G + "D(L, W[i,j]) = sum((1 - h[t][i]**2) * g[t][i] * h[t-1][j], t)",
    G + "g[tau] = V.T @ (yhat[tau] - y[tau])\nsum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)",
    G + "sum(diag(1 - h[t+1]**2) @ g[t+1] @ h[t].T, t, 0, tau-1)",
    r"\sum_{t=1}^{\tau} \delta_t h_{t-1}^\top, \quad"
    r" \delta_t = (1 - h_t^2) \odot (V^\top (\hat y_t - y_t) + W^\top \delta_{t+1})",
]
JACOBIANS = [
    STEP,
    "prod(W.T @ diag(1 - h[j]**2), j, k+1, t, 1)",
    "prod(W.T @ diag(1 - h[j]**2), j, k+1, t, 1).T",
    "prod(diag(tanh'(a[i])) @ W, i, t, k+1, -1)",
    "prod(diag(1 - h[j+1]**2) @ W, j, t-1, k, -1)",
    "D(h[t], h[k])",
    r"\prod_{j=k+1}^{t} W^\top \operatorname{diag}(1 - h_j^2)",
    r"\prod_{j=t}^{k+1} \frac{\partial h_j}{\partial h_{j-1}}",
]


@pytest.mark.parametrize("text", BY_W)
def test_a_spelling_of_the_gradient(judged, text: str) -> None:
    assert judged("elman", "L", "W", text).verdict == "correct"


@pytest.mark.parametrize("text", JACOBIANS)
def test_a_spelling_of_the_jacobian(judged, text: str) -> None:
    assert judged("elman", "h[t]", "h[k]", text).verdict == "correct"


N_COUNTS_STEPS = [
    ("L", "V", r"\sum_{n=1}^{\tau} (\hat y_n - y_n) h_n^\top"),
    ("L", "V", r"\sum_n (\hat y_n - y_n) h_n^\top"),
    ("L", "V", "sum((yhat[n] - y[n]) @ h[n].T, n, 1, tau)"),
    ("L", "V", "sum((yhat[n] - y[n]) @ h[n].T, n)"),
    ("h[t]", "h[k]", r"\prod_{n=t}^{k+1} \operatorname{diag}(1 - h_n^2) W"),
    ("h[t]", "h[k]", "prod(diag(1 - h[n]**2) @ W, n, t, k+1, -1)"),
    (
        "L",
        "W",
        r"\sum_{1 \le m \le n \le \tau} \frac{\partial L_n}{\partial h_n}"
        r"\frac{\partial h_n}{\partial h_m} \frac{\partial^+ h_m}{\partial W}",
    ),
    (
        "L",
        "W",
        r"\sum_{n=1}^{\tau} \operatorname{diag}(1 - h_n^2) \delta_n h_{n-1}^\top, \quad "
        r"\delta_n = V^\top (\hat y_n - y_n) + W^\top \operatorname{diag}(1 - h_{n+1}^2) \delta_{n+1}",
    ),
    (
        "L",
        "W",
        "g[n] = V.T @ (yhat[n] - y[n]) + W.T @ diag(1 - h[n+1]**2) @ g[n+1]\n"
        "sum(diag(1 - h[n]**2) @ g[n] @ h[n-1].T, n)",
    ),
]


@pytest.mark.parametrize(("of", "by", "text"), N_COUNTS_STEPS)
def test_a_bound_letter_hides_the_size_of_that_name(judged, of: str, by: str, text: str) -> None:
    assert judged("elman", of, by, text).verdict == "correct"


def test_a_letter_that_hides_a_size_is_that_size_again_outside_of_the_sum(judged) -> None:
    right = "sum(sum(eye(n) @ (1 - h[n]**2) / n, n, 1, tau) * n, t)"
    assert judged("elman", "L", "W", right).verdict in ("unreadable", "nonconformable")
    mixed = "D(L, W) + (sum(n, n, 1, 3) - 6) * ones(n, n)"
    assert judged("elman", "L", "W", mixed, "denominator").verdict == "correct"


def test_the_length_may_count_in_latex(judged) -> None:
    text = r"\sum_{\tau=1}^{T} (\hat y_\tau - y_\tau) h_\tau^\top"
    assert judged("elman", "L", "V", text, names={"T": "tau"}).verdict == "correct"


CLASSES = [
    r"(\nabla_{o^{(t)}} L)_i = \hat y_i^{(t)} - \mathbf{1}_{i = y^{(t)}}",
    r"\left(\nabla_{o_t} L\right)_i = \frac{\partial L}{\partial o_i^{(t)}} = \hat y_i^{(t)} - \mathbf{1}_{i, y^{(t)}}",
    "yhat_t - y_t",
]


@pytest.mark.parametrize("text", CLASSES)
def test_a_class_as_index_and_print_without_backslashes(judged, text: str) -> None:
    assert judged("elman", "L", "o[t]", text).verdict == "correct"


def test_the_line_for_a_free_time(judged) -> None:
    text = "P[t] = diag(1-h[t]**2) @ W @ P[t-1]; P[k] = eye(n); P[t]"
    assert judged("elman", "h[t]", "h[k]", text).verdict == "correct"
    wrong = judged("elman", "h[t]", "h[k]", text.replace("P[k] = eye(n)", "P[k] = W"))
    assert wrong.verdict == "wrong"


REWRITTEN = [
    ("h[t]", "h[k]", "prod(diag(tanh'(a[i])) @ W, i, t, k+1, -1)"),
    ("h[t]", "h[k]", "prod((W.T @ diag(1 - h[s]**2)).T, s, t, k+1, -1)"),
    ("L", "o[t]", "-y[t].T + yhat[t].T"),
    ("L", "V", "sum((yhat[r] - y[r]) @ h[r].T, r)"),
]


@pytest.mark.parametrize(("of", "by", "text"), REWRITTEN)
def test_equality_by_rewriting(judged, of: str, by: str, text: str) -> None:
    found = judged("elman", of, by, text, explain=True)
    assert found.verdict == "correct"
    assert "derived closed form" in found.proof


def test_nothing_is_proved_of_what_is_wrong(judged) -> None:
    assert judged("elman", "L", "o[t]", "y[t].T - yhat[t].T", explain=True).proof is None
