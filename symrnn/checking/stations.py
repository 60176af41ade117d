"""The numbers at which answers are tried: a ladder of sequence lengths, and other sizes and seeds beside it.

The truth at every station is the oracle's own derivative; the calculus has no part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from symrnn.checking.asked import Asked
from symrnn.checking.comparison import Array
from symrnn.checking.pool import Pool
from symrnn.checking.readings import as_evaluated, ending_in_zero
from symrnn.checking.truncation import truncated_partials
from symrnn.checking.verification import analytic, arranged
from symrnn.errors import DataError, SymrnnError
from symrnn.language import Cell, Formula, Layout, Node, Variable, build
from symrnn.language.traversal import free_indices
from symrnn.oracle.compare import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE, LADDER
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import NOTHING_GIVEN, Evaluator
from symrnn.oracle.frame import TooManyOperationsError
from symrnn.oracle.instance import Instance
from symrnn.oracle.sizes import choose_sizes, time_symbols

BUDGET = 300_000
"""Operations that one evaluation of an answer may take; what people write takes some hundreds."""

MOST_WINDOWS = 5

ELSEWHERE = ((1, 4), (2, 5))
"""Seeds (counted from the given one) and lengths of the stations beside the ladder, at other sizes."""

AT_KINKS = (*ELSEWHERE, (3, 4), (4, 5), (5, 4), (6, 5), (7, 4), (8, 5))
"""The same for a cell with kinks: a unit that is on at every station would hide a slope that is missing."""

OUTSIDE = "outside the times"
"""In the oracle's error where a variable is read at a time that it doesn't have."""

Change = Callable[[Instance], Instance]


@dataclass(frozen=True)
class Station:
    """One run of the cell, and the values of the free symbols at which answers are tried there."""

    tau: int
    seed: int
    evaluator: Evaluator
    points: tuple[Mapping[str, int], ...]
    on_ladder: bool = True

    @property
    def sizes(self) -> Mapping[str, int]:
        """Sizes and time bounds."""
        return self.evaluator.instance.sizes

    def value(self, formula: Formula) -> list[Array]:
        """The formula's value at every point; raises what the evaluator raises."""
        meant = as_evaluated(formula, self.evaluator.cell)
        return [value_at(self.evaluator, meant, point) for point in self.points]


def value_at(
    evaluator: Evaluator,
    formula: Formula,
    point: Mapping[str, int],
    given: Mapping[Any, Array] = NOTHING_GIVEN,
    strict: bool = False,
) -> Array:
    """A formula's value; a scalar with open component indices is summed over them (Einstein).

    What is read after the last step counts as 0, as a part does: the last line of a recursion is often left out.
    ``strict`` makes that an error.
    """
    try:
        return _value_at(evaluator, formula, point, given)
    except TooManyOperationsError:
        raise
    except DataError as error:
        outside = not strict and OUTSIDE in error.message
        lenient = ending_in_zero(formula, evaluator.cell) if outside else formula
        if lenient is formula:
            raise
        return _value_at(evaluator, lenient, point, given)


def _value_at(evaluator: Evaluator, formula: Formula, point: Mapping[str, int], given: Mapping[Any, Array]) -> Array:
    if formula.expression.is_single:
        return evaluator.evaluate_index_form(formula, (), point, given=given)
    return evaluator.evaluate(formula, point, given)


def ends_in_zero(formula: Formula, station: Station) -> bool:
    """Whether a formula reads something after the last step, and so has a value only if that counts as 0."""
    cell = station.evaluator.cell
    meant = as_evaluated(formula, cell)
    if ending_in_zero(meant, cell) is meant:
        return False
    try:
        for point in station.points:
            _value_at(station.evaluator, meant, point, NOTHING_GIVEN)
    except DataError as error:
        return OUTSIDE in error.message
    return False


@dataclass(frozen=True)
class Target:
    """How the right derivative may be written down: its layout, and where it isn't the usual array, what it is."""

    layout: Layout
    form: str = "closed"
    vec_order: str = "column"

    @property
    def note(self) -> str | None:
        """What to say where the answer has this form."""
        return None if self.form == "closed" else f"as the derivative by vec, {self.vec_order}-major"


NUMERATOR, DENOMINATOR = Target(Layout.NUMERATOR), Target(Layout.DENOMINATOR)
TARGETS = (
    NUMERATOR,
    DENOMINATOR,
    *(Target(layout, "vec", order) for layout in Layout for order in ("column", "row")),
)


class Bench:
    """The stations of one question, and the truth there; everything is computed when it is first needed."""

    def __init__(self, cell: Cell, seed: int = 0, at_kink: float = 0.0, budget: int = BUDGET) -> None:
        self.cell, self.seed, self.at_kink, self.budget = cell, seed, at_kink, budget
        self.analytic = analytic(cell)
        self._evaluators: dict[Any, Evaluator] = {}
        self._stations: dict[Any, tuple[Station, ...]] = {}
        self._truth: dict[Any, Array] = {}
        self._pools: dict[Any, Pool] = {}
        self.derived: dict[Any, Formula | None] = {}

    @cached_property
    def _unconstrained(self) -> Cell:
        """The cell without ``symmetric``: what holds only for symmetric numbers is to be told apart."""
        free = (replace(d, attributes=d.attributes - {"symmetric"}) for d in self.cell.declarations)
        return replace(self.cell, declarations=tuple(free))

    def pool(self, asked: Asked) -> Pool:
        """The pieces of right and nearly right formulas, kept for the next answer."""
        key = (asked.of, asked.by)
        if key not in self._pools:
            self._pools[key] = Pool(asked)
        return self._pools[key]

    @property
    def tolerance(self) -> float:
        """How far a right answer may be off."""
        return COMPLEX_TOLERANCE if self.analytic else CENTRAL_TOLERANCE

    @property
    def method(self) -> str:
        """How the oracle differentiates here."""
        return "complex step" if self.analytic else "central differences"

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of the ladder; a cell without time has one."""
        timed = self.cell.equation or any(d.timed for d in self.cell.declarations)
        return LADDER if timed and time_symbols(self.cell) else (1,)

    def windows(self, asked: Asked) -> range:
        """Windows that a truncated gradient may have: where the cell has states and time at all."""
        truncates = self.cell.states and len(self.lengths) > 1 and not asked.immediate
        return range(MOST_WINDOWS) if truncates else range(0)

    def sizes(self) -> dict[str, int]:
        """The ladder's sizes."""
        return {name: value for name, value in self._sizes(0).items() if name in self.cell.sizes}

    def _sizes(self, shuffle: int) -> dict[str, int]:
        usual = choose_sizes(self.cell, tau=self.lengths[-1])
        own = [name for name in self.cell.sizes if name not in dict(self.cell.equal_sizes)]
        if not shuffle or not own:
            return usual
        # Sizes that fit together are kept together: all one larger, or in the opposite order where that fits too.
        values = [usual[name] for name in own]
        moved = values[::-1] if shuffle == 1 and len(own) > 1 else [value + 1 for value in values]
        for candidate in (moved, [value * 2 for value in values]):
            try:
                return choose_sizes(self.cell, dict(zip(own, candidate, strict=True)), 4)
            except DataError:
                continue
        return usual

    def _drawn_for(self, of: Node | None) -> Cell:
        """The cell as numbers are drawn for it: what is asked about must have a value too, as ``log(det(X))`` must."""
        cell = self._unconstrained
        if of is None or isinstance(of, Variable) or free_indices(of) - set(cell.sizes):
            return cell
        try:
            whole = build.apply("sum", of) if of.shape else of
            return replace(cell, loss=whole if cell.loss is None else build.add(cell.loss, whole))
        except SymrnnError:
            return cell

    def evaluator(
        self, tau: int, seed: int = 0, shuffle: int = 0, change: Change | None = None, of: Node | None = None
    ) -> Evaluator:
        """One run of the cell; ``change`` makes its numbers special, to test an assumption.

        ``of`` is an expression that must have a value.
        """
        drawn_for = self._drawn_for(of)
        key = (tau, seed, shuffle, change, drawn_for.loss)
        known = self._evaluators.get(key)
        if known is None:
            fixed = {n: v for n, v in self._sizes(shuffle).items() if n in self.cell.sizes} if shuffle else None
            instance = random_instance(drawn_for, self.seed + seed, fixed, tau)
            if change is not None:
                instance = change(instance)
            known = Evaluator(self.cell, instance, at_kink=self.at_kink, budget=self.budget)
            self._evaluators[key] = known
        return known

    def stations(self, asked: Asked, change: Change | None = None) -> tuple[Station, ...]:
        """The ladder and the stations beside it at which the question has an answer.

        Raises DataError where it has none anywhere.
        """
        key = (asked.of, asked.by, change)
        known = self._stations.get(key)
        if known is None:
            plan = [(tau, 0, 0) for tau in self.lengths]
            beside = ELSEWHERE if self.analytic else AT_KINKS
            plan += [(tau if len(self.lengths) > 1 else 1, seed, seed) for seed, tau in beside]
            found = (self._station(asked, tau, seed, shuffle, change) for tau, seed, shuffle in plan)
            every = tuple(station for station in found if station is not None)
            if not isinstance(asked.of, Variable):
                # log(det(X.T @ X)) has no value where X is wider than high.
                every = tuple(s for s in every if not s.evaluator.instance.remarks) or every
            known = self._stations[key] = every
        if not known:
            raise DataError(f"the question has no answer for sequences of up to {self.lengths[-1]} steps")
        return known

    def _station(self, asked: Asked, tau: int, seed: int, shuffle: int, change: Change | None) -> Station | None:
        evaluator = self.evaluator(tau, seed, shuffle, change, asked.of)
        points = [p for p in asked.points(evaluator.instance.sizes) if self._exists(asked, evaluator, p)]
        return Station(tau, self.seed + seed, evaluator, tuple(points), not shuffle) if points else None

    def _exists(self, asked: Asked, evaluator: Evaluator, point: Mapping[str, int]) -> bool:
        try:
            self.partials(asked, evaluator, point)
        except SymrnnError:
            return False
        return True

    def partials(
        self, asked: Asked, evaluator: Evaluator, point: Mapping[str, int], window: int | None = None
    ) -> Array:
        """The true partial derivatives, the axes of *of* before those of *by*; truncated where there is a window."""
        key = (asked.of, asked.by, asked.immediate, evaluator, tuple(sorted(point.items())), window)
        known = self._truth.get(key)
        if known is None:
            if window is not None:
                known = truncated_partials(evaluator, asked.of, asked.by, window, point)
            elif asked.immediate:
                known = evaluator.derivatives.immediate(asked.of, asked.by, point)
            else:
                known = evaluator.derivatives.total(asked.of, asked.by, point)
            self._truth[key] = known
        return known

    def truth(self, asked: Asked, station: Station, target: Target, window: int | None = None) -> list[Array]:
        """The right values at a station's points, laid out."""
        return [self.laid_out_at(asked, station.evaluator, point, target, window) for point in station.points]

    def laid_out_at(
        self,
        asked: Asked,
        evaluator: Evaluator,
        point: Mapping[str, int],
        target: Target,
        window: int | None = None,
    ) -> Array:
        """The right value at one point, as a target has it."""
        question = replace(asked.question, layout=target.layout)
        return arranged(self.partials(asked, evaluator, point, window), question, target.form, target.vec_order)


def fits(value: Array, truth: Array) -> bool:
    """Whether two arrays may be compared: one shape, or one number each."""
    a, b = np.asarray(value), np.asarray(truth)
    return a.shape == b.shape or (a.size, b.size) == (1, 1)


def targets_for(values: Sequence[Array], asked: Asked, bench: Bench, station: Station) -> Iterator[Target]:
    """The ways to write the derivative down that have the answer's shape; the layout asked for first."""
    preferred = sorted(TARGETS, key=lambda t: (t.form != "closed", asked.layout not in (None, t.layout)))
    usual = False
    for target in preferred:
        if target.form != "closed" and usual:
            return
        truth = bench.truth(asked, station, target)
        if all(fits(v, t) for v, t in zip(values, truth, strict=True)):
            usual = usual or target.form == "closed"
            yield target
