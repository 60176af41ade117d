"""On which blocks and entries of a parameter does a derivative depend, and by which way?

Told apart are four ways.  As an *explicit factor* of this step's term.  Through the *values* at which local
derivatives are taken.  Through the *upstream gradient*, ∂L_t/∂u_t, which a text may treat as given.  Through
*future terms*, the losses of other steps.  Which of them count depends on what the question means: a verdict
comes with its reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symrnn.inquiry.blocks import Block
from symrnn.inquiry.dependence_paths import PathFacts, Standing, union
from symrnn.inquiry.dependence_question import STEPS, Question, pose
from symrnn.inquiry.graph import node_id
from symrnn.language.cell import Cell
from symrnn.language.leaf import Role
from symrnn.language.node import Node


@dataclass(frozen=True)
class BlockVerdict:
    """What holds for one block.

    ``factor``, ``values``: of this step's term, upstream gradient held fixed.  ``upstream``: in the upstream
    gradient. ``future``, ``future_values``, ``future_upstream``: the same three of the other steps' terms.
    """

    block: Block
    factor: bool
    values: bool
    upstream: bool
    future: bool
    future_values: bool
    future_upstream: bool

    def depends(self, reading: str) -> bool:
        """Whether the derivative depends on the block in a reading."""
        given = self.factor or self.values
        expanded = given or self.upstream
        later = self.future or self.future_values
        return {
            "itself": given,
            "step, given": given,
            "step, expanded": expanded,
            "all, given": given or later,
            "all, expanded": expanded or later or self.future_upstream,
        }[reading]


@dataclass(frozen=True)
class Dependence:
    """The answer by blocks; see :func:`symrnn.inquiry.entries.measure` for the entries."""

    question: Question
    blocks: tuple[BlockVerdict, ...]


def depends(
    cell: Cell,
    of: Node,
    by: Node,
    on: str,
    *,
    given: str | None = None,
    tau: int = STEPS,
    times: Mapping[str, int] | None = None,
) -> Dependence:
    """On which blocks of the parameter ``on`` does D(of, by) depend, and how?

    ``given`` names the variable u whose ∂L_t/∂u_t counts as the upstream gradient; by default it is the first
    one through which everything goes and behind which no parameter stands: the logits of a softmax, say.
    ``times`` are numbers for the free times of the question; by default the middle of ``tau`` steps.  Raises
    QuestionError for a question that has no such answer.
    """
    question = pose(cell, of, by, on, given=given, tau=tau, times=times)
    here, there = _terms(question, PathFacts(question.graph, question.blocks))
    verdicts = []
    for block in question.on.all:
        name = block.variable.name
        verdicts.append(BlockVerdict(block, *(name in part for part in (*here, *there))))
    return Dependence(question, tuple(verdicts))


Ways = tuple[frozenset[str], frozenset[str], frozenset[str]]


def _terms(question: Question, facts: PathFacts) -> tuple[Ways, Ways]:
    """Factors, values and upstream of this step's term, and of the other steps' terms.

    What reaches the whole loss beside all steps' losses (a penalty on a parameter) counts with this step's.
    """
    losses = frozenset(node_id(question.step_loss or "", time) for time in question.steps)
    here = _along(question, facts, question.sink, losses) if question.whole or not losses else Standing()
    there = up_here = up_there = Standing()
    for time in question.steps:
        main, above = _one_step(question, facts, time)
        if question.at is None or time == question.at:
            here, up_here = here | main, up_here | above
        else:
            there, up_there = there | main, up_there | above
    return (here.factors, here.values, up_here.all), (there.factors, there.values, up_there.all)


def _one_step(question: Question, facts: PathFacts, time: int) -> tuple[Standing, Standing]:
    """What stands below the upstream variable of a step's loss (or beside it), and above it."""
    graph = question.graph
    sink = node_id(question.step_loss or "", time)
    if question.upstream is None:
        return _along(question, facts, sink), Standing()
    middle = node_id(question.upstream, time)
    beside = _along(question, facts, sink, frozenset([middle]))
    if not any(source in graph.ancestors(middle) for source in question.sources):
        return beside, Standing()
    above = union(facts.edge(e) for e in graph.between(middle, sink))
    return beside | _along(question, facts, middle), above


def _along(question: Question, facts: PathFacts, head: str, avoiding: frozenset[str] = frozenset()) -> Standing:
    """Everything on the paths from what one differentiates by to a node that go through none of the others."""
    found = Standing()
    for source in question.sources:
        edges = question.graph.between(source, head, avoiding=avoiding)
        if source in avoiding or (source != head and not edges):
            continue
        if question.base.role is Role.PARAMETER:
            found = found | facts.by_parameter(source, question.by_blocks)
        found = found | union(facts.edge(e) for e in edges)
    return found
