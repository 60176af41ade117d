"""The search for a repair: every formula one change away is tried, most are turned down by one number each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import thread_time

from symrnn.checking.answers import Reading
from symrnn.checking.asked import Asked
from symrnn.checking.comparison import relative_error
from symrnn.checking.edit import Candidate
from symrnn.checking.edits import candidates
from symrnn.checking.judge import Judge
from symrnn.checking.localisation import Localisation, localised
from symrnn.checking.marks import marked
from symrnn.checking.places import is_small, size
from symrnn.checking.readings import as_evaluated
from symrnn.checking.stations import Bench, Station, ends_in_zero, targets_for, value_at
from symrnn.checking.verdict import Repair
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Jacobian, Node, Role, Variable

LOOKS_APART = 32
"""Looking at the clock takes as long as a candidate does: it is not done for each."""


@dataclass(frozen=True)
class Effort:
    """How long to look for a repair: in formulas tried, and in seconds of computing.

    Where the seconds are what ends a search, the result depends on the machine.
    """

    candidates: int = 6_000
    seconds: float = 3.5


USUAL = Effort()


class Search:
    """Tries every formula one change away; most are turned down by one number each."""

    def __init__(self, judge: Judge, bench: Bench, effort: Effort, tau: int) -> None:
        self.judge, self.bench, self.effort, self.tau = judge, bench, effort, tau
        self.end = thread_time() + effort.seconds
        self.located: str | None = None
        self.strict = True

    def repairs(self, reading: Reading) -> tuple[Repair, ...]:
        """Right formulas one change away, of the likeliest kinds that have any."""
        asked = reading.asked
        if not is_small(reading.formula):
            return ()
        station, point = self._quick(asked)
        self.strict = not ends_in_zero(reading.formula, station)
        where = localised(reading, self.bench, station, point)
        self.located = self.located or (where.words if where is not None else None)
        found = self._found(reading, station, point, where) if where is not None else []
        found = found or self._found(reading, station, point, None)
        old = to_text(reading.formula)
        return tuple(_repair(candidate, old) for candidate in sorted(found, key=_unlikely))

    def _found(
        self, reading: Reading, station: Station, point: dict[str, int], where: Localisation | None
    ) -> list[Candidate]:
        """The changes that mend a formula, all of the first stage that has any; only in some lines, where known."""
        found: list[Candidate] = []
        stage: int | None = None
        lines = None if where is None else where.lines
        changed = candidates(reading.formula, reading.asked.cell, self.bench.pool(reading.asked), lines)
        for count, (number, candidate) in enumerate(changed):
            if count > self.effort.candidates or (stage is not None and number > stage):
                break
            if not count % LOOKS_APART and thread_time() > self.end:
                break
            if where is not None and not where.mends(candidate.formula):
                continue
            if self._is_right(candidate, reading, station, point):
                stage = number
                found.append(candidate)
        return found

    def _quick(self, asked: Asked) -> tuple[Station, dict[str, int]]:
        """Where candidates are tried first: where the answer itself is wrong, at the times furthest apart."""
        stations = self.bench.stations(asked)
        station = min(stations, key=lambda s: abs(s.tau - self.tau))
        spread = [abs(max(p.values(), default=0) - min(p.values(), default=0)) for p in station.points]
        return station, dict(station.points[spread.index(max(spread))])

    def _is_right(self, candidate: Candidate, reading: Reading, station: Station, point: dict[str, int]) -> bool:
        asked, bench = reading.asked, self.bench
        try:
            meant = as_evaluated(candidate.formula, asked.cell)
            value = value_at(station.evaluator, meant, point, strict=self.strict)
            single = replace(station, points=(point,))
            for target in targets_for([value], asked, bench, single):
                if asked.layout not in (None, target.layout):
                    continue
                right = bench.laid_out_at(asked, station.evaluator, point, target)
                if relative_error(value, right) <= bench.tolerance:
                    targets = self.judge.right_targets(candidate.formula, reading)
                    return any(asked.layout in (None, t.layout) for t in targets)
        except SymrnnError:
            return False
        return False


def _unlikely(candidate: Candidate) -> tuple[int, int]:
    """The smaller what was changed, the likelier it is the mistake; a product's order goes before its factors."""
    kind, node = candidate.change.kind, candidate.place.node
    likely = kind == "reverse" or (isinstance(node, Jacobian) and _is_parameter(node.by))
    return int(not likely), size(node)


def _is_parameter(node: Node) -> bool:
    return isinstance(node, Variable) and node.role is Role.PARAMETER


def _repair(candidate: Candidate, old: str) -> Repair:
    change, text = candidate.change, to_text(candidate.formula)
    return Repair(change.kind, change.mistake, text, marked(old, text), candidate.before, candidate.after)
