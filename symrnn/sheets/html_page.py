"""A whole sheet as one HTML file that needs nothing else: no network, no fonts, no other file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from symrnn.drawing.svg import DARK, LIGHT, css
from symrnn.sheets.claims import HEADLINES
from symrnn.sheets.content import Answered, Part, Solution
from symrnn.sheets.html_blocks import HtmlWriter, question_anchor, words

TEMPLATES = files("symrnn.sheets") / "templates"


def template_text(name: str) -> str:
    """A file of the templates' folder."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def html_page(solution: Solution) -> str:
    """The page."""
    writer = HtmlWriter(solution.layouts, solution.style)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    graph = ";".join(f"--graph-{name}:{value}" for name, value in DARK.items())
    return environment.from_string(template_text("page.html.j2")).render(
        solution=solution,
        layouts=[layout.value for layout in solution.layouts],
        css=Markup(template_text("sheet.css").replace("DARK_GRAPH", f"{graph};")),
        graph_css=Markup(css(standalone=False) + _light()),
        script=Markup(template_text("sheet.js")),
        preface=Markup(writer.blocks(solution.preface)),
        parts=[_part(writer, part) for part in solution.parts],
        errata=list(_errata(writer, solution)),
        footer=Markup(writer.blocks(solution.footer)),
    )


def _light() -> str:
    return f"\n:root{{{';'.join(f'--graph-{name}:{value}' for name, value in LIGHT.items())}}}"


def _part(writer: HtmlWriter, part: Part) -> dict[str, Any]:
    return {
        "anchor": f"part-{question_anchor(part.id)}",
        "label": Markup(words(part.label)),
        "text": Markup(writer.blocks(part.text)),
        "questions": [_question(writer, question) for question in part.questions],
    }


def _question(writer: HtmlWriter, question: Answered) -> dict[str, Any]:
    return {
        "anchor": question_anchor(question.id),
        "label": Markup(words(f"{question.id} {question.title}".strip())),
        "points": question.points_text,
        "statement": Markup(writer.blocks(question.statement)),
        "answer": Markup(writer.answer(question)),
        "claims": Markup("\n".join(writer.claim(claim) for claim in question.claims)),
    }


def _errata(writer: HtmlWriter, solution: Solution) -> Iterator[dict[str, Any]]:
    for question in solution.questions:
        for claim in question.claims:
            printed = Markup(writer.prose(claim.printed))
            yield {"id": claim.id, "printed": printed, "verdict": HEADLINES[claim.verdict], "right": claim.right}
