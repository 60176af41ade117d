"""The students' version of a sheet: the questions with room for answers, nothing that gives an answer away."""

from __future__ import annotations

from dataclasses import replace

from symrnn.sheets.content import Answered, Derived, Equalities, Picture, Solution, Space, Table

LEAST, MOST = 4, 24
"""Lines of room for an answer."""


def student_version(solution: Solution) -> Solution:
    """The sheet without answers, claims and the footer about checking."""
    parts = tuple(replace(part, questions=tuple(map(_asked, part.questions))) for part in solution.parts)
    return replace(solution, parts=parts, footer=(), student=True)


def _asked(question: Answered) -> Answered:
    return replace(question, answer=(Space(question.space or _room(question)),), claims=())


def _room(question: Answered) -> int:
    """About as many lines as the answer takes: a few for each block, more for derivations."""
    lines = 0
    for block in question.answer:
        if isinstance(block, Derived):
            lines += 6 + len(block.derivations[0].steps) // 2
        else:
            lines += 3 if isinstance(block, Equalities | Table | Picture) else 2
    return max(LEAST, min(MOST, lines))
