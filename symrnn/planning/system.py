"""A cell and its adjoint recursion as array definitions: the common ground of all code emitters.

A :class:`Definition` is one line of the recursion, ``name[t] = expression``, with overriding expressions at single
times.  Forward equations and adjoint parts are alike here; what differs is that a part is 0 outside the time range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from symrnn.calculus.recursion import adjoint_system, gradient_leaves
from symrnn.errors import QuestionError, did_you_mean
from symrnn.language import Cell, Declaration, Index, Node, Part, Role, Start, State, TimeRange, Variable
from symrnn.language.traversal import variables
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Axes, axes_of
from symrnn.planning.lowering import Lowering


@dataclass(frozen=True)
class Definition:
    """``name[t] = expression`` (untimed: ``name = expression``) and its exceptions at single times."""

    name: str
    role: Role
    timed: bool
    expression: Array
    source: Node
    overrides: tuple[tuple[Index, Array, Node], ...] = ()

    @property
    def axes(self) -> Axes:
        """The axes of the defined array."""
        return self.expression.axes

    def expressions(self) -> tuple[Array, ...]:
        """The general line and the exceptions."""
        return (self.expression, *(array for _, array, _ in self.overrides))


@dataclass(frozen=True)
class Initial:
    """One initial value: its key, where its numbers come from, and what it is where it is an expression."""

    key: str
    state: State
    time: Index
    load: arrays.Load
    start: Array | None


@dataclass(frozen=True)
class Gradient:
    """The gradient under ``key``, in the own layout of what it belongs to; ``timed`` has one per time.

    ``numerator`` is the same in numerator layout, as the recursion has it.
    """

    key: str
    leaf: Variable
    timed: bool
    expression: Array
    numerator: Array
    source: Node


@dataclass(frozen=True)
class System:
    """Everything an emitter needs, lowered."""

    cell: Cell
    definitions: tuple[Definition, ...]
    initials: tuple[Initial, ...]
    loss: Array | None
    gradients: tuple[Gradient, ...]
    has_batch: bool
    batched_names: frozenset[str]

    @property
    def time(self) -> TimeRange:
        """The time range."""
        return self.cell.time

    @cached_property
    def definition(self) -> dict[tuple[str, Role], Definition]:
        """Definitions by name and role."""
        return {(d.name, d.role): d for d in self.definitions}

    def is_batched(self, declaration: Declaration) -> bool:
        """Whether a declared array has one value per example."""
        return declaration.role in (Role.INPUT, Role.TARGET)


def build_system(
    cell: Cell,
    wrt: Sequence[str] | None = None,
    fold_constants: bool = False,
    by_age: bool = False,
    of: Node | None = None,
) -> System:
    """The system of a cell; ``wrt`` names the parameters, inputs and initial values whose gradients are wanted.

    ``fold_constants`` writes the values of constants out where they stand.  ``by_age``: every way across a step leads
    through a part, for truncated gradients.  ``of``: the scalar of the gradients where it is another than the loss.

    Raises QuestionError for a name in ``wrt`` that has no gradient.
    """
    leaves = _wanted(cell, wrt)
    adjoint = adjoint_system(cell, leaves, of, by_age) if cell.loss is not None and leaves else None
    batched = _batched_variables(cell)
    part_batched = _batched_parts(adjoint.parts if adjoint else (), batched)
    has_batch = any(d.role in (Role.INPUT, Role.TARGET) for d in cell.declarations) or bool(batched)

    def is_batched(name: str, role: Role) -> bool:
        if role is Role.PART:
            return name in part_batched
        return role in (Role.INPUT, Role.TARGET) or (role in (Role.COMPUTED, Role.LOSS) and name in batched)

    constants = {d.name: d.value for d in cell.constants if d.value is not None} if fold_constants else {}
    lower = Lowering(is_batched, dict(cell.functions), constants)
    definitions = _equations(cell, lower)
    definitions += _parts(cell, adjoint.parts if adjoint else (), lower)
    return System(
        cell,
        tuple(definitions),
        _initials(cell, lower),
        lower(cell.loss) if cell.loss is not None else None,
        tuple(_gradient(cell, leaf, node, lower, has_batch) for leaf, node in (adjoint.gradients if adjoint else ())),
        has_batch,
        frozenset(batched),
    )


def _wanted(cell: Cell, wrt: Sequence[str] | None) -> tuple[Variable, ...]:
    leaves = gradient_leaves(cell)
    if wrt is None:
        return leaves
    by_key: dict[str, list[Variable]] = {}
    for leaf in leaves:
        by_key.setdefault(leaf_key(leaf), []).append(leaf)
        by_key.setdefault(leaf.name, []).append(leaf)
    chosen: dict[Variable, None] = {}
    for name in wrt:
        wanted = name.replace(" ", "")
        if wanted not in by_key:
            raise QuestionError(
                f'"{name}" is not a parameter, input or initial value of the cell "{cell.name}"',
                hint=did_you_mean(wanted, by_key),
            )
        chosen.update(dict.fromkeys(by_key[wanted]))
    return tuple(leaf for leaf in leaves if leaf in chosen)


def gradient_keys(cell: Cell) -> tuple[str, ...]:
    """The keys of all gradients of a cell."""
    return tuple(leaf_key(leaf) for leaf in gradient_leaves(cell))


def leaf_key(leaf: Variable) -> str:
    """The key under which a gradient travels: ``W``, ``x``, ``h[0]``."""
    if leaf.role is Role.COMPUTED:
        return f"{leaf.name}[{str(leaf.time).replace(' ', '')}]"
    return leaf.name


def _batched_variables(cell: Cell) -> set[str]:
    """Computed variables with one value per example: those that a batched array influences, over time too."""
    found = {s.name for s in cell.states if s.start == Start.GIVEN}
    changed = True
    while changed:
        changed = False
        for equation in cell.equations:
            if equation.name not in found and _reads_batched(equation.expression, found):
                found.add(equation.name)
                changed = True
    return found


def _reads_batched(node: Node, batched: set[str]) -> bool:
    return any(
        v.role in (Role.INPUT, Role.TARGET) or (v.role is Role.COMPUTED and v.name in batched) for v in variables(node)
    )


def _batched_parts(parts: Sequence[Part], batched: set[str]) -> set[str]:
    found: set[str] = set()
    changed = True
    while changed:
        changed = False
        for part in parts:
            inner = variables(part.expression)
            if part.name not in found and (
                _reads_batched(part.expression, batched) or any(v.role is Role.PART and v.name in found for v in inner)
            ):
                found.add(part.name)
                changed = True
    return found


def _equations(cell: Cell, lower: Lowering) -> list[Definition]:
    ordered = [*(cell.equation[name] for name in cell.step_order()), *cell.whole.values()]
    return [Definition(e.name, Role.COMPUTED, e.timed, lower(e.expression), e.expression) for e in ordered]


def _parts(cell: Cell, parts: Sequence[Part], lower: Lowering) -> list[Definition]:
    general: dict[str, Part] = {}
    special: dict[str, list[Part]] = {}
    for part in parts:
        if part.time is None or part.time == cell.now:
            general[part.name] = part
        elif not _is_outside(part.time, cell.time):
            special.setdefault(part.name, []).append(part)
    return [
        Definition(
            name,
            Role.PART,
            part.time is not None,
            lower(part.expression),
            part.expression,
            tuple((s.time, lower(s.expression), s.expression) for s in special.get(name, []) if s.time is not None),
        )
        for name, part in general.items()
    ]


def _is_outside(time: Index, span: TimeRange) -> bool:
    before, after = (span.first - time).constant, (time - span.last).constant
    return (before or 0) > 0 or (after or 0) > 0


def _initials(cell: Cell, lower: Lowering) -> tuple[Initial, ...]:
    found = []
    for state, time, key in cell.initial_keys():
        load = arrays.Load(
            state.name, Role.COMPUTED, time, axes_of(state.shape), lower.batched(state.name, Role.COMPUTED)
        )
        start = lower(state.initial) if state.initial is not None else None
        found.append(Initial(key, state, time, load, start))
    return tuple(found)


def _gradient(cell: Cell, leaf: Variable, node: Node, lower: Lowering, has_batch: bool) -> Gradient:
    numerator = lower(node)
    learned = leaf.role is Role.COMPUTED and cell.state[leaf.name].start == Start.LEARNED
    if has_batch and (leaf.role is Role.PARAMETER or learned):
        numerator = arrays.batch_sum(numerator)
    timed = leaf.role is not Role.COMPUTED and leaf.time is not None
    return Gradient(leaf_key(leaf), leaf, timed, arrays.transpose(numerator), numerator, node)
