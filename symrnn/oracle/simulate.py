"""Forward simulation of a cell: its unrolled graph, ordered by what needs what, in NumPy with leading batch
axes.

The order is found by running: a value that is asked for and not there is computed first.  So layer on layer,
lags, states that run backward, quantities of the whole sequence and feedback need no case of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from symrnn.errors import CellError, DataError, SymrnnError, did_you_mean
from symrnn.language.binder import Sum
from symrnn.language.cell import Cell, Start
from symrnn.language.index import Index
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.traversal import find, substitute_indices
from symrnn.oracle.arithmetic import FLOAT, Arithmetic
from symrnn.oracle.compiler import Compiler, Watch
from symrnn.oracle.frame import Array, Frame, Missing, RecordingSlots, Slot, Slots
from symrnn.oracle.instance import Instance
from symrnn.oracle.scope import Compiled

SIMULATION_BUDGET = 50_000_000


@dataclass(frozen=True)
class Order:
    """The computed slots of an unrolled graph, each after those it reads, and what each reads."""

    slots: tuple[Slot, ...]
    reads: Mapping[Slot, frozenset[Slot]]
    unavailable: Mapping[Slot, SymrnnError] = field(default_factory=dict)


class Unrolled:
    """A cell's unrolled graph at given sizes: runs it on data, and again with some of its values replaced."""

    def __init__(
        self,
        cell: Cell,
        sizes: Mapping[str, int],
        arithmetic: Arithmetic = FLOAT,
        at_kink: float = 0.0,
        watch: Watch | None = None,
    ) -> None:
        self.cell = cell
        self.compiler = Compiler(sizes, dict(cell.functions), arithmetic, at_kink, watch)
        self.first, self.last = self.compiler.size(cell.time.first), self.compiler.size(cell.time.last)
        if self.last < self.first:
            raise DataError(
                f"the times {cell.time.first}..{cell.time.last} are empty: {self.first}..{self.last}",
                hint="A sequence has at least one step.",
            )
        self.order: Order | None = None
        self._initial = self._initial_slots()

    @property
    def times(self) -> range:
        """All times."""
        return range(self.first, self.last + 1)

    @property
    def initial_slots(self) -> Mapping[Slot, str]:
        """The slots of initial values, each with its key: ``h[0]``, ``h[tau+1]``."""
        return self._initial

    def _initial_slots(self) -> dict[Slot, str]:
        return {(state.name, self.compiler.size(time)): key for state, time, key in self.cell.initial_keys()}

    def state_slots(self) -> frozenset[Slot]:
        """The slots of all states at all times, initial values included."""
        timed = {(name, time) for name in self.cell.state for time in self.times}
        return frozenset(timed | set(self._initial))

    def data(self, instance: Instance) -> Slots:
        """The slots that an instance fills."""
        lift = self.compiler.arithmetic.array
        slots = Slots()
        for name, value in instance.values.items():
            if isinstance(value, Mapping):
                slots.update({(name, time): _core(lift(v)) for time, v in value.items()})
            else:
                slots[name, None] = _core(lift(value))
        for slot, key in self._initial.items():
            if key in instance.initial:
                slots[slot] = _core(lift(instance.initial[key]))
        return slots

    def run(self, instance: Instance) -> Slots:
        """The values of all slots for this data."""
        data = self.data(instance)
        with np.errstate(all="ignore"):
            if self.order is None:
                return self._discover(data)
            return self._follow(data, self.order.slots)

    def rerun(self, base: Slots, overrides: Mapping[Slot, Array], frozen: Collection[Slot] = ()) -> Slots:
        """The values with some replaced and everything that depends on them computed again.

        A replaced slot keeps its new value whatever it would be computed from; a frozen one its old value.
        """
        assert self.order is not None  # `base` came from `run`
        values = Slots(base)
        values.update(overrides)
        with np.errstate(all="ignore"):
            return self._follow(values, self.downstream(overrides, frozen))

    def downstream(self, changed: Iterable[Slot], frozen: Collection[Slot] = ()) -> list[Slot]:
        """The computed slots that depend on changed ones, in order; not through frozen ones."""
        assert self.order is not None
        touched, found, fixed = set(changed), [], set(frozen)
        fixed.update(touched)
        reads = self.order.reads
        for slot in self.order.slots:
            if slot not in fixed and not touched.isdisjoint(reads[slot]):
                touched.add(slot)
                found.append(slot)
        return found

    def _follow(self, values: Slots, slots: Iterable[Slot]) -> Slots:
        frame = Frame(values, budget=SIMULATION_BUDGET)
        for slot in slots:
            compiled, numbers = self._line(slot)
            frame.index = self.compiler.positions.fresh(numbers)
            try:
                values[slot] = compiled.run(frame)
            except Missing as request:
                raise self.explain(request.slot) from None
        return values

    def _discover(self, data: Slots) -> Slots:
        """Run once, noting for each slot which others it reads."""
        values = RecordingSlots()
        values.update(data)
        order: list[Slot] = []
        reads: dict[Slot, frozenset[Slot]] = {}
        unavailable: dict[Slot, SymrnnError] = {}
        for slot in self._all_slots():
            try:
                self._demand(slot, values, order, reads)
            except DataError as error:
                unavailable[slot] = error
        self.order = Order(tuple(order), reads, unavailable)
        return Slots(values)

    def _all_slots(self) -> list[Slot]:
        """Every slot that can be computed: the forward order first, so that few are asked for too early."""
        timed = [(name, time) for time in self.times for name in self.cell.step_order()]
        valued = [(d.name, None) for d in self.cell.declarations if d.value is not None]
        before = [(d.name, self.first - 1) for d in self.cell.declarations if d.before is not None]
        whole = [(name, None) for name in self.cell.whole]
        slots: list[Slot] = [*valued, *before, *self._initial, *timed, *whole]
        if self.cell.loss is not None:
            slots.append((self.cell.loss_name, None))
            if self._has_summand():
                slots.extend((self.cell.loss_name, time) for time in self.times)
        return slots

    def _has_summand(self) -> bool:
        return self.cell.loss_name not in self.cell.equation and loss_summand(self.cell) is not None

    def _demand(
        self, slot: Slot, values: RecordingSlots, order: list[Slot], reads: dict[Slot, frozenset[Slot]]
    ) -> None:
        wanted = [slot]
        while wanted:
            now = wanted[-1]
            if now in values:
                wanted.pop()
                continue
            compiled, numbers = self._line(now)
            frame = Frame(values, budget=SIMULATION_BUDGET)
            frame.index = self.compiler.positions.fresh(numbers)
            values.read = set()
            try:
                value = compiled.run(frame)
            except Missing as request:
                if request.slot in wanted:
                    raise _circle(wanted, request.slot) from None
                wanted.append(request.slot)
                continue
            reads[now] = frozenset(values.read)
            values[now] = value
            order.append(now)
            wanted.pop()

    def is_scalar(self, name: str, time: int | None) -> bool:
        """Whether a variable was declared (or comes out) as a scalar; inside the oracle it is 1×1."""
        cell = self.cell
        if name in cell.declaration:
            return not cell.declaration[name].shape
        if time is not None and name in cell.state:
            return not cell.state[name].shape
        expression = self._expression(name, time)
        return expression is not None and expression.is_scalar

    def _line(self, slot: Slot) -> tuple[Compiled, Mapping[str, int]]:
        """The compiled right-hand side of a slot and the index values to run it with."""
        name, time = slot
        expression = self._expression(name, time)
        if expression is None:
            raise self.explain(slot)
        return self.compiler.compile(expression), {} if time is None else {self.cell.time.index: time}

    def _expression(self, name: str, time: int | None) -> Node | None:
        cell = self.cell
        if time is None:
            if name in cell.whole:
                return cell.whole[name].expression
            if name in cell.declaration:
                return cell.declaration[name].value
            return cell.loss if name == cell.loss_name else None
        if (name, time) in self._initial:
            state = cell.state[name]
            return state.initial if state.start == Start.EXPRESSION else None
        if name in cell.declaration and not self.first <= time <= self.last:
            return cell.declaration[name].before if time < self.first else None
        if not self.first <= time <= self.last:
            return None
        if name in cell.equation:
            return cell.equation[name].expression
        return loss_summand(cell) if name == cell.loss_name else None

    def explain(self, slot: Slot) -> SymrnnError:
        """Why a slot has no value."""
        name, time = slot[:2]
        if self.order is not None and slot in self.order.unavailable:
            return self.order.unavailable[slot]
        if name not in self.cell.names():
            return DataError(f'the cell has no variable "{name}"', hint=did_you_mean(name, self.cell.names()))
        if time is None:
            timed = name in self.cell.equation or name in self.cell.state
            return DataError(f'"{name}" has one value per time' if timed else f'no value was given for "{name}"')
        key = self._initial.get(slot)
        if key is not None:
            return DataError(f"no initial value was given for {key}")
        if not self.first <= time <= self.last:
            return DataError(f"{name}[{time}] is outside the times {self.first}..{self.last}")
        return DataError(f"no data was given for {name}[{time}]")


def _circle(wanted: list[Slot], slot: Slot) -> CellError:
    shown = [*wanted[wanted.index(slot) :], slot]
    return CellError(
        "these depend on each other in a circle: "
        + " → ".join(name if time is None else f"{name}[{time}]" for name, time in shown)
    )


def _core(value: Array) -> Array:
    """The array as the evaluator keeps it: a scalar is 1×1."""
    return value.reshape(1, 1) if value.ndim == 0 else value


def loss_summand(cell: Cell) -> Node | None:
    """What ``L[t]`` means where no equation defines it: the one term under the loss's sum over time, at time
    t.

    The factor of a mean is not part of it.  None where the loss has no such sum, or several.
    """
    if cell.loss is None:
        return None
    sums = [s for s in find(cell.loss, Sum) if isinstance(s, Sum) and _over_time(s)]
    if len(sums) != 1:
        return None
    return substitute_indices(sums[0].body, {sums[0].index: Index.of(cell.time.index)})


def _over_time(node: Sum) -> bool:
    return any(
        isinstance(v, Variable) and v.time is not None and node.index in v.time.names()
        for v in find(node.body, Variable)
    )
