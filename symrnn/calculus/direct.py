"""What a quantity owes to a variable without going through a state: the ∂⁺ of ``λ_t = ∂⁺L/∂s_t + λ_{t+1} J_{t+1}``.

A scalar of the whole sequence (a loss) and a vector at one time are handled alike: both give, for every variable, the
times at which they touch it and the derivative there.  For a scalar that derivative is in numerator layout, for a
vector it is its Jacobian in coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.calculus.jacobian import by_leaf, identity, jacobian
from symrnn.calculus.products import product, total
from symrnn.calculus.pullback import pullback
from symrnn.calculus.rewrites import Finish, finisher
from symrnn.calculus.sources import Source, over_range, scatter
from symrnn.calculus.step_graph import StepGraph, step_graph
from symrnn.errors import QuestionError
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Concat
from symrnn.language.traversal import variables


@dataclass
class DirectPaths:
    """``timed`` by variable name; ``untimed`` by leaf; ``whole`` by name, for variables without a time.

    What reaches a whole-sequence variable is handed on to what it is made of, too.  Filled by :func:`direct_paths` and
    read-only afterwards.
    """

    scalar: bool
    timed: dict[str, list[Source]] = field(default_factory=dict)
    untimed: dict[Variable, list[Node]] = field(default_factory=dict)
    whole: dict[str, list[Node]] = field(default_factory=dict)

    def grouped(self, name: str) -> dict[tuple[Index, Index], Node]:
        """The derivative by a variable for every range of times, contributions added up."""
        ranges: dict[tuple[Index, Index], list[Node]] = {}
        for source in self.timed.get(name, []):
            ranges.setdefault((source.lower, source.upper), []).append(source.value)
        return {span: total(values) for span, values in ranges.items()}


def direct_paths(cell: Cell, of: Node) -> DirectPaths:
    """The direct paths from ``of`` back to variables and leaves; they end at states."""
    graph = step_graph(cell)
    finish = finisher(cell)
    paths = DirectPaths(scalar=of.is_single)
    pending = _start(cell, of, paths)
    for name in reversed([e.name for e in cell.equations if not e.timed]):
        for upstream in pending.pop(name, []):
            paths.whole.setdefault(name, []).append(upstream)
            _scatter(cell, cell.whole[name].expression, upstream, paths, pending)
    for name in reversed(graph.order):
        if name not in cell.state:
            for (lower, upper), value in paths.grouped(name).items():
                _through(graph, name, Source(name, lower, upper, finish(value)), paths, finish)
    for sources in paths.timed.values():
        sources[:] = [Source(s.name, s.lower, s.upper, finish(s.value)) for s in sources]
    return paths


def _everything(leaf: Variable) -> bool:
    return leaf.role is not Role.CONSTANT


def _start(cell: Cell, of: Node, paths: DirectPaths) -> dict[str, list[Node]]:
    pending: dict[str, list[Node]] = {}
    if isinstance(of, Variable) and of.time is not None:
        seed = ONE if paths.scalar else identity(of.shape)
        paths.timed[of.name] = [Source(of.name, of.time, of.time, seed)]
    elif paths.scalar:
        expression = cell.loss if isinstance(of, Variable) and of.role is Role.LOSS else of
        if isinstance(of, Variable) and of.role is Role.COMPUTED:
            expression = cell.whole[of.name].expression
        assert expression is not None
        _scatter(cell, expression, ONE, paths, pending)
    else:
        _vector_start(of, paths)
    return pending


def _vector_start(of: Node, paths: DirectPaths) -> None:
    """A vector expression of variables at fixed times: its Jacobian by each of them."""
    for leaf in variables(of):
        if leaf.role is Role.CONSTANT:
            continue
        value = jacobian(of, by_leaf(leaf), {})
        if value is None:
            continue
        if leaf.time is None:
            paths.untimed.setdefault(leaf, []).append(value)
        else:
            paths.timed.setdefault(leaf.name, []).append(Source(leaf.name, leaf.time, leaf.time, value))


def _scatter(cell: Cell, expression: Node, upstream: Node, paths: DirectPaths, pending: dict[str, list[Node]]) -> None:
    scattered = scatter(cell, expression, upstream, _everything)
    for source in scattered.timed:
        paths.timed.setdefault(source.name, []).append(source)
    for leaf, value in scattered.untimed:
        if leaf.role is Role.COMPUTED:
            pending.setdefault(leaf.name, []).append(value)
        elif leaf.role is Role.LOSS:
            assert cell.loss is not None
            _scatter(cell, cell.loss, value, paths, pending)
        else:
            paths.untimed.setdefault(leaf, []).append(value)


def _through(graph: StepGraph, name: str, source: Source, paths: DirectPaths, finish: Finish) -> None:
    """Hand a variable's derivative on to what its equation reads."""
    now = graph.cell.now
    for leaf, value in _contributions(graph, name, source.value, paths.scalar):
        lag = graph.lag(leaf)
        if lag is not None:
            moved = graph.at(value, now + lag)
            paths.timed.setdefault(leaf.name, []).append(
                Source(leaf.name, source.lower - lag, source.upper - lag, moved)
            )
        else:
            summed = over_range(graph.cell, value, source.lower, source.upper)
            if leaf.time is None:
                paths.untimed.setdefault(leaf, []).append(finish(summed))
            else:
                paths.timed.setdefault(leaf.name, []).append(Source(leaf.name, leaf.time, leaf.time, summed))


def _contributions(graph: StepGraph, name: str, value: Node, scalar: bool) -> list[tuple[Variable, Node]]:
    expression = graph.expression(name)
    if scalar:
        return [(c.leaf, c.value) for c in pullback(expression, value, _everything, graph.named)]
    found = []
    for leaf in variables(expression):
        if leaf.role is not Role.CONSTANT:
            local = jacobian(
                expression,
                by_leaf(leaf),
                graph.named,
            )
            if local is not None:
                found.append((leaf, product(value, local)))
    return found


def require_answerable(of: Node) -> None:
    """Only scalars and vectors have a matrix as their derivative."""
    if not (of.is_single or of.is_column or of.is_row or isinstance(of, Concat)):
        raise QuestionError("the derivative of a matrix is asked for", hint="Ask for it in vec form: --of 'vec(S[t])'.")
