"""Whole answers: claims, parts, recursions, cases, chains of equalities, prose between formulas."""

from __future__ import annotations

import pytest

from symrnn.language import Formula, Layout

DELTA = "delta[t] = (1 - h[t]**2) * (V.T @ (yhat[t] - y[t]) + W.T @ delta[t+1])"
LAM = "lam[t] = (yhat[t] - y[t]).T @ V + lam[t+1] @ diag(1 - h[t+1]**2) @ W"
LAM_END = "lam[tau] = (yhat[tau] - y[tau]).T @ V"
CLAIM = "D(L, W) = sum(delta[t] @ h[t-1].T, t)"

ANSWERS = [
    (r"\frac{\partial L}{\partial b} = \sum_t h_t", "D(L, b) = sum(h[t], t)"),
    (r"\nabla_b L = \sum_t h_t", "D(L, b) = sum(h[t], t)"),
    (
        r"\frac{\partial^+ h_t}{\partial h_{t-1}} = \operatorname{diag}(1-h_t^2) W",
        "Dplus(h[t], h[t-1]) = diag(1 - h[t]**2) @ W",
    ),
    (r"\frac{\partial h_t}{\partial h_t} = I", "D(h[t], h[t]) = eye(n)"),
    (r"\frac{\partial L}{\partial W} = 0", "D(L, W) = zeros(n, n)"),
    (r"-\frac{\partial L}{\partial b} = \sum_t h_t^\top", "D(L, b) = -sum(h[t].T, t)"),
    (r"\left(\frac{\partial L}{\partial b}\right)^\top = \sum_t h_t", "D(L, b) = sum(h[t], t).T"),
    (r"\left(\nabla_{o_t} L\right)_i = \hat y_{t,i} - \mathbf{1}_{i = j}", "D(L, o[t][i]) = yhat[t][i] - delta(i, j)"),
    (
        r"\frac{\partial L}{\partial W} = \sum_t \delta_t h_{t-1}^\top, \quad "
        r"\delta_t = (1 - h_t^2) \odot (V^\top(\hat y_t - y_t) + W^\top \delta_{t+1})",
        f"{DELTA}\n{CLAIM}",
    ),
    (
        r"$\frac{\partial L}{\partial W} = \sum_t \delta_t h_{t-1}^\top$, where "
        r"$\delta_t = (1 - h_t^2) \odot (V^\top(\hat y_t - y_t) + W^\top \delta_{t+1})$.",
        f"{DELTA}\n{CLAIM}",
    ),
    (
        r"\[ \frac{\partial L}{\partial W} = \sum_t \delta_t h_{t-1}^\top \qquad\text{where}\qquad "
        r"\delta_t = (1 - h_t^2) \odot (V^\top(\hat y_t - y_t) + W^\top \delta_{t+1}) \]",
        f"{DELTA}\n{CLAIM}",
    ),
    (
        "δₜ = (1 − hₜ²) ⊙ (Vᵀ(ŷₜ − yₜ) + Wᵀ δₜ₊₁)\n∂L/∂W = Σₜ δₜ hₜ₋₁ᵀ",
        f"{DELTA}\n{CLAIM}",
    ),
    (
        r"""
        % the adjoint recursion
        \begin{aligned}
          \lambda_\tau &= (\hat y_\tau - y_\tau)^\top V \\
          \lambda_t &= (\hat y_t - y_t)^\top V  \\
                    &\quad + \lambda_{t+1} \operatorname{diag}(1 - h_{t+1}^2) W \\
          \frac{\partial L}{\partial b} &= \sum_{t=1}^{\tau} \lambda_t \operatorname{diag}(1 - h_t^2)
        \end{aligned}
        """,
        f"{LAM_END}\n{LAM}\nD(L, b) = sum(lam[t] @ diag(1 - h[t]**2), t)",
    ),
    (
        r"""\begin{align*}
        \lambda_t &= \begin{cases} (\hat y_\tau - y_\tau)^\top V & \text{if } t = \tau \\
        (\hat y_t - y_t)^\top V + \lambda_{t+1} \operatorname{diag}(1 - h_{t+1}^2) W & \text{otherwise} \end{cases} \\
        \frac{\partial L}{\partial b} &= \sum_t \lambda_t \operatorname{diag}(1 - h_t^2)
        \end{align*}""",
        f"{LAM_END}\n{LAM}\nD(L, b) = sum(lam[t] @ diag(1 - h[t]**2), t)",
    ),
    (
        r"\lambda_t = (\hat y_t - y_t)^\top V + \lambda_{t+1} \operatorname{diag}(1 - h_{t+1}^2) W, "
        r"\quad t < \tau, \qquad "
        r"\lambda_\tau = (\hat y_\tau - y_\tau)^\top V",
        f"{LAM}\n{LAM_END}\nlam[t]",
    ),
    (r"\delta_t = V^\top (\hat y_t - y_t)", "delta[t] = V.T @ (yhat[t] - y[t])"),
    (r"e = \sum_t h_t, \quad e^\top W", "e = sum(h[t], t)\ne.T @ W"),
    (
        r"\delta^{(t)} = h^{(t)} \odot \delta^{(t+1)} + b, \; \sum_t \delta^{(t)}",
        "delta[t] = h[t]*delta[t+1] + b\nsum(delta[t], t)",
    ),
    (r"\delta(t) = h(t) \odot \delta(t+1) + b; \sum_t \delta(t)", "delta[t] = h[t]*delta[t+1] + b\nsum(delta[t], t)"),
    (r"\delta^o_t = \hat y_t - y_t, \quad V^\top \delta^o_t", "delta_o[t] = yhat[t] - y[t]\nV.T @ delta_o[t]"),
    (r"\delta_{o,t} = \hat y_t - y_t, \quad V^\top \delta_{o,t}", "delta_o[t] = yhat[t] - y[t]\nV.T @ delta_o[t]"),
    (
        r"\bar h_t = V^\top y_t + W^\top \bar h_{t+1}, \; \sum_t \bar h_t",
        "hbar[t] = V.T @ y[t] + W.T @ hbar[t+1]\nsum(hbar[t], t)",
    ),
    (r"dh_t = V^\top y_t + W^\top dh_{t+1}; \sum_t dh_t", "dh[t] = V.T @ y[t] + W.T @ dh[t+1]\nsum(dh[t], t)"),
    (
        r"\delta h_t = V^\top y_t + W^\top \delta h_{t+1}; \sum_t \delta h_t",
        "deltah[t] = V.T @ y[t] + W.T @ deltah[t+1]\nsum(deltah[t], t)",
    ),
    (r"g_k = b + W^\top g_{k+1}; \sum_k g_k", "g[k] = b + W.T @ g[k+1]\nsum(g[k], k, 1, tau)"),
    (r"D_t = \operatorname{diag}(1 - h_t^2), \quad D_t W", "D[t] = diag(1 - h[t]**2)\nD[t] @ W"),
    (r"L = \sum_t L_t, \quad \frac{\partial L}{\partial b} = \sum_t h_t", "L = sum(L[t], t)\nD(L, b) = sum(h[t], t)"),
    (r"\lambda_t^\top = h_t, \quad \lambda_t W", "lam[t] = h[t].T\nlam[t] @ W"),
    (r"\frac{\partial L}{\partial b} &= \sum_t h_t \label{eq:b} \tag{7}\nonumber", "D(L, b) = sum(h[t], t)"),
    (r"\frac{\partial L}{\partial b} \stackrel{!}{=} \underbrace{\sum_t}_{\text{all}} h_t", None),
    (r"\frac{\partial L}{\partial b} = \underbrace{W h_0}_{\text{start}} + b", "D(L, b) = W @ h[0] + b"),
    (r"\frac{\partial L}{\partial b} := b", "D(L, b) = b"),
    (r"\frac{\partial L}{\partial b} = \textcolor{red}{b}", "D(L, b) = b"),
    (r"\nabla_{h_t} L = W^\top \operatorname{diag}(1 - h_{t+1}^2) \nabla_{h_{t+1}} L + V^\top \nabla_{o_t} L",
     "D(L, h[t]) = W.T @ diag(1 - h[t+1]**2) @ D(L, h[t+1]) + V.T @ D(L, o[t])"),
    (r"\frac{\partial h_t}{\partial h_k} = \begin{cases} I & k = t \\ W & k < t \end{cases}",
     "D(h[t], h[k]) = delta(k, t)*eye(n) + (1 - delta(k, t))*W"),
]  # fmt: skip


def _as_written(made: Formula, expected: Formula) -> None:
    assert made.expression == expected.expression
    assert made.parts == expected.parts
    assert (made.of, made.by, made.immediate) == (expected.of, expected.by, expected.immediate)


@pytest.mark.parametrize(("latex", "text"), [a for a in ANSWERS if a[1]], ids=lambda value: value[:60])
def test_an_answer(latex: str, text: str, read, formula) -> None:
    layout = Layout.DENOMINATOR if r"\nabla_{h_t} L = W" in latex else Layout.NUMERATOR
    _as_written(read(latex, layout=layout)[0].formula, formula(text, layout=layout))


def test_a_chain_of_equalities_is_several_claims(read, formula) -> None:
    latex = r"\frac{\partial L}{\partial b} = \sum_t h_t = b + \sum_t h_t - b = b"
    (reading,) = read(latex)
    texts = ("sum(h[t], t)", "b + sum(h[t], t) - b", "b")
    assert reading.claims == tuple(formula(f"D(L, b) = {text}") for text in texts)
    assert reading.formula == reading.claims[-1]
    pairs = [formula(text).expression for text in texts]
    assert reading.equalities == ((pairs[0], pairs[1]), (pairs[1], pairs[2]))


def test_several_claims_keep_their_order(read, formula) -> None:
    latex = (
        r"\frac{\partial L}{\partial b} = b \\ \frac{\partial L}{\partial c} = c \\ \frac{\partial L}{\partial W} = W"
    )
    (reading,) = read(latex)
    assert reading.claims == tuple(formula(f"D(L, {name}) = {name}") for name in ("b", "c", "W"))
    assert reading.formula == reading.claims[-1]


def test_a_chain_of_a_part(read, formula) -> None:
    (reading,) = read(r"\delta_t = b + h_t = h_t + b, \quad \sum_t \delta_t")
    assert reading.formula == formula("delta[t] = h[t] + b\nsum(delta[t], t)")
    assert reading.equalities == ((formula("b + h[t]").expression, formula("h[t] + b").expression),)


def test_a_wrapped_line_is_read_both_ways(read, formula) -> None:
    """Behind a definition a line of its own uses it, behind a claim it goes on with it."""
    parts = read("\\delta_t = W\nh_t^\\top \\delta_t")
    assert parts[0].formula == formula("delta[t] = W\nh[t].T @ delta[t]")
    first, other = read("\\frac{\\partial L}{\\partial b} = \\sum_t W\nh_t")
    assert first.formula == formula("D(L, b) = sum(W @ h[t], t)")
    assert other.formula == formula("h[t]")
    assert first.choices[0][0] == other.choices[0][0] == "plain line breaks"


RANGES = [
    r", \quad t = 1, \dots, \tau",
    r" \quad \text{for } t = 1, \ldots, \tau",
    r" \text{ for all } t",
    r" \quad \forall t",
    r" \quad \forall t \in \{1, \dots, \tau\}",
    r", \quad 1 \le t \le \tau",
    r" \qquad (t \ge 1)",
    r" \text{ for } t = \tau, \tau - 1, \dots, 1",
    r" \qquad (10.21)",
    r". \tag{3}",
    r" \\",
]


@pytest.mark.parametrize("said", RANGES)
def test_what_is_said_about_times_changes_nothing(said: str, read, formula) -> None:
    (reading,) = read(r"\delta_t = h_t \odot b" + said)
    assert reading.formula == formula("delta[t] = h[t] * b")
    (claim,) = read(r"\frac{\partial L}{\partial b} = \sum_t h_t" + said)
    assert claim.formula == formula("D(L, b) = sum(h[t], t)")


def test_one_of_the_lstms_adjoints(read, formula) -> None:
    latex = r"""
    \delta h_t = h^{(1)}_t{}^\top V_1 + \delta f_{t+1} U_f, \quad
    \delta c_t = \delta h_t \odot o_t^\top \odot (1 - \tanh^2(c_t))^\top + \delta c_{t+1} \odot f_{t+1}^\top, \quad
    \delta f_t = \delta c_t \odot c_{t-1}^\top \odot (f_t \odot (1 - f_t))^\top \\
    \frac{\partial L}{\partial U_f} = \sum_t h_{t-1} \delta f_t
    """
    text = """
    deltah[t] = h1[t].T @ V1 + deltaf[t+1] @ U_f
    deltac[t] = deltah[t] * o[t].T * (1 - tanh(c[t])**2).T + deltac[t+1] * f[t+1].T
    deltaf[t] = deltac[t] * c[t-1].T * (f[t] * (1 - f[t])).T
    D(L, U_f) = sum(h[t-1] @ deltaf[t], t)
    """
    found = read(latex, "lstm")[0].formula
    assert found == formula(text, "lstm")
    assert all(part.expression.is_row for part in found.parts)


def test_greffs_backward_pass(read, formula) -> None:
    latex = r"""
    \begin{align}
    \delta\mathbf{h}^t &= U_f^T \delta\mathbf{f}^{t+1} + h^t \\
    \delta\mathbf{c}^t &= \delta\mathbf{h}^t \odot \mathbf{o}^t \odot \tanh'(\mathbf{c}^t)
      + \delta\mathbf{c}^{t+1}\odot\mathbf{f}^{t+1} \\
    \delta\mathbf{f}^t &= \delta\mathbf{c}^t \odot \mathbf{c}^{t-1} \odot \sigma'(f^t) \\
    \delta W_f &= \sum_{t=1}^{\tau} \delta\mathbf{f}^t {x^t}^T
    \end{align}
    """
    text = """
    deltah[t] = U_f.T @ deltaf[t+1] + h[t]
    deltac[t] = deltah[t] * o[t] * tanh'(c[t]) + deltac[t+1] * f[t+1]
    deltaf[t] = deltac[t] * c[t-1] * sigmoid'(f[t])
    sum(deltaf[t] @ x[t].T, t, 1, tau)
    """
    found = read(latex, "lstm")[0].formula
    assert (found.expression, found.parts) == (formula(text, "lstm").expression, formula(text, "lstm").parts)
