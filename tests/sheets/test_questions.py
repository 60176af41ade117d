"""Every question of the five texts is answered and every claim has its verdict."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from symrnn.emitting.text import to_text
from symrnn.sheets.building import sheet_folders
from symrnn.sheets.content import Block, Equalities, Formulas, Notice, Paragraph, Picture, Solution
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet
from tests.sheets.conftest import NAMES, solved

ASKED: dict[str, Any] = tomllib.loads((Path(__file__).parent / "questions.toml").read_text(encoding="utf-8"))


def test_the_sheets_are_those_of_the_list() -> None:
    assert set(NAMES) == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_every_question_is_answered(name: str) -> None:
    solution = solved(name)
    assert [q.id for q in solution.questions] == ASKED[name]["questions"]
    for question in solution.questions:
        said = [block for block in question.answer if not isinstance(block, (Notice, Picture))]
        assert question.statement, question.id
        assert said, question.id


@pytest.mark.parametrize("name", ASKED)
def test_every_claim_has_its_verdict(name: str) -> None:
    found = {claim.id: claim.verdict for question in solved(name).questions for claim in question.claims}
    assert found == ASKED[name].get("claims", {})


def test_what_is_not_right_is_explained(solution: Solution) -> None:
    for question in solution.questions:
        for claim in question.claims:
            assert claim.right or claim.blocks, claim.id


def test_a_variant_gives_the_numbers_that_it_computes_with() -> None:
    question = next(q for q in solve(read_sheet(sheet_folders()["tum"]), variant=3).questions if q.id == "A.c")
    given = values(question.statement)
    first = next(block for block in question.answer if isinstance(block, Equalities))
    assert to_text(first.links[0]) == "z[1]"
    assert to_text(first.links[2]) == f"{given['V']} * {given['h[0]']} + {given['W']} * {given['x[1]']}"
    assert given != values(next(q.statement for q in solved("tum").questions if q.id == "A.c"))


def values(blocks: tuple[Block, ...]) -> dict[str, str]:
    """The numbers that a statement gives, by name."""
    spans = [span for block in blocks if isinstance(block, Paragraph) for span in block.prose]
    pairs = [[to_text(link) for link in span.links] for span in spans if isinstance(span, Formulas)]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
