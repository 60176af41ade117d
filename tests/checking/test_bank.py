"""The bank of planted mistakes: a sample always, the whole of it with ``make mutants``."""

from __future__ import annotations

import pytest

from symrnn import cells
from symrnn.api.loading import load
from symrnn.checking.asked import Asked
from symrnn.checking.mutants import Outcome, mutants, outcome
from symrnn.checking.stations import Bench
from symrnn.language import Cell, Layout

PER_PARAMETER = 12
SAMPLE = (("elman", "W"), ("rnn_notes", "U"), ("state_space", None), ("lag2", "W2"))


def with_loss(name: str) -> Cell:
    cell = load(name)
    return cell if cell.loss is not None else load(f"{name}+squared")


def outcomes(cell: Cell, name: str, count: int = PER_PARAMETER) -> list[Outcome]:
    bench = Bench(cell)
    asked = Asked(cell, cell.variable(cell.loss_name), cell.variable(name), Layout.DENOMINATOR)
    return [outcome(mutant, bench) for mutant in mutants(asked, bench, count)]


@pytest.mark.parametrize(("name", "parameter"), SAMPLE)
def test_a_sample_of_planted_mistakes(name: str, parameter: str | None) -> None:
    cell = with_loss(name)
    found = outcomes(cell, parameter or cell.parameters[0].name)
    assert len(found) == PER_PARAMETER
    planted = [o for o in found if not o.identity]
    assert not any(o.verdict.correct for o in planted)
    unnamed = [(o.mutant.kind, o.mutant.text, o.verdict.mistake) for o in planted if not o.named]
    assert len(unnamed) <= 0.1 * len(planted), unnamed


@pytest.mark.bank
@pytest.mark.parametrize("name", cells.names())
def test_every_planted_mistake(name: str) -> None:
    cell = with_loss(name)
    found = [o for declared in cell.parameters for o in outcomes(cell, declared.name)]
    planted = [o for o in found if not o.identity]
    right = [o.mutant.text for o in planted if o.verdict.correct]
    unnamed = [(o.mutant.kind, o.mutant.text, o.verdict.mistake) for o in planted if not o.named]
    assert len(right) <= 0.01 * len(planted), right
    assert len(unnamed) <= 0.1 * len(planted), unnamed
