"""Questions besides the gradients' formulas: values for given numbers, and on what a derivative depends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from symrnn.api.deriving import question
from symrnn.api.tables import aligned, indented
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import DataError, did_you_mean
from symrnn.inquiry import evaluate as inquiry
from symrnn.inquiry.dependence import Dependence, depends
from symrnn.inquiry.entries import Measured, measure
from symrnn.inquiry.evaluate import Evaluation
from symrnn.language import Cell, Index, Layout, Node
from symrnn.language.traversal import substitute_indices, variables
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope


def evaluate(
    cell: Cell,
    values: Mapping[str, Any],
    of: str | None = None,
    wrt: str | None = None,
    times: Mapping[str, int] | None = None,
    layout: Layout = Layout.NUMERATOR,
    relu0: Fraction | float = 0,
) -> Evaluation:
    """The value of an expression, or of a derivative; of every variable and the loss where nothing is asked for.

    ``times`` are numbers for the free times of the question.  Exact where the numbers and all functions are.
    """
    if of is None and wrt is None:
        return inquiry.evaluate(cell, values, relu0=relu0)
    nodes: tuple[Node, Node | None]
    if wrt is not None:
        nodes = question(cell, of, wrt)
    else:
        nodes = (read_expression(str(of), Scope.of(cell), layout), None)
    asked = [node if node is None else _definite(node, nodes, times or {}) for node in nodes]
    assert asked[0] is not None
    found = inquiry.evaluate(cell, values, [(asked[0], asked[1])], relu0=relu0, layout=layout)
    return replace(found, forward=())


def _definite(node: Node, question: Iterable[Node | None], times: Mapping[str, int]) -> Node:
    """A node with its free times replaced by numbers; a name that is no free time is an error."""
    free = {
        name
        for asked in question
        if asked is not None
        for variable in variables(asked)
        if variable.time is not None
        for name in variable.time.names()
    }
    stray = next((name for name in times if name not in free), None)
    if stray is not None:
        raise DataError(f'the question has no free time "{stray}"', hint=did_you_mean(stray, free))
    return substitute_indices(node, {name: Index.of(value) for name, value in times.items()})


@dataclass(frozen=True)
class DependenceReport:
    """By blocks from the formulas, by entries from numbers; the two were held against each other."""

    answer: Dependence
    measured: Measured | None

    def pretty(self) -> str:
        """A table for each reading of the question."""
        asked = self.answer.question
        times = ", ".join(f"{name} = {value}" for name, value in asked.times)
        head = f"On what of {asked.on.declaration.name} does D({to_text(asked.of)}, {to_text(asked.by)}) depend?"
        blocks = [f"{head}\n{indented(f'shown for {times}' if times else '')}".rstrip()]
        blocks.append(aligned([("block", "multiplies", "stands"), *map(self._row, self.answer.blocks)]))
        for reading in asked.readings:
            rows = [(to_text(v.block.node), *self._verdict(v, reading.key)) for v in self.answer.blocks]
            blocks.append(f"{reading.text} ({reading.assumption})\n{indented(aligned(rows))}")
        if self.measured is not None:
            seeds = ", ".join(map(str, self.measured.seeds))
            sizes = ", ".join(f"{name} = {value}" for name, value in self.measured.sizes.items())
            blocks.append(f"Entries counted by changing one after the other (seeds {seeds}; {sizes}).")
        return "\n\n".join(blocks) + "\n"

    def _row(self, verdict: Any) -> tuple[str, str, str]:
        block = verdict.block
        multiplied = "" if block.multiplies is None else to_text(block.multiplies)
        return to_text(block.node), multiplied, "; ".join(standing(verdict)) or "nowhere"

    def _verdict(self, verdict: Any, key: str) -> tuple[str, str]:
        answer = "depends" if verdict.depends(key) else "does not depend"
        if self.measured is None or key not in self.measured.masks:
            return answer, ""
        changed, entries = self.measured.share(key, verdict.block)
        return answer, f"{changed} of {entries} entries"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        asked = self.answer.question
        return {
            "of": to_text(asked.of),
            "wrt": to_text(asked.by),
            "on": asked.on.declaration.name,
            "times": dict(asked.times),
            "upstream": asked.upstream,
            "blocks": [
                {
                    "block": to_text(verdict.block.node),
                    "rows": [index_text(bound) for bound in verdict.block.rows],
                    "columns": [index_text(bound) for bound in verdict.block.columns],
                    "stands": standing(verdict),
                    "depends": {reading.key: verdict.depends(reading.key) for reading in asked.readings},
                }
                for verdict in self.answer.blocks
            ],
            "readings": {reading.key: reading.text for reading in asked.readings},
        }


def standing(verdict: Any) -> list[str]:
    """Where a block stands in a derivative: told apart as people ask for it."""
    ways = {
        "an explicit factor": verdict.factor,
        "in the values of this step": verdict.values,
        "through the upstream gradient": verdict.upstream,
        "through future terms": verdict.future or verdict.future_values or verdict.future_upstream,
    }
    return [way for way, holds in ways.items() if holds]


def dependence(
    cell: Cell,
    of: str | None,
    wrt: str,
    on: str,
    *,
    given: str | None = None,
    times: Mapping[str, int] | None = None,
    entries: bool = True,
) -> DependenceReport:
    """On which blocks and entries of the parameter ``on`` the derivative of ``of`` by ``wrt`` depends."""
    of_node, by_node = question(cell, of, wrt)
    answer = depends(cell, of_node, by_node, on, given=given, times=times)
    return DependenceReport(answer, measure(answer) if entries else None)
