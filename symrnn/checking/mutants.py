"""Planted mistakes: right answers with one thing changed, to check the checker by.

The changes are those of :mod:`symrnn.checking.edits`, applied to a right answer; what is wrong with the result is the
opposite of the change: a factor that was dropped is a factor that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from symrnn.calculus.derive import derive
from symrnn.checking.answers import Reading
from symrnn.checking.asked import Asked
from symrnn.checking.check import judged
from symrnn.checking.edits import candidates
from symrnn.checking.judge import Judge
from symrnn.checking.search import USUAL, Effort
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Verdict
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Formula, Layout

OPPOSITE = {
    "extra factor": "missing factor",
    "missing factor": "extra factor",
    "extra term": "missing term",
    "missing term": "extra term",
}
"""The mistake that a change plants, where it isn't of the change's own kind."""

PLANTED = (
    "shift", "transpose", "swap", "reverse", "limit", "sign", "extra factor", "extra term", "immediate", "scale",
    "variable", "power", "parenthesis", "derivative",
)  # fmt: skip
"""Which changes are planted."""

MOST_TRIED = 1_500
NAMED_BY_VERDICT = {
    "sign": ("negated",),
    "scale": ("scaled", "negated"),
    "missing factor": ("scaled",),
    "extra factor": ("scaled",),
    "missing term": ("truncated",),
    "transpose": ("transposed", "mixed"),
}
"""Mistakes that the verdict itself names."""


@dataclass(frozen=True)
class Mutant:
    """A right answer with one mistake: its kind, the right text and the wrong one."""

    kind: str
    right: Formula
    wrong: Formula
    asked: Asked

    @property
    def text(self) -> str:
        """The wrong formula."""
        return to_text(self.wrong)


@dataclass(frozen=True)
class Outcome:
    """What the checker said of a mutant."""

    mutant: Mutant
    verdict: Verdict
    identity: bool
    named: bool


def right_answers(asked: Asked) -> Iterator[Formula]:
    """The forms that the calculus derives for a question, in the layout asked for, recursion first."""
    for form in ("recursion", "closed"):
        try:
            layout = asked.layout or Layout.NUMERATOR
            yield derive(asked.cell, asked.of, asked.by, layout, (form,)).result
        except SymrnnError:
            continue


def mutants(asked: Asked, bench: Bench, count: int) -> list[Mutant]:
    """So many mutants of the right answers to a question, of as many kinds as there are, always the same ones."""
    by_kind: dict[str, list[Mutant]] = {kind: [] for kind in PLANTED}
    for right in right_answers(asked):
        for number, (_, candidate) in enumerate(candidates(right, asked.cell, bench.pool(asked))):
            if number > MOST_TRIED:
                break
            kind = candidate.change.kind
            if kind in by_kind and len(by_kind[kind]) < count:
                by_kind[kind].append(Mutant(OPPOSITE.get(kind, kind), right, candidate.formula, asked))
    chosen = [m for row in zip_longest(*(_spread(found, count) for found in by_kind.values())) for m in row if m]
    return chosen[:count]


def _spread(found: Sequence[Mutant], count: int) -> list[Mutant]:
    """Some of each half, so that not all changes are at the first place."""
    return [*found[::2], *found[1::2]][:count]


def outcome(mutant: Mutant, bench: Bench, effort: Effort = USUAL) -> Outcome:
    """Check a mutant: is it called wrong, and is its own mistake named?"""
    reading = Reading(mutant.wrong, mutant.asked)
    if any(t.layout is mutant.asked.layout for t in Judge(bench).right_targets(mutant.wrong, reading)):
        return Outcome(mutant, Verdict("correct"), identity=True, named=False)
    verdict = judged([reading], bench, effort)
    return Outcome(mutant, verdict, identity=False, named=_is_named(mutant, verdict))


def _is_named(mutant: Mutant, verdict: Verdict) -> bool:
    """Whether the mistake that was planted is among those that are named."""
    if verdict.verdict in NAMED_BY_VERDICT.get(mutant.kind, ()):
        return True
    right = to_text(mutant.right)
    return any(repair.kind == mutant.kind or repair.text == right for repair in verdict.repairs)
