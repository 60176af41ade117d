"""Other ways to take what was written: f'(h) in terms of the output, derivatives beyond the end of the sequence."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from symrnn.language import (
    Call,
    Cell,
    Formula,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Node,
    Part,
    Product,
    Role,
    Sum,
    Variable,
)
from symrnn.language.traversal import find, map_nodes, variables
from symrnn.reading.latex_functions import slope_of_output

BEYOND = "D_{}_{}"
"""The name of the part that stands for ∂L/∂h_t where h_{t+1} is asked for at the last step too."""

AFTER = "_{}_"
"""The name of the part that stands for a variable that is read after the last step."""


def by_output(formula: Formula, cell: Cell) -> Formula:
    """``f'(h[t])`` where h[t] = f(…) is the output of that f: the derivative in terms of the output."""
    return over(formula, lambda node: _slope(node, cell))


def _slope(node: Node, cell: Cell) -> Node:
    if not isinstance(node, Call) or node.order != 1 or not isinstance(node.arguments[0], Variable):
        return node
    output = node.arguments[0]
    equation = cell.equation.get(output.name)
    if equation is None or not any(_applies(call, node.name) for call in find(equation.expression, Call)):
        return node
    return slope_of_output(node.name, output) or node


def _applies(call: Node, name: str) -> bool:
    return isinstance(call, Call) and call.name == name and not call.order


def as_evaluated(formula: Formula, cell: Cell) -> Formula:
    """The formula as the evaluator gets it; what a user is shown stays as it was written."""
    return in_range(formula, cell) if has_inert(formula) else formula


def has_inert(formula: Formula) -> bool:
    """Whether derivatives that nobody has worked out stand in a formula."""
    roots = (formula.expression, *(part.expression for part in formula.parts))
    return any(_is_inert(root) for root in roots)


@lru_cache(maxsize=4096)
def _is_inert(root: Node) -> bool:
    return bool(find(root, (Jacobian, ImmediateJacobian)))


def in_range(formula: Formula, cell: Cell) -> Formula:
    """∂L/∂h_{t+1} is 0 at the last step, as a part is outside its times: such an inert derivative becomes a part."""
    made: dict[str, Part] = {}

    def rule(node: Node) -> Node:
        found = _beyond(node, cell)
        if found is None:
            return node
        name, part = found
        made[name] = part
        assert isinstance(node, (Jacobian, ImmediateJacobian))
        assert isinstance(node.by, Variable)
        return Variable(name, Role.PART, node.shape, node.by.time)

    changed = over(formula, rule)
    if not made:
        return formula
    return Formula(changed.expression, (*changed.parts, *made.values()), formula.of, formula.by, formula.immediate)


def _beyond(node: Node, cell: Cell) -> tuple[str, Part] | None:
    if not isinstance(node, (Jacobian, ImmediateJacobian)) or not isinstance(node.by, Variable):
        return None
    if not isinstance(node.of, Variable) or node.of.time is not None or node.by.time is None:
        return None
    time = node.by.time
    symbols = time.names() - cell.time.last.names() - set(cell.sizes)
    if len(symbols) != 1:
        return None
    (symbol,) = symbols
    shift = (time - Index.of(symbol)).constant
    backward = node.by.name in cell.state and cell.state[node.by.name].backward
    if shift is None or shift * (-1 if backward else 1) <= 0:
        return None
    plus = "plus_" if isinstance(node, ImmediateJacobian) else ""
    side = "d" if node.layout is Layout.DENOMINATOR else ""
    name = BEYOND.format(plus + node.of.name, node.by.name) + side
    now = node.by.at(Index.of(cell.time.index))
    return name, Part(name, Index.of(cell.time.index), type(node)(node.of, now, node.layout))


def ending_in_zero(formula: Formula, cell: Cell) -> Formula:
    """The formula with every variable that is read at a later step than a free time as a part, which ends in zero."""
    if has_inert(formula):
        return formula
    made: dict[str, Part] = {}
    fixed = cell.time.last.names() | cell.time.first.names() | set(cell.sizes)

    def rule(node: Node) -> Node:
        if not isinstance(node, Variable) or node.role is Role.PART or node.time is None:
            return node
        symbols = node.time.names() - fixed
        shift = (node.time - Index.of(next(iter(symbols)))).constant if len(symbols) == 1 else None
        ends = node.name in cell.state and cell.state[node.name].backward
        if shift is None or shift <= 0 or ends:
            return node
        name = AFTER.format(node.name)
        now = Index.of(cell.time.index)
        made[name] = Part(name, now, node.at(now))
        return Variable(name, Role.PART, node.shape, node.time)

    changed = over(formula, rule)
    if not made:
        return formula
    return Formula(changed.expression, (*changed.parts, *made.values()), formula.of, formula.by, formula.immediate)


Rule = Callable[[Node], Node]


def over(formula: Formula, rule: Rule) -> Formula:
    """The formula with a rule applied to every node of it, of its claim too."""
    parts = tuple(Part(p.name, p.time, map_nodes(p.expression, rule)) for p in formula.parts)
    of, by = (None if side is None else map_nodes(side, rule) for side in (formula.of, formula.by))
    return Formula(map_nodes(formula.expression, rule), parts, of, by, formula.immediate)


def literal_times(formula: Formula, cell: Cell) -> list[tuple[Index, Index]]:
    """For every time that stands there as a number, as in ``o[1]``, how far it is from the first and last possible.

    The first difference must not be above 0, the second not below, or the sequence is too short for the formula.
    """
    roots = (formula.expression, *(part.expression for part in formula.parts))
    found: dict[tuple[Index, Index], None] = {}
    for root in roots:
        for v in variables(root):
            if v.time is not None and v.time.constant is not None:
                state = cell.state.get(v.name)
                early = state.depth if state is not None and not state.backward else 0
                late = state.depth if state is not None and state.backward else 0
                found[cell.time.first - early - v.time, cell.time.last + late - v.time] = None
        for total in find(root, (Sum, Product)):
            upper = total.args[3] if isinstance(total, Sum) or total.args[4] > 0 else total.args[2]
            if upper.constant is not None:
                found[Index.of(0), cell.time.last - upper] = None
    return list(found)
