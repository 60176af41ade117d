"""The cells, written in the language, give the recorded numbers through the reference evaluator alone."""

from __future__ import annotations

import pytest

from symrnn.errors import ShapeError
from symrnn.reading import Scope, read_formula


def test_the_cell_has_the_recorded_value(asked, far):
    if asked.is_loss:
        answers = [[evaluator.value(asked.sample.cell.loss_name)] for evaluator in asked.sample.evaluators]
    else:
        of, by = asked.question
        times = asked.every_time()
        answers = [[evaluator.total(of, by, at) for at in times] for evaluator in asked.sample.evaluators]
    assert far(asked.gathered(answers), asked.right) < 1e-8


def test_the_printed_formula_reads_as_its_source_computes_it(typeset, far):
    scope = Scope.of(typeset.sample.cell)
    if typeset.expect == "nonconformable":
        with pytest.raises(ShapeError):
            read_formula(typeset.formula, scope, typeset.asked_layout)
        return
    formula = read_formula(typeset.formula, scope, typeset.asked_layout)
    found = typeset.sample.evaluators[0].evaluate(formula, typeset.times)
    assert far(found, typeset.printed) < 1e-10
