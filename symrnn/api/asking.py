"""Questions besides the gradients' formulas: values for given numbers, and on what a derivative depends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symrnn.api.deriving import question
from symrnn.api.tables import aligned, indented
from symrnn.calculus.question import question_spans
from symrnn.calculus.steps import TimeSpan
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import DataError, Location, ReadingError, did_you_mean
from symrnn.files import read_text
from symrnn.inquiry.dependence import Dependence, depends
from symrnn.inquiry.entries import Measured, measure
from symrnn.language import Cell, Index, Layout
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.exact import ExactEvaluator, Numbers
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope


def read_values(path: Path) -> dict[str, Any]:
    """The numbers of a JSON file, decimals kept as they are written; raises ReadingError with the line."""
    text = read_text(path)
    try:
        found = json.loads(text, parse_float=str)
    except json.JSONDecodeError as problem:
        line = [*text.split("\n"), ""][problem.lineno - 1]
        raise ReadingError(
            f"this is no JSON: {problem.msg[0].lower()}{problem.msg[1:]}",
            location=Location(str(path), problem.lineno, problem.colno, line),
        ) from None
    except RecursionError:
        raise ReadingError("lists are nested too deeply", location=Location(str(path))) from None
    if not isinstance(found, dict):
        raise DataError(
            f"{path} holds a {type(found).__name__}", hint='Write an object of names: {"W": [[1, "1/2"]], "h[0]": [0]}.'
        )
    return found


@dataclass(frozen=True)
class Evaluated:
    """Named results, in the order in which they are computed."""

    results: tuple[tuple[str, Numbers], ...]

    @property
    def touched(self) -> frozenset[str]:
        """The functions of which a kink was met exactly."""
        return frozenset().union(*(numbers.touched for _, numbers in self.results))

    def pretty(self) -> str:
        """One result after the other, vectors and matrices in brackets."""
        told = [f"{name} = {_array(numbers)}" for name, numbers in self.results]
        statements = dict.fromkeys(n.statement for _, n in self.results if n.statement)
        told += [f"({statement})" for statement in statements]
        if self.touched:
            told.append(f"(the slope at a kink of {', '.join(sorted(self.touched))} was used: see --relu0)")
        return "\n".join(told) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Values as texts where exact, else as numbers."""
        return {
            "values": {name: numbers.text() for name, numbers in self.results},
            "exact": all(numbers.exact for _, numbers in self.results),
            "kinks": sorted(self.touched),
        }


def evaluate(
    cell: Cell,
    values: Mapping[str, Any],
    of: str | None = None,
    wrt: str | None = None,
    times: Mapping[str, int] | None = None,
    layout: Layout = Layout.NUMERATOR,
    at_kink: float = 0.0,
) -> Evaluated:
    """The value of an expression, or of a derivative; of every variable and the loss where nothing is asked for.

    Exact where the numbers and all functions are.
    """
    evaluator = ExactEvaluator(cell, instance_from_values(cell, values), at_kink)
    numbers = dict(times or {})
    if wrt is not None:
        of_node, by_node = question(cell, of, wrt)
        _require_times(question_spans(cell, of_node, by_node), numbers, evaluator.instance.sizes)
        found = evaluator.total(of_node, by_node, numbers, layout)
        return Evaluated(((f"D({to_text(of_node)}, {to_text(by_node)})", found),))
    if of is not None:
        formula = read_formula(of, Scope.of(cell), layout)
        return Evaluated(((of.strip(), evaluator.evaluate(formula, numbers)),))
    return Evaluated(tuple(_everything(cell, evaluator)))


def _require_times(spans: Sequence[TimeSpan], times: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Every free time of a question has a number within its range."""
    missing = [span for span in spans if span.index not in times]
    if missing:
        shown = ", ".join(f"{span.lower} <= {span.index} <= {span.upper}" for span in missing)
        raise DataError(
            f"no number was given for {', '.join(span.index for span in missing)}",
            hint=f"Give it with the question: {shown}.",
        )
    known = {*sizes, *(span.index for span in spans)}
    stray = next((name for name in times if name not in known), None)
    if stray is not None:
        raise DataError(f'the question has no free time "{stray}"', hint=did_you_mean(stray, [s.index for s in spans]))
    for span in spans:
        here = {**sizes, **times}
        low, high = span.lower.value(here), span.upper.value(here)
        if not low <= times[span.index] <= high:
            raise DataError(f"{span.index} = {times[span.index]} is not between {low} and {high}")


def _everything(cell: Cell, evaluator: ExactEvaluator) -> Iterator[tuple[str, Numbers]]:
    """All variables at all times, then the quantities of the whole sequence."""
    sizes = evaluator.instance.sizes
    for time in range(cell.time.first.value(sizes), cell.time.last.value(sizes) + 1):
        for name in cell.step_order():
            variable = cell.variable(name, Index.of(time))
            yield to_text(variable), evaluator.evaluate(variable)
    for name in cell.whole:
        yield name, evaluator.evaluate(cell.variable(name))
    if cell.loss is not None and cell.loss_name not in cell.whole:
        yield cell.loss_name, evaluator.evaluate(cell.loss)


def _array(numbers: Numbers) -> str:
    """An array as people write it: ``(1, 1/2)ᵀ`` for a column, rows in brackets."""
    array = numbers.array
    entries = [str(entry) if numbers.exact else f"{float(entry):.10g}" for entry in array.reshape(-1)]
    if array.size == 1:
        return entries[0]
    if array.ndim != 2:
        return str(numbers.text())
    rows, columns = array.shape
    if columns == 1 or rows == 1:
        return f"[{', '.join(entries)}]" + (".T" if columns == 1 else "")
    lines = [entries[row * columns : (row + 1) * columns] for row in range(rows)]
    return "\n" + indented(aligned(lines, "  "))


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
