"""A rubric for the checker: what may be asked by formula, the right answers in every form, and the points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from symrnn.api.derivation import Derivation
from symrnn.emitting.text import to_text
from symrnn.sheets.content import Answered, Derived, Equalities, Solution


def rubric(solution: Solution) -> dict[str, Any]:
    """Every question with its points and, where it has them, of what by what and the right formulas."""
    return {
        "sheet": solution.name,
        "title": solution.title,
        "layout": solution.layouts[0].value,
        "variant": solution.variant,
        "questions": [_question(question) for question in solution.questions],
    }


def _question(question: Answered) -> dict[str, Any]:
    points = question.points if question.points is not None else 1.0
    asked = list(_asked(question))
    return {
        "id": question.id,
        "title": question.title,
        "points": points,
        "formulas": asked,
        "numbers": list(_numbers(question)),
        "by_hand": not asked and not any(True for _ in _numbers(question)),
    }


def _asked(question: Answered) -> Iterator[dict[str, Any]]:
    for block in question.answer:
        if isinstance(block, Derived):
            yield _derivation(block.derivations[0])


def _derivation(derivation: Derivation) -> dict[str, Any]:
    return {
        "cell": derivation.cell.name,
        "of": to_text(derivation.of),
        "wrt": to_text(derivation.wrt),
        "layout": derivation.layout.value,
        "shape": list(derivation.shape),
        "assumptions": list(derivation.assumptions),
        "answers": {name: to_text(formula) for name, formula in derivation.forms.items()},
    }


def _numbers(question: Answered) -> Iterator[dict[str, str]]:
    """Values that were computed: the first and the last link of a chain that ends in a number."""
    for block in question.answer:
        if isinstance(block, Equalities) and len(block.links) > 2 and block.error is None and not block.definition:
            yield {"of": to_text(block.links[0]), "value": to_text(block.links[-1])}


def rubric_json(solution: Solution) -> str:
    """The rubric as JSON."""
    return json.dumps(rubric(solution), indent=2, ensure_ascii=False) + "\n"
