"""Verdicts and everything that is filled in beside them."""

from __future__ import annotations

import pytest

from symrnn.reading.cellfile import read_cell

ADJOINT = "g[t] = V.T @ (yhat[t] - y[t]) + W.T @ diag(1 - h[t+1]**2) @ g[t+1]\n"
"""The elman cell's adjoint, a column."""

RIGHT = ADJOINT + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)"


def test_right_without_a_layout_asked_for(judged):
    found = judged("elman", "L", "W", RIGHT)
    assert (found.verdict, found.layout, found.factor, found.first_wrong_tau) == ("correct", "denominator", None, None)
    assert found.error is not None
    assert found.error < 1e-13
    assert [rung.tau for rung in found.ladder] == [1, 2, 3, 4, 5, 6]
    assert len(set(found.sizes.values())) == len(found.sizes)


@pytest.mark.parametrize(
    ("layout", "verdict"), [("numerator", "transposed"), ("denominator", "correct"), (None, "correct")]
)
def test_the_layout_asked_for_decides(judged, layout, verdict):
    found = judged("elman", "L", "W", RIGHT, layout)
    assert (found.verdict, found.layout) == (verdict, "denominator")


def test_a_scalar_is_right_in_both(judged):
    assert judged("scalar_relu", "h[t]", "h[t-1]", "relu'(z[t]) * V").layout == "both"


FACTORS = [
    ("-({})", "negated", "-1"),
    ("2*({})", "scaled", "2"),
    ("-0.5*({})", "scaled", "-1/2"),
    ("1/tau*({})", "scaled", "1/tau"),
    ("-tau*({})", "scaled", "-tau"),
    ("3*K*({})", "scaled", "3*K"),
    ("1/(2*tau)*({})", "scaled", "1/(2*tau)"),
]


@pytest.mark.parametrize(("form", "verdict", "factor"), FACTORS)
def test_constant_factors_and_what_they_are(judged, form, verdict, factor):
    text = ADJOINT + form.format("sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)")
    found = judged("elman", "L", "W", text)
    assert (found.verdict, str(found.factor), found.layout) == (verdict, factor, "denominator")


def test_a_transposed_answer_that_is_negated(judged):
    found = judged("elman", "L", "W", ADJOINT + "-sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)", "numerator")
    assert (found.verdict, found.layout) == ("negated", "denominator")


@pytest.mark.parametrize("window", [0, 1, 2])
def test_truncated_gradients_and_their_window(judged, window):
    inner = "diag(1 - h[k]**2) @ prod(W.T @ diag(1 - h[j]**2), j, k+1, t, 1) @ V.T @ (yhat[t] - y[t]) @ h[k-1].T"
    found = judged("elman", "L", "W", f"sum(sum({inner}, k, max(1, t-{window}), t), t)")
    assert (found.verdict, found.window, found.first_wrong_tau) == ("truncated", window, window + 2)


def test_this_steps_loss_for_the_whole_loss(judged):
    found = judged("elman", "L", "h[t]", "(yhat[t] - y[t]).T @ V")
    assert (found.verdict, found.window) == ("truncated", 0)


def test_a_zero_initial_state(judged):
    found = judged("elman", "L", "W", ADJOINT + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t, 2, tau)")
    assert (found.verdict, found.assumption) == ("assumption", "h[0] = 0")


@pytest.mark.parametrize("declared", ["", " symmetric"])
def test_a_symmetric_matrix(judged, declared):
    cell = read_cell(f"size n\nparam A[n,n]{declared}, x[n]\nloss f = x.T @ A @ x")
    found = judged(cell, "f", "x", "2 * (A @ x)")
    assert (found.verdict, found.assumption, found.layout) == ("assumption", "A symmetric", "denominator")


def test_targets_that_add_up_to_one(judged):
    cell = read_cell("size K\nparam o[K]\ntarget y[K]\nyhat = softmax(o)\nloss f = -y.T @ log(yhat)")
    found = judged(cell, "f", "o", "(yhat - y).T")
    assert (found.verdict, found.assumption) == ("assumption", "1ᵀy = 1")


def test_wrong_and_from_where(judged):
    found = judged("elman", "h[t]", "h[k]", "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1)")
    assert (found.verdict, found.first_wrong_tau) == ("wrong", 3)
    asked = judged("elman", "h[t]", "h[k]", "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1)", "numerator")
    assert asked.verdict == "wrong"


def test_not_conformable(judged):
    text = "W.T @ D(L, h[t+1]) @ diag(1 - h[t+1]**2) + V.T @ D(L, o[t])"
    found = judged("elman", "L", "h[t]", text, "denominator")
    assert found.verdict == "nonconformable"
    assert "n×1" in found.mistake
    assert "n×n" in found.mistake


def test_of_the_wrong_shape(judged):
    found = judged("elman", "L", "W", "sum(h[t], t)")
    assert found.verdict == "wrong"
    assert "n×1" in found.mistake


@pytest.mark.parametrize("text", ["", "foo", "W @", "((((", "\\frac{", "W @ h[t]" + " + h[t]" * 20_000])
def test_not_readable(judged, text):
    found = judged("elman", "L", "W", text)
    assert found.verdict == "unreadable"
    assert found.exit_code == 2


def test_mixed_layouts(judged):
    text = "sum(D(L[t], h[t]) @ D(h[t], h[k]) @ diag(1 - h[k]**2), k, 1, t)"
    right = judged("elman", "L[t]", "b", text)
    assert (right.verdict, right.layout) == ("correct", "numerator")
    found = judged("elman", "h[t]", "h[k]", "prod(W.T @ diag(1 - h[j]**2), j, t, k+1, -1)", "numerator")
    assert found.verdict == "mixed"
    assert "denominator" in found.mistake


ONE_FACTOR = [
    ("h[t]", "h[t-2]", "diag(1 - h[t]**2) @ W @ W.T @ diag(1 - h[t-1]**2)", "numerator", "W.T @ diag(1 - h[t-1]**2)"),
    ("h[t]", "h[t-2]", "W.T @ diag(1-h[t-1]**2) @ diag(1-h[t]**2) @ W", "denominator", "diag(1 - h[t]**2) @ W"),
    (
        "L",
        "h[t]",
        "g[t] = V.T @ (yhat[t] - y[t]) + diag(1 - h[t+1]**2) @ W @ g[t+1]; g[t]",
        "denominator",
        "diag(1 - h[t+1]**2) @ W",
    ),
]


@pytest.mark.parametrize(("of", "by", "text", "layout", "factor"), ONE_FACTOR)
def test_one_evaluated_factor_in_the_other_layout(judged, of, by, text, layout, factor):
    for asked in (layout, None):
        found = judged("elman", of, by, text, asked, explain=True)
        other = {"numerator": "denominator", "denominator": "numerator"}[layout]
        assert (found.verdict, found.layout) == ("mixed", layout)
        assert f"the factor {factor} is in {other} layout, everything else in {layout} layout" in found.mistake
        assert judged("elman", of, by, found.repair, layout).verdict == "correct"


def test_one_term_inside_a_sum_in_the_other_layout(judged):
    gradient = "diag(1 - h[t]**2) @ D(L, h[t]) @ h[t-1].T"
    text = f"sum(0.5 * {gradient} + (0.5 * {gradient}).T, t)"
    found = judged("elman", "L", "W", text, "denominator", explain=True)
    assert (found.verdict, found.layout) == ("mixed", "denominator")
    assert "the term" in found.mistake


def test_a_bare_matrix_is_no_factor_in_another_layout(judged):
    text = "g[t] = V.T @ (yhat[t] - y[t]) + W @ diag(1 - h[t+1]**2) @ g[t+1]; g[t]"
    found = judged("elman", "L", "h[t]", text, "denominator", explain=True)
    assert (found.verdict, found.assumption) == ("assumption", "W symmetric")
    assert "a transpose is missing: W" in found.mistake


READINGS = [
    ("h[t]", "h[k]", r"\prod_{j=k+1}^{t} \operatorname{diag}(\tanh'(h_j)) W", "in terms of its output"),
    ("h[t]", "h[k]", "prod(diag(tanh'(h[j])) @ W, j, t, k+1, -1)", "in terms of the output"),
    (
        "L[t]",
        "W",
        r"\sum_{k=1}^{t} \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial h_k}"
        r" \frac{\partial h_k}{\partial W}",
        "immediate",
    ),
]


@pytest.mark.parametrize(("of", "by", "text", "reading"), READINGS)
def test_the_reading_under_which_it_is_right(judged, of, by, text, reading):
    found = judged("elman", of, by, text)
    assert found.verdict == "correct"
    assert reading in found.reading


def test_an_index_form(judged):
    found = judged("elman", "L", "W", ADJOINT + "D(L, W[i,j]) = sum((1 - h[t][i]**2) * g[t][i] * h[t-1][j], t)")
    assert (found.verdict, found.layout) == ("correct", "both")
    bare = judged("elman", "L", "o[t]", "yhat[t][i] - y[t][i]")
    assert bare.verdict == "correct"


def test_a_single_entry(judged):
    assert judged("elman", "L", "c[1]", "sum(yhat[t][1] - y[t][1], t)").verdict == "correct"
    assert judged("elman", "L", "c[1]", "sum(yhat[t][2] - y[t][2], t)", entries_from=1).verdict == "correct"


def test_other_names(judged):
    text = ADJOINT.replace("W", "R") + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t, 1, T)"
    assert judged("elman", "L", "W", text, names={"T": "tau", "R": "W"}).verdict == "correct"


def test_what_stands_beyond_the_end_is_zero(judged):
    text = "W.T @ diag(1 - h[t+1]**2) @ D(L, h[t+1]) + V.T @ D(L, o[t])"
    assert judged("elman", "L", "h[t]", text, "denominator").verdict == "correct"


def test_endless_formulas_are_stopped(judged):
    for text in ("sum(W @ W, i, 1, 1000000)", "sum(sum(sum((i + j + k)*W, i, 1, 2000), j, 1, 2000), k, 1, 2000)"):
        found = judged("elman", "L", "W", text)
        assert found.verdict == "unreadable"
        assert "too many operations" in found.mistake


LSTM_STEP = """
a = o[t] * (1 - o[t]) * tanh(c[t])
s = o[t] * (1 - tanh(c[t])**2)
gc = diag(ctilde[t] * i[t] * (1 - i[t])) @ U_i + diag(i[t] * (1 - ctilde[t]**2)) @ U_c
p = diag(c[t-1] * f[t] * (1 - f[t])) @ U_f + gc
concat(hcat(diag(a) @ U_o + diag(s) @ p, diag(s * f[t])), hcat(p, diag(f[t])))
"""


def test_a_block_jacobian_with_parts(judged):
    stacks = ("concat(h[t], c[t])", "concat(h[t-1], c[t-1])")
    found = judged("lstm", *stacks, LSTM_STEP, "numerator")
    assert (found.verdict, found.layout) == ("correct", "numerator")
    wrong = judged("lstm", *stacks, LSTM_STEP.replace("diag(s * f[t])", "diag(f[t])"), "numerator")
    assert wrong.verdict == "wrong"


def test_a_vector_by_a_matrix(judged):
    recursion = "J[t] = diag(1 - h[t]**2) @ (kron(h[t-1].T, eye(n)) + W @ J[t-1])\nJ[t]"
    found = judged("elman", "h[t]", "W", recursion)
    assert (found.verdict, found.layout) == ("correct", "numerator")
    assert "column-major" in found.reading
    swapped = recursion.replace("kron(h[t-1].T, eye(n))", "kron(eye(n), h[t-1].T)")
    assert "row-major" in judged("elman", "h[t]", "W", swapped).reading


def test_a_literal_time_leaves_out_shorter_sequences(judged):
    found = judged("elman", "L", "W", "sum(D(L, h[t]) @ Dplus(h[t], W), t, 1, 3)")
    assert found.verdict != "correct"
    assert found.first_wrong_tau == 4
    assert found.to_dict()["ladder"][:2] == [None, None]


def test_inert_derivatives_of_two_layouts_are_mixed(judged):
    text = "D(h[t+1], h[t]).T @ D(h[t], h[t-1])"
    found = judged("elman", "h[t+1]", "h[t-1]", text)
    assert found.verdict == "mixed"
    assert "D(h[t+1], h[t]) in" in found.mistake


def test_a_negated_truncated_answer_is_negated_and_has_its_window(judged):
    found = judged("elman", "L", "h[t]", "-(yhat[t] - y[t]).T @ V")
    assert (found.verdict, found.window) == ("negated", 0)


def test_a_constant_that_is_a_product_of_sizes(judged):
    found = judged("minibatch_rows", "L", "W_out", "sum(S[k].T @ (Y[k]-T[k]), k)", "denominator", explain=True)
    assert (found.verdict, str(found.factor)) == ("scaled", "N*B*K")
    assert "1/(N*B*K) is missing" in found.mistake
    assert judged("minibatch_rows", "L", "W_out", found.repair).verdict == "correct"


def test_an_unknown_name_is_said_before_a_shape(judged):
    found = judged("lstm", "L", "b_f", "sum(D(L,c[t])*c[t-1]*f[t]*(1-f[t]), t) - lam*b_f", "denominator")
    assert found.verdict == "unreadable"
    assert 'nothing declares "lam"' in found.mistake
