"""What is printed as text reads back to the identical node: printer and reader test each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.emitting.text import to_text
from symrnn.language import Cell, Formula, Layout, Node, Part, Role, Sum, Transpose, Variable, build
from symrnn.language.index import Index
from symrnn.reading.cellfile import read_cell
from symrnn.reading.expression import read_expression
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope


@pytest.fixture(scope="module")
def cell(cell_text: str) -> Cell:
    return read_cell(cell_text)


@pytest.fixture(scope="module")
def scope(cell: Cell) -> Scope:
    return Scope.of(cell).with_indices("i", "j", "k")


@given(data=st.data())
def test_random_expressions(data: st.DataObject, expressions: st.SearchStrategy[Node], scope: Scope) -> None:
    node = data.draw(expressions)
    text = to_text(node)
    assert read_expression(text, scope) is node, text


def test_every_equation_of_the_cell(cell: Cell, scope: Scope) -> None:
    for equation in cell.equations:
        assert read_expression(to_text(equation.expression), scope) is equation.expression
    assert cell.loss is not None
    assert read_expression(to_text(cell.loss), scope) is cell.loss


@pytest.mark.parametrize("layout", Layout)
def test_a_formula_with_parts(layout: Layout, cell: Cell, scope: Scope) -> None:
    n, t, tau = Index.of("n"), Index.of("t"), Index.of("tau")
    lam = Variable("lambda_h", Role.PART, (Index.of(1), n), t)
    h, W = cell.variable("h", t), cell.variable("W")
    formula = Formula(
        Sum(build.matmul(h.at(t - 1), lam), "t", Index.of(1), tau),
        (
            Part("lambda_h", t, build.matmul(lam.at(t + 1), build.diag(h), W)),
            Part("lambda_h", tau, Transpose(h.at(tau))),
        ),
        cell.variable("L"),
        W,
    )
    assert read_formula(to_text(formula), scope, layout) == formula
