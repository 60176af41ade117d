"""The answer checker's verdict on every printed formula is what is known to be true of it."""

from __future__ import annotations

from typing import Any

import pytest

from symrnn.checking.answers import Answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check

# What `expect` says: a gradient is printed as its parameter (denominator layout is right), a Jacobian is asked
# for in numerator layout.
VERDICTS = {
    "ok": ("correct", {"denominator", "both"}),
    "numerator": ("correct", {"numerator", "both"}),
    "transposed": ("transposed", {"numerator"}),
    "denominator": ("transposed", {"denominator"}),
    "scaled": ("scaled", {"denominator"}),
    "wrong": ("wrong", {None}),
    "nonconformable": ("nonconformable", {None}),
}


def judged(quantity: Any, text: str) -> Any:
    of, by = quantity.question
    asked = Asked(quantity.sample.cell, of, by, quantity.asked_layout)
    return check(Answer(text), asked, explain=False)


def hold(quantity: Any, text: str) -> None:
    kind, _, factor = quantity.expect.partition(":")
    verdict, layouts = VERDICTS[kind]
    found = judged(quantity, text)
    assert found.verdict == verdict, found.to_dict()
    assert found.layout in layouts
    if factor:
        assert float(found.factor.value) == pytest.approx(float(factor))


def test_the_verdict_on_the_printed_formula(typeset):
    hold(typeset, typeset.formula)


def test_the_verdict_on_the_printed_latex(in_latex):
    hold(in_latex, in_latex.entry["latex"])
