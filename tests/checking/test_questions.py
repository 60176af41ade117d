"""Questions of every kind about every library cell: an answer whose lines all hold, or a message that says why not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest

from symrnn.api import derive, load
from symrnn.cells import names
from symrnn.errors import CheckFailedError, DataError, QuestionError, ShapeError, SymrnnError, UnsupportedError
from symrnn.language import Cell

PER_CELL = 6
REFUSALS = (QuestionError, ShapeError, UnsupportedError)


def questions(cell: Cell, seed: int) -> Iterator[tuple[str, str]]:
    """Some questions that can be asked about a cell: of anything by anything, at free, shifted and fixed times."""
    t = cell.time.index
    timed = [e.name for e in cell.equations if e.timed] + [d.name for d in cell.declarations if d.timed]
    whole = [d.name for d in cell.declarations if not d.timed]
    first = str(cell.time.first)
    ofs = [f"{name}[{t}]" for name in timed] + [f"{name}[{first}]" for name in timed[:2]]
    ofs += [f"{name}[{t}][0]" for name in timed[:2]] + [f"2*{timed[0]}[{t}]"]
    ofs += [cell.loss_name] * 3 if cell.loss is not None else []
    bys = whole + [f"{name}[{time}]" for name in timed for time in (t, "k")]
    bys += [f"{name}[{t}-1]" for name in cell.state] + [key for _, _, key in cell.initial_keys()]
    bys += [f"{name}[{entry}]" for name in whole[:2] for entry in ("0,0", "i,j")]
    pairs = list(product(ofs, bys))
    yield from random.Random(seed).sample(pairs, min(PER_CELL, len(pairs)))


@pytest.mark.parametrize("name", names())
def test_every_question_is_answered_rightly_or_refused(name: str) -> None:
    cell = load(name)
    for of, by in questions(cell, seed=len(name)):
        for layout in ("numerator", "denominator"):
            try:
                found = derive(cell, of, by, form="all", layout=layout)
            except REFUSALS:
                continue
            except (CheckFailedError, DataError) as problem:
                pytest.fail(f"{of} by {by}, {layout}: {problem}")
            assert found.max_error is not None
            assert found.max_error < 1e-6
            for form in found.forms:
                assert found.text(form)
                assert found.latex(form)


def test_refusals_are_errors_of_ours() -> None:
    assert all(issubclass(refusal, SymrnnError) for refusal in REFUSALS)
