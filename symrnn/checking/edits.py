"""Single changes to a formula: the mistakes that people make, turned round.

Every rule takes a place and yields what could stand there instead, with the kind of mistake that the present text then
was.  Rules know nothing of what is right; they build candidates, and numbers decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from symrnn.checking.edit import Candidate, Change, Rule, Setting
from symrnn.checking.edit_entries import entry_indices
from symrnn.checking.edit_factors import (
    add_factor,
    drop_factor,
    missing_diag,
    missing_link,
    order_of_factors,
    scale,
    transposition,
)
from symrnn.checking.edit_names import functions, immediate, other_part, other_variable, primes, slopes, squares
from symrnn.checking.edit_terms import (
    missing_gate_path,
    missing_one,
    missing_path,
    missing_sum,
    missing_terms,
    missing_transpose,
    parentheses,
    product_for_sum,
    signs,
    terms,
)
from symrnn.checking.edit_times import limits, other_index, reverse_product, shift_piece, shift_time
from symrnn.checking.places import Place, places, replaced
from symrnn.checking.pool import Pool
from symrnn.errors import SymrnnError
from symrnn.language import Cell, Formula

STAGES: tuple[tuple[Rule, ...], ...] = (
    (shift_time, entry_indices, transposition, order_of_factors, reverse_product, immediate),
    (limits, signs, shift_piece, missing_sum, missing_diag, missing_link),
    (
        drop_factor,
        terms,
        missing_one,
        primes,
        slopes,
        functions,
        squares,
        scale,
        other_part,
        other_variable,
        parentheses,
        other_index,
    ),
    (product_for_sum,),
    (missing_path,),
    (missing_gate_path,),
    (missing_terms, missing_transpose, add_factor),
)
"""Which kinds of change are tried first."""


def candidates(
    formula: Formula, cell: Cell, pool: Pool, lines: Collection[int | None] | None = None
) -> Iterator[tuple[int, Candidate]]:
    """Every formula one change away, each once, the likeliest kinds first, with the number of their stage.

    ``lines`` are those that are changed, all where it is None: the numbers of parts, None for the formula's own line.
    """
    setting = Setting(cell, formula, pool)
    found = [place for place in places(formula) if lines is None or place.part in lines]
    seen: set[Formula] = {formula}
    for number, rules in enumerate(STAGES):
        for place in found:
            for rule in rules:
                for change in rule(place, setting):
                    candidate = _candidate(formula, place, change)
                    if candidate is not None and candidate.formula not in seen:
                        seen.add(candidate.formula)
                        yield number, candidate


def _candidate(formula: Formula, place: Place, change: Change) -> Candidate | None:
    if change.new is place.node:
        return None
    try:
        return Candidate(place, change, replaced(formula, place, change.new))
    except SymrnnError:
        return None
