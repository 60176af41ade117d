"""Which blocks of a parameter stand in a derivative, read off the unrolled graph edge by edge.

The derivative is a sum over paths of products of local derivatives, one for every edge.  A block can stand in
a local derivative as a factor, or in the value at which it is taken (``1 - h**2``), and then through
everything that the value is computed from.  Both are facts about single edges, so no path is ever listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from symrnn.calculus.pullback import pullback
from symrnn.errors import DataError
from symrnn.inquiry.graph import GraphEdge, UnrolledGraph, node_id
from symrnn.inquiry.unrolled import DRAWN
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import SCALAR, Node
from symrnn.language.operation import Call, Determinant, Divide, Inverse, MatrixPower, Power
from symrnn.language.traversal import variables
from symrnn.primitives import PIECEWISE_LINEAR

UPSTREAM = "upstream#"
NONLINEAR = (Call, Divide, Power, Inverse, Determinant, MatrixPower)


@dataclass(frozen=True)
class Standing:
    """Blocks by name: ``factors`` stand in a product, ``values`` in what local derivatives are evaluated at."""

    factors: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()

    def __or__(self, other: Standing) -> Standing:
        return Standing(self.factors | other.factors, self.values | other.values)

    @property
    def all(self) -> frozenset[str]:
        """Blocks that stand there in either way."""
        return self.factors | self.values


def union(parts: Iterable[Standing]) -> Standing:
    """All of these together."""
    total = Standing()
    for part in parts:
        total = total | part
    return total


class PathFacts:
    """Answers for the unrolled graph of a cell whose parameters are in blocks."""

    def __init__(self, graph: UnrolledGraph, blocks: frozenset[str]) -> None:
        self.graph = graph
        self.cell = graph.cell
        self.blocks = blocks
        self._edges: dict[tuple[str, str], Standing] = {}
        self._behind: dict[str, frozenset[str]] = {}

    @cached_property
    def named(self) -> dict[Node, Node]:
        """Right-hand sides by the variables that they define, for slopes in terms of outputs."""
        return {
            self.cell.equation[name].expression: self.cell.variable(name, self.cell.now)
            for name in self.cell.step_order()
        }

    # What values depend on.

    def behind(self, node: str) -> frozenset[str]:
        """The blocks that a node's value is computed from."""
        known = self._behind.get(node)
        if known is None:
            found: set[str] = set()
            for name in self.graph.ancestors(node):
                expression = self.graph.expression(name)
                if expression is not None:
                    found |= self._blocks_in(expression)
            known = self._behind[node] = frozenset(found)
        return known

    def _blocks_in(self, expression: Node) -> frozenset[str]:
        return self.blocks & {v.name for v in variables(expression) if v.role is Role.PARAMETER}

    # What local derivatives contain.

    def edge(self, edge: GraphEdge) -> Standing:
        """The blocks in the local derivative along an edge."""
        key = (edge.tail, edge.head)
        known = self._edges.get(key)
        if known is None:
            tail = self.graph.node[edge.tail]
            known = self._edges[key] = self._local(
                edge.head, lambda v: v.name == tail.name and v.role in DRAWN, tail.time
            )
        return known

    def by_parameter(self, head: str, wanted: frozenset[str]) -> Standing:
        """The blocks in the derivative of a node's equation by parameter blocks."""
        return self._local(head, lambda v: v.name in wanted and v.role is Role.PARAMETER, None)

    def _local(self, head: str, wanted: Callable[[Variable], bool], time: int | None) -> Standing:
        expression = self.graph.expression(head)
        assert expression is not None
        shape = SCALAR if expression.is_scalar else expression.shape[::-1]
        upstream = Variable(UPSTREAM, Role.PART, shape)
        found = Standing()
        for contribution in pullback(expression, upstream, wanted, self.named):
            at = self._time(contribution.leaf, head)
            if time is None or at is None or at == time:
                found = found | self._standing(contribution.value, head)
        return found

    def _time(self, leaf: Variable, head: str) -> int | None:
        """The time of a leaf in numbers; None where a sum runs over it."""
        numbers = dict(self.graph.numbers)
        when = self.graph.node[head].time
        if when is not None:
            numbers[self.cell.time.index] = when
        try:
            return None if leaf.time is None else leaf.time.value(numbers)
        except DataError:
            return None

    def _standing(self, value: Node, head: str) -> Standing:
        factors: set[str] = set()
        values: set[str] = set()
        for leaf, inside in _leaves(value):
            if leaf.name == UPSTREAM:
                continue
            if leaf.role is Role.PARAMETER and leaf.name in self.blocks:
                (values if inside else factors).add(leaf.name)
            elif leaf.role in DRAWN:
                for node in self._nodes(leaf, head):
                    values |= self.behind(node)
        return Standing(frozenset(factors), frozenset(values))

    def _nodes(self, leaf: Variable, head: str) -> Iterator[str]:
        at = self._time(leaf, head)
        if leaf.time is None or at is not None:
            key = node_id(leaf.name, at)
            if key in self.graph.node:
                yield key
        else:
            yield from (n.id for n in self.graph.nodes if n.name == leaf.name)


def _leaves(root: Node) -> Iterator[tuple[Variable, bool]]:
    """The variables of an expression, and whether they stand inside something that isn't linear in them.

    The slope of a piecewise linear function doesn't change with its argument, except at the kink.
    """
    seen: set[tuple[Node, bool]] = set()
    stack = [(root, False)]
    while stack:
        node, inside = stack.pop()
        if (node, inside) in seen:
            continue
        seen.add((node, inside))
        if isinstance(node, Variable):
            yield node, inside
        elif not (isinstance(node, Call) and node.order > 0 and node.name in PIECEWISE_LINEAR):
            deeper = inside or isinstance(node, NONLINEAR)
            stack.extend((child, deeper) for child in node.children)
