"""Equality shown without numbers: rewriting brings an answer and a derived form to the same text.

Numbers decide; where rewriting gets there too, the verdict says so.  The rules are those that anybody would apply:
transposes carried inward, products and sums flat, signs in front, f'(a) written in the output, diagonals joined, terms
and commuting factors in one order, bound indices renamed, parts renamed or put in.
"""

from __future__ import annotations

from symrnn.calculus.derive import derive
from symrnn.checking.answers import Reading
from symrnn.checking.normal import normal_form
from symrnn.checking.stations import Bench
from symrnn.errors import SymrnnError
from symrnn.language import Formula, Layout

FORMS = ("closed", "recursion", "chain")


def proof_of(reading: Reading, bench: Bench) -> str | None:
    """How a right answer was shown to be equal to a derived form; None where rewriting does not get there."""
    if reading.asked.immediate:
        return None
    cell = reading.asked.cell
    try:
        mine = normal_form(reading.formula, cell)
    except SymrnnError:
        return None
    for layout in Layout:
        for form in FORMS:
            right = _derived(reading, bench, layout, form)
            if right is None:
                continue
            if _bare(right) == _bare(reading.formula):
                return f"identical to the derived {form} form"
            try:
                if normal_form(right, cell) == mine:
                    return f"equal to the derived {form} form by rewriting"
            except SymrnnError:
                continue
    return None


def _bare(formula: Formula) -> tuple[object, object]:
    return formula.expression, formula.parts


def _derived(reading: Reading, bench: Bench, layout: Layout, form: str) -> Formula | None:
    asked = reading.asked
    key = (asked.of, asked.by, layout, form)
    if key not in bench.derived:
        try:
            bench.derived[key] = derive(asked.cell, asked.of, asked.by, layout, (form,)).result
        except SymrnnError:
            bench.derived[key] = None
    return bench.derived[key]
