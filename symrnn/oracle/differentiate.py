"""Derivatives on the unrolled graph without any symbolic rule: change a value, recompute, look.

*Complex step*: f(x + iε) = f(x) + iε f'(x) + O(ε²), ε = 1e-20, exact to rounding for analytic functions.
*Central differences* with one Richardson step elsewhere: (4 D(h/2) − D(h)) / 3, error O(h⁴).
*Dual numbers* in exact arithmetic: f(x + ε) = f(x) + f'(x) ε with ε² = 0.
All coordinates are changed at once, each in its own copy along a leading batch axis.

**Total** D(of, by): the value of ``by`` is replaced, everything that depends on it is computed again.
**Immediate** Dplus(of, by): the same, but states of other times than that of ``of`` keep their values; where
``of`` has no time, states of other times than that of ``by``; where neither has one, all states.  Of a stack with
several times, (h[t]; h[t-1]), the latest is its own: the earlier value is what the step found (the earliest, for
states that run backward).  By such a stack both are independent coordinates of the unrolled graph, each with
everything that reads it, the loss of its own step included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn.errors import QuestionError
from symrnn.language.leaf import Role
from symrnn.language.node import Node
from symrnn.language.operation import Call
from symrnn.language.traversal import find, variables
from symrnn.oracle.arithmetic import bound_function
from symrnn.oracle.coordinates import Coordinates, coordinates
from symrnn.oracle.frame import Array, Frame, Missing, Slot, Slots, no_derivative
from symrnn.oracle.simulate import Unrolled

LARGEST_BATCH = 400_000
"""How many numbers the changed copies of one slot may hold together; more coordinates are done in several
runs.
"""


MOST_RUNS = 200
"""How many changed runs are kept."""


class Step:
    """How values are changed, and how the derivative is read off what became of them."""

    copies = 1

    def change(self, value: Array, directions: Array) -> Array:
        """The value, once for each direction (and each copy), changed along it."""
        raise NotImplementedError

    def read(self, changed: Array) -> Array:
        """The derivatives, one per direction, from the results (leading axis: copies × directions)."""
        raise NotImplementedError


class ComplexStep(Step):
    """For analytic functions."""

    size = 1e-20

    def change(self, value: Array, directions: Array) -> Array:
        return value + 1j * self.size * directions

    def read(self, changed: Array) -> Array:
        return np.imag(changed) / self.size


class CentralStep(Step):
    """For everything; the values must be further from a kink than the step reaches."""

    copies = 4
    size = 2e-3

    def change(self, value: Array, directions: Array) -> Array:
        offsets = (self.size, -self.size, self.size / 2, -self.size / 2)
        return value + np.concatenate([offset * directions for offset in offsets])

    def read(self, changed: Array) -> Array:
        up, down, near_up, near_down = np.split(changed, 4)
        wide, narrow = (up - down) / (2 * self.size), (near_up - near_down) / self.size
        return (4 * narrow - wide) / 3


COMPLEX, CENTRAL = ComplexStep(), CentralStep()
STEPS: Mapping[str, Step] = {"complex": COMPLEX, "central": CENTRAL}


def is_analytic(expressions: Collection[Node], functions: Mapping[str, str | None]) -> bool:
    """Whether the complex step applies: no function with a kink in any of these expressions."""
    calls = (call for expression in expressions for call in find(expression, Call))
    records = (bound_function(call.name, functions) for call in calls if isinstance(call, Call))
    return all(record is None or record.analytic for record in records)


@dataclass(frozen=True)
class _Changed:
    """One recomputed graph: the values, and how many coordinates were changed in it."""

    values: Slots
    count: int


class Differentiator:
    """Derivatives of expressions over one run of an unrolled graph; changed runs are kept for the next
    question.
    """

    def __init__(self, unrolled: Unrolled, values: Slots, step: Step | None = None) -> None:
        self.unrolled = unrolled
        self.values = values
        self._step = step
        self._analytic = is_analytic(_equations(unrolled), unrolled.compiler.functions)
        self._changed: dict[Any, list[_Changed]] = {}
        self._partials: dict[Any, Array] = {}

    def total(self, of: Node, by: Node, times: Mapping[str, int]) -> Array:
        """The partials of a total derivative: the axes of ``of`` before those of ``by``, a scalar having
        none.
        """
        return self.partials(of, by, times, immediate=False)

    def immediate(self, of: Node, by: Node, times: Mapping[str, int]) -> Array:
        """The same of an immediate derivative."""
        return self.partials(of, by, times, immediate=True)

    def partials(self, of: Node, by: Node, times: Mapping[str, int], immediate: bool) -> Array:
        """The partial derivatives, as the evaluator's inert derivatives ask for them."""
        key = (of, by, tuple(sorted(times.items())), immediate)
        known = self._partials.get(key)
        if known is None:
            if len(self._partials) > 20 * MOST_RUNS:
                self._partials.clear()
            known = self._partials[key] = self._compute(of, by, times, immediate)
        return known

    def step_for(self, of: Node) -> Step:
        """The chosen step, else the complex one where it applies.

        Where a kink was met exactly, differences would average its two sides: there too the complex step is
        taken, in which the slope at the kink is the one that was chosen.
        """
        if self._step is not None:
            return self._step
        if self.unrolled.compiler.touched:
            return COMPLEX
        analytic = self._analytic and is_analytic([of], self.unrolled.compiler.functions)
        return COMPLEX if analytic else CENTRAL

    def _compute(self, of: Node, by: Node, times: Mapping[str, int], immediate: bool) -> Array:
        compiler = self.unrolled.compiler
        numbers = {**compiler.sizes, **times}
        where = coordinates(by, numbers)
        for slot in where.slots:
            self._value(slot)
        frozen = self._frozen(of, where, numbers) if immediate else frozenset[Slot]()
        step = self.step_for(of)
        compiled = compiler.compile(of)
        shape = compiler.shape(of.shape) or (1, 1)
        derivatives = []
        for changed in self._runs(where, frozen, step):
            frame = Frame(changed.values, no_derivative)
            frame.index = compiler.positions.fresh(times)
            with np.errstate(all="ignore"):
                value = self._run(compiled.run, frame)
                full = np.broadcast_to(value, (step.copies * changed.count, *shape))
                derivatives.append(step.read(full))
        together = np.concatenate(derivatives)
        natural = np.moveaxis(together, 0, -1)
        return natural.reshape((*compiler.shape(of.shape), *where.address.shape))

    def _run(self, run: Any, frame: Frame) -> Array:
        try:
            return run(frame)
        except Missing as request:
            raise self.unrolled.explain(request.slot) from None

    def _value(self, slot: Slot) -> Array:
        value = self.values.get(slot)
        if value is None:
            raise self.unrolled.explain(slot)
        return value

    def _runs(self, where: Coordinates, frozen: frozenset[Slot], step: Step) -> list[_Changed]:
        key = (where.slots, where.address.tobytes(), frozen, id(step))
        runs = self._changed.get(key)
        if runs is None:
            if len(self._changed) > MOST_RUNS:
                self._changed.clear()
            runs = self._changed[key] = self._change(where, frozen, step)
        return runs

    def _change(self, where: Coordinates, frozen: frozenset[Slot], step: Step) -> list[_Changed]:
        directions = where.directions()
        widest = max(value.size for value in self.values.values())
        chunk = max(1, LARGEST_BATCH // (widest * step.copies))
        runs = []
        for start in range(0, where.count, chunk):
            here = [d[start : start + chunk] for d in directions]
            overrides = {slot: step.change(self.values[slot], d) for slot, d in zip(where.slots, here, strict=True)}
            values = self.unrolled.rerun(self.values, overrides, frozen - set(where.slots))
            runs.append(_Changed(values, len(here[0])))
        return runs

    def _frozen(self, of: Node, where: Coordinates, numbers: Mapping[str, int]) -> frozenset[Slot]:
        """The states that an immediate derivative holds fixed."""
        moving = self._own_time(of, numbers) or {slot[1] for slot in where.slots if slot[1] is not None}
        return frozenset(slot for slot in self.unrolled.state_slots() if slot[1] not in moving)

    def _own_time(self, of: Node, numbers: Mapping[str, int]) -> set[int]:
        """The time of an expression; of a stack (h[t], h[t-1]) it is the step's own, the earlier values are fixed."""
        times = _times(of, numbers)
        states = [self.unrolled.cell.state.get(v.name) for v in variables(of)]
        backward = any(s is not None and s.backward for s in states)
        return {min(times) if backward else max(times)} if times else times


def _times(of: Node, numbers: Mapping[str, int]) -> set[int]:
    """The times of the computed variables in an expression; those under a sum are none of its own."""
    times = (v.time for v in variables(of) if v.role in (Role.COMPUTED, Role.LOSS) and v.time is not None)
    return {time.value(numbers) for time in times if time.names() <= numbers.keys()}


def _equations(unrolled: Unrolled) -> list[Node]:
    cell = unrolled.cell
    starts = [state.initial for state in cell.states if state.initial is not None]
    return [*(e.expression for e in cell.equations), *starts, *([] if cell.loss is None else [cell.loss])]


def choose_step(method: str | None) -> Step | None:
    """The step of this name; None (or "auto") leaves the choice to the cell's functions."""
    if method is None or method == "auto":
        return None
    if method not in STEPS:
        raise QuestionError(f'there is no method "{method}"', hint=f"Known: auto, {', '.join(STEPS)}.")
    return STEPS[method]
