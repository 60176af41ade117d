"""The immediate derivative by one copy of a parameter: through the equations of one step only."""

from __future__ import annotations

from symrnn.calculus.products import total
from symrnn.calculus.pullback import pullback
from symrnn.calculus.rewrites import finisher
from symrnn.calculus.step_graph import step_graph
from symrnn.language.cell import Cell
from symrnn.language.leaf import ONE, Role, Variable, Zeros
from symrnn.language.node import Node


def one_copy(cell: Cell, scalar: Node, leaf: Variable) -> Node:
    """∂⁺scalar/∂leaf for a scalar expression of variables of the present step, earlier states held fixed."""
    graph = step_graph(cell)
    finish = finisher(cell)
    pending: dict[Variable, list[Node]] = {}
    found: list[Node] = []

    def send(expression: Node, upstream: Node) -> None:
        for contribution in pullback(expression, upstream, _any, graph.named):
            if contribution.leaf == leaf:
                found.append(contribution.value)
            elif contribution.leaf.role is Role.COMPUTED and contribution.leaf.time == cell.now:
                pending.setdefault(contribution.leaf, []).append(contribution.value)

    send(scalar, ONE)
    for name in reversed(graph.order):
        here = graph.variable(name)
        if here in pending:
            send(graph.expression(name), finish(total(pending.pop(here))))
    return finish(total(found)) if found else Zeros(leaf.shape[::-1])


def _any(leaf: Variable) -> bool:
    return leaf.role is not Role.CONSTANT
