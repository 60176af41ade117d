"""Layouts of plain matrix calculus, conversions, and texts that switch."""

from __future__ import annotations

import pytest

from symrnn.checking.asked import Asked
from symrnn.checking.layouts import consistency, converted, declared_cell, layout_of
from symrnn.errors import SymrnnError
from symrnn.reading.question import read_question

NAMES = "A[n,n], B[n,n], a[n], b[n], x[n], X[n,m], c[n], d[m], alpha"
COOKBOOK = [
    ("x.T @ A @ x", "x", "x.T @ (A + A.T)", "(A + A.T) @ x"),
    ("a.T @ x", "x", "a.T", "a"),
    ("x.T @ a", "x", "a.T", "a"),
    ("A @ x", "x", "A", "A.T"),
    ("c.T @ X @ d", "X", "d @ c.T", "c @ d.T"),
    ("d.T @ X.T @ c", "X", "d @ c.T", "c @ d.T"),
    ("x.T @ x", "x", "2 * x.T", "2 * x"),
    ("trace(A @ B)", "A", "B", "B.T"),
    ("trace(A.T @ B)", "A", "B.T", "B"),
    ("det(A)", "A", "det(A) * inv(A)", "det(A) * inv(A).T"),
    ("log(det(A)**2)", "A", "2 * inv(A)", "2 * inv(A).T"),
    ("a.T @ inv(A) @ b", "A", "-inv(A) @ b @ a.T @ inv(A)", "-(inv(A).T @ a @ b.T @ inv(A).T)"),
    ("norm2(x - a)", "x", "2 * (x - a).T", "2 * (x - a)"),
    ("(A @ x - b).T @ (A @ x - b)", "x", "2 * (A @ x - b).T @ A", "2 * A.T @ (A @ x - b)"),
    ("alpha * x", "alpha", "x", "x.T"),
]


def verdict(of: str, by: str, text: str):
    cell = declared_cell(NAMES)
    return layout_of(text, Asked(cell, *read_question(of, by, cell)))


@pytest.mark.parametrize(("of", "by", "numerator", "denominator"), COOKBOOK, ids=[c[0] for c in COOKBOOK])
def test_the_cookbook_in_both_layouts(of: str, by: str, numerator: str, denominator: str) -> None:
    for text, layout in ((numerator, "numerator"), (denominator, "denominator")):
        found = verdict(of, by, text)
        assert (found.verdict, found.layout) == ("correct", layout)


@pytest.mark.parametrize(("of", "by", "numerator", "denominator"), COOKBOOK, ids=[c[0] for c in COOKBOOK])
def test_conversion_goes_to_the_other_layout(of: str, by: str, numerator: str, denominator: str) -> None:
    cell = declared_cell(NAMES)
    turned = converted(denominator, Asked(cell, *read_question(of, by, cell)))
    assert turned is not None
    assert verdict(of, by, turned).layout == "numerator"


def test_both_layouts_at_once_and_none() -> None:
    assert verdict("alpha * alpha", "alpha", "2 * alpha").layout == "both"
    found = verdict("x.T @ A @ x", "x", "(A + A.T) @ x.T")
    assert found.verdict == "nonconformable"


def test_a_text_that_switches() -> None:
    text = """
    # both of these in denominator layout
    D(x.T @ A @ x, x) = (A + A.T) @ x
    s = a + b
    D((a + b).T @ x, x) = s
    D(a.T @ x, x) = a.T
    """
    found = consistency(text, declared_cell(NAMES))
    assert [line.layout for line in found.lines] == ["denominator", "denominator", "numerator"]
    assert found.switches == ((6, "denominator", "numerator"),)
    assert not found.consistent


def test_a_consistent_text_and_a_wrong_line() -> None:
    cell = declared_cell(NAMES)
    assert consistency("D(a.T @ x, x) = a.T\nD(A @ x, x) = A", cell).layout == "numerator"
    found = consistency("D(a.T @ x, x) = a.T\nD(A @ x, x) = A @ A", cell)
    assert not found.consistent
    assert found.lines[1].verdict.verdict == "wrong"


@pytest.mark.parametrize("declarations", ["", "A[n", "A[n,n], A[n]", "1x"])
def test_bad_declarations_are_one_message(declarations: str) -> None:
    with pytest.raises(SymrnnError):
        declared_cell(declarations)


def test_latex_lines() -> None:
    text = r"""
    \frac{\partial x^\top A x}{\partial x} = (A + A^\top) x
    \frac{\partial a^\top x}{\partial x} = a
    """
    found = consistency(text, declared_cell(NAMES))
    assert (found.consistent, found.layout) == (True, "denominator")
    cell = declared_cell(NAMES)
    asked = Asked(cell, *read_question("x.T @ A @ x", "x", cell))
    assert converted(r"(A + A^\top) x", asked) == "x.T @ (A.T + A)"


DOMAINS = [
    ("diag(1/x)", "log(x)", "x", "x[n]", "both"),
    ("diag(0.5/sqrt(x))", "sqrt(x)", "x", "x[n]", "both"),
    ("inv(X).T", "log(det(X))", "X", "X[n,n]", "denominator"),
    ("2*X @ inv(X.T @ X)", "log(det(X.T @ X))", "X", "X[n,m]", "denominator"),
]


@pytest.mark.parametrize(("text", "of", "by", "declared", "layout"), DOMAINS)
def test_numbers_are_drawn_where_the_expression_has_a_value(text, of, by, declared, layout) -> None:
    cell = declared_cell(declared)
    found = layout_of(text, Asked(cell, *read_question(of, by, cell)))
    assert (found.verdict, found.layout) == ("correct", layout)
