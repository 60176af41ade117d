"""What is derived for each recorded quantity, as closed form and as recursion, gives the recorded numbers."""

from __future__ import annotations

import pytest

from symrnn.calculus.derive import derive
from symrnn.language import Layout


def derived_numbers(asked, form: str, layout: Layout):
    of, by = asked.question
    formula = derive(asked.sample.cell, of, by, layout, forms=(form,)).forms[0].formula
    turned = [[evaluator.evaluate(formula, at) for at in asked.every_time()] for evaluator in asked.sample.evaluators]
    if layout is Layout.NUMERATOR:
        return turned
    return [[answer.T for answer in example] for example in turned]


@pytest.mark.parametrize("layout", [Layout.NUMERATOR, Layout.DENOMINATOR], ids=lambda layout: layout.value)
@pytest.mark.parametrize("form", ["closed", "recursion"])
def test_the_derivation_has_the_recorded_value(asked_derivative, form, layout, far):
    answers = derived_numbers(asked_derivative, form, layout)
    assert far(asked_derivative.gathered(answers), asked_derivative.right) < 1e-8
