"""The published samples, from their printed formulas: the verdict is what is known of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symrnn.checking.answers import Answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check
from symrnn.checking.stations import Bench
from symrnn.language import Layout
from symrnn.reading import load_cell_file
from symrnn.reading.question import read_question

PUBLISHED = Path(__file__).parents[1] / "published"
CASES = tomllib.loads((PUBLISHED / "cases.toml").read_text(encoding="utf-8"))["case"]


def printed() -> Iterator[Any]:
    """Every printed formula, in the formula language and, where the source typesets it, in LaTeX."""
    for case in CASES:
        for quantity in case["quantity"]:
            name = f"{case['id']}: {quantity['name']}"
            if "formula" in quantity:
                text = f"{case.get('parts', '')}\n{quantity['formula']}".strip()
                yield pytest.param(case["id"], quantity, text, id=name)
            if "latex" in quantity:
                yield pytest.param(case["id"], quantity, quantity["latex"], id=f"{name} in LaTeX")


@cache
def bench(case: str) -> Bench:
    return Bench(load_cell_file(PUBLISHED / "cases" / f"{case}.cell"))


def verdict_on(case: str, quantity: dict[str, Any], text: str, layout: Layout | None):
    held = bench(case)
    of, by = read_question(quantity["of"], quantity["wrt"], held.cell)
    return check(Answer(text), Asked(held.cell, of, by, layout), held, explain=False)


@pytest.mark.parametrize(("case", "quantity", "text"), list(printed()))
def test_the_verdict_is_the_known_one(case: str, quantity: dict[str, Any], text: str) -> None:
    expect, _, factor = quantity["expect"].partition(":")
    jacobian = quantity["name"].startswith("J:")
    found = verdict_on(case, quantity, text, None if jacobian else Layout.DENOMINATOR)
    if expect == "ok":
        assert found.verdict == "correct"
        assert found.layout in ("denominator", "both")
    elif expect in ("numerator", "denominator"):
        assert (found.verdict, found.layout) == ("correct", expect)
    elif expect == "scaled":
        assert (found.verdict, float(found.factor.number)) == ("scaled", float(factor))
        assert found.layout == "denominator"
    elif expect == "transposed":
        assert (found.verdict, found.layout) == ("transposed", "numerator")
    else:
        assert found.verdict == expect


def test_the_printed_mistakes_are_named() -> None:
    d2l = next(c for c in CASES if c["id"] == "D2L-old-dWhh")
    quantity = next(q for q in d2l["quantity"] if q["expect"] == "wrong")
    held = bench("D2L-old-dWhh")
    of, by = read_question(quantity["of"], quantity["wrt"], held.cell)
    found = check(Answer(f"{d2l['parts']}\n{quantity['formula']}"), Asked(held.cell, of, by, Layout.DENOMINATOR), held)
    assert "h[j] stands where h[j-1] belongs" in found.mistake
    assert found.counterexample is not None

    early = next(c for c in CASES if c["id"] == "GBC-10.21-early")
    held = bench("GBC-10.21-early")
    (quantity,) = early["quantity"]
    of, by = read_question(quantity["of"], quantity["wrt"], held.cell)
    found = check(Answer(quantity["formula"]), Asked(held.cell, of, by, Layout.DENOMINATOR), held)
    assert "diag stands on the wrong side" in found.mistake
    assert "W.T @ diag(1 - h[t+1]**2) @ D(L, h[t+1])" in found.repair
