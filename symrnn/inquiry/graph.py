"""The unrolled computation graph as data: nodes, edges, and what can be asked about paths."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from symrnn.errors import QuestionError
from symrnn.language.cell import Cell
from symrnn.language.node import Node, Shape


@dataclass(frozen=True)
class GraphNode:
    """One variable at one time; ``time`` is None for a quantity of the whole sequence.

    ``kind`` is input, target, state, computed, loss, initial (a value before the first or after the last
    step) or whole (untimed).
    """

    id: str
    name: str
    time: int | None
    kind: str
    shape: Shape


@dataclass(frozen=True)
class GraphEdge:
    """``tail`` is read by the equation of ``head``.

    ``ways`` are the products of parameters that multiply it there, one for every place where it stands; of
    ``(1 - alpha)*h + alpha*tanh(W @ h)`` they are ``1 - alpha`` and ``alpha``, ``W``.
    """

    id: str
    tail: str
    head: str
    ways: tuple[tuple[Node, ...], ...] = ()

    @property
    def factors(self) -> tuple[Node, ...]:
        """All parameters that multiply it, each once."""
        return tuple(dict.fromkeys(factor for way in self.ways for factor in way))


@dataclass(frozen=True)
class UnrolledGraph:
    """Nodes in an order in which they can be computed, and the edges between them."""

    cell: Cell
    tau: int
    numbers: tuple[tuple[str, int], ...]
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    @cached_property
    def node(self) -> dict[str, GraphNode]:
        """Nodes by id."""
        return {n.id: n for n in self.nodes}

    @cached_property
    def edge(self) -> dict[str, GraphEdge]:
        """Edges by id."""
        return {e.id: e for e in self.edges}

    @cached_property
    def incoming(self) -> dict[str, tuple[GraphEdge, ...]]:
        """The edges into a node, in the order its equation reads them."""
        found: dict[str, list[GraphEdge]] = {n.id: [] for n in self.nodes}
        for edge in self.edges:
            found[edge.head].append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    @cached_property
    def outgoing(self) -> dict[str, tuple[GraphEdge, ...]]:
        """The edges out of a node."""
        found: dict[str, list[GraphEdge]] = {n.id: [] for n in self.nodes}
        for edge in self.edges:
            found[edge.tail].append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    @cached_property
    def times(self) -> tuple[int, int]:
        """The first and the last step."""
        first = self.cell.time.first.value(dict(self.numbers))
        return first, first + self.tau - 1

    def ancestors(self, node: str) -> frozenset[str]:
        """Everything that a node's value depends on, itself included."""
        return self._closure(node, self._tails)

    def descendants(self, node: str) -> frozenset[str]:
        """Everything that depends on a node's value, itself included."""
        return self._closure(node, self._heads)

    def _closure(
        self, start: str, following: Mapping[str, tuple[str, ...]], closed: Container[str] = frozenset()
    ) -> frozenset[str]:
        self._require(start)
        found, frontier = {start}, [start]
        while frontier:
            for name in following[frontier.pop()]:
                if name not in found and name not in closed:
                    found.add(name)
                    frontier.append(name)
        return frozenset(found)

    def between(self, tail: str, head: str, *, avoiding: str | Container[str] = frozenset()) -> tuple[GraphEdge, ...]:
        """The edges that lie on some path from one node to another, perhaps only on those that avoid others."""
        closed = frozenset([avoiding]) if isinstance(avoiding, str) else avoiding
        if tail in closed or head in closed:
            return ()
        kept = self._closure(tail, self._heads, closed) & self._closure(head, self._tails, closed)
        return tuple(e for node in self.nodes if node.id in kept for e in self.incoming[node.id] if e.tail in kept)

    @cached_property
    def _tails(self) -> dict[str, tuple[str, ...]]:
        return {n: tuple(e.tail for e in edges) for n, edges in self.incoming.items()}

    @cached_property
    def _heads(self) -> dict[str, tuple[str, ...]]:
        return {n: tuple(e.head for e in edges) for n, edges in self.outgoing.items()}

    def expression(self, node: str) -> Node | None:
        """The right-hand side that a node is computed by, None for data and given initial values."""
        found, cell = self.node[node], self.cell
        if found.time is None:
            if found.name in cell.whole:
                return cell.whole[found.name].expression
            return cell.loss if found.name == cell.loss_name else None
        if found.kind == "initial":
            state = cell.state.get(found.name)
            return state.initial if state is not None else None
        equation = cell.equation.get(found.name)
        return None if equation is None else equation.expression

    def count_paths(self, tail: str, head: str) -> int:
        """How many paths lead from one node to another, without listing them."""
        self._require(tail)
        self._require(head)
        ways = {tail: 1}
        for node in self.nodes:
            if node.id != tail:
                ways[node.id] = sum(ways.get(e.tail, 0) for e in self.incoming[node.id])
        return ways.get(head, 0)

    def paths(self, tail: str, head: str, most: int = 10_000) -> tuple[tuple[GraphEdge, ...], ...]:
        """Every path from one node to another, each as its edges.

        Raises QuestionError with their number where there are more than ``most``.
        """
        count = self.count_paths(tail, head)
        if count > most:
            raise QuestionError(
                f"there are {count} paths from {tail} to {head}, more than {most}",
                hint="Ask for a smaller tau.",
            )
        inside = self.ancestors(head)

        def walk(name: str) -> Iterator[tuple[GraphEdge, ...]]:
            if name == head:
                yield ()
                return
            for edge in self.outgoing[name]:
                if edge.head in inside:
                    for rest in walk(edge.head):
                        yield (edge, *rest)

        return tuple(walk(tail))

    def _require(self, name: str) -> None:
        if name not in self.node:
            raise QuestionError(f'the graph of "{self.cell.name}" at tau = {self.tau} has no node {name}')


def node_id(name: str, time: int | None) -> str:
    """The id of a node, fit for XML: ``h-2``, and ``h-m1`` for time -1.

    >>> node_id("h", 2), node_id("h", -1), node_id("L", None)
    ('h-2', 'h-m1', 'L')
    """
    return name if time is None else f"{name}-{time}" if time >= 0 else f"{name}-m{-time}"
