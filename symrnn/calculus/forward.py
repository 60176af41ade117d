"""Forward accumulation: the sensitivities of the stacked state carried along in time.

    P_t = ∂s_t/∂θ:   P_t = J_t P_{t−1} + ∂⁺s_t/∂θ,   P_0 = ∂⁺s_0/∂θ

with θ by its vec, so P is N×p.  For a scalar loss ∂L/∂θ = ∂⁺L/∂θ + Σ_t (∂⁺L/∂s_t) P_t.

Source: R. Williams, D. Zipser, "A learning algorithm for continually running fully recurrent neural networks" (1989).
"""

from __future__ import annotations

from symrnn.calculus.answer import in_shape_of
from symrnn.calculus.closed import ClosedForm
from symrnn.calculus.jacobian import by_leaf, from_row, identity, jacobian, size, to_row, zero_block
from symrnn.calculus.letters import Letters
from symrnn.calculus.products import product, total
from symrnn.calculus.question import By, shifted_state
from symrnn.calculus.rewrites import finisher
from symrnn.calculus.state_stack import StateStack, state_stacks, step_derivatives
from symrnn.calculus.step_graph import step_graph
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.cell import Cell, Start
from symrnn.language.formula import Formula, Part
from symrnn.language.index import Index
from symrnn.language.leaf import Delta, Role, Variable
from symrnn.language.node import Node
from symrnn.language.traversal import substitute_indices

PART = "sens"


def forward_recursion(cell: Cell, of: Node, by: By, by_node: Node, window: Index | None) -> Formula:
    """The forward recursion that answers a question; of a vector by a matrix, in the coordinates of vec."""
    leaf = by.leaf
    stacks = state_stacks(cell)
    if leaf is None or by.selection is not None:
        raise UnsupportedError("forward accumulation is set up by one whole variable")
    if len(stacks) != 1:
        raise UnsupportedError("forward accumulation is set up for the states of one direction")
    if window is not None:
        raise UnsupportedError("a truncated gradient has no forward recursion")
    (stack,) = stacks
    name = PART if PART not in cell.names() else PART + "_"
    lines, running = _sensitivity(cell, stack, leaf, name)
    closed = ClosedForm(cell, of, Letters.avoiding(cell, frozenset()))
    if closed.acts_through_whole(leaf):
        raise UnsupportedError(f"{leaf.name} acts through a quantity of the whole sequence, carried along by no step")
    terms: list[Node] = []
    for (lower, upper), row in closed.rows(stack).items():
        if lower == upper and _may_be_start(cell, stack, leaf, lower):
            raise UnsupportedError("the initial value itself is read, which is no state of a step")
        at = lower if lower == upper else Index.of(cell.time.index)
        term = build.compose(substitute_indices(row, {cell.time.index: at}), running.at(at))
        terms.append(term if lower == upper else build.sum_over(term, cell.time.index, lower, upper))
    direct = _direct(closed, leaf)
    shown = [from_row(t, leaf.shape) if closed.paths.scalar and not by.as_vec else t for t in terms]
    if direct is not None:
        shown.append(to_row(direct, leaf.shape) if by.as_vec and closed.paths.scalar else direct)
    if not shown:
        raise UnsupportedError("nothing flows through the states here")
    return Formula(in_shape_of(of, by, finisher(cell)(total(shown))), lines)


def _sensitivity(cell: Cell, stack: StateStack, leaf: Variable, name: str) -> tuple[tuple[Part, ...], Variable]:
    local = step_derivatives(cell)
    now = cell.now
    height = _height(stack)
    width = size(leaf.shape) if leaf.shape else None
    shape = _shape(height, width, stack.is_single and not cell.state[stack.components[0].name].shape)
    running = Variable(name, Role.PART, shape, now)
    terms = [build.compose(stack.jacobian, running.at(stack.before(now)))]
    edge = cell.time.first if stack.direction == 1 else cell.time.last
    initial = _initial(cell, stack, leaf)
    terms.extend(_immediate(cell, stack, leaf, local.stack_column))
    if leaf.role is Role.COMPUTED and leaf.time is not None and not _is_start(cell, leaf):
        start = _start_column(cell, stack, leaf)
        terms.append(product(Delta(now, leaf.time), substitute_indices(start, {cell.time.index: leaf.time})))
    parts = [Part(name, now, finisher(cell)(total(terms)))]
    if initial is None and len(terms) == 1:
        raise UnsupportedError(f"the states do not depend on {leaf.name}, so no sensitivity is carried along")
    if initial is not None:
        first = [build.compose(cell_at(cell, stack.jacobian, edge), initial)]
        first.extend(cell_at(cell, t, edge) for t in terms[1:])
        parts.append(Part(name, edge, finisher(cell)(total(first))))
    return tuple(parts), running


def cell_at(cell: Cell, node: Node, time: Index) -> Node:
    """An expression of the present step at another time."""
    return substitute_indices(node, {cell.time.index: time})


def _height(stack: StateStack) -> Index:
    return sum((size(stack.cell.state[c.name].shape) for c in stack.components), Index.of(0))


def _shape(height: Index, width: Index | None, scalar_state: bool) -> tuple[Index, ...]:
    one = Index.of(1)
    if scalar_state and width is None:
        return ()
    return (height, width if width is not None else one)


def _immediate(cell: Cell, stack: StateStack, leaf: Variable, column) -> list[Node]:  # type: ignore[no-untyped-def]
    """∂⁺s_t/∂θ: a parameter counts at every step, an input at its own time only."""
    if leaf.role is Role.COMPUTED:
        return []
    if leaf.time is None:
        found = column(stack, leaf)
        return [] if found is None else [found]
    found = [(lag, column(stack, leaf.at(cell.now - lag))) for lag in step_graph(cell).lags(leaf)]
    return [product(Delta(cell.now - lag, leaf.time), here) for lag, here in found if here is not None]


def _start_column(cell: Cell, stack: StateStack, leaf: Variable) -> Node:
    found = step_derivatives(cell).stack_column(stack, leaf.at(cell.now))
    if found is None:
        raise UnsupportedError(f"the states do not depend on {leaf.name} within its step")
    return found


def _initial(cell: Cell, stack: StateStack, leaf: Variable) -> Node | None:
    """∂⁺s_0/∂θ, or None where the initial values do not depend on it."""
    start = cell.time.first - 1 if stack.direction == 1 else cell.time.last + 1
    blocks: list[Node] = []
    found = False
    for component in stack.components:
        state, here = cell.state[component.name], stack.variable(component, start)
        value: Node | None = None
        if here == leaf:
            value = identity(leaf.shape)
        elif _may_start(cell, leaf, component.name, component.age):
            value = product(Delta(start, leaf.time), identity(leaf.shape))
        elif state.start == Start.EXPRESSION and state.initial is not None:
            value = jacobian(state.initial, by_leaf(leaf), {})
        found = found or value is not None
        blocks.append(zero_block(state.shape, leaf.shape) if value is None else value)
    if not found:
        return None
    return blocks[0] if stack.is_single else build.concat(*blocks)


def _is_start(cell: Cell, leaf: Variable) -> bool:
    return leaf.name in cell.state and leaf.time in cell.initial_times(cell.state[leaf.name])


def _may_be_start(cell: Cell, stack: StateStack, leaf: Variable, time: Index) -> bool:
    """Whether a source at a shifted free time, h[t-1], may be the initial value by which one differentiates."""
    if leaf.role is not Role.COMPUTED or not (_is_start(cell, leaf) or shifted_state(cell, leaf)):
        return False
    fixed = cell.time.first.names() | cell.time.last.names() | set(cell.sizes)
    shifts = [(time - name).constant for name in time.names() - fixed]
    return any(shift is not None and shift * stack.direction < 0 for shift in shifts)


def _may_start(cell: Cell, leaf: Variable, name: str, age: int) -> bool:
    return leaf.name == name and age == 0 and shifted_state(cell, leaf)


def _direct(closed: ClosedForm, leaf: Variable) -> Node | None:
    """∂⁺of/∂θ, the part that goes through no state."""
    if leaf.time is None:
        found = list(closed.paths.untimed.get(leaf, []))
        return total(found) if found else None
    if leaf.role is Role.COMPUTED and leaf.name in closed.cell.state:
        found = closed.direct_initial(leaf.name, leaf.time) if _is_start(closed.cell, leaf) else []
        return total(found) if found else None
    found = closed.direct_at(leaf.name, leaf.time)
    return total(found) if found else None
