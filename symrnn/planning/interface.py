"""What generated code takes: which arrays under which keys, their shapes, and how sizes are read off them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from symrnn.errors import UnsupportedError
from symrnn.language import Cell, Declaration, Index, Node, Role, Shape, Start, State
from symrnn.language.traversal import variables
from symrnn.planning.arrays import Axes, axes_of
from symrnn.planning.system import Initial, System

GROUPS = {Role.PARAMETER: "params", Role.CONSTANT: "params", Role.INPUT: "inputs", Role.TARGET: "targets"}


@dataclass(frozen=True)
class Slot:
    """One array that the caller gives.

    ``axes`` are those of the caller's array without time and batch, ``inner`` those that computations use.
    ``labels``: it may also come as integer class labels.  ``before``: its value before the first step.
    """

    key: str
    name: str
    group: str
    role: Role
    axes: Axes
    inner: Axes
    timed: bool
    per_example: bool
    labels: bool = False
    before: Node | None = None
    time: Index | None = None

    @property
    def is_array(self) -> bool:
        """Whether the caller's value has any axis."""
        return bool(self.axes) or self.timed or self.per_example


@dataclass(frozen=True)
class SizeRule:
    """``size = (array.shape[axis] - rest) // divisor``; ``axis`` counts from the end."""

    size: str
    key: str
    axis: int
    rest: Index
    divisor: int


@dataclass(frozen=True)
class Interface:
    """The slots of a cell, in the order of declaration, and the rules that give the sizes.

    ``started``: initial values of states that begin with an expression; a pass that continues another gives them.
    ``counter``: the last time itself, among the inputs, where nothing that is given has a time axis.
    """

    slots: tuple[Slot, ...]
    sizes: tuple[SizeRule, ...]
    constants: tuple[Declaration, ...]
    started: tuple[Slot, ...] = ()
    counter: Slot | None = None

    @cached_property
    def slot(self) -> dict[str, Slot]:
        """Slots by key."""
        return {s.key: s for s in self.slots}

    def group(self, group: str) -> tuple[Slot, ...]:
        """The slots of one dict: params, inputs, targets or initial."""
        return tuple(s for s in self.slots if s.group == group)

    @cached_property
    def length_slot(self) -> Slot | None:
        """The array whose length is the number of steps."""
        timed = [s for s in self.slots if s.timed]
        return min(timed, key=lambda s: ("inputs", "params", "targets").index(s.group), default=None)

    @cached_property
    def batch_slot(self) -> Slot | None:
        """The array whose axes tell whether there is a batch."""
        order = ("inputs", "initial", "targets")
        found = [s for s in self.slots if s.per_example and s.group in order]
        return min(found, key=lambda s: (order.index(s.group), s.labels), default=None)


def user_axes(declaration: Declaration) -> Axes:
    """The axes of the caller's array: a column has one, ``W[n,1]`` and ``x[1,m]`` have two."""
    shape = declaration.shape
    if declaration.two_axes:
        return shape
    return _column_axes(shape)


def state_axes(state: State) -> Axes:
    """The axes of the caller's array of an initial value."""
    return state.shape if state.two_axes else _column_axes(state.shape)


def _column_axes(shape: Shape) -> Axes:
    return shape[:1] if len(shape) == 2 and shape[1].constant == 1 else shape


def build_interface(system: System) -> Interface:
    """The interface of a cell.

    Raises UnsupportedError where a size occurs in no shape from which it could be read.
    """
    cell = system.cell
    slots = [_declared(d) for d in cell.declarations if d.role in GROUPS and not _valued(d)]
    started: list[Slot] = []
    for initial in system.initials:
        (started if initial.state.start == Start.EXPRESSION else slots).append(_initial_slot(initial))
    length = counter(cell)
    counted = Slot(length, length, "inputs", Role.INPUT, (), (), False, False) if length else None
    constants = tuple(d for d in cell.declarations if _valued(d))
    sizes = _size_rules(cell, slots)
    return Interface((*slots, *([counted] if counted else [])), sizes, constants, tuple(started), counted)


def _initial_slot(initial: Initial) -> Slot:
    state = initial.state
    return Slot(
        initial.key,
        state.name,
        "initial",
        Role.COMPUTED,
        state_axes(state),
        axes_of(state.shape),
        False,
        state.start == Start.GIVEN or (state.start == Start.EXPRESSION and initial.load.batched),
        time=initial.time,
    )


def counter(cell: Cell) -> str | None:
    """The symbol of the last time, where no array tells how many steps there are and generated code has to ask."""
    timed = any(d.timed for d in cell.declarations if d.role in GROUPS and not _valued(d))
    if timed or not any(e.timed for e in cell.equations):
        return None
    names = sorted(cell.time.last.names())
    if len(names) != 1 or (cell.time.last - names[0]).constant is None:
        return None
    return names[0]


def _valued(declaration: Declaration) -> bool:
    return declaration.role is Role.CONSTANT and declaration.value is not None


def _declared(declaration: Declaration) -> Slot:
    return Slot(
        declaration.name,
        declaration.name,
        GROUPS[declaration.role],
        declaration.role,
        user_axes(declaration),
        axes_of(declaration.shape),
        declaration.timed,
        declaration.role in (Role.INPUT, Role.TARGET),
        declaration.role is Role.TARGET and "onehot" in declaration.attributes,
        declaration.before,
    )


def _size_rules(cell: Cell, slots: list[Slot]) -> tuple[SizeRule, ...]:
    order = ("params", "initial", "inputs", "targets")
    ranked = sorted(slots, key=lambda s: (s.labels, order.index(s.group)))
    axes = [(s, place - len(s.axes), axis) for s in ranked for place, axis in enumerate(s.axes)]
    wanted = dict.fromkeys(name for _, _, axis in axes for name in sorted(axis.names()))
    wanted.update(dict.fromkeys(cell.sizes))
    time_names = cell.time.last.names() | cell.time.first.names()
    rules: list[SizeRule] = []
    known: set[str] = set()
    while True:
        found = [r for s, place, axis in axes if (r := _rule(s, place, axis, known)) is not None]
        if not found:
            break
        # A bare size comes before one that has to be solved for.
        rule = min(found, key=lambda r: (r.divisor != 1, bool(r.rest.terms)))
        rules.append(rule)
        known.add(rule.size)
    lost = [name for name in wanted if name not in known and name not in time_names and _is_used(cell, name)]
    if lost:
        raise UnsupportedError(
            f'the size "{lost[0]}" of the cell "{cell.name}" cannot be read off the shape of any given array',
            hint=f"Declare a parameter, input, target or given state with an axis of size {lost[0]}.",
        )
    return tuple(rules)


def _is_used(cell: Cell, size: str) -> bool:
    shapes = [d.shape for d in cell.declarations] + [s.shape for s in cell.states]
    shapes += [e.expression.shape for e in cell.equations]
    return any(size in axis.names() for shape in shapes for axis in shape)


def _rule(slot: Slot, place: int, axis: Index, known: set[str]) -> SizeRule | None:
    unknown = sorted(axis.names() - known)
    if len(unknown) != 1:
        return None
    (name,) = unknown
    divisor, rest = None, Index.of(0)
    for monomial, coefficient in axis.terms:
        if monomial == (name,) and isinstance(coefficient, int):
            divisor = coefficient
        elif name in Index.build({monomial: coefficient}).names():
            return None
        else:
            rest = rest + Index.build({monomial: coefficient})
    if divisor is None:
        return None
    return SizeRule(name, slot.key, place, rest, divisor)


def reads_targets(cell: Cell) -> frozenset[str]:
    """The computed variables that need targets, at this or an earlier time."""
    found: set[str] = set()
    changed = True
    while changed:
        changed = False
        for equation in cell.equations:
            if equation.name in found:
                continue
            inner = variables(equation.expression)
            if any(v.role is Role.TARGET or (v.role is Role.COMPUTED and v.name in found) for v in inner):
                found.add(equation.name)
                changed = True
    return frozenset(found)
