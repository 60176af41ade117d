"""The recursion form of a question about a scalar: the adjoint parts that the answer needs, and the answer."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.calculus.answer import selected
from symrnn.calculus.inert import total_by
from symrnn.calculus.jacobian import to_row
from symrnn.calculus.question import By, shifted_state
from symrnn.calculus.recursion import AdjointSystem, adjoint_system
from symrnn.calculus.steps import Step, TimeSpan
from symrnn.errors import UnsupportedError
from symrnn.language.cell import Cell
from symrnn.language.formula import Formula, Part
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.traversal import free_indices, substitute, substitute_indices, variables


def recursion_form(cell: Cell, of: Node, by: By) -> Formula:
    """The adjoint recursion that answers a question about a scalar."""
    leaf = by.leaf
    if leaf is None:
        raise UnsupportedError("a stack's components are independent coordinates; the adjoints here are total")
    system, general = _system(cell, of, leaf)
    value = system.gradient[general]
    if shifted_state(cell, leaf):
        value = _line_at(system, leaf)
    elif leaf.time is not None and general.time is not None and general.time != leaf.time:
        value = substitute_indices(value, {cell.time.index: leaf.time})
    if by.as_vec:
        value = to_row(value, leaf.shape)
    if by.selection is not None:
        value = selected(value, by.selection, leaf, True)
    return Formula(value, needed_parts(system.parts, value))


def _line_at(system: AdjointSystem, leaf: Variable) -> Node:
    """The general line of a variable's adjoint, at the leaf's time."""
    name = system.part_name.get(leaf.name)
    lines = [p for p in system.parts if p.name == name]
    if len(lines) != 1:
        raise UnsupportedError(f"the adjoint of {leaf.name} has lines of its own at single times; ask at a fixed time")
    assert leaf.time is not None
    return substitute_indices(lines[0].expression, {system.cell.time.index: leaf.time})


def _system(cell: Cell, of: Node, leaf: Variable) -> tuple[AdjointSystem, Variable]:
    state = cell.state.get(leaf.name) if leaf.role is Role.COMPUTED else None
    initial = state is not None and leaf.time in cell.initial_times(state)
    general = leaf if initial or leaf.time is None else leaf.at(cell.now)
    scalar = None if isinstance(of, Variable) and of.role is Role.LOSS else of
    return adjoint_system(cell, [general], scalar), general


def needed_parts(parts: tuple[Part, ...], value: Node) -> tuple[Part, ...]:
    """The parts that an expression uses, directly or through other parts, in their order."""
    wanted = _part_names(value)
    lines = {name: [p for p in parts if p.name == name] for name in {p.name for p in parts}}
    open_names = list(wanted)
    while open_names:
        for line in lines.get(open_names.pop(), []):
            fresh = _part_names(line.expression) - wanted
            wanted |= fresh
            open_names.extend(fresh)
    return tuple(p for p in parts if p.name in wanted)


def _part_names(node: Node) -> set[str]:
    return {v.name for v in variables(node) if v.role is Role.PART}


def recursion_steps(cell: Cell, of: Node, formula: Formula) -> Iterator[Step]:
    """Each general line as an equality between total derivatives, where the loss is the cell's own.

    The line of the last time (the first, for a backward state) has no later term, so the equality is stated for the
    times before it.
    """
    if not (isinstance(of, Variable) and of.role is Role.LOSS):
        return
    for part in formula.parts:
        variable = part.name.removeprefix("lam_")
        if variable not in cell.equation or part.time != cell.now:
            continue
        replaced = _as_derivatives(cell, of, part.expression)
        span = _span(cell, part.expression)
        if replaced is None or span is None or any(p.name == part.name and p is not part for p in formula.parts):
            continue
        before = total_by(of, cell.variable(variable, cell.now))
        reason = f"{variable} at time {cell.time.index} acts on the loss through what reads it, now and one step later."
        yield Step("adjoint of " + variable, Formula(before), Formula(replaced), reason, "recursion", (span,))


def _as_derivatives(cell: Cell, of: Node, expression: Node) -> Node | None:
    replacements: dict[Node, Node] = {}
    for v in variables(expression):
        if v.role is Role.PART:
            name = v.name.removeprefix("lam_")
            if name not in cell.equation or v.time is None:
                return None
            replacements[v] = total_by(of, cell.variable(name, v.time))
            if replacements[v].shape != v.shape:
                return None
    return substitute(expression, replacements)


def _span(cell: Cell, expression: Node) -> TimeSpan | None:
    """The times at which all adjoints in a line exist."""
    first, last = cell.time.first, cell.time.last
    shifts = [v.time - cell.now for v in variables(expression) if v.role is Role.PART and v.time is not None]
    constants = [s.constant for s in shifts]
    if any(c is None for c in constants) or cell.time.index not in free_indices(expression):
        return None
    late = max([c for c in constants if c is not None and c > 0], default=0)
    early = -min([c for c in constants if c is not None and c < 0], default=0)
    return TimeSpan(cell.time.index, first + early, last - late)
