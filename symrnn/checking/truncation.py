"""The truncated gradient by another road: what lies too far back is held fixed, and everything else is changed.

Σ_r Σ_{k=max(first, r−w)}^{r}: the loss is taken as a function of the variables of each step r; into those of step r
only what happened at most w steps earlier comes through.  No symbolic rule is used, only changed runs of the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from symrnn.checking.comparison import Array
from symrnn.language import Node, Role
from symrnn.language.traversal import variables
from symrnn.oracle.coordinates import Coordinates, coordinates
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.frame import Frame, Slot, Slots

NO_SLOTS: frozenset[Slot] = frozenset()


def truncated_partials(evaluator: Evaluator, of: Node, by: Node, window: int, times: Mapping[str, int]) -> Array:
    """The partials of the derivative truncated to a window; the axes of ``of`` before those of ``by``."""
    return _Truncated(evaluator, of, by, window, times).partials()


class _Truncated:
    def __init__(self, evaluator: Evaluator, of: Node, by: Node, window: int, times: Mapping[str, int]) -> None:
        self.unrolled, self.base = evaluator.unrolled, evaluator.values
        self.of, self.window, self.times = of, window, dict(times)
        self.numbers = {**self.unrolled.compiler.sizes, **times}
        self.where: Coordinates = coordinates(by, self.numbers)
        self.step = evaluator.derivatives.step_for(of)
        directions = zip(self.where.slots, self.where.directions(), strict=True)
        self.changed = {slot: self.step.change(self.base[slot], d) for slot, d in directions}
        order = self.unrolled.order
        assert order is not None  # the evaluator has run the cell
        self.timed = frozenset(slot for slot in order.slots if slot[1] is not None)

    def partials(self) -> Array:
        fixed = self._time_of()
        if fixed is not None:
            frozen = self._too_far(fixed)
            found = self._derivative(self.unrolled.rerun(self.base, self._inside(frozen), frozen))
        else:
            direct = self.unrolled.rerun(self.base, self._outside_steps(), self.timed)
            found = self._derivative(direct) + sum(self._through(r) for r in self.unrolled.times)
        return found.reshape((*self.unrolled.compiler.shape(self.of.shape), *self.where.address.shape))

    def _time_of(self) -> int | None:
        """The one time that ``of`` speaks of, None where it is a quantity of the whole sequence."""
        found = {
            v.time.value(self.numbers)
            for v in variables(self.of)
            if v.role in (Role.COMPUTED, Role.LOSS) and v.time is not None and v.time.names() <= self.numbers.keys()
        }
        return found.pop() if len(found) == 1 else None

    def _too_far(self, time: int) -> frozenset[Slot]:
        """The states that a step sees no more: those earlier than the window, later for one that runs backward."""
        state = self.unrolled.cell.state
        return frozenset(
            (name, at)
            for name, at in self.unrolled.state_slots()
            if (at > time + self.window if state[name].backward else at < time - self.window)
        )

    def _inside(self, frozen: frozenset[Slot]) -> dict[Slot, Array]:
        return {slot: value for slot, value in self.changed.items() if slot not in frozen}

    def _outside_steps(self) -> dict[Slot, Array]:
        """What is changed and isn't itself a variable of some step: the loss may read it directly."""
        return {slot: value for slot, value in self.changed.items() if slot not in self.timed}

    def _through(self, time: int) -> Array:
        """The part of the derivative that goes through the variables of one step."""
        frozen = self._too_far(time)
        values = self.unrolled.rerun(self.base, self._inside(frozen), frozen)
        here = {slot: values[slot] for slot in self.timed if slot[1] == time}
        return self._derivative(self.unrolled.rerun(self.base, here, self.timed))

    def _derivative(self, values: Slots) -> Array:
        compiler = self.unrolled.compiler
        frame = Frame(values)
        compiled = compiler.compile(self.of)
        frame.index = compiler.positions.fresh(self.times)
        shape = compiler.shape(self.of.shape) or (1, 1)
        with np.errstate(all="ignore"):
            value = np.broadcast_to(compiled.run(frame), (self.step.copies * self.where.count, *shape))
        derivative = np.moveaxis(self.step.read(value), 0, -1)
        return derivative.reshape(prod(shape) * self.where.count)
