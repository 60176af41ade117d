"""A derivation as one JSON object, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from symrnn.emitting.latex import to_latex
from symrnn.emitting.report import Report, answer_shape
from symrnn.emitting.text import index_text, to_text
from symrnn.language import Shape


def as_dict(report: Report) -> dict[str, Any]:
    """``of, wrt, layout, shape, forms, steps, verified, assumptions``; shapes are lists of sizes."""
    derived = report.derived
    question = derived.question
    checked = report.checked
    return {
        "of": to_text(question.of),
        "wrt": to_text(question.by),
        "layout": question.layout.value,
        "shape": _shape(answer_shape(derived)),
        "forms": {
            form.name: {
                "text": to_text(form.formula),
                "latex": to_latex(form.formula, report.style, question.layout),
            }
            for form in derived.forms
        },
        "steps": [
            {
                "rule": step.rule,
                "before": to_text(step.before),
                "after": to_text(step.after),
                "reason": step.reason,
                "shape": _shape(step.shape),
                "error": report.error(number),
            }
            for number, step in enumerate(derived.steps)
        ],
        "verified": None
        if checked is None
        else {
            "seed": checked.seed,
            "sizes": {name: size for name, size in checked.sizes.items() if name in derived.cell.sizes},
            "tau": checked.tau,
            "max_error": checked.max_error,
        },
        "assumptions": list(derived.assumptions),
    }


def json_text(value: Mapping[str, Any]) -> str:
    """An object as readable JSON in ASCII."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def text(report: Report) -> str:
    """The derivation as JSON."""
    return json_text(as_dict(report))


def _shape(shape: Shape) -> list[str]:
    return [index_text(axis) for axis in shape]
