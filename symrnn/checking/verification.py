"""A derivation held against numbers: every recorded equality, and every form against the oracle.

A line ``before = after`` is evaluated at random unsaturated numbers, for all times at which it is said to hold; the
derivatives that stand in it unresolved are the oracle's.  A form is compared with the oracle's own derivative, so a
chain of right steps that starts from the wrong question is caught as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symrnn.calculus.steps import Derived, Form, Question, Step, TimeSpan
from symrnn.checking.comparison import Array, admissible_times, relative_error, spread
from symrnn.checking.truncation import truncated_partials
from symrnn.errors import CheckFailedError, DataError, ShapeError
from symrnn.language import Cell, Entry, Formula, Index, Jacobian, Layout, Node, Shape
from symrnn.language.traversal import find
from symrnn.oracle import tensors
from symrnn.oracle.compare import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE
from symrnn.oracle.differentiate import is_analytic
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.rules_blocks import entry_places
from symrnn.oracle.sizes import time_symbols

TAU = 5
"""How many steps: a product of up to four Jacobians, so that their order shows."""

MOST_TIMES = 24
"""For how many values of the free times a line is tried."""


@dataclass(frozen=True)
class Check:
    """One checked statement: its largest relative error over the times tried, and where that was."""

    name: str
    error: float
    tolerance: float
    cases: int
    times: Mapping[str, int]

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Verification:
    """What was checked of one derivation, at which numbers, to which error."""

    seed: int
    sizes: Mapping[str, int]
    tau: int
    method: str
    steps: tuple[Check, ...]
    forms: tuple[Check, ...]
    touched: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, steps first."""
        return (*self.steps, *self.forms)

    @property
    def max_error(self) -> float:
        """The largest relative error."""
        return max((check.error for check in self.checks), default=0.0)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    def summary(self) -> str:
        """One line: seed, sizes, τ, error."""
        sizes = ", ".join(f"{name}={value}" for name, value in self.sizes.items())
        return f"seed {self.seed}; {sizes}; {self.method}; largest relative error {self.max_error:.1e}"


@dataclass(frozen=True)
class Setting:
    """At which numbers a derivation is checked, and what of its forms cannot be seen in them.

    ``tau`` is the number of steps, ``unrolled`` that of the unrolled form; ``vec_order`` is the vec form's;
    ``at_kink`` the slope of relu and its like at 0.
    """

    seed: int = 0
    tau: int = TAU
    unrolled: int | None = None
    vec_order: str = "column"
    at_kink: float = 0.0


DEFAULT_SETTING = Setting()


def verify(derived: Derived, setting: Setting = DEFAULT_SETTING) -> Verification:
    """Check every step and every form of a derivation.

    Raises CheckFailedError, naming the line, the times, the seed and the sizes, where one does not hold.
    """
    found = examine(derived, setting)
    if found.failed:
        raise failure(derived, found)
    return found


def examine(derived: Derived, setting: Setting = DEFAULT_SETTING) -> Verification:
    """The same without raising: what failed is in the result."""
    bench = _Bench(derived, setting)
    steps = tuple(bench.step(number, step) for number, step in enumerate(derived.steps, 1))
    forms = tuple(bench.form(form) for form in derived.forms)
    evaluator = bench.evaluator
    sizes = {name: evaluator.instance.sizes[name] for name in (*derived.cell.sizes, *time_symbols(derived.cell))}
    return Verification(
        setting.seed,
        sizes,
        setting.tau,
        bench.method,
        steps,
        forms,
        evaluator.touched,
        evaluator.instance.remarks,
    )


def failure(derived: Derived, found: Verification) -> CheckFailedError:
    """The error that names the first check that failed."""
    first = found.failed[0]
    times = ", ".join(f"{name} = {value}" for name, value in first.times.items())
    where = f" at {times}" if times else ""
    return CheckFailedError(
        f'{first.name} of the derivation for the cell "{derived.cell.name}" does not hold{where}: '
        f"relative error {first.error:.1e}, allowed {first.tolerance:.0e}",
        hint=f"Checked with {found.summary()}.",
    )


class _Bench:
    """The numbers that one derivation is checked at."""

    def __init__(self, derived: Derived, setting: Setting) -> None:
        self.derived, self.setting = derived, setting
        self.cell: Cell = derived.cell
        self.question: Question = derived.question
        self._asked = asked_derivative(self.question)
        self.analytic = analytic(self.cell, [self.question.of])
        self._evaluators: dict[int, Evaluator] = {}
        self._third_order = _axes_count(self.question.of.shape) + _axes_count(self.question.by.shape) > 2
        self._partials: dict[tuple[object, ...], Array] = {}
        self.evaluator = self._at(setting.tau)

    @property
    def method(self) -> str:
        """How the oracle differentiates here."""
        return "complex step" if self.analytic else "central differences"

    @property
    def tolerance(self) -> float:
        """How far a right line may be off."""
        return COMPLEX_TOLERANCE if self.analytic else CENTRAL_TOLERANCE

    def _at(self, tau: int) -> Evaluator:
        known = self._evaluators.get(tau)
        if known is None:
            instance = random_instance(self.cell, self.setting.seed, tau=tau)
            known = self._evaluators[tau] = Evaluator(self.cell, instance, at_kink=self.setting.at_kink)
        return known

    def _for(self, form: str) -> Evaluator:
        unrolled = self.setting.unrolled if form == "unrolled" else None
        return self._at(unrolled or self.setting.tau)

    def step(self, number: int, step: Step) -> Check:
        """One recorded equality."""
        evaluator = self._for(step.form)
        axes = free_axes(step.free, (step.before, step.after)) if step.free or step.form == "index" else None

        def error(times: dict[str, int]) -> float:
            reference = self._value(evaluator, step.before, axes, times)
            return relative_error(self._value(evaluator, step.after, axes, times), reference)

        spans = step.spans or self.derived.spans
        return self._worst(f"step {number} ({step.rule})", spans, evaluator, error, frozenset(step.free))

    def form(self, form: Form) -> Check:
        """One form, against the derivative that no rule has touched."""
        evaluator = self._for(form.name)
        axes = None
        if form.name == "index":
            axes = dict(zip(form.free, component_axes(self.question), strict=True))

        def error(times: dict[str, int]) -> float:
            value = self._value(evaluator, form.formula, axes, times)
            return relative_error(value, self._reference(evaluator, form, times))

        return self._worst(f"the {form.name} form", self.derived.spans, evaluator, error)

    def _value(
        self, evaluator: Evaluator, formula: Formula, axes: Mapping[str, Index] | None, times: Mapping[str, int]
    ) -> Array:
        if axes is None:
            if self.question.window is not None and formula.expression is self._asked:
                # What stands for the answer stands for the truncated one, not for the total derivative.
                return tensors.in_layout(
                    self._truth(evaluator, times), self.question.of.shape, self.question.by.shape, self.question.layout
                )
            return evaluator.evaluate(formula, times)
        lengths = {name: axis.value(evaluator.instance.sizes) for name, axis in axes.items()}
        return evaluator.evaluate_index_form(formula, list(axes), times, lengths)

    def _reference(self, evaluator: Evaluator, form: Form, times: dict[str, int]) -> Array:
        partials = self._truth(evaluator, times)
        return arranged(partials, self.question, self._arrangement(form), self.setting.vec_order)

    def _truth(self, evaluator: Evaluator, times: Mapping[str, int]) -> Array:
        """The partial derivatives asked for, by changed runs of the cell alone."""
        of, by, window = self.question.of, self.question.by, self.question.window
        key = (evaluator, tuple(sorted(times.items())))
        partials = self._partials.get(key)
        if partials is None:
            if window is None:
                partials = evaluator.derivatives.total(of, by, times)
            else:
                width = window.value(evaluator.instance.sizes)
                partials = truncated_partials(evaluator, of, by, width, times)
            self._partials[key] = partials
        return partials

    def _arrangement(self, form: Form) -> str:
        """How a form lays out its numbers: a recursion for a vector by a matrix carries its vec, n × pq."""
        flat = len(form.formula.expression.shape) == 2
        return "vec" if flat and self._third_order else form.name

    def _worst(
        self,
        name: str,
        spans: Sequence[TimeSpan],
        evaluator: Evaluator,
        error: Callable[[dict[str, int]], float],
        own: frozenset[str] = frozenset(),
    ) -> Check:
        """The largest error over the times; ``own`` are component indices, which walk by themselves."""
        entries = [span for span in entry_spans(self.question) if span.index not in own]
        found = list(admissible_times((*spans, *entries), evaluator.instance.sizes))
        times = spread(found, MOST_TIMES)
        if not times:
            raise CheckFailedError(f"{name} holds at no time at all when there are {self.setting.tau} steps")
        errors = [(error(chosen), chosen) for chosen in times]
        largest, where = max(errors, key=lambda pair: pair[0])
        return Check(name, largest, self.tolerance, len(times), where)


def arranged(partials: Array, question: Question, form: str, vec_order: str) -> Array:
    """Partial derivatives, the axes of ``of`` before those of ``by``, arranged as a form has them."""
    of, by = question.of.shape, question.by.shape
    if form == "index":
        return partials.reshape([n for n, axis in zip(partials.shape, (*of, *by), strict=True) if axis.constant != 1])
    if form == "vec":
        order = "F" if vec_order == "column" else "C"
        rows = np.stack([partials[at].reshape(-1, order=order) for at in _places(partials.shape[: len(of)], order)])
        return rows if question.layout is Layout.NUMERATOR else rows.T
    return tensors.in_layout(partials, of, by, question.layout)


def _axes_count(shape: Shape) -> int:
    return sum(axis.constant != 1 for axis in shape)


def _places(shape: tuple[int, ...], order: str) -> list[tuple[int, ...]]:
    """The entries of an array in column-major or row-major order."""
    places = list(np.ndindex(*shape))
    return sorted(places, key=lambda at: at[::-1]) if order == "F" else places


def entry_spans(question: Question) -> tuple[TimeSpan, ...]:
    """The symbols of a question's entries, as the i of ``W[i, j]``, and over which axes they run."""
    spans: dict[str, TimeSpan] = {}
    for side in (question.of, question.by):
        for entry in find(side, Entry):
            for index, axis in zip(entry_places(*entry.args), entry.args[0].shape, strict=True):
                if index.name is not None:
                    spans[index.name] = TimeSpan(index.name, Index.of(0), axis - 1)
    return tuple(spans.values())


def free_axes(free: Sequence[str], sides: Sequence[Formula]) -> dict[str, Index]:
    """The axes over which free component indices run, from the entries that show them.

    The left side's come first: on the right an index may also walk along a part of a longer axis.
    """
    shown: dict[str, Index] = {}
    for side in sides:
        for root in (side.expression, *(part.expression for part in side.parts)):
            for entry in find(root, Entry):
                for index, axis in zip(entry_places(*entry.args), entry.args[0].shape, strict=True):
                    if index.name is not None:
                        shown.setdefault(index.name, axis)
    unseen = [name for name in free if name not in shown]
    if unseen:
        raise DataError(f"over which axis the index {unseen[0]} runs cannot be seen")
    return {name: shown[name] for name in free}


def component_axes(question: Question) -> tuple[Index, ...]:
    """The axes over which the free indices of an index form run, in the order of, then by."""
    return tuple(axis for axis in (*question.of.shape, *question.by.shape) if axis.constant != 1)


def asked_derivative(question: Question) -> Node | None:
    """The inert derivative that a question asks for; a matrix by a matrix has none but in vec."""
    try:
        return Jacobian(question.of, question.by, question.layout)
    except ShapeError:
        return None


def analytic(cell: Cell, others: Sequence[Node] = ()) -> bool:
    """Whether everything in a cell is analytic, so that the complex step applies."""
    starts = [state.initial for state in cell.states if state.initial is not None]
    loss = [] if cell.loss is None else [cell.loss]
    return is_analytic([*(e.expression for e in cell.equations), *starts, *loss, *others], dict(cell.functions))
