"""The question of dependence made definite: times in numbers, which gradient counts as upstream, which
readings there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from symrnn.errors import QuestionError, did_you_mean
from symrnn.inquiry.blocks import SplitParameter, parameter, split, split_cell
from symrnn.inquiry.graph import UnrolledGraph, node_id
from symrnn.inquiry.unrolled import unroll
from symrnn.language.binder import Sum
from symrnn.language.cell import Cell, Equation
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Entry, Slice
from symrnn.language.traversal import find, substitute, variables
from symrnn.oracle.simulate import loss_summand

STEPS = 5
"""How many steps the unrolled graph has that the answer is read off: a middle with a past and a future."""


@dataclass(frozen=True)
class Reading:
    """One meaning of the question: ``key`` for code, ``text`` for people, ``assumption`` under which it
    holds.
    """

    key: str
    text: str
    assumption: str


@dataclass(frozen=True)
class Question:
    """A question made definite.

    ``cell`` is the user's, ``graph`` that of the cell in blocks (:func:`symrnn.inquiry.blocks.split_cell`).
    ``step_loss`` names what the loss adds up over time, None where it is no such sum.  ``at`` is the time
    that "this step" means, None where there is none; ``upstream`` the variable whose gradient counts as
    upstream.
    """

    cell: Cell
    of: Variable
    by: Node
    on: SplitParameter
    splits: tuple[tuple[str, SplitParameter], ...]
    graph: UnrolledGraph
    times: tuple[tuple[str, int], ...]
    step_loss: str | None
    at: int | None
    upstream: str | None = None

    @property
    def base(self) -> Variable:
        """The variable of which ``by`` is a block or an entry, or which it is."""
        return base_variable(self.by)

    @property
    def sink(self) -> str:
        """The node of what is differentiated."""
        return node_id(self.of.name, time_of(self.of, dict(self.times)))

    @property
    def whole(self) -> bool:
        """Whether it is about the whole loss."""
        return self.of.time is None

    @property
    def about_loss(self) -> bool:
        """Whether the derivative is of the loss, whole or of a step."""
        return self.whole or self.of.name == self.step_loss

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The times whose losses count: all that the whole loss adds up, or the one asked for."""
        if self.step_loss is None or not self.about_loss:
            return ()
        if not self.whole:
            return () if self.at is None else (self.at,)
        first, last = self.graph.times
        inside = self.graph.ancestors(self.sink)
        return tuple(t for t in range(first, last + 1) if node_id(self.step_loss, t) in inside)

    @cached_property
    def blocks(self) -> frozenset[str]:
        """The names of all blocks of the parameters involved."""
        return frozenset(b.variable.name for _, s in self.splits for b in s.all)

    @cached_property
    def by_blocks(self) -> frozenset[str]:
        """The blocks that ``by`` consists of; none where it is no parameter."""
        found = dict(self.splits).get(self.base.name)
        if found is None or self.base.role is not Role.PARAMETER:
            return frozenset()
        rows, columns = self.by.args[1:] if isinstance(self.by, Slice) else (None, None)
        return frozenset(b.variable.name for b in found.all if b.lies_in(rows, columns))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The nodes where paths begin: the variable's own, or all whose equations read the parameter."""
        when = time_of(self.base, dict(self.times))
        if self.base.role is not Role.PARAMETER:
            return (node_id(self.base.name, when),)
        return tuple(n for n in self._readers() if when is None or self.graph.node[n].time == when)

    def _readers(self) -> Iterator[str]:
        for node in self.graph.nodes:
            expression = self.graph.expression(node.id)
            if expression is not None and any(v.name in self.by_blocks for v in variables(expression)):
                yield node.id

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The meanings that this question can have, the narrowest first."""
        if not self.about_loss:
            what = f"the derivative of {self.of.name} itself"
            return (Reading("itself", what, "there is no loss, so no upstream gradient"),)
        return (*self._step_readings(), *self._whole_readings())

    def _gradient(self) -> str:
        index = self.cell.time.index
        return f"∂{self.step_loss}[{index}]/∂{self.upstream}[{index}]"

    def _step_readings(self) -> Iterator[Reading]:
        if self.at is None or self.at not in self.steps:
            return
        if self.upstream is not None:
            yield Reading(
                "step, given", "this step's loss, upstream gradient given", f"{self._gradient()} is held fixed"
            )
        assumption = "the upstream gradient is a function of the parameters"
        yield Reading("step, expanded", "this step's loss, everything expanded", assumption)

    def _whole_readings(self) -> Iterator[Reading]:
        if not self.whole:
            return
        if self.upstream is not None:
            assumption = f"every step's {self._gradient()} is held fixed; the other steps count"
            yield Reading("all, given", "the whole loss, upstream gradients given", assumption)
        assumption = "the other steps count; nothing is held fixed"
        yield Reading("all, expanded", "the whole loss, everything expanded", assumption)


def pose(
    cell: Cell,
    of: Node,
    by: Node,
    on: str,
    *,
    given: str | None = None,
    tau: int = STEPS,
    times: Mapping[str, int] | None = None,
) -> Question:
    """The question with its times in numbers and its upstream variable found.

    Raises QuestionError where the derivative is zero, where ``on`` is no parameter, and where ``given`` is no
    variable that an upstream gradient could come through.
    """
    if not isinstance(of, Variable) or of.role not in (Role.COMPUTED, Role.LOSS):
        raise QuestionError("ask for the derivative of the loss or of a variable", hint="As in: --of L, --of h[t].")
    cell, step_loss = with_step_loss(cell)
    base = base_variable(by)
    splits = {on: split(cell, parameter(cell, on), (by,))}
    if base.role is Role.PARAMETER and base.name not in splits:
        splits[base.name] = split(cell, parameter(cell, base.name), (by,))
    keep = {name for name in (of.name, base.name, given, step_loss) if name is not None}
    graph = unroll(split_cell(cell, splits, keep), tau)
    numbers = _times(graph, of, base, times or {})
    at = time_of(of if of.time is not None else base, numbers)
    fixed = (tuple(splits.items()), graph, tuple(numbers.items()))
    question = Question(cell, of, by, splits[on], *fixed, step_loss, at)
    _check_connected(question)
    return replace(question, upstream=_upstream(question, given))


def base_variable(by: Node) -> Variable:
    """The variable of which ``by`` is an entry or a block, or which it is."""
    found = by.args[0] if isinstance(by, (Slice, Entry)) else by
    if not isinstance(found, Variable):
        raise QuestionError("ask for the derivative by a variable, a block or an entry of one")
    return found


def time_of(variable: Variable, numbers: Mapping[str, int]) -> int | None:
    """A variable's time in numbers, None where it has none."""
    return None if variable.time is None else variable.time.value(numbers)


def with_step_loss(cell: Cell) -> tuple[Cell, str | None]:
    """The cell and the variable that its loss adds up over time; it gets an equation where it has none.

    ``sum(E[t], t)`` adds up E.  Of ``sum(norm2(x[t+1] - o[t]), t)`` the summand becomes the equation of
    ``L[t]``.
    """
    name = cell.loss_name
    if name in cell.equation:
        return cell, name
    summand = loss_summand(cell)
    if summand is None or cell.loss is None:
        return cell, None
    if isinstance(summand, Variable):
        return cell, summand.name if summand.time == cell.now and summand.name in cell.equation else None
    with_equation = replace(cell, equations=(*cell.equations, Equation(name, True, summand)))
    (total,) = (node for node in find(cell.loss, Sum) if isinstance(node, Sum) and _sums_over_time(node))
    step = with_equation.variable(name, Index.of(total.index))
    shorter = substitute(cell.loss, {total: Sum(step, total.index, total.lower, total.upper)})
    return replace(with_equation, loss=shorter), name


def _sums_over_time(node: Sum) -> bool:
    return any(v.time is not None and node.index in v.time.names() for v in variables(node.body))


def _times(graph: UnrolledGraph, of: Variable, base: Variable, given: Mapping[str, int]) -> dict[str, int]:
    """Numbers for free times: the middle; of two different ones, such an order that one reaches the other."""
    known = dict(graph.numbers)
    first, last = graph.times
    of_names = _free(of, known)
    by_names = [n for n in _free(base, known) if n not in of_names]
    middle = (first + last) // 2
    if not (of_names and by_names):
        return {**known, **dict.fromkeys((*of_names, *by_names), middle), **given}
    early, late = max(middle - 1, first), min(middle + 1, last)
    forward = {**dict.fromkeys(of_names, late), **dict.fromkeys(by_names, early)}
    backward = {**dict.fromkeys(of_names, early), **dict.fromkeys(by_names, late)}
    turned = not _reaches(graph, base, of, forward) and _reaches(graph, base, of, backward)
    return {**known, **(backward if turned else forward), **given}


def _free(variable: Variable, known: Mapping[str, int]) -> list[str]:
    return sorted(variable.time.names() - known.keys()) if variable.time is not None else []


def _reaches(graph: UnrolledGraph, base: Variable, of: Variable, times: Mapping[str, int]) -> bool:
    numbers = {**dict(graph.numbers), **times}
    tail, head = node_id(base.name, time_of(base, numbers)), node_id(of.name, time_of(of, numbers))
    return tail in graph.node and head in graph.node and head in graph.descendants(tail)


def _check_connected(question: Question) -> None:
    graph, of, by = question.graph, question.of, question.base
    if question.sink not in graph.node:
        first, last = graph.times
        raise QuestionError(f"{of.name} has no value at that time", hint=f"The times are {first}..{last}.")
    inside = graph.ancestors(question.sink)
    if not any(source in inside for source in question.sources):
        raise QuestionError(f"{of.name} does not depend on {by.name}: the derivative is zero, whatever the numbers")


def _upstream(question: Question, given: str | None) -> str | None:
    """The variable whose gradient counts as upstream; None where there is none."""
    if given is not None and (question.step_loss is None or not question.steps):
        raise QuestionError(
            f"{question.of.name} is neither a step's loss nor a sum of them, so no gradient of {given} is upstream"
        )
    if given is not None and given not in question.cell.equation:
        raise QuestionError(
            f'the cell "{question.cell.name}" computes no "{given}" in a step',
            hint=did_you_mean(given, question.cell.equation),
        )
    if given is not None or not question.steps:
        return given
    time = question.at if question.at in question.steps else max(question.steps)
    assert time is not None
    return _narrowest(question, time)


def _narrowest(question: Question, time: int) -> str | None:
    """The first variable of the step that all paths go through and behind which no parameter stands."""
    graph, step_loss = question.graph, question.step_loss
    assert step_loss is not None
    sink = node_id(step_loss, time)
    inside = graph.ancestors(sink)
    sources = [s for s in question.sources if s in inside]
    for name in graph.cell.step_order():
        node = node_id(name, time)
        if name == step_loss or node not in inside:
            continue
        if any(graph.between(s, sink, avoiding=node) for s in sources if s != node) or sink in sources:
            continue
        behind = [graph.expression(edge.head) for edge in graph.between(node, sink)]
        if not any(v.role is Role.PARAMETER for e in behind if e is not None for v in variables(e)):
            return name
    return None
