"""A whole sheet as one LaTeX document that the plain TeX Live set compiles."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, StrictUndefined

from symrnn.sheets.claims import HEADLINES
from symrnn.sheets.content import Answered, Part, Solution
from symrnn.sheets.html_page import template_text
from symrnn.sheets.latex_blocks import LatexWriter, latex_words

# Marks that LaTeX has no use for; no text of a sheet is ever part of the template.
_ENVIRONMENT = Environment(
    block_start_string="((*",
    block_end_string="*))",
    variable_start_string="(((",
    variable_end_string=")))",
    comment_start_string="((#",
    comment_end_string="#))",
    trim_blocks=True,
    autoescape=False,
    undefined=StrictUndefined,
)


def latex_document(solution: Solution) -> str:
    """The document."""
    writer = LatexWriter(solution.style)
    return _ENVIRONMENT.from_string(template_text("sheet.tex.j2")).render(
        title=latex_words(solution.title),
        source=latex_words(solution.source),
        variant=solution.variant,
        preface=writer.blocks(solution.preface),
        parts=[_part(writer, part) for part in solution.parts],
        errata=[_erratum(writer, claim) for question in solution.questions for claim in question.claims],
        footer=writer.blocks(solution.footer),
    )


def _part(writer: LatexWriter, part: Part) -> dict[str, Any]:
    return {
        "label": latex_words(part.label),
        "text": writer.blocks(part.text),
        "questions": [_question(writer, question) for question in part.questions],
    }


def _question(writer: LatexWriter, question: Answered) -> dict[str, Any]:
    return {
        "label": latex_words(f"{question.id} {question.title}".strip()),
        "points": question.points_text,
        "statement": writer.blocks(question.statement),
        "answer": writer.blocks(question.answer),
        "claims": "\n\n".join(writer.claim(claim) for claim in question.claims),
    }


def _erratum(writer: LatexWriter, claim: Any) -> dict[str, Any]:
    return {
        "id": latex_words(claim.id),
        "printed": writer.prose(claim.printed),
        "verdict": latex_words(HEADLINES[claim.verdict]),
        "right": claim.right,
    }
