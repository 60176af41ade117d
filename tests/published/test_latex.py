"""The formulas as their sources typeset them: read as LaTeX, one of the readings computes the printed numbers."""

from __future__ import annotations

import pytest

from symrnn.errors import ShapeError
from symrnn.reading.latex_reader import read_latex
from symrnn.reading.scope import Scope


def test_the_printed_latex_reads_as_its_source_computes_it(in_latex, far):
    scope = Scope.of(in_latex.sample.cell)
    latex = in_latex.entry["latex"]
    if in_latex.expect == "nonconformable":
        with pytest.raises(ShapeError):
            read_latex(latex, scope, in_latex.asked_layout)
        return
    evaluator = in_latex.sample.evaluators[0]
    readings = read_latex(latex, scope, in_latex.asked_layout)
    errors = [
        far(value, in_latex.printed)
        for reading in readings
        if (value := evaluator.evaluate(reading.formula, in_latex.times)).shape == in_latex.printed.shape
    ]
    assert min(errors) < 1e-10
