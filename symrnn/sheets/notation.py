"""Boxes that the three formats share: chains of equal expressions, ranges, and how a derivation is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symrnn.api.derivation import Derivation
from symrnn.calculus.steps import Step
from symrnn.emitting.boxes import Box, Glyph, Kind, flat_row
from symrnn.emitting.measure import width
from symrnn.emitting.names import index_box
from symrnn.emitting.report import continues, ranges, stands_left
from symrnn.emitting.rules import EQUALS
from symrnn.emitting.style import Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.language import Node

ONE_LINE = 38.0
"""A chain that is not wider than this, in em, stands on one line."""

AT_MOST = Glyph("≤", r"\le", Kind.RELATION, plain="<=")

FORM_TITLES = {
    "chain": "Chain form",
    "closed": "Closed form",
    "recursion": "Recursion",
    "unrolled": "Unrolled",
    "index": "Index form",
    "vec": "Vec form",
    "forward": "Forward recursion",
}


def chain_box(links: tuple[Node, ...], style: Style) -> Box:
    """``a = b = c`` on one line."""
    items: list[Box] = []
    for place, link in enumerate(links):
        items += [EQUALS] if place else []
        items.append(typeset(link, style))
    return flat_row(*items) if len(items) > 1 else items[0]


def chain_equations(links: tuple[Node, ...], style: Style) -> tuple[Equation, ...]:
    """``a = b``, ``= c`` below each other, or on one line where they fit on one; one link stands alone."""
    if len(links) == 1:
        return (Equation(None, typeset(links[0], style), bare=True),)
    if width(whole := chain_box(links[1:], style)) + width(typeset(links[0], style)) <= ONE_LINE:
        return (Equation(typeset(links[0], style), whole),)
    left, first, *rest = (typeset(link, style) for link in links)
    return (Equation(left, first), *(Equation(None, box) for box in rest))


def range_boxes(derivation: Derivation) -> tuple[Box, ...]:
    """Where the free times may stand: ``1 ≤ k ≤ t ≤ τ``."""
    found = []
    for chain in ranges(derivation.derived):
        items: list[Box] = [index_box(chain[0])]
        for index in chain[1:]:
            items += [AT_MOST, index_box(index)]
        found.append(flat_row(*items))
    return tuple(found)


@dataclass(frozen=True)
class Told:
    """A step as it is shown: its number, and the equations with the left side where it has to be told."""

    number: int
    step: Step
    error: float | None
    equations: tuple[Equation, ...]


@dataclass(frozen=True)
class Quoted:
    """Consecutive steps that an earlier question has shown, with what they came to."""

    first: int
    last: int
    question: str
    equations: tuple[Equation, ...]


def told_steps(derivation: Derivation, known: tuple[str | None, ...]) -> Iterator[Told | Quoted]:
    """The steps in order; runs of steps that an earlier question showed are one quotation each."""
    steps = derivation.steps
    place, previous = 0, None
    while place < len(steps):
        end = place
        while known and end < len(steps) and known[end] is not None and known[end] == known[place]:
            end += 1
        if end - place > 1 or (end > place and stands_left(steps[place])):
            result = steps[end - 1]
            yield Quoted(place + 1, end, known[place] or "", _whole(derivation, _named_left(steps, place, end), result))
            place, previous = end, None
            continue
        step = steps[place]
        goes_on = continues(step, previous)
        error = None if derivation.errors is None else derivation.errors[place]
        left = None if goes_on else step
        yield Told(place + 1, step, error, _whole(derivation, left, step))
        previous = step
        place += 1


def _named_left(steps: tuple[Step, ...], place: int, end: int) -> Step:
    """The step whose left side the last one of a run goes on from."""
    start = end - 1
    while start > place and continues(steps[start], steps[start - 1]):
        start -= 1
    return steps[start]


def _whole(derivation: Derivation, left: Step | None, right: Step) -> tuple[Equation, ...]:
    """The left side of one step and the right side of another; parts come after."""
    style, layout = derivation.style, derivation.layout
    *parts, after = typeset_formula(right.after, style, layout)
    if left is None:
        return (Equation(None, after.right), *parts)
    *earlier, before = typeset_formula(left.before, style, layout)
    if stands_left(left):
        return (Equation(before.right, after.right), *parts)
    return (*earlier, Equation(None, before.right, bare=True), Equation(None, after.right), *parts)
