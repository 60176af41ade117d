"""The text form: parentheses, spelling, and (where it is read back) identity."""

from __future__ import annotations

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.emitting.text import number_text, to_text
from symrnn.errors import UnsupportedError
from symrnn.language import (
    SCALAR,
    Add,
    Call,
    Divide,
    Formula,
    Hadamard,
    Index,
    IndexNumber,
    Jacobian,
    Layout,
    Neg,
    Node,
    Number,
    Ones,
    Part,
    Power,
    Product,
    Role,
    Slice,
    Sum,
    Transpose,
    Variable,
    Zeros,
    build,
)

n, m, t, k, tau = (Index.of(name) for name in ("n", "m", "t", "k", "tau"))
ONE = Index.of(1)
W = Variable("W", Role.PARAMETER, (n, n))
A = Variable("A", Role.PARAMETER, (n, n))
alpha = Variable("alpha", Role.PARAMETER, SCALAR)
beta = Variable("beta", Role.PARAMETER, SCALAR)
L = Variable("L", Role.LOSS, SCALAR)
h = Variable("h", Role.COMPUTED, (n, ONE), t)
g = Variable("g", Role.COMPUTED, (n, ONE), t)
two = Number(Fraction(2))


def half() -> Node:
    return Divide(Number(Fraction(1)), two)


CASES: list[tuple[Node, str]] = [
    (build.subtract(alpha, build.add(beta, two)), "alpha - (beta + 2)"),
    (build.add(build.neg(alpha), beta), "-alpha + beta"),
    (build.add(alpha, Number(Fraction(-1))), "alpha - 1"),
    (build.matmul(build.add(W, A), h), "(W + A) @ h[t]"),
    (build.matmul(build.times(W, A), h), "(W * A) @ h[t]"),
    (build.times(build.matmul(W, h), g), "(W @ h[t]) * g[t]"),
    (build.times(g, build.matmul(W, h)), "g[t] * (W @ h[t])"),
    (build.times(alpha, build.matmul(W, h)), "alpha * (W @ h[t])"),
    (build.divide(build.matmul(W, h), alpha), "W @ h[t] / alpha"),
    (build.divide(build.times(alpha, h), beta), "alpha * h[t] / beta"),
    (build.times(alpha, build.divide(h, beta)), "alpha * (h[t] / beta)"),
    (build.times(build.divide(alpha, beta), h), "alpha / beta * h[t]"),
    (build.divide(alpha, build.divide(beta, two)), "alpha / (beta / 2)"),
    (build.divide(build.divide(alpha, beta), two), "alpha / beta / 2"),
    (build.divide(alpha, build.times(beta, two)), "alpha / (beta * 2)"),
    (build.neg(build.matmul(W, h)), "-W @ h[t]"),
    (build.neg(build.divide(alpha, beta)), "-(alpha / beta)"),
    (build.neg(build.times(two, alpha)), "-(2 * alpha)"),
    (build.neg(build.times(half(), alpha)), "-(1 / 2 * alpha)"),
    (build.neg(build.power(h, 2)), "-h[t]**2"),
    (build.power(build.neg(h), 2), "(-h[t])**2"),
    (build.power(build.times(alpha, h), 2), "(alpha * h[t])**2"),
    (build.power(build.power(alpha, 2), 3), "(alpha**2)**3"),
    (Power(alpha, Power(beta, two)), "alpha**beta**2"),
    (Power(two, alpha), "2**alpha"),
    (Power(Number(Fraction(-2)), alpha), "(-2)**alpha"),
    (Power(alpha, Number(Fraction(-1))), "alpha**-1"),
    (Power(alpha, IndexNumber(t - 1)), "alpha**(t - 1)"),
    (Transpose(build.matmul(W, h)), "(W @ h[t]).T"),
    (Transpose(build.neg(h)), "(-h[t]).T"),
    (build.matmul(build.neg(Transpose(h)), g), "-h[t].T @ g[t]"),
    (Call("tanh", (h,), 1), "tanh'(h[t])"),
    (Call("f", (build.add(h, g),), 2), "f''(h[t] + g[t])"),
    (Divide(Number(Fraction(1)), IndexNumber(n)), "1 / n"),
    (Divide(alpha, IndexNumber(n + m)), "alpha / (m + n)"),
    (IndexNumber(-n), "-1*n"),
    (IndexNumber(k - t), "k - t"),
    (Ones(n, ONE), "ones(n)"),
    (Ones(ONE, n), "ones(1, n)"),
    (Zeros((n, m)), "zeros(n, m)"),
    (Slice(h, (Index.of(0), n - 1), None), "h[t][0:n-1]"),
    (Slice(W, None, (ONE, n)), "W[:, 1:n]"),
    (Sum(h, "t", ONE, tau), "sum(h[t], t, 1, tau)"),
    (Product(build.matmul(build.diag(h), W), "t", t, k + 1, -1), "prod(diag(h[t]) @ W, t, t, k+1, -1)"),
    (Jacobian(L, W, Layout.NUMERATOR), "D(L, W)"),
    (build.matmul(h, Transpose(h), W), "h[t] @ h[t].T @ W"),
]


@pytest.mark.parametrize(("node", "text"), CASES, ids=[text for _, text in CASES])
def test_parentheses_are_few_and_right(node: Node, text: str) -> None:
    assert to_text(node) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1/2", "0.5"),
        ("1/3", "frac(1, 3)"),
        ("-7/6", "-frac(7, 6)"),
        ("3", "3"),
        ("-0.1", "-0.1"),
        ("1/1024", "0.0009765625"),
    ],
)
def test_numbers_are_exact(value: str, text: str) -> None:
    assert number_text(Fraction(value)) == text


@given(st.fractions())
def test_a_decimal_is_the_number(value: Fraction) -> None:
    text = number_text(value)
    if "frac" not in text:
        assert Fraction(text) == value
    else:
        sign = -1 if text.startswith("-") else 1
        top, bottom = text.split("frac(")[1].rstrip(")").split(",")
        assert sign * Fraction(int(top), int(bottom)) == value


def test_a_formula_has_its_parts_first() -> None:
    lam = Variable("lam", Role.PART, (ONE, n), t)
    formula = Formula(
        expression=Sum(build.matmul(h, lam), "t", ONE, tau),
        parts=(
            Part("lam", t, build.matmul(lam.at(t + 1), W)),
            Part("lam", tau, Transpose(g.at(tau))),
        ),
        of=L,
        by=W,
    )
    assert to_text(formula).splitlines() == [
        "lam[t] = lam[t+1] @ W",
        "lam[tau] = g[tau].T",
        "D(L, W) = sum(h[t] @ lam[t], t, 1, tau)",
    ]


@given(data=st.data())
def test_the_text_is_python_syntax(data: st.DataObject, expressions: st.SearchStrategy[Node]) -> None:
    ast.parse(to_text(data.draw(expressions)).replace("'", "_"), mode="eval")


def test_an_unknown_node_is_named() -> None:
    class Mystery(Node):
        __slots__ = ()

        @classmethod
        def infer_shape(cls, *args: object) -> tuple[Index, ...]:
            return SCALAR

    for node in (Mystery(), Add((alpha, Mystery())), Hadamard((alpha, Mystery())), Neg(Mystery())):
        with pytest.raises(UnsupportedError, match="Mystery"):
            to_text(node)
