"""The stacked state s = (h; c; …) of a cell, its block Jacobian, and derivatives within one step.

The stack's components are independent coordinates: differentiating by c[t-1] holds h[t-1] fixed.  A state that is read
at t-2 as well brings its value one step earlier along as a component of its own, so that every stack has lag one.
States that run in different directions make different stacks, in the order in which they are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from symrnn.calculus.jacobian import identity, jacobian, zero_block
from symrnn.calculus.step_graph import StepGraph, step_graph
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Vec


@dataclass(frozen=True)
class Component:
    """One part of a stack: a state ``age`` steps before the stack's own time (after it, for a backward state)."""

    name: str
    age: int


@dataclass(frozen=True, eq=False)
class StateStack:
    """The states of one direction; ``direction`` is 1 forward and -1 backward in time."""

    cell: Cell
    components: tuple[Component, ...]
    direction: int

    @property
    def names(self) -> frozenset[str]:
        """The states in it."""
        return frozenset(c.name for c in self.components)

    @cached_property
    def is_single(self) -> bool:
        """Whether it is one state with lag one, which needs no stacking."""
        return len(self.components) == 1

    def variable(self, component: Component, time: Index) -> Variable:
        """The state variable that a component of the stack at a time is."""
        return self.cell.variable(component.name, time - self.direction * component.age)

    def node(self, time: Index) -> Node:
        """The stack as an expression: the state itself where there is one, else ``concat(h[t], c[t])``.

        Rows and matrices stand in it by their ``vec``.
        """
        parts = [self.variable(c, time) for c in self.components]
        shown = [p if p.is_scalar or p.is_column else Vec(p) for p in parts]
        return shown[0] if self.is_single else build.concat(*shown)

    def before(self, time: Index) -> Index:
        """The time one step earlier in the stack's own direction."""
        return time - self.direction

    @cached_property
    def jacobian(self) -> Node:
        """∂s_t/∂s_{t-1} at the cell's time index, by blocks (∂s_t/∂s_{t+1} for a backward stack)."""
        return step_derivatives(self.cell).stack_by(self, self)


@lru_cache(maxsize=64)
def state_stacks(cell: Cell) -> tuple[StateStack, ...]:
    """The stacks of a cell, each after those that it reads."""
    graph = step_graph(cell)
    groups = _merge(cell, _layers(cell, graph))
    stacks = []
    for names in groups:
        states = [cell.state[n] for n in names]
        components = [Component(s.name, age) for s in states for age in range(s.depth)]
        stacks.append(StateStack(cell, tuple(components), -1 if states[0].backward else 1))
    return tuple(stacks)


def _layers(cell: Cell, graph: StepGraph) -> list[list[str]]:
    """Strongly connected states, in an order in which each comes after those that it depends on."""
    reaches = {s.name: graph.ancestors(frozenset({s.name})) & set(cell.state) for s in cell.states}
    layers: list[list[str]] = []
    for name in cell.state:
        home = next((layer for layer in layers if name in reaches[layer[0]] and layer[0] in reaches[name]), None)
        if home is None:
            layers.append([name])
        else:
            home.append(name)
    ordered: list[list[str]] = []
    while layers:
        done = {n for layer in ordered for n in layer}
        ready = next(layer for layer in layers if reaches[layer[0]] <= done | set(layer))
        layers.remove(ready)
        ordered.append(ready)
    return ordered


def _merge(cell: Cell, layers: list[list[str]]) -> list[list[str]]:
    """Neighbouring layers of one direction become one stack, their states in the order of declaration."""
    merged: list[list[str]] = []
    for layer in layers:
        if merged and cell.state[merged[-1][0]].backward == cell.state[layer[0]].backward:
            merged[-1].extend(layer)
        else:
            merged.append(list(layer))
    order = {name: place for place, name in enumerate(cell.state)}
    for names in merged:
        backward = {cell.state[n].backward for n in names}
        if len(backward) > 1:
            raise UnsupportedError(f"the states {', '.join(names)} depend on each other and run in both directions")
    return [sorted(names, key=order.__getitem__) for names in merged]


@lru_cache(maxsize=64)
def step_derivatives(cell: Cell) -> StepDerivatives:
    """The derivatives within a step of a cell, each computed once."""
    return StepDerivatives(step_graph(cell))


class StepDerivatives:
    """∂v[t]/∂u within one step, the ways through other variables of the same step included.

    All are in coordinates, at the cell's time index.  Values are memoised: the object is a pure function of its cell.
    """

    def __init__(self, graph: StepGraph) -> None:
        self.graph = graph
        self._known: dict[tuple[str, Variable, frozenset[Variable]], Node | None] = {}

    def derivative(self, name: str, leaf: Variable, held: frozenset[Variable] = frozenset()) -> Node | None:
        """∂name[t]/∂leaf with the variables of ``held`` fixed; None where it does not depend on the leaf."""
        here = self.graph.variable(name)
        if here == leaf:
            return identity(leaf.shape)
        if here in held or name not in self.graph.cell.equation:
            return None
        key = (name, leaf, held)
        if key not in self._known:
            self._known[key] = self.of_expression(self.graph.expression(name), leaf, held)
        return self._known[key]

    def of_expression(self, expression: Node, leaf: Variable, held: frozenset[Variable] = frozenset()) -> Node | None:
        """∂expression/∂leaf for an expression of the present step."""
        now = self.graph.cell.now

        def inner(variable: Variable) -> Node | None:
            if variable == leaf:
                return identity(leaf.shape)
            if variable.role is Role.COMPUTED and variable.time == now and variable not in held:
                return self.derivative(variable.name, leaf, held)
            return None

        return jacobian(expression, inner, self.graph.named)

    def stack_by(self, of: StateStack, by: StateStack) -> Node:
        """The block Jacobian of a stack at t by a stack one step earlier (in the direction of ``of``)."""
        earlier = of.before(self.graph.cell.now)
        columns = [by.variable(c, earlier) for c in by.components]
        rows = [[self._block(of, component, leaf) for leaf in columns] for component in of.components]
        return rows[0][0] if of.is_single and by.is_single else build.block_matrix(rows)

    def _block(self, of: StateStack, component: Component, leaf: Variable) -> Node:
        now = self.graph.cell.now
        if component.age:
            kept = of.variable(component, now) == leaf
            return identity(leaf.shape) if kept else zero_block(of.variable(component, now).shape, leaf.shape)
        return self.or_zero(component.name, leaf)

    def or_zero(self, name: str, leaf: Variable) -> Node:
        """∂name[t]/∂leaf, zero of the right shape where there is no dependence."""
        found = self.derivative(name, leaf)
        return zero_block(self.graph.variable(name).shape, leaf.shape) if found is None else found

    def stack_column(self, stack: StateStack, leaf: Variable, held: frozenset[Variable] = frozenset()) -> Node | None:
        """∂s_t/∂leaf for a leaf of the present step (or a parameter, by ``vec``); None where it is zero."""
        found = [None if c.age else self.derivative(c.name, leaf, held - {leaf}) for c in stack.components]
        if all(f is None for f in found):
            return None
        shapes = [stack.variable(c, self.graph.cell.now).shape for c in stack.components]
        parts = [zero_block(s, leaf.shape) if f is None else f for f, s in zip(found, shapes, strict=True)]
        return parts[0] if stack.is_single else build.concat(*parts)
