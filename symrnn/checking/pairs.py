"""Two mistakes in one answer: the second change is looked for where the first has made the answer better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symrnn.checking.answers import Reading
from symrnn.checking.edit import Candidate
from symrnn.checking.edits import candidates
from symrnn.checking.places import is_small
from symrnn.checking.search import Search, repair_of
from symrnn.checking.verdict import Repair
from symrnn.language import Formula

LIKELY_STAGES = 3
"""Only changes of the first stages are paired: a factor or a term from the pool fits by chance too easily."""

MOST_BETTER = 40
"""Of first changes that make an answer better so many are followed before all others."""


class Pairs:
    """Every formula two likely changes away from an answer, as far as the effort goes."""

    def __init__(self, search: Search, reading: Reading) -> None:
        self.search, self.reading = search, reading
        self.spot, self.where = search.begin(reading)
        self.left = search.effort.pairs
        self.seen: set[Formula] = set()

    def repairs(self) -> tuple[Repair, ...]:
        """Right formulas two changes away: all that have the first change in common that was found first."""
        if not self.left or not is_small(self.reading.formula):
            return ()
        for first, stage in self._firsts():
            if self.left <= 0 or self.search.is_late:
                break
            found = [self._repair(first, second) for second in self._seconds(first, stage)]
            if found:
                return tuple(found)
        return ()

    def _firsts(self) -> Iterator[tuple[Candidate, int]]:
        """Single changes, each with the stage from which the second is to be.

        First those that make the answer right at the shortest length where it was wrong.  For the others the order of
        the two does not matter: the likelier one comes first.
        """
        likely = list(self._likely(self.reading.formula))
        better = [c for _, c in likely if self._is_better(c.formula)][:MOST_BETTER]
        yield from ((candidate, 0) for candidate in better)
        yield from ((candidate, stage) for stage, candidate in likely if candidate not in better)

    def _is_better(self, formula: Formula) -> bool:
        """Whether a change has mended something: one of two wrong lines, or the shortest length."""
        if self.where is not None:
            return self.where.mends_some(formula)
        spot = self.search.spot(self.reading.asked, self.search.first_wrong)
        return self.search.is_right_at(formula, self.reading, spot)

    def _seconds(self, first: Candidate, least: int) -> Iterator[Candidate]:
        """The changes that make a changed answer right."""
        after = replace(self.reading, formula=first.formula)
        for stage, second in self._likely(first.formula):
            if stage < least or second.formula in self.seen or second.formula == self.reading.formula:
                continue
            self.seen.add(second.formula)
            self.left -= 1
            if self.left < 0 or self.search.is_late:
                return
            if self.where is not None and not self.where.mends(second.formula):
                continue
            if self.search.is_right(second.formula, after, self.spot):
                yield second

    def _likely(self, formula: Formula) -> Iterator[tuple[int, Candidate]]:
        lines = None if self.where is None else self.where.lines
        asked = self.reading.asked
        for stage, candidate in candidates(formula, asked.cell, self.search.bench.pool(asked), lines):
            if stage >= LIKELY_STAGES:
                return
            yield stage, candidate

    def _repair(self, first: Candidate, second: Candidate) -> Repair:
        mistake = f"two mistakes: {first.change.mistake}; and {second.change.mistake}"
        before, after = f"{first.before} and {second.before}", f"{first.after} and {second.after}"
        return repair_of("two mistakes", mistake, self.reading.formula, second.formula, before, after)
