"""The claims that five public exercise texts print, as far as they are formulas or numbers."""

from __future__ import annotations

from typing import Any

import pytest

from symrnn.api.checking import check, check_numbers
from symrnn.reading.cellfile import read_cell

RNN_A = read_cell(
    """
    size m, d, n
    param W_ss[m,m], W_sx[m,d], W_o[n,m]
    input x[d]
    target y[n]
    state s[m]
    z1[t] = W_ss @ s[t-1] + W_sx @ x[t]
    s[t] = z1[t]
    z2[t] = W_o @ s[t]
    J[t] = norm2(y[t] - z2[t])
    loss J = sum(J[t], t)
    """.replace("\n    ", "\n"),
    "rnn_a",
)
RNN_B = read_cell(
    """
    size m, d, n
    param W_ssx[m,m+d], W_ox[n,m+d]
    input x[d]
    target y[n]
    state s[m]
    z1[t] = W_ssx @ concat(s[t-1], x[t])
    s[t] = z1[t]
    z2[t] = W_ox @ concat(s[t], x[t])
    J[t] = norm2(y[t] - z2[t])
    loss J = sum(J[t], t)
    """.replace("\n    ", "\n"),
    "rnn_b",
)
QUADRATIC = read_cell("size n\nparam A[n,n], x[n]\nloss f = x.T @ A @ x")
RELU = read_cell("param V, W\ninput x\nstate h\nz[t] = V*h[t-1] + W*x[t]\nh[t] = relu(z[t])\nloss L = h[tau]")

IMMEDIATE = "immediate by parameters"
NUMERATOR, DENOMINATOR = {"layout": "numerator"}, {"layout": "denominator"}
O_BY_W = r"\frac{\partial L}{\partial o_%s} \frac{\partial o_%s}{\partial W}"
STEP_2 = r"\frac{\partial L}{\partial o_1} \frac{\partial o_1}{\partial h_0} \frac{\partial h_0}{\partial W}"
CHAIN = r"\frac{\partial s_t}{\partial s_r}\frac{\partial s_r}{\partial W}"
BOTH_SUMS = (
    r"\sum_{i=0}^{N-1} \frac{\partial L}{\partial o_i}\frac{\partial o_i}{\partial W} + "
    r"\sum_{i=0}^{N-1}\sum_{j=i+1}^{N-1} \left(\frac{\partial L}{\partial o_j}"
    r"\frac{\partial o_j}{\partial h_{j-1}}\frac{\partial h_{j-1}}{\partial W}"
    r"\prod_{k=j-i}^{j-1}\frac{\partial h_k}{\partial h_{k-1}}\right)"
)

FORMULAS: list[Any] = [
    # 1. eth
    ("eth 2.1 numerator", QUADRATIC, "f", "x", "x.T @ (A + A.T)", "correct", NUMERATOR),
    ("eth 2.1 denominator", QUADRATIC, "f", "x", "(A + A.T) @ x", "correct", DENOMINATOR),
    ("eth 2.1 mixed up", QUADRATIC, "f", "x", "(A + A.T) @ x.T", "nonconformable", {}),
    (
        "eth 2.5 b",
        "elman",
        "L[t]",
        "W",
        r"\sum_{k=1}^{t} \frac{\partial L_t}{\partial o_t} \frac{\partial o_t}{\partial h_t}"
        r" \frac{\partial h_t}{\partial h_k} \frac{\partial^+ h_k}{\partial W}",
        "correct",
        NUMERATOR,
    ),
    ("eth 2.5 c", "elman", "h[t]", "h[k]", "prod(diag(tanh'(a[j])) @ W, j, t, k+1, -1)", "correct", {}),
    # 2. mit
    (
        "mit b, this step",
        RNN_A,
        "J[t]",
        "x[t]",
        "W_sx.T @ W_o.T @ D(J[t], z2[t])",
        "correct",
        DENOMINATOR,
    ),
    ("mit b, the whole", RNN_A, "J", "x[t]", "W_sx.T @ W_o.T @ D(J[t], z2[t])", "truncated", {"window": 0}),
    ("mit f, this step", RNN_B, "J[t]", "x[t]", "D(J[t], z2[t]) @ D(z2[t], x[t])", "correct", NUMERATOR),
    ("mit f, the whole", RNN_B, "J", "x[t]", "D(J[t], z2[t]) @ D(z2[t], x[t])", "truncated", {"window": 0}),
    # 3. notes
    ("notes 1", "rnn_notes", "E[t]", "yhat[t]", "D(E[t], yhat[t][k]) = -y[t][k] / yhat[t][k]", "correct", {}),
    (
        "notes 2",
        "rnn_notes",
        "yhat[t]",
        "q[t]",
        "D(yhat[t][k], q[t][l]) = yhat[t][k] * (delta(k,l) - yhat[t][l])",
        "correct",
        {},
    ),
    ("notes 2, as the sigmoid's", "rnn_notes", "yhat[t]", "q[t]", "diag(yhat[t] * (1 - yhat[t]))", "wrong", {}),
    ("notes 3", "rnn_notes", "E[t]", "q[t]", "D(E[t], q[t][l]) = yhat[t][l] - y[t][l]", "correct", {}),
    ("notes 4", "rnn_notes", "q[t]", "V", "D(q[t][l], V[i,j]) = delta(i,l) * s[t][j]", "correct", {}),
    ("notes 5", "rnn_notes", "E[t]", "V", r"(\hat y_t - y_t) \otimes s_t", "correct", DENOMINATOR),
    ("notes 6", "rnn_notes", "s[t]", "W", r"\sum_{r=0}^{t} " + CHAIN, "correct", {"reading": IMMEDIATE}),
    ("notes 6, r less than t", "rnn_notes", "s[t]", "W", r"\sum_{r=0}^{t-1} " + CHAIN, "wrong", {"first_wrong_tau": 2}),
    (
        "notes 6, of E",
        "rnn_notes",
        "E[t]",
        "W",
        r"\sum_{r=0}^{t} (\hat y_t - y_t)^\top V " + CHAIN,
        "correct",
        {"reading": IMMEDIATE},
    ),
    ("notes 8", "rnn_notes", "L", "W", "sum(D(E[t], W), t)", "scaled", {"first_wrong_tau": 2}),
    # 4. inclass: N - 1 terms of the loss, so "one step" is N = 2
    ("inclass 3.1", "inclass", "L", "W", O_BY_W % (0, 0), "wrong", {"first_wrong_tau": 3}),
    (
        "inclass 3.2",
        "inclass",
        "L",
        "W",
        f"{O_BY_W % (0, 0)} + {O_BY_W % (1, 1)} + {STEP_2}",
        "wrong",
        {"first_wrong_tau": 4, "reading": IMMEDIATE},
    ),
    ("inclass 3.4", "inclass", "L", "W", BOTH_SUMS, "wrong", {"first_wrong_tau": 4, "reading": IMMEDIATE}),
    # 5. tum
    ("tum A.d by V", RELU, "h[t]", "V", "h[t-1] + V * D(h[t-1], V)", "wrong", {}),
    ("tum A.d by W", RELU, "h[t]", "W", "relu'(z[t]) * (V * D(h[t-1], W) + x[t])", "correct", {}),
    (
        "tum C.d by V",
        RELU,
        "h[3]",
        "V",
        "relu'(z[3])*h[2] + relu'(z[2])*V*h[1] + relu'(z[1])*V**2*h[0]",
        "wrong",
        {},
    ),
    (
        "tum C.d by V, all slopes",
        RELU,
        "h[3]",
        "V",
        "relu'(z[3])*(h[2] + relu'(z[2])*V*(h[1] + relu'(z[1])*V*h[0]))",
        "correct",
        {},
    ),
]


@pytest.mark.parametrize(
    ("cell", "of", "by", "text", "verdict", "more"), [c[1:] for c in FORMULAS], ids=[c[0] for c in FORMULAS]
)
def test_a_claimed_formula(cell, of, by, text, verdict, more) -> None:
    found = check(cell, text, of, by, explain=False)
    assert found.verdict == verdict
    for name, value in more.items():
        shown = getattr(found, name)
        assert value in shown if name == "reading" else shown == value


def test_a_wrong_claim_gets_a_repair() -> None:
    found = check("rnn_notes", "sum(D(E[t], W), t)", "L", "W")
    assert str(found.factor) == "N"
    assert "1 / N" in found.repair
    found = check(RELU, "V*D(h[t-1], W) + x[t]", "h[t]", "W")
    assert "relu'" in found.repair


EXAM_A = {"V": -2, "W": 1, "h[0]": 2, "x": [2, "3/2", 4]}
EXAM_C = {"V": 1, "W": 2, "h[0]": -3, "x": [1, 2, 0]}
GRAPH = "param u, w, v\ninput x\nstate h\nh[t] = relu({h}*h[t-1] + {x}*x[t])\ny[t] = v*h[t]\nloss L = y[tau]"
EQUATION, DRAWN = (read_cell(GRAPH.format(h=h, x=x)) for h, x in (("u", "w"), ("w", "u")))
EXAM_B = {"h[0]": 3, "w": 2, "v": -1, "u": 3, "x": [1, 2]}
INCLASS = {
    "W": [["3/10", "6/10"], ["2/10", "1/10"]],
    "V": [["4/10", "4/10"], ["9/10", "7/10"]],
    "b": ["1/10", "6/10"],
    "C": [["2/10", "1/10"], ["2/10", "5/10"]],
    "x": [[0, 1], [0, 1]],
    "h[-1]": [0, 0],
}
NUMBERS: list[Any] = [
    ("A.c h2", RELU, {"V": -3, "W": 3, "h[0]": 0, "x": [2, 3, 1]}, "h[2]", None, "0", "correct", 0),
    ("A.c h3", RELU, {"V": -3, "W": 3, "h[0]": 0, "x": [2, 3, 1]}, "h[3]", None, "3", "correct", 0),
    ("A.d h2", RELU, EXAM_A, "h[2]", None, "2/3", "wrong", 0),
    ("A.d by V", RELU, EXAM_A, "h[3]", "V", "2/3", "wrong", 0),
    ("A.d by V, flipped", RELU, EXAM_A, "h[3]", "V", "3/2", "correct", 0),
    ("A.d by W", RELU, EXAM_A, "h[3]", "W", "1", "correct", 0),
    ("A.d by x1", RELU, EXAM_A, "h[3]", "x[1]", "0", "correct", 0),
    ("B.b equation h2", EQUATION, EXAM_B, "h[2]", None, "37", "correct", 0),
    ("B.b equation y2", EQUATION, EXAM_B, "y[2]", None, "-37", "correct", 0),
    ("B.b equation by u", EQUATION, EXAM_B, "y[2]", "u", "-20", "correct", 0),
    ("B.b graph h2", DRAWN, EXAM_B, "h[2]", None, "24", "correct", 0),
    ("B.b graph y2", DRAWN, EXAM_B, "y[2]", None, "-24", "correct", 0),
    ("B.b graph by u", DRAWN, EXAM_B, "y[2]", "u", "-4", "correct", 0),
    ("C.c h2", RELU, EXAM_C, "h[2]", None, "4", "correct", 1),
    ("C.d by V", RELU, EXAM_C, "h[3]", "V", "4", "correct", 1),
    ("C.d by W", RELU, EXAM_C, "h[3]", "W", "2", "correct", 1),
    ("C.d by x1", RELU, EXAM_C, "h[3]", "x[1]", "0", "correct", 1),
    ("inclass h_t", "inclass", INCLASS, "h[0]", None, "(.7, .7)", "correct", 0),
    ("inclass o_t", "inclass", INCLASS, "o[0]", None, "(.21, .49)", "correct", 0),
    ("inclass o_t+1", "inclass", INCLASS, "o[1]", None, "(.383, 1.147)", "wrong", 0),
    ("inclass o_t+1, right", "inclass", INCLASS, "o[1]", None, "(.434, 1.162)", "correct", 0),
    ("inclass 3.5", "inclass", INCLASS, "o[0]", "W[0,0]", "(0, 0)", "correct", 0),
]


@pytest.mark.parametrize(
    ("cell", "values", "of", "by", "text", "verdict", "kink"), [c[1:] for c in NUMBERS], ids=[c[0] for c in NUMBERS]
)
def test_a_claimed_number(cell, values, of, by, text, verdict, kink) -> None:
    assert check_numbers(cell, text, values, of, by, relu0=kink).verdict == verdict
