"""Numbers decide: one reading of an answer against the oracle's derivative, at generic points of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from symrnn.checking.answers import Reading
from symrnn.checking.assumptions import Assumption, assumptions
from symrnn.checking.comparison import Array, relative_error
from symrnn.checking.factors import common_factor, explained
from symrnn.checking.mixtures import Mixture, mixtures
from symrnn.checking.readings import literal_times
from symrnn.checking.stations import Bench, Change, Station, Target, targets_for
from symrnn.checking.verdict import Factor, Rung
from symrnn.errors import SymrnnError
from symrnn.language import Formula, Index, Layout, Node, Product, Sum
from symrnn.language.traversal import find
from symrnn.oracle.frame import TooManyOperationsError

FIRST_STEP = "first step"
"""The assumption of a formula that is right at the first time alone."""

OPEN = "no value was given for "
MOST_ATOMS = 5


@dataclass(frozen=True)
class Series:
    """The values of a formula at the stations, or why there are none at one."""

    stations: tuple[Station, ...]
    values: tuple[list[Array] | None, ...]
    failures: tuple[str | None, ...]

    @property
    def whole(self) -> bool:
        """Whether it could be evaluated everywhere."""
        return all(v is not None for v in self.values)


@dataclass(frozen=True)
class Finding:
    """What the numbers say of one reading."""

    reading: Reading
    verdict: str
    rungs: tuple[Rung, ...] = ()
    error: float = float("inf")
    layout: str | None = None
    target: Target | None = None
    factor: Factor | None = None
    window: int | None = None
    assumption: str | None = None
    mistake: str | None = None
    unmixed: Formula | None = None
    shape_fits: bool = True


Truth = Callable[[Station, Target], list[Array]]


class Judge:
    """Holds readings against the truth; the bench remembers it for the next answer to the same question."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def stations(self, reading: Reading) -> tuple[Station, ...]:
        """Where the reading is held against the truth: not where the literal times that it speaks of don't exist."""
        every = self.bench.stations(reading.asked)
        literal = literal_times(reading.formula, self.bench.cell)
        found = tuple(s for s in every if all(_has(s, first, last) for first, last in literal))
        return found or every

    def is_right(self, reading: Reading) -> bool:
        """Whether a reading is right in the layout asked for; stops at the first number that differs."""
        asked = reading.asked
        return any(
            target.layout in (asked.layout, None) or asked.layout is None
            for target in self.right_targets(reading.formula, reading)
        )

    def right_targets(self, formula: Formula, reading: Reading) -> list[Target]:
        """The layouts (and forms) in which a formula is right at every station, found with as little work as may be."""
        asked, bench = reading.asked, self.bench
        stations = self.stations(replace(reading, formula=formula))
        order = sorted(stations, key=lambda s: abs(s.tau - 3))
        targets: list[Target] | None = None
        for station in order:
            try:
                values = station.value(formula)
            except TooManyOperationsError:
                raise
            except SymrnnError:
                return []
            if targets is None:
                targets = list(targets_for(values, asked, bench, station))
            targets = [t for t in targets if self._error(values, bench.truth(asked, station, t)) <= bench.tolerance]
            if not targets:
                return []
        return targets or []

    def judge(self, reading: Reading) -> Finding:
        """The whole judgement, in the order of precedence."""
        asked, bench = reading.asked, self.bench
        series = self._series(reading.formula, self.stations(reading))
        known = next(((s, v) for s, v in zip(series.stations, series.values, strict=True) if v is not None), None)
        if known is None:
            return Finding(reading, "wrong", self._failed(series), mistake=series.failures[0])
        targets = list(targets_for(known[1], asked, bench, known[0]))
        if not targets:
            return self._of_wrong_shape(reading, series, known[1])
        found = self._right(reading, series, targets) or self._related(reading, series, targets)
        if found is not None:
            return found
        return self._wrong(reading, series, targets)

    # -- right, but perhaps in the other layout

    def _right(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding | None:
        found = [(t, self._rungs(reading, series, t)) for t in targets]
        right = [(t, rungs) for t, rungs in found if self._all_small(series, reading, t)]
        if not right:
            return None
        asked = reading.asked.layout
        target, rungs = next(((t, r) for t, r in right if asked in (None, t.layout)), right[0])
        layouts = {t.layout for t, _ in right}
        shown = "both" if len(layouts) == 2 else target.layout.value
        verdict = "correct" if asked in (None, *layouts) else "transposed"
        if verdict == "transposed":
            # A gradient that is its own negative transpose: the sign goes before the layout.
            wanted = [t for t in targets if t.layout is asked]
            negated = self._scaled(reading, series, wanted, windows=(None,))
            if negated is not None:
                return negated
        return self._finding(reading, verdict, series, target, rungs, layout=shown)

    def _all_small(self, series: Series, reading: Reading, target: Target) -> bool:
        if not series.whole:
            return False
        truth = self._truth(reading)
        return all(
            self._error(v or [], truth(s, target)) <= self.bench.tolerance
            for s, v in zip(series.stations, series.values, strict=True)
        )

    # -- next to right

    def _related(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding | None:
        """Off by a factor, truncated, right under an assumption, mixed: the first that applies."""
        tries = (self._scaled, self._truncated, self._assumed, self._mixed)
        return next((found for attempt in tries if (found := attempt(reading, series, targets)) is not None), None)

    def _scaled(
        self, reading: Reading, series: Series, targets: Sequence[Target], windows: Sequence[int | None] | None = None
    ) -> Finding | None:
        for window in (None, *self.bench.windows(reading.asked)) if windows is None else windows:
            for target in targets:
                factor = self._factor(series, self._truth(reading, window), target)
                if factor is not None and factor.number != 1:
                    return self._by_factor(reading, series, target, factor, window)
                if factor is not None and factor.symbol is not None:
                    return self._by_factor(reading, series, target, factor, window)
        return None

    def _by_factor(
        self, reading: Reading, series: Series, target: Target, factor: Factor, window: int | None
    ) -> Finding:
        verdict = "negated" if factor.is_minus_one else "scaled"
        layout = self._layout_of(reading, series, target, factor, window)
        rungs = self._rungs(reading, series, target)
        return self._finding(reading, verdict, series, target, rungs, layout=layout, factor=factor, window=window)

    def _layout_of(self, reading: Reading, series: Series, target: Target, factor: Factor, window: int | None) -> str:
        other = replace(target, layout=target.layout.other)
        first = next((s, v) for s, v in zip(series.stations, series.values, strict=True) if v is not None)
        if other not in list(targets_for(first[1], replace(reading.asked, layout=None), self.bench, first[0])):
            return target.layout.value
        same = self._factor(series, self._truth(reading, window), other) == factor
        return "both" if same else target.layout.value

    def _factor(self, series: Series, truth: Truth, target: Target) -> Factor | None:
        factors, stations = [], []
        for station, values in zip(series.stations, series.values, strict=True):
            if values is None:
                return None
            right = truth(station, target)
            factor = common_factor(values, right)
            if factor is None:
                if max(self._error(values, right), 0.0) <= self.bench.tolerance:
                    continue  # both are 0 here
                return None
            factors.append(factor)
            stations.append(station)
        if len(factors) < 2:
            return None
        return explained(self.bench.cell, stations, factors)

    def _truncated(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding | None:
        for window in self.bench.windows(reading.asked):
            truth = self._truth(reading, window)
            for target in targets:
                if self._agrees(series, truth, target):
                    rungs = self._rungs(reading, series, target)
                    return self._finding(
                        reading, "truncated", series, target, rungs, layout=target.layout.value, window=window
                    )
        return None

    def _agrees(self, series: Series, truth: Truth, target: Target) -> bool:
        if not series.whole:
            return False
        pairs = zip(series.stations, series.values, strict=True)
        for station, values in sorted(pairs, key=lambda pair: -pair[0].tau):
            try:
                right = truth(station, target)
            except SymrnnError:
                return False
            if self._error(values or [], right) > self.bench.tolerance:
                return False
        return True

    def _assumed(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding | None:
        asked = reading.asked.layout
        wanted = [t for t in targets if asked in (None, t.layout)]
        for assumption in assumptions(self.bench.cell):
            for target in wanted:
                if self._holds_under(reading, assumption, target):
                    return self._under(reading, series, target, assumption.text)
        first = self._first_step(reading, series, wanted)
        return None if first is None else self._under(reading, series, first, FIRST_STEP)

    def _under(self, reading: Reading, series: Series, target: Target, text: str) -> Finding:
        rungs = self._rungs(reading, series, target)
        return self._finding(reading, "assumption", series, target, rungs, layout=target.layout.value, assumption=text)

    def _holds_under(self, reading: Reading, assumption: Assumption, target: Target) -> bool:
        change: Change = assumption
        stations = self.bench.stations(reading.asked, change)
        for station in sorted(stations, key=lambda s: -s.tau):
            try:
                values = station.value(reading.formula)
                right = self.bench.truth(reading.asked, station, target)
            except SymrnnError:
                return False
            if self._error(values, right) > self.bench.tolerance:
                return False
        return True

    def _first_step(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Target | None:
        """Right at the first time and nowhere else: said only of formulas that look at no other step anyhow."""
        cell, formula = self.bench.cell, reading.formula
        spans = [s for s in reading.asked.spans if s.lower == cell.time.first]
        if len(spans) != 1 or formula.parts or find(formula.expression, (Sum, Product)) or not series.whole:
            return None
        name = spans[0].index
        for target in targets:
            at_first, later = True, False
            for station, values in zip(series.stations, series.values, strict=True):
                right = self.bench.truth(reading.asked, station, target)
                first = cell.time.first.value(station.sizes)
                for point, value, true in zip(station.points, values or [], right, strict=True):
                    small = relative_error(value, true) <= self.bench.tolerance
                    at_first = at_first and (small or point.get(name) != first)
                    later = later or (small and point.get(name) != first)
            if at_first and not later:
                return target
        return None

    # -- mixed layouts

    def _mixed(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding | None:
        first: tuple[Mixture, Target] | None = None
        for mixture in mixtures(reading):
            right = self.right_targets(mixture.formula, reading)
            wanted = [t for t in right if reading.asked.layout in (None, t.layout)]
            if wanted:
                return self._of_mixture(reading, series, targets, mixture, wanted[0])
            if right and mixture.only is None and first is None:
                first = mixture, right[0]
        return None if first is None else self._of_mixture(reading, series, targets, *first)

    def _of_mixture(
        self, reading: Reading, series: Series, targets: Sequence[Target], mixture: Mixture, target: Target
    ) -> Finding:
        rungs = self._rungs(reading, series, target) if target in targets else self._failed(series)
        made = self._finding(reading, "mixed", series, target, rungs, layout=target.layout.value)
        return replace(made, mistake=mixture.words(target.layout), unmixed=mixture.formula)

    # -- wrong

    def _of_wrong_shape(self, reading: Reading, series: Series, values: list[Array]) -> Finding:
        asked = reading.asked
        layouts = [asked.layout] if asked.layout else list(Layout)
        wanted = " or ".join(dict.fromkeys(asked.shown_shape(layout) for layout in layouts))
        from_answer = _shown(reading.formula.expression)
        mistake = f"the answer is {from_answer}, but the derivative is {wanted}"
        return Finding(reading, "wrong", self._failed(series), mistake=mistake, shape_fits=False)

    def _wrong(self, reading: Reading, series: Series, targets: Sequence[Target]) -> Finding:
        rungs = [(t, self._rungs(reading, series, t)) for t in targets]
        target, best = max(rungs, key=lambda pair: _climb(pair[1], self.bench.tolerance))
        found = self._finding(reading, "wrong", series, target, best)
        failure = next((f for f in series.failures if f is not None), None)
        return replace(found, mistake=failure)

    # -- numbers

    def _truth(self, reading: Reading, window: int | None = None) -> Truth:
        return lambda station, target: self.bench.truth(reading.asked, station, target, window)

    def _series(self, formula: Formula, stations: Sequence[Station]) -> Series:
        values: list[list[Array] | None] = []
        failures: list[str | None] = []
        for station in stations:
            try:
                values.append(station.value(formula))
                failures.append(None)
            except TooManyOperationsError:
                raise
            except SymrnnError as error:
                values.append(None)
                failures.append(_failure(error))
        return Series(tuple(stations), tuple(values), tuple(failures))

    def _error(self, values: Sequence[Array], truth: Sequence[Array]) -> float:
        return max((relative_error(v, t) for v, t in zip(values, truth, strict=True)), default=float("inf"))

    def _rungs(self, reading: Reading, series: Series, target: Target) -> tuple[Rung, ...]:
        truth = self._truth(reading)
        rungs = []
        for station, values, failure in zip(series.stations, series.values, series.failures, strict=True):
            if station.on_ladder:
                error = float("inf") if values is None else self._error(values, truth(station, target))
                rungs.append(Rung(station.tau, error, failure))
        return tuple(rungs)

    def _failed(self, series: Series) -> tuple[Rung, ...]:
        pairs = zip(series.stations, series.failures, strict=True)
        return tuple(Rung(s.tau, float("inf"), failure) for s, failure in pairs if s.on_ladder)

    def _finding(
        self,
        reading: Reading,
        verdict: str,
        series: Series,
        target: Target,
        rungs: tuple[Rung, ...],
        **more: object,
    ) -> Finding:
        truth = self._truth(reading)
        errors = [
            float("inf") if v is None else self._error(v, truth(s, target))
            for s, v in zip(series.stations, series.values, strict=True)
        ]
        return Finding(reading, verdict, rungs, max(errors), target=target, **more)  # type: ignore[arg-type]


def _failure(error: SymrnnError) -> str:
    """Why there is no value, from the answer's point of view."""
    letters = error.message.removeprefix(OPEN)
    if letters == error.message:
        return error.message
    return f"the answer leaves {letters} open: a sum over it is missing, or the time that is meant"


def _has(station: Station, first: Index, last: Index) -> bool:
    """Whether a station's sequence is so long that a literal time lies within these bounds."""
    return first.value(station.sizes) <= 0 <= last.value(station.sizes)


def height(finding: Finding, tolerance: float) -> int:
    """Up to how many lengths of the ladder a reading is right, from the first at which it can be evaluated."""
    return _climb(finding.rungs, tolerance)[0]


def _climb(rungs: Sequence[Rung], tolerance: float) -> tuple[int, float]:
    """How far up the ladder an answer is right, and then how near it is."""
    height = 0
    for rung in rungs:
        if not rung.error <= tolerance:
            break
        height += 1
    return height, -min((rung.error for rung in rungs), default=float("inf"))


def _shown(node: Node) -> str:
    from_shape = "×".join(str(axis) for axis in node.shape)
    return from_shape or "a scalar"
