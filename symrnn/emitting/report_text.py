"""A derivation in the formula language: every answer a claim that reads back, everything else a comment."""

from __future__ import annotations

from symrnn.emitting.report import Report, continues, ranges, shape_text
from symrnn.emitting.text import index_text, to_text


def text(report: Report) -> str:
    """The forms one after the other; with steps, each step's right side with its reason above it."""
    derived = report.derived
    question = derived.question
    head = [
        f"# {report.title}: {to_text(question.of)} by {to_text(question.by)}, {question.layout.value} layout, "
        f"{shape_text(derived)}"
    ]
    head += [f"# {' <= '.join(index_text(index) for index in chain)}" for chain in ranges(derived)]
    blocks = ["\n".join(head)]
    if report.steps:
        blocks += _steps(report)
    for form in derived.forms:
        told = [f"# {form.name} form"]
        if form.terms is not None:
            told.append(f"# {form.terms} terms")
        blocks.append("\n".join([*told, to_text(report.claim(form))]))
    tail = [*report.notes, *([f"checked: {report.checked.sentence()}"] if report.checked else [])]
    if tail:
        blocks.append("\n".join(f"# {line}" for line in tail))
    return "\n\n".join(blocks) + "\n"


def _steps(report: Report) -> list[str]:
    """The steps as comments: a line ``before = after`` is no formula of the language."""
    told, previous = [], None
    for number, step in enumerate(report.derived.steps):
        error = report.error(number)
        shown = f" (error {error:.1e})" if error is not None else ""
        lines = [f"step {number + 1}, {step.rule}{shown}: {step.reason}"]
        if not continues(step, previous):
            lines += [f"    {line}" for line in to_text(step.before).splitlines()]
        lines += [f"  = {line}" for line in to_text(step.after).splitlines()]
        told.append("\n".join(f"# {line}" for line in lines))
        previous = step
    return told
