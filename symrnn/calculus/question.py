"""What is asked: the kinds of *of* and *by*, the times at which an answer holds."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.calculus.state_stack import step_derivatives
from symrnn.calculus.step_graph import step_graph
from symrnn.calculus.steps import TimeSpan
from symrnn.errors import QuestionError
from symrnn.language.cell import Cell
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Concat, Entry, Slice, Transpose, Vec
from symrnn.language.traversal import substitute_indices, variables

PROTECTED = "{}_asked"
"""Free times of a question are renamed while an answer is built, so that the cell's own index cannot capture them."""


@dataclass(frozen=True)
class By:
    """What is differentiated by: a leaf, of which perhaps only a block or an entry is meant, or a stack of leaves."""

    leaf: Variable | None
    stack: tuple[Variable, ...] = ()
    selection: Node | None = None
    as_vec: bool = False


def read_by(node: Node) -> By:
    """Sort *by* into its kinds; anything else is a QuestionError."""
    if isinstance(node, Variable):
        return By(node)
    if isinstance(node, (Entry, Slice)) and isinstance(node.args[0], Variable):
        return By(node.args[0], selection=node)
    if isinstance(node, Vec) and isinstance(node.args[0], Variable):
        return By(node.args[0], as_vec=True)
    if isinstance(node, Concat):
        parts = [p.args[0] if isinstance(p, (Transpose, Vec)) else p for p in node.args[0]]
        if all(isinstance(p, Variable) for p in parts):
            return By(None, stack=tuple(p for p in parts if isinstance(p, Variable)))
    raise QuestionError(
        "a derivative is taken by a variable, an entry or block of one, its vec, or a stack of variables",
        hint="For example --wrt W, --wrt 'h[t]', --wrt 'W[i,j]', --wrt 'concat(h[t], c[t])'.",
    )


def check_question(cell: Cell, of: Node, by: By) -> None:
    """Refuse what has no answer: the target of nothing, a constant, a time outside the range."""
    for leaf in by.stack or ((by.leaf,) if by.leaf is not None else ()):
        if leaf.role is Role.CONSTANT:
            raise QuestionError(f"{leaf.name} is a constant and has no gradient", hint="Declare it as a param instead.")
        if leaf.role is Role.LOSS:
            raise QuestionError(f"nothing depends on the loss {leaf.name}", hint="Ask for a derivative of it: --of L.")
        _check_time(cell, leaf)
    for leaf in variables(of):
        _check_time(cell, leaf)
    asked = of.args[0] if isinstance(of, (Entry, Slice, Transpose)) else of
    if isinstance(asked, Variable) and asked.role not in (Role.COMPUTED, Role.LOSS):
        raise QuestionError(
            f"{asked.name} is given and depends on nothing: its derivative is zero by everything else",
            hint="Ask for the derivative of the loss or of a variable that an equation defines.",
        )


def _check_time(cell: Cell, leaf: Variable) -> None:
    time = leaf.time
    if time is None:
        declared = cell.declaration.get(leaf.name)
        if declared is not None and declared.timed:
            raise QuestionError(
                f"{leaf.name} has a value at every time", hint=f"Write {leaf.name}[{cell.time.index}] or a fixed time."
            )
        return
    low, high = valid_times(cell, leaf)
    if (early := (time - low).constant) is not None and early < 0:
        raise QuestionError(f"{leaf.name}[{time}] lies before its first time {low}")
    if (late := (high - time).constant) is not None and late < 0:
        raise QuestionError(f"{leaf.name}[{time}] lies after its last time {high}")


def valid_times(cell: Cell, leaf: Variable) -> tuple[Index, Index]:
    """The first and last time at which a variable has a value, initial values of states included."""
    low, high = cell.time.first, cell.time.last
    state = cell.state.get(leaf.name) if leaf.role is Role.COMPUTED else None
    if state is not None:
        return (low, high + state.depth) if state.backward else (low - state.depth, high)
    return low, high


def protect(cell: Cell, *nodes: Node) -> tuple[list[Node], dict[str, Index]]:
    """Rename the free time symbols of a question; the second result renames them back."""
    names = sorted(free_times(cell, *nodes))
    there = {name: Index.of(PROTECTED.format(name)) for name in names}
    back = {PROTECTED.format(name): Index.of(name) for name in names}
    return [substitute_indices(node, there) for node in nodes], back


def shifted_state(cell: Cell, leaf: Variable) -> bool:
    """A state at a shifted free time, as the h[t-1] of h[t], which may be the initial value."""
    if leaf.role is not Role.COMPUTED or leaf.name not in cell.state or leaf.time is None or leaf.time.name is not None:
        return False
    return bool(leaf.time.names() - set(cell.sizes) - set(cell.time.last.names()))


def free_times(cell: Cell, *nodes: Node) -> set[str]:
    """The time symbols that a question leaves free."""
    fixed = set(cell.sizes) | set(cell.time.last.names()) | set(cell.time.first.names())
    return {
        name
        for node in nodes
        for v in variables(node)
        if v.time is not None
        for name in v.time.names()
        if name not in fixed
    }


def question_spans(cell: Cell, of: Node, by: Node) -> tuple[TimeSpan, ...]:
    """For which free times the question has an answer: within the range, and *by* not after *of* (k ≤ t).

    With states that run backward only, *by* is not before *of*; with both kinds every pair of times has an answer,
    unless *by* is itself a state of one direction.  One of the two times may be fixed, as in h[tau-1] by x[k].
    """
    spans: dict[str, tuple[Index, Index]] = {}
    of_names = _times(cell, of, spans, by)
    by_names = _times(cell, by, spans, of)
    direction = _direction(cell, by)
    if len(of_names) == 1 and len(by_names) == 1 and of_names != by_names and direction:
        (of_name,), (by_name,) = of_names, by_names
        low, high = spans[by_name]
        bound = Index.of(of_name) - _least_lag(cell, (of, of_name), (by, by_name), direction) * direction
        spans[by_name] = (low, bound) if direction == 1 else (bound, high)
    _bound_by_fixed(cell, (of, by), (of_names, by_names), direction, spans)
    return tuple(TimeSpan(name, *span) for name, span in spans.items())


def _least_lag(cell: Cell, of: tuple[Node, str], by: tuple[Node, str], direction: int) -> int:
    """How many steps at least lie between t and k in ∂of/∂by, as 1 in ∂a_t/∂h_k for a_t = W h_{t−1}; 0 at least."""
    sources = _distances(cell, *of, direction)
    lags: list[int] = []
    for leaf in variables(by[0]):
        shift = None if leaf.time is None else ((leaf.time - Index.of(by[1])) * direction).constant
        if shift is not None:
            read = [0] if leaf.role is Role.COMPUTED else step_graph(cell).lags(leaf)
            through = [d + lag * direction for name, d in sources if name in cell.state for lag in read]
            lags.extend(d + shift for d in through + [d for name, d in sources if name == leaf.name])
    return max(0, min(lags, default=0))


def _distances(cell: Cell, of: Node, index: str, direction: int) -> set[tuple[str, int]]:
    """What a quantity reads without going through a state, and how many steps before the time ``index`` it stands."""
    graph = step_graph(cell)
    found: set[tuple[str, int]] = set()
    start = Index.of(index)
    pending = [(v, ((start - v.time) * direction).constant) for v in variables(of) if v.time is not None]
    while pending:
        leaf, away = pending.pop()
        if away is None or (leaf.name, away) in found:
            continue
        found.add((leaf.name, away))
        if leaf.role is Role.COMPUTED and leaf.name in cell.equation and leaf.name not in cell.state:
            lags = [(read, graph.lag(read)) for read in graph.reads(leaf.name)]
            pending.extend((read, away + lag * direction) for read, lag in lags if lag is not None)
    return found


def _bound_by_fixed(
    cell: Cell,
    sides: tuple[Node, Node],
    names: tuple[set[str], set[str]],
    direction: int,
    spans: dict[str, tuple[Index, Index]],
) -> None:
    """Bound the free time of one side by the fixed time of the other."""
    for here, there, way in ((0, 1, -direction), (1, 0, direction)):
        fixed, free = only_time(sides[there]), only_time(sides[here])
        if len(names[here]) == 1 and not names[there] and fixed is not None and free is not None and direction:
            (name,) = names[here]
            bound = fixed - (free - Index.of(name))
            outside = [(fixed - cell.time.first).constant, (cell.time.last - fixed).constant]
            if not any(d is not None and d < 0 for d in outside):
                spans[name] = _nearer(spans[name], bound, way)


def _nearer(span: tuple[Index, Index], bound: Index, way: int) -> tuple[Index, Index]:
    """A range cut at a bound, above (way 1) or below; a bound that cannot be compared is one the question names."""
    low, high = span
    if way == 1:
        return low, index_min(high, bound) if (high - bound).constant is not None else bound
    return index_max(low, bound) if (bound - low).constant is not None else bound, high


def only_time(node: Node) -> Index | None:
    """The one time at which everything in an expression stands, where it is one."""
    times = {v.time for v in variables(node) if v.time is not None}
    return times.pop() if len(times) == 1 else None


def _direction(cell: Cell, by: Node) -> int:
    """1 where what is differentiated by acts on later times only, -1 on earlier ones only, 0 on both."""
    asked = [cell.state[v.name] for v in variables(by) if v.role is Role.COMPUTED and v.name in cell.state]
    ways = {-1 if s.backward else 1 for s in (asked or cell.states)}
    return ways.pop() if len(ways) == 1 else (1 if not ways else 0)


def _stands_alone(cell: Cell, name: str) -> bool:
    """Whether no other state of the same step depends on a state: only then is its initial value no special case."""
    if name not in cell.equation:
        return True
    local = step_derivatives(cell)
    here = cell.variable(name, cell.now)
    return all(
        s.name == name or s.name not in cell.equation or local.derivative(s.name, here) is None for s in cell.states
    )


def _times(cell: Cell, node: Node, spans: dict[str, tuple[Index, Index]], other: Node) -> set[str]:
    fixed = set(cell.sizes) | set(cell.time.last.names())
    elsewhere = {name for v in variables(other) if v.time is not None for name in v.time.names()}
    names: set[str] = set()
    for leaf in variables(node):
        if leaf.time is None:
            continue
        for name in leaf.time.names() - fixed:
            names.add(name)
            low, high = valid_times(cell, leaf)
            as_start = leaf.time.name is None and name in elsewhere and _stands_alone(cell, leaf.name)
            if leaf.role is Role.COMPUTED and not as_start:
                # A bare h[t] is asked about at the steps; h[0] is asked for by name, or as the h[t-1] of h[t].
                low, high = step_graph(cell).evaluable(leaf.name)
            elif as_start and leaf.name in cell.state:
                # Of several values before the first step the stack there begins with the last.
                low, high = index_max(low, cell.time.first - 1), index_min(high, cell.time.last + 1)
            shift = leaf.time - Index.of(name)
            if shift.constant is None:
                continue
            old = spans.get(name)
            new = (low - shift, high - shift)
            spans[name] = new if old is None else (index_max(old[0], new[0]), index_min(old[1], new[1]))
    return names
