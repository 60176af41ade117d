"""The computation graph of a cell unrolled over τ steps: one node for every variable and time.

Parameters are no nodes: they stand on the edges that they multiply.  So the picture is the one that texts
draw.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from symrnn.errors import DataError, QuestionError, UnsupportedError
from symrnn.inquiry.graph import GraphEdge, GraphNode, UnrolledGraph, node_id
from symrnn.language.binder import Product, Sum
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node, Shape
from symrnn.language.operation import Hadamard, MatMul
from symrnn.language.traversal import variables

MOST_NODES = 20_000
"""A graph larger than this is refused: nobody can look at it."""

MOST_STEPS = 10_000
"""How large a τ can be asked for."""


def time_numbers(cell: Cell, tau: int) -> dict[str, int]:
    """Numbers for the symbols of the cell's time range, such that it has ``tau`` steps.

    Raises QuestionError where tau is not positive, or the range has another length whatever the number.
    """
    if not 1 <= tau <= MOST_STEPS:
        raise QuestionError(f"tau = {tau} is not between 1 and {MOST_STEPS}")
    span = cell.time
    names = sorted(span.length.names())
    if not names:
        length = span.length.value({})
        if length != tau:
            raise QuestionError(f"the times of this cell are {span.first}..{span.last}, so tau is {length}, not {tau}")
        return {}
    if len(names) > 1:
        raise UnsupportedError(f"the length {span.length} of the time range has more than one unknown")
    for value in range(-MOST_STEPS, 2 * MOST_STEPS):
        if span.length.value({names[0]: value}) == tau:
            return {names[0]: value}
    raise QuestionError(f"no {names[0]} gives the range {span.first}..{span.last} a length of {tau}")


def unroll(cell: Cell, tau: int = 3, most: int = MOST_NODES) -> UnrolledGraph:
    """The computation graph over ``tau`` steps, of at most about ``most`` nodes.

    A cell whose times are numbers (``time t = 1..2``) has as many steps as it says, whatever ``tau``.
    Raises QuestionError for a tau that the cell cannot have, or one that makes a graph too large to look at.
    """
    if not cell.time.length.names():
        tau = cell.time.length.value({})
    numbers = time_numbers(cell, tau)
    if (tau + 2) * (len(cell.equations) + len(cell.declarations)) > most:
        raise QuestionError(f"the graph over {tau} steps is too large", hint="Ask for a smaller tau.")
    return _Unroller(cell, tau, numbers).build()


class _Unroller:
    """Adds nodes on first sight, so that each stands after what it is computed from."""

    def __init__(self, cell: Cell, tau: int, numbers: Mapping[str, int]) -> None:
        self.cell = cell
        self.tau = tau
        self.numbers = dict(numbers)
        self.first = cell.time.first.value(self.numbers)
        self.last = self.first + tau - 1
        self.nodes: dict[str, GraphNode] = {}
        self.edges: dict[str, GraphEdge] = {}
        self.quantities = parameter_quantities(cell)
        self.labels = {e.name: multipliers(e.expression, self.quantities) for e in cell.equations if e.timed}

    def build(self) -> UnrolledGraph:
        for time in range(self.first, self.last + 1):
            for name in self.cell.step_order():
                self._timed(name, time)
        for name, equation in self.cell.whole.items():
            if name not in self.quantities and name not in self.nodes:
                self._whole(name, "loss" if name == self.cell.loss_name else "whole", equation.expression)
        if self.cell.loss is not None and self.cell.loss_name not in self.cell.whole:
            self._whole(self.cell.loss_name, "loss", self.cell.loss)
        self._drop(self._unavailable())
        return UnrolledGraph(
            self.cell,
            self.tau,
            tuple(self.numbers.items()),
            tuple(self.nodes.values()),
            tuple(self.edges.values()),
        )

    def _unavailable(self) -> set[str]:
        """Data outside its times, and what would be computed from it: ``x[t+1]`` at the last step."""
        gone = {
            n.id
            for n in self.nodes.values()
            if n.kind == "initial" and n.name in self.cell.declaration and not self._given_before(n)
        }
        tails: dict[str, list[str]] = {}
        for edge in self.edges.values():
            tails.setdefault(edge.head, []).append(edge.tail)
        for node in self.nodes:  # in the order of computation, so one pass is enough
            if any(tail in gone for tail in tails.get(node, ())):
                gone.add(node)
        return gone

    def _given_before(self, node: GraphNode) -> bool:
        before = self.cell.declaration[node.name].before is not None
        return before and node.time is not None and node.time < self.first

    def _drop(self, gone: set[str]) -> None:
        self.nodes = {key: node for key, node in self.nodes.items() if key not in gone}
        self.edges = {k: e for k, e in self.edges.items() if e.tail not in gone and e.head not in gone}

    def _timed(self, name: str, time: int) -> str:
        """The node of an equation's variable; what it reads is added first.

        The walk keeps its own stack: a state's history may be longer than Python's.
        """
        stack = [(name, time, False)]
        while stack:
            current, when, ready = stack.pop()
            key = node_id(current, when)
            if key in self.nodes:
                continue
            reads = list(self._reads(self.cell.equation[current].expression, when))
            if ready:
                self._add(current, when, reads, self.labels[current])
            else:
                stack.append((current, when, True))
                stack.extend(
                    (v.name, at, False) for v, at in reads if at is not None and self._is_step(v.name, at, v.role)
                )
        return node_id(name, time)

    def _add(
        self,
        name: str,
        time: int,
        reads: list[tuple[Variable, int | None]],
        labels: Mapping[Variable, Ways],
    ) -> None:
        kind = "state" if name in self.cell.state else "computed"
        tails = [(self._leaf(leaf, at), labels.get(leaf, ())) for leaf, at in reads]
        self._put(node_id(name, time), name, time, kind, self.cell.equation[name].expression.shape)
        for tail, factors in tails:
            self._edge(tail, node_id(name, time), factors)

    def _whole(self, name: str, kind: str, expression: Node) -> None:
        labels = multipliers(expression, self.quantities)
        tails = [(self._leaf(leaf, at), labels.get(leaf, ())) for leaf, at in self._reads(expression, None)]
        self._put(name, name, None, kind, expression.shape)
        for tail, factors in tails:
            self._edge(tail, name, factors)

    def _is_step(self, name: str, time: int, role: Role) -> bool:
        return role is Role.COMPUTED and name in self.cell.equation and self.first <= time <= self.last

    def _leaf(self, leaf: Variable, time: int | None) -> str:
        key = node_id(leaf.name, time)
        if key in self.nodes:
            return key
        if time is None and leaf.role is Role.COMPUTED:
            self._whole(leaf.name, "whole", self.cell.whole[leaf.name].expression)
            return key
        outside = time is not None and not self.first <= time <= self.last
        kind = "initial" if outside else leaf.role.value
        return self._put(key, leaf.name, time, kind, leaf.shape)

    def _put(self, key: str, name: str, time: int | None, kind: str, shape: Shape) -> str:
        self.nodes[key] = GraphNode(key, name, time, kind, shape)
        return key

    def _edge(self, tail: str, head: str, ways: tuple[tuple[Node, ...], ...]) -> None:
        key = f"{tail}--{head}"
        known = self.edges.get(key)
        merged = ways if known is None else tuple(dict.fromkeys([*known.ways, *ways]))
        self.edges[key] = GraphEdge(key, tail, head, merged)

    def _reads(self, expression: Node, time: int | None) -> Iterator[tuple[Variable, int | None]]:
        env = dict(self.numbers)
        if time is not None:
            env[self.cell.time.index] = time
        for leaf, at in dict.fromkeys(reads_at(expression, env)):
            if not _is_fixed(leaf, self.quantities):
                yield leaf, at


DRAWN = (Role.INPUT, Role.TARGET, Role.COMPUTED)
"""The roles that become nodes."""


def parameter_quantities(cell: Cell) -> frozenset[str]:
    """The untimed equations that depend on nothing but parameters: ``A = W - W.T`` is a parameter in
    disguise.
    """
    found: set[str] = set()
    for name, equation in cell.whole.items():
        if all(_is_fixed(v, found) for v in variables(equation.expression)):
            found.add(name)
    return frozenset(found)


def _is_fixed(variable: Variable, quantities: Container[str]) -> bool:
    if variable.role is Role.COMPUTED:
        return variable.time is None and variable.name in quantities
    return variable.role in (Role.PARAMETER, Role.CONSTANT)


def reads_at(expression: Node, numbers: Mapping[str, int]) -> Iterator[tuple[Variable, int | None]]:
    """What an expression reads, with the times in numbers; sums and products over times are run through."""
    seen: set[Node] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Variable):
            if node.role in DRAWN:
                yield node, None if node.time is None else node.time.value(numbers)
        elif isinstance(node, Sum):
            for value in _values(node.lower, node.upper, 1, numbers):
                yield from reads_at(node.body, {**numbers, node.index: value})
        elif isinstance(node, Product):
            for value in _values(node.first, node.last, node.step, numbers):
                yield from reads_at(node.body, {**numbers, node.index: value})
        else:
            stack.extend(reversed(node.children))


def _values(first: Index, last: Index, step: int, numbers: Mapping[str, int]) -> range:
    """The values of a bound index; one that runs over components (its bound is a size) is represented by one
    value.
    """
    try:
        low, high = first.value(numbers), last.value(numbers)
    except DataError:
        return range(1)
    return range(low, high + step, step)


Ways = tuple[tuple[Node, ...], ...]


def multipliers(expression: Node, quantities: Container[str] = ()) -> dict[Variable, Ways]:
    """For each variable that an expression reads, the products of parameters that multiply it, one for each place.

    ``quantities`` are untimed equations that count as parameters, see :func:`parameter_quantities`.
    """
    found: dict[Variable, dict[tuple[Node, ...], None]] = {}
    seen: set[tuple[Node, tuple[Node, ...]]] = set()
    stack: list[tuple[Node, tuple[Node, ...]]] = [(expression, ())]
    while stack:
        node, above = stack.pop()
        if (node, above) in seen:
            continue
        seen.add((node, above))
        if isinstance(node, Variable):
            if node.role in DRAWN and not _is_fixed(node, quantities):
                found.setdefault(node, {})[above] = None
            continue
        factors = node.args[0] if isinstance(node, (MatMul, Hadamard)) else ()
        constant = [f for f in factors if _only_parameters(f, quantities)]
        for child in reversed(node.children):
            if child not in constant:
                stack.append((child, (*above, *constant)))
    return {leaf: tuple(way for way in ways if way) for leaf, ways in found.items()}


def _only_parameters(node: Node, quantities: Container[str]) -> bool:
    used = variables(node)
    return bool(used) and all(_is_fixed(v, quantities) for v in used)
