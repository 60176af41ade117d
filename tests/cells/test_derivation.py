"""Every gradient of every cell, as closed form and as recursion, against the oracle at three seeds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from symrnn.calculus.derive import derive
from symrnn.errors import QuestionError
from symrnn.language import Cell, Index, Layout, Node, Start, Variable, Vec
from symrnn.oracle.differentiate import is_analytic
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator

SEEDS = (0, 1, 2)


def questions(cell: Cell) -> Iterator[tuple[str, Node, dict[str, int]]]:
    """By what the loss is differentiated: parameters, inputs at the second step, initial values."""
    second = {cell.time.index: cell.time.first.value({}) + 1}
    for declared in (*cell.parameters, *cell.inputs):
        if declared.timed:
            yield f"{declared.name}[{cell.time.index}]", cell.variable(declared.name, cell.now), second
        else:
            yield declared.name, cell.variable(declared.name), {}
    for state, time, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            yield key, cell.variable(state.name, time), {}


def tolerance(cell: Cell) -> float:
    expressions = [*(e.expression for e in cell.equations), *([cell.loss] if cell.loss is not None else [])]
    return 1e-10 if is_analytic(expressions, dict(cell.functions)) else 1e-6


def error(found: np.ndarray, right: np.ndarray) -> float:
    """Relative to the largest right number; absolute where all of them are zero."""
    scale = np.max(np.abs(right))
    return float(np.max(np.abs(found - right)) / (scale if scale > 1e-14 else 1.0))


@pytest.mark.parametrize("form", ["closed", "recursion"])
def test_every_gradient(any_cell: Cell, form: str):
    loss = any_cell.variable(any_cell.loss_name)
    evaluators = [Evaluator(any_cell, random_instance(any_cell, seed)) for seed in SEEDS]
    wrong = {}
    for name, by, times in questions(any_cell):
        formula = derive(any_cell, loss, by, Layout.DENOMINATOR, forms=(form,)).forms[0].formula
        worst = max(error(e.evaluate(formula, times), e.total(loss, by, times).T) for e in evaluators)
        if not worst < tolerance(any_cell):
            wrong[name] = worst
    assert not wrong


def as_vector(variable: Variable) -> Node:
    return variable if variable.is_scalar or variable.is_column else Vec(variable)


def test_every_state_by_every_earlier_one(any_cell: Cell):
    evaluator = Evaluator(any_cell, random_instance(any_cell, 1))
    first, now = any_cell.time.first.value({}), any_cell.time.index
    for of_state in any_cell.states:
        later, earlier = (first, first + 2) if of_state.backward else (first + 3, first + 1)
        of = as_vector(any_cell.variable(of_state.name, any_cell.now))
        for by_state in any_cell.states:
            if by_state.backward == of_state.backward:
                other = "j" if now == "k" else "k"
                by, times = any_cell.variable(by_state.name, Index.of(other)), {now: later, other: earlier}
                formula = derive(any_cell, of, as_vector(by), forms=("closed",)).forms[0].formula
                right = evaluator.total(of, as_vector(by), times)
                assert error(evaluator.evaluate(formula, times), right) < tolerance(any_cell)


@pytest.mark.parametrize("other", ["softmax_last", "squared_mean", "pooled", "start", "component", "next_word"])
def test_gradients_under_other_heads(put, other: str):
    cell = put("gru", other)
    loss = cell.variable(cell.loss_name)
    evaluator = Evaluator(cell, random_instance(cell, 1))
    for name, by, times in questions(cell):
        for form in ("closed", "recursion"):
            formula = derive(cell, loss, by, Layout.DENOMINATOR, forms=(form,)).forms[0].formula
            assert error(evaluator.evaluate(formula, times), evaluator.total(loss, by, times).T) < 1e-10, name


def test_a_target_or_a_constant_has_no_gradient(put):
    cell = put("leaky")
    with pytest.raises(QuestionError, match="constant"):
        derive(cell, cell.variable("L"), cell.variable("alpha"))
