"""What ``symrnn verify`` says of every cell: all steps and forms at one seed, generated code at two more."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn import cells
from symrnn.api import load
from symrnn.checking.cell_check import check_cell
from symrnn.checking.generated import arguments, batched, run_module, single
from symrnn.coding.numpy_module import emit
from symrnn.language import Cell, Role
from symrnn.language.traversal import variables
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


def test_every_line_and_all_code_agree_with_the_oracle(any_cell: Cell):
    found = check_cell(any_cell, seed=0)
    assert found.failures == ()
    assert found.max_error < found.tolerance


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "plain"])
def test_generated_code_at_other_seeds(library: Cell, plain: bool):
    module = run_module(emit(library, plain), library.name)
    for seed in (1, 2):
        evaluator = Evaluator(library, random_instance(library, seed))
        problems = [single(evaluator)]
        if any(d.role in (Role.INPUT, Role.TARGET) for d in library.declarations):
            problems.append(batched(evaluator))
        for problem in problems:
            assert max(problem.errors(module).values()) < 1e-8


def feeds_targets_back(cell: Cell) -> bool:
    return any(
        v.role is Role.TARGET and v.time is not None and v.time != cell.now
        for equation in cell.equations
        for v in variables(equation.expression)
    )


def can_be_cut(cell: Cell) -> bool:
    """Whether it runs forward on data of its own time; without inputs nothing says how many steps there are."""
    alone = any(not d.timed for d in cell.inputs) or any(d.timed for d in cell.constants) or bool(cell.whole)
    backward = any(state.backward for state in cell.states)
    return bool(cell.inputs) and not (alone or backward or feeds_targets_back(cell))


@pytest.mark.parametrize("name", [name for name in cells.names() if can_be_cut(load(name))])
def test_a_sequence_in_two_pieces_is_the_sequence(name: str):
    """What `forward` returns as the final state is what the next piece starts from."""
    cell = load(name)
    module = run_module(emit(cell), cell.name)
    given = arguments(cell, random_instance(cell, 3, tau=6))
    timed = {d.name for d in cell.declarations if d.timed}
    at_once, _ = module.forward(given["params"], given["inputs"], given["initial"])
    halves = []
    initial = given["initial"]
    for piece in (slice(None, 3), slice(3, None)):
        params = {k: v[piece] if k in timed else v for k, v in given["params"].items()}
        inputs = {k: v[piece] for k, v in given["inputs"].items()}
        variables_of_piece, initial = module.forward(params, inputs, initial)
        halves.append(variables_of_piece)
    for state in cell.states:
        together = np.concatenate([half[state.name] for half in halves])
        np.testing.assert_allclose(together, at_once[state.name], rtol=1e-12, atol=1e-14)
