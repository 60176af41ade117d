"""Products, blocks and named rewrites keep the value, and read as a mathematician would write them."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn.calculus.products import block, product, total, transpose
from symrnn.calculus.rewrites import collapse, tidy, unit_sums
from symrnn.calculus.transposition import flip
from symrnn.emitting.text import to_text
from symrnn.language import Index, Node
from symrnn.reading.cellfile import read_cell
from symrnn.reading.expression import Scope, read_expression
from tests.calculus.support import TOLERANCE, evaluator, relative

CELL = read_cell(
    "cell products\nsize n, m\nparam A[n,m], B[n,n], C[n,n], v[n], w[n], p[n], s\ntarget y[n] onehot\n"
    "q = softmax(v)\nloss f = sum(A) + dot(q, y)\n",
    "products",
)


def node(text: str) -> Node:
    return read_expression(text, Scope.of(CELL))


@pytest.mark.parametrize(
    ("factors", "written"),
    [
        (("diag(v)", "diag(w)"), "diag(v * w)"),
        (("diag(v / w)", "diag(w)"), "diag(v)"),
        (("diag(1 / w)", "diag(w)"), "eye(n)"),
        (("B", "s", "C"), "s * (B @ C)"),
        (("B", "eye(n)"), "B"),
        (("-v.T", "-B"), "v.T @ B"),
        (("2 * B", "0.5 * C"), "B @ C"),
    ],
)
def test_products(factors: tuple[str, ...], written: str) -> None:
    made = product(*(node(f) for f in factors))
    assert to_text(made) == to_text(node(written))
    judge = evaluator(CELL)
    one = judge.evaluate(node(factors[0]))
    for factor in factors[1:]:
        other = judge.evaluate(node(factor))
        one = one * other if other.ndim == 0 or one.ndim == 0 else one @ other
    assert relative(judge.evaluate(made), one) < TOLERANCE


@pytest.mark.parametrize(
    "text",
    [
        "A.T @ B",
        "diag(v) @ B",
        "v @ w.T",
        "B * C",
        "-B",
        "concat(A.T, v.T)",
        "hcat(B, v)",
        "B + C.T",
        "inv(B + 3*eye(n))",
        "matrix_power(B, 2)",
        "kron(A, v)",
        "B[0:2, :]",
        "s * B",
        "(B @ C) / s",
        "prod(B @ diag(v), j, 3, 1, -1)",
        "sum(j * B, j, 1, 3)",
    ],
)
def test_the_two_transposes_agree_with_numpy(text: str) -> None:
    judge = evaluator(CELL)
    plain = judge.evaluate(node(text))
    for turn in (transpose, flip):
        turned = turn(node(text))
        assert relative(judge.evaluate(turned), plain.T) < TOLERANCE
        assert relative(judge.evaluate(turn(turned)), plain) < TOLERANCE


@pytest.mark.parametrize("text", ["A.T @ B @ C", "hcat(B, C, v)", "-B + C", "B * C", "B.T", "3 * B"])
def test_blocks_are_pushed_inside(text: str) -> None:
    judge = evaluator(CELL)
    whole = node(text)
    rows, columns = (Index.of(0), Index.of(2)), (Index.of(1), Index.of(3))
    found = block(whole, rows, columns)
    assert relative(judge.evaluate(found), np.asarray(judge.evaluate(whole))[0:2, 1:3]) < TOLERANCE


@pytest.mark.parametrize(
    ("terms", "written"),
    [
        (("v.T @ B", "v.T @ C"), "v.T @ (B + C)"),
        (("B", "B"), "2 * B"),
        (("diag(v)", "-diag(w)"), "diag(v - w)"),
        (("B @ C", "C @ B"), "B @ C + C @ B"),
    ],
)
def test_sums(terms: tuple[str, ...], written: str) -> None:
    assert to_text(total([node(t) for t in terms])) == to_text(node(written))


def test_softmax_after_a_logarithm() -> None:
    row = node("-y.T @ diag(1 / q) @ (diag(q) - q @ q.T)")
    judge = evaluator(CELL)
    multiplied = collapse(row)
    assert "diag" not in to_text(multiplied)
    assert relative(judge.evaluate(multiplied), judge.evaluate(row)) < TOLERANCE
    assumed = tidy(unit_sums(CELL)(multiplied))
    assert to_text(assumed) == "(q - y).T"
    assert relative(judge.evaluate(assumed), judge.evaluate(row)) < TOLERANCE


def test_without_the_assumption_the_sum_stays() -> None:
    row = collapse(node("-w.T @ diag(1 / q) @ (diag(q) - q @ q.T)"))
    assert "ones(n)" in to_text(unit_sums(CELL)(row))
