"""On which entries of a parameter a derivative depends: change one entry, recompute the derivative, look.

The oracle computes derivatives without any rule, so this is evidence of another kind than the symbolic
verdicts, and finer: entry by entry.  Where a reading holds the upstream gradient fixed, its old numbers
multiply the new Jacobian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrnn.errors import CheckFailedError
from symrnn.inquiry.blocks import Block
from symrnn.inquiry.dependence import Dependence
from symrnn.inquiry.dependence_question import Question
from symrnn.language.index import Index
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.operation import Entry
from symrnn.oracle.differentiate import Differentiator
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.frame import Slot, Slots
from symrnn.oracle.instance import Instance

CHANGE = 1e-3
"""By how much an entry is changed: far less than the distance that the drawn numbers keep from kinks."""

NOISE = 1e-8
"""A derivative that changes by less, relative to its largest entry, has not changed."""

SEEDS = (0, 1)
MOST_SEEDS = 8
"""How often numbers are drawn anew for a block that should matter and doesn't: a ReLU may be shut by
accident.
"""


@dataclass(frozen=True)
class Measured:
    """For each reading a table of the parameter's shape: does the derivative change with this entry?

    ``sizes`` and ``seeds`` say at which numbers.  ``least`` is the least relative change that counts as one,
    ``quietest`` the largest that doesn't: the gap between them is wide.  ``silent`` are the blocks (by place)
    and readings for which no number showed the dependence that the formula has.
    """

    sizes: Mapping[str, int]
    seeds: tuple[int, ...]
    masks: Mapping[str, tuple[tuple[bool, ...], ...]]
    least: float
    quietest: float
    silent: tuple[tuple[int, str], ...] = ()

    def share(self, reading: str, block: Block) -> tuple[int, int]:
        """How many entries of a block matter in a reading, and how many it has."""
        rows, columns = (self._range(span) for span in (block.rows, block.columns))
        mask = [[self.masks[reading][i][j] for j in columns] for i in rows]
        return sum(map(sum, mask)), len(rows) * len(columns)

    def _range(self, span: tuple[Index, Index]) -> range:
        start, stop = (bound.value(self.sizes) for bound in span)
        return range(start, stop)


def measure(answer: Dependence, seeds: Sequence[int] = SEEDS, sizes: Mapping[str, int] | None = None) -> Measured:
    """Find the entries that matter, in every reading of the question.

    Numbers are drawn from ``seeds``, and from some more while a block that should matter doesn't.  Raises
    CheckFailedError where an entry matters whose block does not, according to the symbolic answer: one of the
    two is wrong then.
    """
    found = _measured(answer, {}, (), seeds[0], sizes)
    for seed in seeds[1:]:
        found = _measured(answer, found.masks, found.seeds, seed, sizes, found)
    for seed in range(max(seeds) + 1, max(seeds) + 1 + MOST_SEEDS - len(seeds)):
        if not found.silent:
            break
        found = _measured(answer, found.masks, found.seeds, seed, sizes, found)
    return found


def _measured(
    answer: Dependence,
    known: Mapping[str, tuple[tuple[bool, ...], ...]],
    before: tuple[int, ...],
    seed: int,
    sizes: Mapping[str, int] | None,
    last: Measured | None = None,
) -> Measured:
    """What was known together with what one more seed shows."""
    instance = random_instance(answer.question.cell, seed, sizes, answer.question.graph.tau)
    least, quietest = (float("inf"), 0.0) if last is None else (last.least, last.quietest)
    masks = {}
    for key, changes in _changes(answer.question, instance).items():
        mask = changes > NOISE
        least = min([least, *changes[mask]])
        quietest = max([quietest, *changes[~mask]])
        both = mask | np.array(known[key]) if key in known else mask
        masks[key] = tuple(tuple(bool(b) for b in row) for row in both)
    found = Measured(dict(instance.sizes), (*before, seed), masks, float(least), float(quietest))
    return replace(found, silent=_compare(answer, found))


def _compare(answer: Dependence, found: Measured) -> tuple[tuple[int, str], ...]:
    """The blocks and readings where the numbers are silent; raises CheckFailedError where they contradict."""
    silent = []
    for place, verdict in enumerate(answer.blocks):
        for reading in answer.question.readings:
            count, _ = found.share(reading.key, verdict.block)
            if count and not verdict.depends(reading.key):
                name = answer.question.on.declaration.name
                raise CheckFailedError(
                    f"{name}: the numbers depend on {count} entries of a block on which the formula does not depend "
                    f"({reading.text})",
                    hint="This is a mistake in symrnn: please report the cell and the question.",
                )
            if not count and verdict.depends(reading.key):
                silent.append((place, reading.key))
    return tuple(silent)


def _changes(question: Question, instance: Instance) -> dict[str, Any]:
    """For each reading the relative change of the derivative with every entry of the parameter."""
    evaluator = Evaluator(question.cell, instance)
    base = _Derivatives(question, evaluator.derivatives)
    upstream = base.upstream()
    before = base.readings(upstream)
    slots = _slots(question, evaluator.values)
    shape = evaluator.values[slots[0]].shape
    changes = {key: np.zeros(shape) for key in before}
    for entry in np.ndindex(*shape):
        values = evaluator.unrolled.rerun(evaluator.values, {s: _changed(evaluator.values[s], entry) for s in slots})
        after = _Derivatives(question, Differentiator(evaluator.unrolled, values)).readings(upstream)
        for key, value in after.items():
            scale = float(np.abs(before[key]).max()) or 1.0
            changes[key][entry] = float(np.abs(value - before[key]).max()) / scale
    return changes


def _slots(question: Question, values: Slots) -> list[Slot]:
    """Where the parameter is kept: once, or once for every time."""
    declaration = question.on.declaration
    if not declaration.timed:
        return [(declaration.name, None)]
    return sorted(slot for slot in values if slot[0] == declaration.name)


def _changed(value: Any, entry: tuple[int, ...]) -> Any:
    new = value.copy()
    new[entry] += CHANGE * (1.0 + abs(new[entry]))
    return new


def _definite(by: Node, times: Mapping[str, int]) -> Node:
    """What one differentiates by; for an entry whose place is a symbol, the whole of which it is one."""
    indices = by.args[1] if isinstance(by, Entry) else ()
    return by.args[0] if any(index.names() - times.keys() for index in indices) else by


class _Derivatives:
    """The derivative of a question, in all its readings, over one run of the cell."""

    def __init__(self, question: Question, differentiator: Differentiator) -> None:
        self.question = question
        self.differentiator = differentiator
        self.times = dict(question.times)
        self.by = _definite(question.by, self.times)

    def upstream(self) -> dict[int, Any]:
        """∂L_r/∂u_r for every step r, flat; empty where the question has no upstream variable."""
        if self.question.upstream is None:
            return {}
        return {time: self._gradient(time) for time in self.question.steps}

    def readings(self, upstream: Mapping[int, Any]) -> dict[str, Any]:
        """The derivative in each reading, flat; the upstream gradients are these old ones where they are
        given.
        """
        return {r.key: self._reading(r.key, upstream) for r in self.question.readings}

    def _reading(self, key: str, upstream: Mapping[int, Any]) -> Any:
        question = self.question
        if key == "step, given":
            assert question.at is not None
            return self._held(question.at, upstream[question.at])
        if key == "step, expanded":
            return self._by(self._at(question.step_loss, question.at))
        total = self._by(question.of)
        if key == "all, given":
            for time, gradient in upstream.items():
                step = self._at(question.step_loss, time)
                weight = float(self._partials(question.of, step).reshape(-1)[0])
                total = total + weight * (self._held(time, gradient) - self._by(step))
        return total

    def _held(self, time: int, gradient: Any) -> Any:
        """A step's derivative with its upstream gradient held fixed; what goes beside it is as it is now."""
        question = self.question
        jacobian = self._partials(self._at(question.upstream, time), self.by).reshape(gradient.size, -1)
        step = self._by(self._at(question.step_loss, time))
        return step + (gradient - self._gradient(time)) @ jacobian

    def _gradient(self, time: int) -> Any:
        question = self.question
        return self._partials(self._at(question.step_loss, time), self._at(question.upstream, time)).reshape(-1)

    def _by(self, of: Node) -> Any:
        return self._partials(of, self.by).reshape(-1)

    def _partials(self, of: Node, by: Node) -> Any:
        return self.differentiator.partials(of, by, self.times, immediate=False)

    def _at(self, name: str | None, time: int | None) -> Variable:
        assert name is not None
        assert time is not None
        return self.question.cell.variable(name, Index.of(time))
