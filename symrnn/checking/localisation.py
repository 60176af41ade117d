"""Which line of an answer with parts the mistake is in, so that the others need not be searched.

One wrong line makes all parts wrong that depend on it, and in a recursion those are all of them.  But what the parts
are meant to be is usually known: the derivatives of what is asked for by the cell's variables.  With these true values
in place of the parts, a line that is right comes out right, and a line that doesn't holds the mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

import numpy as np

from symrnn.checking.answers import Reading
from symrnn.checking.comparison import Array, relative_error
from symrnn.checking.readings import as_evaluated
from symrnn.checking.stations import Bench, Station, ends_in_zero, targets_for, value_at
from symrnn.errors import SymrnnError
from symrnn.language import Call, Formula, Index, Layout, Node, Part, Role, Variable
from symrnn.language.traversal import variables
from symrnn.oracle import tensors

MOST_GUESSES = 400
"""How many ways to take the parts of a line are compared."""

MOST_OPEN = 2
"""How many unknown parts a line may have that tells what they are."""

Line = int | None
"""A part's place among the parts, None for the formula's own line."""

Slots = dict[tuple[str, int], Array]


@dataclass(frozen=True)
class Meaning:
    """What a part may be: at every time the derivative by a variable, or by what a function gives it from."""

    variable: str
    values: Mapping[int, Array]
    inside: bool = False

    @property
    def words(self) -> str:
        """By what it is the derivative."""
        return f"by what {self.variable} is a function of" if self.inside else f"by {self.variable}"


class Localisation:
    """The lines of an answer that are wrong by themselves, at one station and one value of the free times."""

    def __init__(self, reading: Reading, bench: Bench, station: Station, point: Mapping[str, int]) -> None:
        self.reading, self.bench, self.station, self.point = reading, bench, station, dict(point)
        self.formula = reading.formula
        self.strict = not ends_in_zero(reading.formula, station)
        sizes = station.sizes
        time = bench.cell.time
        self.times = range(time.first.value(sizes), time.last.value(sizes) + 1)
        self.meanings = self._improved(self._resolved())
        self.given = _slots(self.meanings)
        self.wrong = self._wrong_lines(self.meanings)

    @property
    def lines(self) -> frozenset[Line]:
        """Where the mistake may be: the wrong lines, and what they use that could not be tried by itself."""
        known = {name for name, _ in self.given}
        unknown = {number for number, part in enumerate(self.formula.parts) if part.name not in known}
        return frozenset({*self.wrong, *unknown})

    @property
    def narrows(self) -> bool:
        """Whether there are fewer lines to search than the answer has."""
        return bool(self.wrong) and len(self.lines) <= len(self.formula.parts)

    @property
    def words(self) -> str | None:
        """Which line is wrong, in words, where it is one."""
        if len(self.lines) != 1:
            return None
        (line,) = self.lines
        if line is None:
            return "the parts are right, the mistake is in the formula's own line"
        part = self.formula.parts[line]
        name = part.name if part.time is None else f"{part.name}[{part.time}]"
        meant = self.meanings[part.name].words
        return (
            f"the mistake is in the line of {name}, which should be the derivative {meant}; the other lines are right"
        )

    def mends(self, formula: Formula) -> bool:
        """Whether a changed formula has none of the lines wrong that were wrong."""
        return all(self._is_right(formula, line, self.given) for line in self.wrong)

    def mends_some(self, formula: Formula) -> bool:
        """Whether a changed formula has at least one line right that was wrong."""
        return any(self._is_right(formula, line, self.given) for line in self.wrong)

    # -- what the parts are

    def _resolved(self) -> dict[str, Meaning]:
        """What the parts are meant to be, as far as that shows.

        A part that has the right values at some time is known at once.  Of the others a line tells in which no more
        than two are unknown: it holds for what they are meant to be.  Else the name has to tell.
        """
        names = list(dict.fromkeys(part.name for part in self.formula.parts if part.time is not None))
        known: dict[str, Meaning] = {}
        guesses: dict[str, Sequence[Meaning]] = {}
        for name in names:
            met, fitting = self._guesses(name)
            if met is not None:
                known[name] = met
            elif fitting:
                guesses[name] = fitting
        self._settle(known, guesses)
        for name in [name for name in guesses if name not in known]:
            called = self._called(name, guesses[name])
            if called:
                known[name] = called[0]
                self._settle(known, guesses)
        return known

    def _improved(self, known: dict[str, Meaning]) -> dict[str, Meaning]:
        """The same with one part taken otherwise, if fewer lines are wrong then.

        At the last step a part may have the right values of another one: c those of h where its slope is missing.
        """
        best = len(self._wrong_lines(known))
        for name in list(known):
            if best <= 1:
                break
            for meaning in self._guesses(name)[1]:
                count = len(self._wrong_lines({**known, name: meaning}))
                if count < best:
                    best, known = count, {**known, name: meaning}
        return known

    def _settle(self, known: dict[str, Meaning], guesses: Mapping[str, Sequence[Meaning]]) -> None:
        """Find parts by lines that hold for them, until no line tells any more."""
        lines = [*range(len(self.formula.parts)), None]
        progress = True
        while progress:
            progress = False
            for line in lines:
                open_names = [name for name in self._names(line) if name not in known]
                if not 0 < len(open_names) <= MOST_OPEN or not all(name in guesses for name in open_names):
                    continue
                options = [self._called(name, guesses[name]) or guesses[name] for name in open_names]
                for chosen in islice(product(*options), MOST_GUESSES):
                    meant = {**known, **dict(zip(open_names, chosen, strict=True))}
                    if self._is_right(self.formula, line, _slots(meant)):
                        known.update(meant)
                        progress = True
                        break

    def _names(self, line: Line) -> list[str]:
        """The parts with times that a line is about."""
        node = self.formula.expression if line is None else self.formula.parts[line].expression
        used = [v.name for v in variables(node) if v.role is Role.PART and v.time is not None]
        own = [] if line is None else [self.formula.parts[line].name]
        return list(dict.fromkeys([*own, *used]))

    def _guesses(self, name: str) -> tuple[Meaning | None, list[Meaning]]:
        """What a part already is at some time, and everything that has its shape."""
        line = next(part for part in self.formula.parts if part.name == name)
        shape = tuple(axis.value(self.station.sizes) for axis in line.expression.shape) or (1, 1)
        fitting = [m for m in self._meanings if all(v.shape == shape for v in m.values.values())]
        own = self._own_values(name, line.expression)
        met = [(self._agreement(own, meaning), meaning) for meaning in fitting]
        most = max((count for count, _ in met), default=0)
        return next((meaning for count, meaning in met if most and count == most), None), fitting

    @staticmethod
    def _called(name: str, fitting: Sequence[Meaning]) -> list[Meaning]:
        """Those after whose variable a part is called, as ``delta_h`` and ``dh`` are after h."""
        found = [m for m in fitting if name.endswith(m.variable) and name != m.variable]
        longest = max((len(m.variable) for m in found), default=0)
        return [m for m in found if len(m.variable) == longest]

    def _agreement(self, own: Mapping[int, Array], meaning: Meaning) -> int:
        """At how many times a part is already what it is meant to be."""
        pairs = ((value, meaning.values[time]) for time, value in own.items())
        return sum(bool(np.any(true)) and relative_error(value, true) <= self.bench.tolerance for value, true in pairs)

    def _own_values(self, name: str, line: Node) -> dict[int, Array]:
        found: dict[int, Array] = {}
        for time in self.times:
            part = Variable(name, Role.PART, line.shape, Index.of(time))
            try:
                found[time] = _as_matrix(self._value(part, self.formula, self.point, {}))
            except SymrnnError:
                continue
        return found

    @cached_property
    def _meanings(self) -> list[Meaning]:
        """The derivatives of what is asked for by each of the cell's variables, in each layout.

        By what a function is applied to as well, the pre-activation, where the cell has no name for it.
        """
        cell, asked = self.bench.cell, self.reading.asked
        found: list[Meaning] = []
        for name in dict.fromkeys((*cell.equation, *(s.name for s in cell.states))):
            variable = cell.variable(name, cell.now)
            if not isinstance(variable, Variable) or variable.time is None or variable == asked.of:
                continue
            try:
                partials = {time: self._partials(variable.at(Index.of(time))) for time in self.times}
                slopes = self._slopes(name)
            except SymrnnError:
                continue
            found += self._laid_out(name, variable, partials)
            if slopes is not None:
                inside = {time: value * slopes[time] for time, value in partials.items()}
                found += self._laid_out(name, variable, inside, inside=True)
        return found

    def _laid_out(
        self, name: str, variable: Variable, partials: Mapping[int, Array], inside: bool = False
    ) -> Iterator[Meaning]:
        asked = self.reading.asked
        layouts = [asked.layout] if asked.layout is not None else list(Layout)
        for layout in (*layouts, *(other for other in Layout if other not in layouts)):
            values = {
                time: _as_matrix(tensors.in_layout(value, asked.of.shape, variable.shape, layout))
                for time, value in partials.items()
            }
            yield Meaning(name, values, inside)

    def _slopes(self, name: str) -> Mapping[int, Array] | None:
        """The slope of the function that a variable is the value of, at every time; it goes along the last axes."""
        equation = self.bench.cell.equation.get(name)
        call = equation.expression if equation is not None else None
        if not isinstance(call, Call) or len(call.arguments) != 1 or call.arguments[0].shape != call.shape:
            return None
        slope = Call(call.name, call.arguments, 1)
        index = self.bench.cell.time.index
        return {time: self._value(slope, Formula(slope), {**self.point, index: time}, {}) for time in self.times}

    def _partials(self, by: Variable) -> Array:
        asked = self.reading.asked
        return self.bench.partials(asked.about(asked.of, by), self.station.evaluator, self.point)

    # -- which lines are wrong

    def _wrong_lines(self, meanings: Mapping[str, Meaning]) -> tuple[Line, ...]:
        """Of the lines of which the right value is known, those that have another one."""
        given = _slots(meanings)
        known = (number for number, part in enumerate(self.formula.parts) if part.name in meanings)
        return tuple(line for line in (None, *known) if not self._is_right(self.formula, line, given))

    def _is_right(self, formula: Formula, line: Line, given: Slots) -> bool:
        try:
            if line is None:
                return self._whole_is_right(formula, given)
            part = formula.parts[line]
            return all(
                relative_error(_as_matrix(value), given[part.name, time]) <= self.bench.tolerance
                for time, value in self._line_values(part, formula, given)
            )
        except SymrnnError:
            return False

    def _line_values(self, part: Part, formula: Formula, given: Slots) -> Iterator[tuple[int, Array]]:
        assert part.time is not None
        sizes = self.station.sizes
        general = part.time.name is not None and part.time.name not in sizes
        others = [p for p in formula.parts if p.name == part.name and p is not part and p.time is not None]
        fixed = {p.time.value(sizes) for p in others if p.time is not None and p.time.names() <= sizes.keys()}
        for time in self.times if general else [part.time.value(sizes)]:
            if (general and time in fixed) or (part.name, time) not in given:
                continue
            point = {**self.point, part.time.name: time} if general and part.time.name else self.point
            yield time, self._value(part.expression, formula, point, given)

    def _whole_is_right(self, formula: Formula, given: Slots) -> bool:
        asked, evaluator = self.reading.asked, self.station.evaluator
        value = self._value(formula.expression, formula, self.point, given)
        single = Station(self.station.tau, self.station.seed, evaluator, (self.point,))
        return any(
            asked.layout in (None, target.layout)
            and relative_error(value, self.bench.laid_out_at(asked, evaluator, self.point, target))
            <= self.bench.tolerance
            for target in targets_for([value], asked, self.bench, single)
        )

    def _value(self, node: Node, formula: Formula, point: Mapping[str, int], given: Slots) -> Array:
        line = as_evaluated(Formula(node, formula.parts), self.bench.cell)
        return value_at(self.station.evaluator, line, point, given, strict=self.strict)


def localised(reading: Reading, bench: Bench, station: Station, point: Mapping[str, int]) -> Localisation | None:
    """Where the mistake in an answer is; None where that can't be told better than: somewhere in it."""
    if not reading.formula.parts:
        return None
    found = Localisation(reading, bench, station, point)
    return found if found.narrows else None


def _slots(known: Mapping[str, Meaning]) -> Slots:
    return {(name, time): value for name, meaning in known.items() for time, value in meaning.values.items()}


def _as_matrix(value: Array) -> Array:
    found = np.asarray(value)
    return found.reshape(1, 1) if found.size == 1 else found


__all__: Sequence[str] = ["Localisation", "localised"]
