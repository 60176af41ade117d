"""A derivation in HTML with MathML: a fragment, or one page that opens offline."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from symrnn.emitting.boxes import Box, Glyph, Kind, flat_row
from symrnn.emitting.mathml import to_mathml_flow
from symrnn.emitting.names import index_box
from symrnn.emitting.report import Report, continues, ranges, shape_text, stands_left
from symrnn.emitting.rules import EQUALS
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.language import Formula

AT_MOST = Glyph("≤", r"\le", Kind.RELATION, plain="<=")

STYLE = """
:root { color-scheme: light dark; }
body { max-width: 60em; margin: 2em auto; padding: 0 1em; font: 1rem/1.5 Georgia, 'Times New Roman', serif; }
.symrnn .formula { margin: .5em 0 .5em 1.5em; line-height: 2.2; overflow: auto hidden; padding: .2em 0; }
.symrnn .rule { font-weight: bold; }
.symrnn .error, .symrnn .checked { opacity: .7; font-size: .85em; }
.symrnn li { margin: .8em 0; }
.symrnn h3 { margin: 1.2em 0 .2em; font-size: 1.05em; }
.symrnn summary { cursor: pointer; font-weight: bold; }
"""


def text(report: Report) -> str:
    """The derivation as a ``div`` to put into a page."""
    derived = report.derived
    question = derived.question
    told = [
        '<div class="symrnn">',
        f"<p>{escape(report.title)}: {_inline(typeset(question.of, report.style))} by "
        f"{_inline(typeset(question.by, report.style))}, {question.layout.value} layout, {escape(shape_text(derived))}"
        f"{_where(report)}</p>",
    ]
    if report.steps:
        told += ["<details open><summary>Derivation</summary>", "<ol>", *_steps(report), "</ol>", "</details>"]
    for form in derived.forms:
        count = f", {form.terms} terms" if form.terms is not None else ""
        told.append(f"<h3>{escape(form.name)} form{count}</h3>")
        told += _equations(typeset_formula(report.claim(form), report.style, question.layout))
    told += [f"<p>{escape(note)}</p>" for note in report.notes]
    if report.checked is not None:
        told.append(f'<p class="checked">Every line checked: {escape(report.checked.sentence())}.</p>')
    return "\n".join([*told, "</div>"]) + "\n"


def page(report: Report) -> str:
    """A whole page around the derivation."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{text(report)}</body>\n</html>\n"
    )


def _inline(box: Box) -> str:
    return to_mathml_flow(box)


def _where(report: Report) -> str:
    chains = []
    for chain in ranges(report.derived):
        items: list[Box] = [index_box(chain[0])]
        for index in chain[1:]:
            items += [AT_MOST, index_box(index)]
        chains.append(_inline(flat_row(*items)))
    return f", for {', '.join(chains)}" if chains else ""


def _steps(report: Report) -> Iterable[str]:
    previous = None
    layout = report.derived.question.layout
    for number, step in enumerate(report.derived.steps):
        error = report.error(number)
        shown = f' <span class="error">(error {error:.1e})</span>' if error is not None else ""
        yield f'<li><span class="rule">{escape(step.rule)}</span>{shown}. {escape(step.reason)}'
        lead: Box = EQUALS
        if not continues(step, previous):
            before = typeset_formula(step.before, report.style, layout)
            if stands_left(step):
                lead = flat_row(before[-1].right, EQUALS)
            else:
                yield from _equations(before)
        yield from _after(step.after, report, lead)
        yield "</li>"
        previous = step


def _after(formula: Formula, report: Report, lead: Box) -> Iterable[str]:
    *parts, whole = typeset_formula(formula, report.style, report.derived.question.layout)
    yield f'<div class="formula">{to_mathml_flow(whole.right, lead=lead)}</div>'
    yield from _equations(parts)


def _equations(equations: Iterable[Equation]) -> Iterable[str]:
    for equation in equations:
        lead = None if equation.left is None else flat_row(equation.left, EQUALS)
        yield f'<div class="formula">{to_mathml_flow(equation.right, lead=lead)}</div>'
