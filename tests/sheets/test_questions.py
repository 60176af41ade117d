"""Every question of the five texts is answered and every claim has its verdict."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from symrnn.sheets.content import Notice, Picture, Solution
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
        assert question.statement and said, question.id


@pytest.mark.parametrize("name", ASKED)
def test_every_claim_has_its_verdict(name: str) -> None:
    found = {claim.id: claim.verdict for question in solved(name).questions for claim in question.claims}
    assert found == ASKED[name].get("claims", {})


def test_what_is_not_right_is_explained(solution: Solution) -> None:
    for question in solution.questions:
        for claim in question.claims:
            assert claim.right or claim.blocks, claim.id
