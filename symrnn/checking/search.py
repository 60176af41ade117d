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
from symrnn.language import Formula, Jacobian, Node, Role, Variable

LEAST_QUICK_TAU = 2

LOOKS_APART = 32
"""Looking at the clock takes as long as a candidate does: it is not done for each."""


@dataclass(frozen=True)
class Effort:
    """How long to look for a repair: in formulas tried, in pairs of changes, and in seconds of computing.

    Where the seconds are what ends a search, the result depends on the machine.
    """

    candidates: int = 6_000
    seconds: float = 3.5
    pairs: int = 0


USUAL = Effort(pairs=8_000)


@dataclass(frozen=True)
class Spot:
    """Where candidates are tried first: one station, and one value of the free times there."""

    station: Station
    point: dict[str, int]


class Search:
    """Tries every formula one change away; most are turned down by one number each."""

    def __init__(self, judge: Judge, bench: Bench, effort: Effort, first_wrong: int) -> None:
        self.judge, self.bench, self.effort, self.first_wrong = judge, bench, effort, first_wrong
        self.end = thread_time() + effort.seconds
        self.located: str | None = None
        self.strict = True

    @property
    def is_late(self) -> bool:
        """Whether the seconds are over."""
        return thread_time() > self.end

    def repairs(self, reading: Reading) -> tuple[Repair, ...]:
        """Right formulas one change away, of the likeliest kinds that have any."""
        if not is_small(reading.formula):
            return ()
        spot, where = self.begin(reading)
        self.located = self.located or (where.words if where is not None else None)
        found = self._found(reading, spot, where) if where is not None else []
        found = found or self._found(reading, spot, None)
        return tuple(_repair(candidate, reading.formula) for candidate in sorted(found, key=_unlikely))

    def begin(self, reading: Reading) -> tuple[Spot, Localisation | None]:
        """Turn to a reading: where its candidates are tried first, and in which lines, where that can be told."""
        spot = self.spot(reading.asked)
        self.strict = not ends_in_zero(reading.formula, spot.station)
        return spot, localised(reading, self.bench, spot.station, spot.point)

    def _found(self, reading: Reading, spot: Spot, where: Localisation | None) -> list[Candidate]:
        """The changes that mend a formula, all of the first stage that has any; only in some lines, where known."""
        found: list[Candidate] = []
        stage: int | None = None
        lines = None if where is None else where.lines
        changed = candidates(reading.formula, reading.asked.cell, self.bench.pool(reading.asked), lines)
        for count, (number, candidate) in enumerate(changed):
            if count > self.effort.candidates or (stage is not None and number > stage):
                break
            if not count % LOOKS_APART and self.is_late:
                break
            if where is not None and not where.mends(candidate.formula):
                continue
            if self.is_right(candidate.formula, reading, spot):
                stage = number
                found.append(candidate)
        return found

    def spot(self, asked: Asked, tau: int | None = None) -> Spot:
        """Where candidates are tried first: where the answer itself is wrong, at the times furthest apart."""
        wanted = max(LEAST_QUICK_TAU, self.first_wrong) if tau is None else tau
        station = min(self.bench.stations(asked), key=lambda s: abs(s.tau - wanted))
        spread = [abs(max(p.values(), default=0) - min(p.values(), default=0)) for p in station.points]
        return Spot(station, dict(station.points[spread.index(max(spread))]))

    def is_right(self, formula: Formula, reading: Reading, spot: Spot) -> bool:
        """Whether a formula is right instead of the reading's; most are turned down by one number."""
        if not self.is_right_at(formula, reading, spot):
            return False
        targets = self.judge.right_targets(formula, reading)
        return any(reading.asked.layout in (None, target.layout) for target in targets)

    def is_right_at(self, formula: Formula, reading: Reading, spot: Spot) -> bool:
        """Whether a formula has the right value at one spot."""
        asked, bench, evaluator = reading.asked, self.bench, spot.station.evaluator
        try:
            meant = as_evaluated(formula, asked.cell)
            value = value_at(evaluator, meant, spot.point, strict=self.strict)
            single = replace(spot.station, points=(spot.point,))
            return any(
                relative_error(value, bench.laid_out_at(asked, evaluator, spot.point, target)) <= bench.tolerance
                for target in targets_for([value], asked, bench, single)
                if asked.layout in (None, target.layout)
            )
        except SymrnnError:
            return False


def _unlikely(candidate: Candidate) -> tuple[int, int]:
    """The smaller what was changed, the likelier it is the mistake; a product's order goes before its factors."""
    kind, node = candidate.change.kind, candidate.place.node
    likely = kind == "reverse" or (isinstance(node, Jacobian) and _is_parameter(node.by))
    return int(not likely), size(node)


def _is_parameter(node: Node) -> bool:
    return isinstance(node, Variable) and node.role is Role.PARAMETER


def _repair(candidate: Candidate, old: Formula) -> Repair:
    change = candidate.change
    return repair_of(change.kind, change.mistake, old, candidate.formula, candidate.before, candidate.after)


def repair_of(kind: str, mistake: str, old: Formula, new: Formula, before: str, after: str) -> Repair:
    """A right formula, with what is different in it marked."""
    text = to_text(new)
    return Repair(kind, mistake, text, marked(to_text(old), text), before, after)
