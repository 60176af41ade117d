"""A cell: declarations, ordered equations at one time, and a loss.

Everything here is data that the readers build and that all other packages read.  :func:`symrnn.language.cell.check`
is the one place where a set of equations is held to being a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from symrnn.errors import CellError, did_you_mean
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node, Shape
from symrnn.language.traversal import variables


@dataclass(frozen=True)
class TimeRange:
    """``time t = 1..tau``: the index, the first and the last time, both included."""

    index: str = "t"
    first: Index = field(default_factory=lambda: Index.of(1))
    last: Index = field(default_factory=lambda: Index.of("tau"))

    @property
    def length(self) -> Index:
        """How many steps."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Declaration:
    """One declared name.

    ``timed``: it has one value per time (inputs and targets used with a time index, ``param lam[t][n]``).
    ``attributes``: onehot, distribution, symmetric.  ``value``: of a constant.
    ``before``: a target's (or input's) declared value before the first step.
    ``two_axes``: it was written with both sizes, as in ``W[n,1]``: its data keep the axis of length 1.
    """

    name: str
    role: Role
    shape: Shape
    timed: bool = False
    attributes: frozenset[str] = frozenset()
    value: Node | None = None
    before: Node | None = None
    line: int | None = None
    two_axes: bool = False


class Start:
    """How a state begins: given with the data, learned as a parameter, or an expression."""

    GIVEN = "given"
    LEARNED = "learned"
    EXPRESSION = "expression"


@dataclass(frozen=True)
class State:
    """A variable that is read at another time.

    ``lags`` are the distances read: (1,), (1, 2), or (-1,) for one that runs backward (``h[t+1]``).
    ``start`` is one of Start's three; ``initial`` the expression where it is one (zero included).
    """

    name: str
    shape: Shape
    lags: tuple[int, ...]
    start: str = Start.GIVEN
    initial: Node | None = None
    two_axes: bool = False

    @property
    def backward(self) -> bool:
        """Whether it runs from the last time to the first."""
        return self.lags[0] < 0

    @property
    def depth(self) -> int:
        """How many earlier values a step needs."""
        return max(abs(lag) for lag in self.lags)


@dataclass(frozen=True)
class Equation:
    """``name[t] = expression`` (or, untimed, ``name = expression``: a quantity of the whole sequence)."""

    name: str
    timed: bool
    expression: Node
    line: int | None = None


@dataclass(frozen=True)
class Cell:
    """Equations in the order they were written, and what they speak of.

    ``equal_sizes`` maps a size to the one it was declared equal to; shapes already use the latter.
    ``functions`` maps a generic elementwise function to what it is bound to, or None.
    ``loss`` is an untimed scalar expression; ``loss_name`` its name, which ``L[t]`` may share.
    """

    name: str
    sizes: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    states: tuple[State, ...]
    equations: tuple[Equation, ...]
    time: TimeRange = field(default_factory=TimeRange)
    loss: Node | None = None
    loss_name: str = "L"
    functions: tuple[tuple[str, str | None], ...] = ()
    equal_sizes: tuple[tuple[str, Index], ...] = ()
    layout: str | None = None
    style: tuple[tuple[str, str], ...] = ()
    comments: tuple[str, ...] = ()

    @cached_property
    def declaration(self) -> dict[str, Declaration]:
        """Declarations by name."""
        return {d.name: d for d in self.declarations}

    @cached_property
    def state(self) -> dict[str, State]:
        """States by name."""
        return {s.name: s for s in self.states}

    @cached_property
    def equation(self) -> dict[str, Equation]:
        """Timed equations by name; see ``whole`` for the untimed ones."""
        return {e.name: e for e in self.equations if e.timed}

    @cached_property
    def whole(self) -> dict[str, Equation]:
        """Untimed equations by name."""
        return {e.name: e for e in self.equations if not e.timed}

    @property
    def parameters(self) -> tuple[Declaration, ...]:
        """The declared parameters, without learned initial values."""
        return tuple(d for d in self.declarations if d.role is Role.PARAMETER)

    @property
    def inputs(self) -> tuple[Declaration, ...]:
        """The declared inputs."""
        return tuple(d for d in self.declarations if d.role is Role.INPUT)

    @property
    def targets(self) -> tuple[Declaration, ...]:
        """The declared targets."""
        return tuple(d for d in self.declarations if d.role is Role.TARGET)

    @property
    def constants(self) -> tuple[Declaration, ...]:
        """The declared constants."""
        return tuple(d for d in self.declarations if d.role is Role.CONSTANT)

    @property
    def now(self) -> Index:
        """The time index as an Index."""
        return Index.of(self.time.index)

    def names(self) -> tuple[str, ...]:
        """Every name that a formula about this cell may use."""
        declared = [d.name for d in self.declarations]
        return tuple(dict.fromkeys([*declared, *(e.name for e in self.equations), self.loss_name]))

    def variable(self, name: str, time: Index | None = None) -> Variable:
        """The variable of this name; timed ones take a time.

        Raises CellError with the nearest known name where nothing has this name.
        """
        if time is not None and name in self.equation:
            return Variable(name, Role.COMPUTED, self.equation[name].expression.shape, time)
        if time is not None and name in self.state:
            return Variable(name, Role.COMPUTED, self.state[name].shape, time)
        if name in self.declaration:
            found = self.declaration[name]
            return Variable(name, found.role, found.shape, time)
        if time is None and name in self.whole:
            return Variable(name, Role.COMPUTED, self.whole[name].expression.shape, None)
        if time is None and name == self.loss_name and self.loss is not None:
            return Variable(name, Role.LOSS, self.loss.shape, None)
        raise CellError(f'the cell "{self.name}" has no variable "{name}"', hint=did_you_mean(name, self.names()))

    def initial_times(self, state: State) -> tuple[Index, ...]:
        """The times before the first step (after the last, for a backward state) whose values a state needs."""
        if state.backward:
            return tuple(self.time.last + distance for distance in range(1, state.depth + 1))
        return tuple(self.time.first - distance for distance in range(1, state.depth + 1))

    def initial_keys(self) -> tuple[tuple[State, Index, str], ...]:
        """Every initial value with the key under which its data and gradient travel: ``h[0]``, ``h[tau+1]``."""
        return tuple(
            (state, time, f"{state.name}[{str(time).replace(' ', '')}]")
            for state in self.states
            for time in self.initial_times(state)
        )

    def with_loss(self, loss: Node, name: str = "L") -> Cell:
        """The same cell with another loss."""
        return replace(self, loss=loss, loss_name=name)

    def step_order(self) -> tuple[str, ...]:
        """The timed equations' names, each after those of the same step that it uses.

        Raises CellError where variables of one step depend on each other in a circle.
        """
        return self._step_order

    @cached_property
    def _step_order(self) -> tuple[str, ...]:
        done: dict[str, None] = {}
        for name in self.equation:
            self._order_after(name, done)
        return tuple(done)

    def _order_after(self, start: str, done: dict[str, None]) -> None:
        """Add what an equation uses, then the equation itself; without recursion, for a cell may be deep."""
        path: dict[str, Iterator[str]] = {} if start in done else {start: iter(self.same_step(start))}
        while path:
            name = next(reversed(path))
            used = next((u for u in path[name] if u not in done), None)
            if used is None:
                del path[name]
                done[name] = None
            elif used in path:
                circle = " → ".join([*list(path)[list(path).index(used) :], used])
                raise CellError(
                    f"the variables of one step depend on each other in a circle: {circle}",
                    hint=f"Read one of them at an earlier time, as in {used}[{self.time.index}-1].",
                )
            else:
                path[used] = iter(self.same_step(used))

    def same_step(self, name: str) -> tuple[str, ...]:
        """The variables of the same step that an equation uses."""
        uses = variables(self.equation[name].expression)
        return tuple(dict.fromkeys(v.name for v in uses if v.role is Role.COMPUTED and v.time == self.now))
