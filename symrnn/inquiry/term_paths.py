"""Which paths through the unrolled graph a term of an unrolled sum stands for.

A derivative is the sum over pairs (where one starts, which loss one ends at) of everything on the paths between them.
Each pair leaves its mark in the term: the variables at which its local derivatives are taken, and those that multiply
the parameter.  The pair whose marks are the term's is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symrnn.calculus.pullback import pullback
from symrnn.errors import QuestionError
from symrnn.inquiry.dependence_question import base_variable, time_of, with_step_loss
from symrnn.inquiry.graph import UnrolledGraph, node_id
from symrnn.inquiry.unrolled import DRAWN, unroll
from symrnn.language.cell import Cell
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import SCALAR, Node
from symrnn.language.operation import Add
from symrnn.language.traversal import variables

Mark = tuple[str, int | None]
"""A variable's name and time."""


@dataclass(frozen=True)
class TermPath:
    """What a term runs along: edges and nodes by id, from where to where."""

    edges: frozenset[str]
    nodes: frozenset[str]
    start: str
    end: str

    @property
    def ids(self) -> frozenset[str]:
        """Everything to light up."""
        return self.edges | self.nodes


def terms_of(expression: Node) -> tuple[Node, ...]:
    """The summands of an unrolled sum."""
    return expression.args[0] if isinstance(expression, Add) else (expression,)


def term_paths(cell: Cell, of: Node, by: Node, tau: int, terms: Sequence[Node]) -> tuple[TermPath | None, ...]:
    """For every term of D(of, by), unrolled over ``tau`` steps, the paths that it stands for.

    None for a term that runs along no path: a penalty on the parameter itself.  Times in the question are numbers.
    Raises QuestionError where ``of`` or ``by`` is nothing that the graph has.
    """
    if not isinstance(of, Variable):
        raise QuestionError("the graph shows derivatives of variables only")
    widened, step_loss = with_step_loss(cell)
    marker = _Marker(unroll(widened, tau), of, by, step_loss)
    drawn = unroll(cell, tau)
    found = (marker.path(term) for term in terms)
    return tuple(None if path is None else _in_graph(path, drawn) for path in found)


def _in_graph(path: TermPath, graph: UnrolledGraph) -> TermPath:
    """The path in the graph as it is drawn: without steps' losses that only stand under the loss's own sum."""
    whole = graph.cell.loss_name
    edges = {e if e in graph.edge else f"{e.partition('--')[0]}--{whole}" for e in path.edges}
    nodes = {n if n in graph.node else whole for n in path.nodes}
    onward = f"{path.end}--{whole}"
    if onward in graph.edge:
        edges, nodes = edges | {onward}, nodes | {whole}
    end = path.end if path.end in graph.node else whole
    return TermPath(frozenset(edges & graph.edge.keys()), frozenset(nodes & graph.node.keys()), path.start, end)


@dataclass(frozen=True)
class _Candidate:
    path: TermPath
    marks: frozenset[Mark]


class _Marker:
    def __init__(self, graph: UnrolledGraph, of: Variable, by: Node, step_loss: str | None) -> None:
        self.graph = graph
        self.of = of
        self.base = base_variable(by)
        self.step_loss = step_loss
        self.named: dict[Node, Node] = {
            graph.cell.equation[n].expression: graph.cell.variable(n, graph.cell.now) for n in graph.cell.step_order()
        }
        self._edge_marks: dict[tuple[str, str], frozenset[Mark]] = {}
        self.candidates = self._candidates()

    def path(self, term: Node) -> TermPath | None:
        """The candidate whose marks are nearest to the term's."""
        own = frozenset(
            (v.name, None if v.time is None else v.time.constant) for v in variables(term) if v.role in DRAWN
        )
        if not own or not self.candidates:
            return self.candidates[0].path if len(self.candidates) == 1 else None
        return max(self.candidates, key=lambda c: _likeness(c.marks, own)).path

    def _candidates(self) -> list[_Candidate]:
        found = []
        for end in self._ends():
            for starts in self._starts():
                inside = [s for s in starts if s in self.graph.ancestors(end)]
                if inside:
                    found.append(self._candidate(inside, end))
        return found

    def _ends(self) -> list[str]:
        """The losses of the steps, where the derivative is of their sum; else the variable itself."""
        numbers = dict(self.graph.numbers)
        sink = node_id(self.of.name, time_of(self.of, numbers))
        if sink not in self.graph.node:
            raise QuestionError(f"the graph has no node for {self.of.name} at that time")
        if self.of.time is not None or self.step_loss is None:
            return [sink]
        inside = self.graph.ancestors(sink)
        first, last = self.graph.times
        steps = [node_id(self.step_loss, time) for time in range(first, last + 1)]
        return [s for s in steps if s in inside] or [sink]

    def _starts(self) -> list[list[str]]:
        """Where paths begin: the variable's node, or for each time the nodes whose equations read the parameter."""
        when = time_of(self.base, dict(self.graph.numbers))
        if self.base.role is not Role.PARAMETER:
            start = node_id(self.base.name, when)
            return [[start]] if start in self.graph.node else []
        copies: dict[int | None, list[str]] = {}
        for node in self.graph.nodes:
            expression = self.graph.expression(node.id)
            reads = expression is not None and any(self._is_base(v) for v in variables(expression))
            if reads and (when is None or node.time == when):
                copies.setdefault(node.time, []).append(node.id)
        return list(copies.values())

    def _is_base(self, variable: Variable) -> bool:
        return variable.name == self.base.name and variable.role is self.base.role

    def _candidate(self, starts: list[str], end: str) -> _Candidate:
        edges = {e.id: e for start in starts for e in self.graph.between(start, end)}
        if self.base.role is Role.PARAMETER:
            # The arrow that the parameter itself stands on is where its copy comes in.
            into = (e for start in starts for e in self.graph.incoming[start])
            edges.update((e.id, e) for e in into if any(self._is_base(v) for f in e.factors for v in variables(f)))
        inner = [e for e in edges.values() if e.head not in starts or e.tail in starts]
        nodes = {end, *starts, *(e.tail for e in edges.values()), *(e.head for e in edges.values())}
        marks = frozenset().union(*(self._marks(e.head, e.tail) for e in inner))
        if self.base.role is Role.PARAMETER:
            for start in starts:
                marks |= self._local(start, self.base.name, None)
        return _Candidate(TermPath(frozenset(edges), frozenset(nodes), starts[0], end), marks)

    def _marks(self, head: str, tail: str) -> frozenset[Mark]:
        key = (head, tail)
        if key not in self._edge_marks:
            node = self.graph.node[tail]
            self._edge_marks[key] = self._local(head, node.name, node.time)
        return self._edge_marks[key]

    def _local(self, head: str, name: str, time: int | None) -> frozenset[Mark]:
        """The variables in the local derivative of a node's equation by one of its leaves."""
        expression = self.graph.expression(head)
        assert expression is not None
        upstream = Variable("upstream#", Role.PART, SCALAR if expression.is_scalar else expression.shape[::-1])
        numbers = dict(self.graph.numbers)
        when = self.graph.node[head].time
        if when is not None:
            numbers[self.graph.cell.time.index] = when
        found: set[Mark] = set()
        for part in pullback(expression, upstream, lambda v: v.name == name and v.role is not Role.PART, self.named):
            if part.ranges or (time is not None and time_of(part.leaf, numbers) != time):
                continue
            found.update(
                (v.name, time_of(v, numbers))
                for v in variables(part.value)
                if v.role in DRAWN and (v.time is None or v.time.names() <= numbers.keys())
            )
        return frozenset(found)


def _likeness(marks: frozenset[Mark], own: frozenset[Mark]) -> float:
    """The share of common marks among all (Jaccard)."""
    return len(marks & own) / len(marks | own) if marks | own else 0.0
