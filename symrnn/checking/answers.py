r"""The text of an answer to readings: the formula language first, LaTeX where it looks like LaTeX.

Where print leaves something open there is one reading for each way to take it, the most literal first; which of them
is right is decided by numbers, later.  Nothing is guessed here and nothing is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations

from symrnn.checking.asked import Asked, letters_of
from symrnn.checking.readings import by_output, has_inert, over
from symrnn.errors import Location, ReadingError, ShapeError, SymrnnError, UnknownNameError, did_you_mean
from symrnn.language import (
    Cell,
    Entry,
    Formula,
    Layout,
    Node,
    Role,
    Variable,
)
from symrnn.language.traversal import free_indices
from symrnn.reading.formula import read_formula
from symrnn.reading.latex_reader import read_latex
from symrnn.reading.scope import Scope

LATEX_SIGNS = re.compile(r"\\[A-Za-z{(\[,;]|\$|\^|_\{|[∂∇∑∏₀-₉ₜₖ⊤ᵀ⊙]")
"""What the formula language never contains."""

COMMENT = re.compile(r"(?<!\\)#[^\n]*")
"""The formula language's, in which anything may stand."""

SUBSCRIPTED = re.compile(r"[A-Za-z]_[A-Za-z0-9]\b(?!\[)")
"""A name with one sign below it: perhaps a time."""

MOST_CHARACTERS = 40_000
MOST_READINGS = 48
MOST_LETTERS = 5
"""With more open letters than these an unclaimed index form is not tried in every order."""


@dataclass(frozen=True)
class Answer:
    """How an answer was given: other names for the cell's, the number of the first entry, where it comes from."""

    text: str
    names: Mapping[str, str] | None = None
    entries_from: int = 0
    source: str = "answer"


@dataclass(frozen=True)
class Reading:
    """One way to take an answer: its formula, the question it answers, and what was open and how it was taken."""

    formula: Formula
    asked: Asked
    note: str | None = None
    inert: Layout | None = None


def looks_like_latex(text: str) -> bool:
    r"""Whether a text has signs that only LaTeX and mathematical print have.

    >>> looks_like_latex(r"W^\top h_t"), looks_like_latex("W.T @ h[t]")
    (True, False)
    """
    return LATEX_SIGNS.search(COMMENT.sub("", text)) is not None


def read_answer(answer: Answer, asked: Asked) -> tuple[Reading, ...]:
    """All readings of an answer, the most literal first.

    Raises ShapeError where no reading is conformable, and ReadingError (or its like) where the text isn't a formula,
    each with its place.
    """
    if len(answer.text) > MOST_CHARACTERS:
        raise ReadingError(f"the answer has {len(answer.text)} characters; at most {MOST_CHARACTERS} are read")
    if not answer.text.strip():
        raise ReadingError("the answer is empty", location=Location(answer.source, 1, 1))
    if looks_like_latex(answer.text):
        return _readings(answer, asked, _from_latex)
    try:
        return _readings(answer, asked, _from_text)
    except UnknownNameError:
        if not SUBSCRIPTED.search(answer.text):
            raise
        try:
            # ``1 - z_t``: mathematical print without a sign that only print has.
            return _readings(answer, asked, _from_latex)
        except SymrnnError:
            pass
        raise


Read = Callable[[Answer, Asked, Layout], Iterator[tuple[Formula, str | None]]]


def _readings(answer: Answer, asked: Asked, read: Read) -> tuple[Reading, ...]:
    found: dict[tuple[Formula, Asked], Reading] = {}
    failures: list[SymrnnError] = []
    for layout in _inert_layouts(asked):
        try:
            for formula, note in read(answer, asked, layout):
                for reading in _of_formula(formula, note, asked, layout):
                    found.setdefault((reading.formula, reading.asked), reading)
        except SymrnnError as error:
            failures.append(error)
    if not found:
        # A name that nobody knows is unknown in either layout; a shape may fit in the one and not in the other.
        unknown = next((f for f in failures if isinstance(f, UnknownNameError)), None)
        raise unknown or next((f for f in failures if isinstance(f, ShapeError)), failures[0])
    return tuple(found.values())[:MOST_READINGS]


def _inert_layouts(asked: Asked) -> tuple[Layout, ...]:
    first = asked.layout or Layout.NUMERATOR
    return (first, first.other)


# -- the formula language ---------------------------------------------------------------------------------------


def _from_text(answer: Answer, asked: Asked, layout: Layout) -> Iterator[tuple[Formula, str | None]]:
    scope = Scope.of(asked.cell).with_indices(*asked.free)
    scope, back = _renamed(scope, answer.names or {})
    formula = read_formula(answer.text, scope, layout, Location(answer.source))
    if back:
        formula = over(formula, lambda node: _named_back(node, back))
    if answer.entries_from:
        formula = over(formula, lambda node: _counted_from(node, answer.entries_from))
    yield formula, None
    output = by_output(formula, asked.cell)
    if output != formula:
        yield output, "f'(h) is the derivative in terms of the output h"


def _renamed(scope: Scope, names: Mapping[str, str]) -> tuple[Scope, dict[str, str]]:
    """The scope with the printed names in it, and the cell's names for them."""
    timed, whole, sizes = dict(scope.timed), dict(scope.whole), dict(scope.sizes)
    back: dict[str, str] = {}
    for printed, meant in names.items():
        plain = _plain_name(printed)
        index = scope.index(meant)
        if meant in scope.timed:
            timed[plain] = scope.timed[meant]
        if meant in scope.whole:
            whole[plain] = scope.whole[meant]
        elif index is not None:
            sizes[plain] = index
        elif meant not in scope.timed:
            raise UnknownNameError(
                f'--names binds "{printed}" to "{meant}", which the cell does not have',
                hint=did_you_mean(meant, scope.names()),
            )
        back[plain] = meant
    return replace(scope, timed=timed, whole=whole, sizes=sizes), back


def _plain_name(printed: str) -> str:
    """``W_{xh}`` as the formula language writes it."""
    return re.sub(r"[{}\\\s]", "", printed)


def _named_back(node: Node, back: Mapping[str, str]) -> Node:
    if isinstance(node, Variable) and node.role is not Role.PART and node.name in back:
        return Variable(back[node.name], node.role, node.shape, node.time)
    return node


def _counted_from(node: Node, first: int) -> Node:
    """Entries counted from another number: ``W[1,1]`` is the first."""
    if not isinstance(node, Entry):
        return node
    operand, indices = node.args
    return Entry(operand, tuple(i - first if i.constant is not None else i for i in indices))


# -- LaTeX ------------------------------------------------------------------------------------------------------


def _from_latex(answer: Answer, asked: Asked, layout: Layout) -> Iterator[tuple[Formula, str | None]]:
    scope = Scope.of(asked.cell).with_indices(*asked.free)
    readings = read_latex(
        answer.text,
        scope,
        layout,
        names=answer.names,
        entries_from=answer.entries_from,
        location=Location(answer.source),
    )
    for reading in readings:
        meant = [c for c in reading.claims if c.of is not None and _same(c, asked)]
        yield (meant[-1] if meant else reading.formula), reading.description or None


def _same(claim: Formula, asked: Asked) -> bool:
    return (claim.of, claim.by) == (asked.of, asked.by)


# -- formulas ---------------------------------------------------------------------------------------------------


def _of_formula(formula: Formula, note: str | None, asked: Asked, layout: Layout) -> Iterator[Reading]:
    """The readings of one formula: what it may be an answer to."""
    inert = layout if has_inert(formula) else None
    bare = Formula(formula.expression, formula.parts)
    for question, letters in _questions(formula, asked):
        yield Reading(bare, question, _joined(note, letters), inert)


def _questions(formula: Formula, asked: Asked) -> Iterator[tuple[Asked, str | None]]:
    """The question that a formula answers; about one component where it is in index form."""
    question = replace(asked, immediate=asked.immediate or _claims_immediate(formula, asked))
    letters = _open_letters(formula, asked)
    components: list[Asked] = []
    if formula.expression.is_single and letters:
        claimed = letters_of(formula.of, formula.by)
        count = question.axes
        orders = (
            [claimed] if claimed else permutations(letters, count) if 0 < count <= len(letters) <= MOST_LETTERS else []
        )
        components = [found for order in orders if (found := question.with_letters(order)) is not None]
    if not components:
        yield question, None
    for component in components:
        note = f"the free indices count {', '.join(letters_of(component.of, component.by))}"
        yield component, note if len(components) > 1 else None


def _claims_immediate(formula: Formula, asked: Asked) -> bool:
    return formula.immediate and _same(formula, asked)


def _open_letters(formula: Formula, asked: Asked) -> tuple[str, ...]:
    """Letters that count entries and that neither the question nor a sum explains."""
    roots = (formula.expression, *(part.expression for part in formula.parts))
    free = frozenset().union(*(free_indices(root) for root in roots))
    counted = [name for name in letters_of(*roots) if name in free]
    times = {asked.cell.time.index, *asked.cell.time.last.names(), *asked.cell.time.first.names(), *asked.cell.sizes}
    return tuple(name for name in counted if name not in times and name not in asked.free)


def _joined(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def claim_question(answer: Answer, cell: Cell) -> tuple[Node, Node] | None:
    """Of what and by what an answer claims to be the derivative, None where it is a bare formula."""
    scope = Scope.of(cell)
    if looks_like_latex(answer.text):
        formula = read_latex(answer.text, scope, names=answer.names, entries_from=answer.entries_from)[0].formula
    else:
        renamed, back = _renamed(scope, answer.names or {})
        formula = read_formula(answer.text, renamed, Layout.NUMERATOR, Location(answer.source))
        formula = over(formula, lambda node: _named_back(node, back)) if back else formula
    return None if formula.of is None or formula.by is None else (formula.of, formula.by)


__all__ = ["Answer", "Reading", "claim_question", "looks_like_latex", "read_answer"]
