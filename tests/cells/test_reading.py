"""Every file of the library is in the language, runs, and has a use for everything in it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symrnn import cells
from symrnn.language import Cell, Role, Start, Variable
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator

VECTOR_CELL, MATRIX_CELL = "lstm", "minibatch_columns"


def under(put, head: str) -> Cell:
    """A cell whose variable has the shape that the head reads."""
    return put(MATRIX_CELL if head.endswith("_matrix") else VECTOR_CELL, head)


def test_a_library_cell_is_a_recurrence_with_a_loss(library: Cell):
    assert library.states
    assert library.loss is not None
    assert library.parameters


def test_every_size_is_some_axis(any_cell: Cell):
    shapes = [d.shape for d in any_cell.declarations] + [s.shape for s in any_cell.states]
    named = {name for shape in shapes for size in shape for name in size.names()}
    equal = {name for name, _ in any_cell.equal_sizes}
    assert set(any_cell.sizes) - equal <= named


def test_it_runs_at_generic_numbers(any_cell: Cell):
    for seed in (0, 1, 2):
        instance = random_instance(any_cell, seed)
        assert instance.remarks == ()
        loss = Evaluator(any_cell, instance).value(any_cell.loss_name)
        assert math.isfinite(loss.item())


def moves(cell: Cell, by: Variable, times: dict[str, int]) -> bool:
    """Whether the loss changes with a variable; a ReLU may be shut at one seed, not at all of them."""
    loss = cell.variable(cell.loss_name)
    evaluators = (Evaluator(cell, random_instance(cell, seed)) for seed in range(5))
    return any(np.any(evaluator.total(loss, by, times)) for evaluator in evaluators)


def test_the_loss_depends_on_every_parameter_and_initial_value(any_cell: Cell):
    first = {any_cell.time.index: any_cell.time.first.value({})}
    for declared in any_cell.parameters:
        time = any_cell.now if declared.timed else None
        assert moves(any_cell, any_cell.variable(declared.name, time), first), declared.name
    for state, time, key in any_cell.initial_keys():
        if state.start != Start.EXPRESSION:
            assert moves(any_cell, any_cell.variable(state.name, time), {}), key


def test_a_head_combines(put, head: str):
    cell = under(put, head)
    assert cell.loss is not None
    loss = Evaluator(cell, random_instance(cell, 0)).value(cell.loss_name)
    assert math.isfinite(loss.item())


@pytest.mark.parametrize("name", [name for name in cells.names() if "\nhead " in cells.source_text(name)])
def test_another_head_takes_the_default_ones_place(put, name: str):
    default = put(name)
    matrix = "upstream_matrix" in cells.source_text(name)
    other = put(name, "track_matrix" if matrix else "squared_last")
    assert (other.loss, other.equations) != (default.loss, default.equations)
    assert other.equations[0] == default.equations[0]
    assert {d.name for d in default.declarations if d.role is Role.INPUT} - {"G"} <= {
        d.name for d in other.declarations
    }
    assert math.isfinite(Evaluator(other, random_instance(other, 0)).value(other.loss_name).item())


def test_a_head_in_place_of_a_cells_own_loss(put):
    cell = put("elman", "squared_nohalf(h)")
    assert {"U", "W", "b", "W_y", "b_y"} <= {d.name for d in cell.parameters}
    assert math.isfinite(Evaluator(cell, random_instance(cell, 0)).value(cell.loss_name).item())
