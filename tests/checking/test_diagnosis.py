"""Planted mistakes, each caught, told apart and repaired."""

from __future__ import annotations

from time import monotonic

import pytest

G = "g[t] = V.T @ (yhat[t] - y[t]) + W.T @ diag(1 - h[t+1]**2) @ g[t+1]\n"
RIGHT = G + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)"
FUTURE = " + W.T @ diag(1 - h[t+1]**2) @ g[t+1]"
CHAIN = "sum(D(L[t], o[t]) @ D(o[t], h[t]) @ D(h[t], h[k]) @ Dplus(h[k], W), k, 1, t)"
WRONG_SIDE = "D(L[t], h[t]) @ W @ diag(1 - h[t]**2)"
PLANTED = [
    ("wrong order", "h[t]", "h[k]", "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1)", "wrong order"),
    ("diag on the wrong side", "L[t]", "h[t-1]", WRONG_SIDE, "diag stands on the wrong side"),
    ("diag of the wrong step", "h[t]", "h[t-1]", "diag(1 - h[t-1]**2) @ W", "diagonal belongs to another step"),
    ("W for its transpose", "L", "W", RIGHT.replace("W.T", "W"), "a transpose is missing: W"),
    ("h_k for h_{k-1}", "L", "W", RIGHT.replace("h[t-1]", "h[t]"), "h[t] stands where h[t-1] belongs"),
    ("total for immediate", "L[t]", "W", CHAIN.replace("Dplus", "D"), "total derivative D(h[k], W)"),
    ("missing k = t term", "L[t]", "W", CHAIN.replace("1, t)", "1, t-1)"), "term k = t is missing"),
    ("missing future terms", "L", "W", RIGHT.replace(FUTURE, ""), "future terms are missing"),
    ("sign", "L", "W", RIGHT.replace("+ W.T", "- W.T"), "the sign of"),
    ("square", "L", "W", RIGHT.replace("h[t]**2", "h[t]"), "a square is missing"),
    ("missing factor", "L", "W", RIGHT.replace("diag(1 - h[t+1]**2) @ ", ""), "factor diag(1 - h[t+1]**2) is missing"),
    ("extra factor", "L", "V", "sum(W @ (yhat[t] - y[t]) @ h[t].T, t)", "n×n and K×1"),
    ("missing sum", "L", "V", "(yhat[t] - y[t]) @ h[t].T", "the sum over t is missing"),
    ("exchanged", "L", "U", RIGHT, "derivative by W, not by U"),
    ("parentheses", "L", "h[t]", "V.T @ yhat[t] - y[t]", "K"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "by", "text", "mistake"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_mistake_is_named(judged, of: str, by: str, text: str, mistake: str) -> None:
    start = monotonic()
    found = judged("elman", of, by, text, explain=True)
    assert found.verdict != "correct"
    assert mistake in found.mistake
    assert monotonic() - start < 20  # 5 s on an idle machine; see benchmarks/


def test_the_missing_mean(judged) -> None:
    found = judged("rnn_notes", "L", "V", "sum((yhat[t] - y[t]) @ s[t].T, t)", explain=True)
    assert (found.verdict, str(found.factor)) == ("scaled", "N")
    assert "1/N is missing" in found.mistake


@pytest.mark.parametrize(
    "planted", [p for p in PLANTED if p[0] not in ("exchanged", "extra factor", "parentheses")], ids=lambda p: p[0]
)
def test_a_repair_is_right_when_it_is_checked(judged, planted) -> None:
    _, of, by, text, _ = planted
    found = judged("elman", of, by, text, explain=True)
    assert found.repair is not None
    assert "^" in found.repair
    assert judged("elman", of, by, found.repair).verdict == "correct"


def test_several_repairs_are_said_to_be_several(judged) -> None:
    found = judged("elman", "L", "W", RIGHT.replace("yhat[t] - y[t]", "y[t] - yhat[t]"), explain=True)
    assert len(found.repairs) > 1
    assert "other changes would make it right" in found.mistake


def test_no_repair_is_said_to_be_none(judged) -> None:
    found = judged("elman", "L", "W", "sum(W @ W, t)", explain=True)
    assert (found.verdict, found.repair) == ("wrong", None)
    assert "no single change" in found.mistake


CLOSED = (
    "sum(sum(diag(1-h[k]**2) @ prod(W.T @ diag(1-h[j]**2), j, k+1, t, 1)"
    " @ V.T @ (yhat[t]-y[t]) @ h[k-1].T, k, 1, t), t)"
)
RECURSION = "g[t] = V.T @ (yhat[t]-y[t]) + W.T @ diag(1-h[t+1]**2) @ g[t+1]; sum(diag(1-h[t]**2) @ g[t] @ x[t].T, t)"


@pytest.mark.parametrize(
    ("by", "right", "changes", "words"),
    [
        ("W", CLOSED, {"(1-h[j]**2)": "(1-h[j-1]**2)", "h[k-1]": "h[k]"}, ("h[k-1] belongs", "h[j] belongs")),
        ("W", CLOSED, {"yhat[t]-y": "yhat[t]+y", "k+1, t, 1)": "t, k+1, -1)"}, ("sign of y[t]", "should ascend")),
        ("U", RECURSION, {"W.T": "W", "x[t]": "x[t-1]"}, ("W.T belongs", "x[t] belongs")),
        ("U", RECURSION, {"W.T": "W", "h[t+1]": "h[t]"}, ("W.T belongs", "h[t+1] belongs")),
    ],
    ids=("two factors", "sign and order", "two lines", "one line twice"),
)
def test_two_mistakes_are_named_together(judged, by, right, changes, words) -> None:
    text = right
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    found = judged("elman", "L", by, text, explain=True)
    assert found.verdict == "wrong"
    assert "two mistakes" in found.mistake
    assert all(word in found.mistake for word in words)
    assert judged("elman", "L", by, found.repair).verdict == "correct"


@pytest.mark.parametrize(
    ("of", "by", "text", "belongs"),
    [
        ("L", "W", CLOSED.replace("1-h[j]**2", "1-h[t]**2"), "h[j]"),
        ("L", "W", CLOSED.replace("h[k-1]", "h[t-1]"), "h[k-1]"),
        ("h[t]", "h[t-1]", "diag(1 - h[1]**2) @ W", "h[t]"),
        ("h[t]", "h[k]", "prod(diag(1 - h[t]*h[t]) @ W, j, t, k+1, -1)", "h[j]*h[j]"),
    ],
    ids=("in a product", "in a sum", "a literal time", "a whole factor"),
)
def test_one_index_for_another(judged, of, by, text, belongs) -> None:
    found = judged("elman", of, by, text, explain=True)
    assert belongs.replace(" ", "") in found.mistake.replace(" ", "")
    assert judged("elman", of, by, found.repair).verdict == "correct"


@pytest.mark.parametrize(
    ("of", "by", "text"),
    [
        ("h[t]", "h[t-1]", "diag(1 - h[t]**2) + W"),
        ("h[t]", "h[k]", "sum(diag(1 - h[j]**2) @ W, j, k+1, t)"),
        ("L", "U", RECURSION.replace("diag(1-h[t]**2) @ g[t]", "(1 - h[t]**2 + g[t])")),
        ("L", "U", RECURSION.replace("diag(1-h[t]**2) @ g[t]", "(diag(1-h[t]**2) + g[t])")),
    ],
    ids=("matrices", "over an index", "columns", "shapes that don't fit"),
)
def test_a_sum_where_a_product_belongs(judged, of, by, text) -> None:
    found = judged("elman", of, by, text, explain=True)
    assert found.repairs[0].kind == "operator"
    assert judged("elman", of, by, found.repair).verdict == "correct"


def test_the_smallest_counterexample(judged) -> None:
    found = judged("elman", "h[t]", "h[k]", "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1)", explain=True)
    example = found.counterexample
    assert example.tau == 3
    assert example.sizes["n"] == 2
    assert (example.times["t"], example.times["k"]) == (3, 1)
    assert len(example.answer) == len(example.right) == 2


def test_what_does_not_multiply_is_repaired_too(judged) -> None:
    text = "W.T @ D(L, h[t+1]) @ diag(1 - h[t+1]**2) + V.T @ D(L, o[t])"
    found = judged("elman", "L", "h[t]", text, "denominator", explain=True)
    assert found.verdict == "nonconformable"
    assert "diag stands on the wrong side" in found.mistake
    assert judged("elman", "L", "h[t]", found.repair, "denominator").verdict == "correct"


def test_json_has_the_pinned_keys(judged) -> None:
    shown = judged("elman", "L", "W", RIGHT.replace("h[t-1]", "h[t]"), explain=True).to_dict()
    pinned = (
        "verdict layout factor window reading first_wrong_tau assumption error mistake repair counterexample"
        " seed sizes ladder"
    )
    assert set(pinned.split()) <= set(shown)
    assert len(shown["ladder"]) == 6


def test_the_layout_asked_for_tells_mistakes_apart(judged) -> None:
    text = "W @ diag(1 - h[t]**2)"
    found = judged("elman", "h[t]", "h[t-1]", text, "numerator", explain=True)
    assert (found.verdict, found.repairs[0].kind) == ("wrong", "swap")
    found = judged("elman", "h[t]", "h[t-1]", text, "denominator", explain=True)
    assert (found.assumption, found.repairs[0].kind) == ("W symmetric", "transpose")


def test_latex_that_does_not_multiply_is_repaired_in_latex(judged) -> None:
    text = r"W^\top (\nabla_{h_{t+1}} L) \operatorname{diag}(1 - h_{t+1}^2) + V^\top \nabla_{o_t} L"
    found = judged("elman", "L", "h[t]", text, "denominator", explain=True)
    assert found.verdict == "nonconformable"
    assert "diag stands on the wrong side" in found.mistake
    assert judged("elman", "L", "h[t]", found.repair, "denominator").verdict == "correct"


def test_the_parameters_derivative_is_the_likelier_immediate_one(judged) -> None:
    found = judged("elman", "L", "W", "sum(D(L, h[t]) @ D(h[t], W), t)", explain=True)
    assert found.repairs[0].text == "sum(D(L, h[t]) @ Dplus(h[t], W), t, 1, tau)"


def test_an_answer_that_repeats_the_question_is_said_to(judged) -> None:
    assert "repeats" in judged("elman", "L", "W", "D(L, W)").reading


def test_a_time_that_is_left_open(judged) -> None:
    found = judged("elman", "L", "V", "(yhat[t] - y[t]) @ h[t].T", explain=True)
    assert "leaves t open" in found.mistake


LEAKY = "(1-alpha)*eye(n) + alpha*diag(1-h[t]**2) @ W"
ONE_STEP_ON = (
    "g[t] = V.T @ (yhat[t]-y[t]) + W.T @ diag(1-h[t+1]**2) @ V.T @ (yhat[t+1]-y[t+1])\n"
    "sum(diag(1-h[t]**2) @ g[t] @ h[t-1].T, t)"
)
LAST_LOSS = "prod(W.T @ diag(1-h[t]**2), t, 1, tau, 1) @ V.T @ (yhat[tau] - y[tau])"
AROUND = "diag((1-z[t])*(1-htilde[t]**2)) @ diag(U @ h[t-1])"
MORE = [
    ("a vector for its diag", "elman", "h[t]", "a[t]", "1 - h[t]**2", "a diag is missing"),
    ("a vector along a matrix", "elman", "h[t]", "h[t-1]", "(1 - h[t]**2) * W", "a diag is missing: 1 - h[t]**2"),
    ("the same in LaTeX", "elman", "h[t]", "h[t-1]", r"(1-h_t^2) \odot W", "a diag is missing: (1-h_t^2)"),
    ("a matrix product", "elman", "h[t]", "h[t-1]", "tanh'(a[t]) @ W", "a diag is missing: tanh'(a[t])"),
    ("the last step alone", "elman", "L", "V", "(yhat[tau] - y[tau]) @ h[tau].T", "the sum over t is missing"),
    ("a step in the wrong direction", "elman", "L", "W", RIGHT.replace("g[t+1]", "g[t-1]"), "wrong side: g[t-1]"),
    ("indices", "elman", "L", "W[0,1]", "sum(D(L, a[t][1]) * h[t-1][0], t)", "the indices 1 and 0 are exchanged"),
    ("letters", "elman", "h[t][i]", "h[t-1][j]", "(1-h[t][j]**2)*W[i,j]", "h[t][j] stands where h[t][i] belongs"),
    ("a link", "elman", "L", "h[t]", "D(L,o[t]) @ D(o[t],h[t]) + D(L,h[t+1])", "factor D(h[t+1], h[t]) is missing"),
    ("a function", "lstm", "L", "b_o", "sum(D(L,h[t]) * c[t] * o[t] * (1-o[t]), t)", "c[t] for tanh(c[t])"),
    ("no output of tanh", "leaky", "h[t]", "h[t-1]", LEAKY, "h[t] stands where tanh(W @ h[t-1] + U @ x[t] + b)"),
    ("only through c", "lstm", "c[t]", "c[t-1]", "diag(f[t])", "this is the immediate derivative"),
    ("the factor that is too many", "elman", "L", "V", "sum(2*(yhat[t]-y[t]) @ h[t].T, t)", "the factor 2 is too many"),
    ("the last loss alone", "elman", "L", "h[0]", LAST_LOSS, "this is the derivative of L[tau] alone, not of L"),
    ("tanh for sigmoid", "gru", "L", "W_r", "sum((D(L,r[t])*(1-r[t]**2)) @ x[t].T, t)", "the slope of tanh stands"),
    ("sigmoid for tanh", "elman", "h[t]", "h[t-1]", "diag(h[t]*(1-h[t])) @ W", "the slope of the sigmoid stands where"),
    ("a diag around too much", "gru", "h[t]", "r[t]", AROUND, "the diag belongs around h[t-1] alone"),
    ("a constant of the cell", "cornn", "y[t]", "z[t]", "eye(n)", "1/dt times what is right: the factor dt is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "of", "by", "text", "mistake"), [m[1:] for m in MORE], ids=[m[0] for m in MORE])
def test_mistakes_that_students_make(judged, cell: str, of: str, by: str, text: str, mistake: str) -> None:
    layout = "denominator" if of == "L" and "D(" not in text else "numerator"
    layout = "denominator" if cell in ("lstm", "gru") and of == "L" else layout
    found = judged(cell, of, by, text, layout, explain=True)
    assert found.verdict != "correct"
    assert mistake in found.mistake
    if found.repair is not None:
        assert judged(cell, of, by, found.repair).verdict == "correct"


@pytest.mark.slow
def test_where_the_mistake_is_if_nothing_mends_it(judged) -> None:
    text = (
        "dc[t] = dh[t]*o[t]*(1-tanh(c[t])**2) + f[t+1]*dc[t+1]; dh[t] = W_y.T @ (yhat[t]-y[t])\n"
        "sum((dc[t]*c[t-1]*f[t]*(1-f[t])) @ x[t].T, t)"
    )
    found = judged("lstm", "L", "W_f", text, "denominator", explain=True)
    assert found.repair is None
    assert "the mistake is in the line of dh[t], which should be the derivative by h" in found.mistake


def test_what_comes_after_the_last_step_counts_as_zero(judged) -> None:
    found = judged("elman", "L", "W", ONE_STEP_ON, "denominator")
    assert (found.verdict, found.window) == ("truncated", 1)
    assert "after the last step" in found.reading
