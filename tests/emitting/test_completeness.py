"""Every node type has a rule in every format: a new node fails here before it fails a user."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import symrnn.language
from symrnn.emitting import boxes, latex, mathml, measure, sympy_matrix, text, typeset, unicode_text
from symrnn.emitting.precedence import TEXT_LEVELS
from symrnn.language import IndexNumber, Neg, Node, Number

NODES = sorted(
    (
        kind
        for _, kind in inspect.getmembers(symrnn.language, inspect.isclass)
        if issubclass(kind, Node) and kind is not Node
    ),
    key=lambda kind: kind.__name__,
)
RULES: dict[str, Mapping[Any, Callable[..., Any]]] = {
    "text": text.node_text.registry,
    "notation": typeset.RULES,
    "sympy": sympy_matrix.RULES,
}
BOXES = [
    kind
    for _, kind in inspect.getmembers(boxes, inspect.isclass)
    if issubclass(kind, boxes.Box) and kind is not boxes.Box
]
FORMATS: dict[str, Mapping[Any, Callable[..., Any]]] = {
    "latex": latex.box_latex.registry,
    "mathml": mathml.box_mathml.registry,
    "terminal": unicode_text.box_canvas.registry,
    "width": measure.width.registry,
    "height": measure.reach.registry,
}


def test_the_scan_sees_the_language() -> None:
    assert len(NODES) > 30


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", RULES)
def test_every_node_has_its_own_rule(name: str, kind: type[Node]) -> None:
    assert kind in RULES[name], f"{name} has no rule for {kind.__name__}"


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_every_node_has_a_precedence(kind: type[Node]) -> None:
    assert kind in TEXT_LEVELS or kind in (Number, IndexNumber, Neg)


@pytest.mark.parametrize("kind", BOXES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", FORMATS)
def test_every_box_has_a_rule(name: str, kind: type[boxes.Box]) -> None:
    assert kind in FORMATS[name], f"{name} has no rule for {kind.__name__}"
