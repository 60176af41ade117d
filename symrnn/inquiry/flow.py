"""Where gradients go with time: log₁₀‖∂h_t/∂h_k‖₂ for all t and k, measured by the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, log10
from typing import Any

import numpy as np

from symrnn.errors import DataError, QuestionError, did_you_mean
from symrnn.inquiry.graph import UnrolledGraph
from symrnn.inquiry.spectral import jacobian_norm
from symrnn.inquiry.unrolled import unroll
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.operation import Slice, Transpose
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.instance import Instance

STEPS = 20
MOST_STEPS = 200
STATE_SIZE = 12
"""How large a state is drawn, unless sizes are given: enough for norms to settle."""


@dataclass(frozen=True)
class StateFlow:
    """``logs[i][j]`` is log₁₀‖∂state_t/∂state_k‖₂ for the i-th t and j-th k.

    It is -inf where the derivative is zero, None where k is after t (before it, for a state that runs backward).
    """

    state: str
    backward: bool
    logs: tuple[tuple[float | None, ...], ...]

    def by_distance(self) -> tuple[tuple[int, float, float, float], ...]:
        """For every |t − k| the least, the mean and the largest logarithm (zero derivatives left out)."""
        groups: dict[int, list[float]] = {}
        for i, row in enumerate(self.logs):
            for j, value in enumerate(row):
                if value is not None and value > -inf:
                    groups.setdefault(abs(i - j), []).append(value)
        return tuple((d, min(v), sum(v) / len(v), max(v)) for d, v in sorted(groups.items()))

    @property
    def rate(self) -> float | None:
        """By which factor the norm changes per step, from a line through the means; None for fewer than two."""
        points = [(d, mean) for d, _, mean, _ in self.by_distance()]
        if len(points) < 2:
            return None
        slope = np.polyfit([d for d, _ in points], [m for _, m in points], 1)[0]
        return float(10**slope)


@dataclass(frozen=True)
class Flow:
    """The flow of every state asked for, over the times ``times``, at these sizes and numbers."""

    cell: Cell
    times: tuple[int, ...]
    states: tuple[StateFlow, ...]
    sizes: Mapping[str, int]
    seed: int | None
    sigma: float | None


def flow(
    cell: Cell,
    tau: int = STEPS,
    *,
    states: Sequence[str] | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    instance: Instance | None = None,
    sigma: float | None = None,
) -> Flow:
    """Measure the norms for every pair of times.

    ``sigma`` scales each square recurrent matrix to that largest singular value.  ``instance`` are a user's numbers;
    otherwise they are drawn from ``seed``.  Raises QuestionError for a cell without such a state, or too many steps.
    """
    names = _states(cell, states)
    if not 1 <= tau <= MOST_STEPS:
        raise QuestionError(f"tau = {tau} is not between 1 and {MOST_STEPS}")
    if sigma is not None and not 0 < sigma < inf:
        raise QuestionError(f"sigma = {sigma} is no positive number")
    numbers = instance if instance is not None else random_instance(cell, seed, sizes or _sizes(cell, names), tau)
    if sigma is not None:
        numbers = _scaled(cell, numbers, sigma)
    evaluator = Evaluator(cell, numbers)
    times = tuple(evaluator.unrolled.times)
    found = tuple(_state_flow(evaluator, name, times) for name in names)
    return Flow(cell, times, found, dict(numbers.sizes), numbers.seed, sigma)


def _states(cell: Cell, wanted: Sequence[str] | None) -> tuple[str, ...]:
    if not cell.states:
        raise QuestionError(f'the cell "{cell.name}" has no state, so nothing flows through time')
    for name in wanted or ():
        if name not in cell.state:
            raise QuestionError(f'"{name}" is no state of the cell "{cell.name}"', hint=did_you_mean(name, cell.state))
    return tuple(wanted) if wanted else tuple(cell.state)


def _sizes(cell: Cell, names: Sequence[str]) -> dict[str, int]:
    """Larger numbers for the sizes of the states, as far as they are sizes of their own; others stay small."""
    axes = [axis.name for name in names for axis in cell.state[name].shape if axis.name in cell.sizes]
    distinct = dict.fromkeys(a for a in axes if a is not None)
    small = len(distinct) > 1 or any(len(cell.state[n].shape) == 2 and _is_matrix(cell, n) for n in names)
    return {} if small else dict.fromkeys(distinct, STATE_SIZE)


def _is_matrix(cell: Cell, name: str) -> bool:
    return all(axis.constant != 1 for axis in cell.state[name].shape)


def _scaled(cell: Cell, instance: Instance, sigma: float) -> Instance:
    values = dict(instance.values)
    for name in recurrent_parameters(unroll(cell, 3)):
        given = values.get(name)
        matrix = None if isinstance(given, Mapping) else np.asarray(given, dtype=float)
        if matrix is not None and matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 1:
            values[name] = matrix * (sigma / _norm(name, matrix))
    return replace(instance, values=values)


def _norm(name: str, matrix: Any) -> float:
    found = float(np.linalg.norm(matrix, 2))
    if found == 0.0:
        raise DataError(f"{name} is zero and can't be scaled")
    return found


def recurrent_parameters(graph: UnrolledGraph) -> tuple[str, ...]:
    """The parameters that multiply what is read from another time."""
    found: dict[str, None] = {}
    for edge in graph.edges:
        tail, head = graph.node[edge.tail], graph.node[edge.head]
        if tail.name in graph.cell.state and tail.time != head.time and head.time is not None:
            for factor in edge.factors:
                inside = factor.args[0] if isinstance(factor, (Transpose, Slice)) else factor
                if isinstance(inside, Variable) and inside.role is Role.PARAMETER:
                    found[inside.name] = None
    return tuple(found)


def _state_flow(evaluator: Evaluator, name: str, times: tuple[int, ...]) -> StateFlow:
    backward = evaluator.cell.state[name].backward
    at = {time: evaluator.cell.variable(name, Index.of(time)) for time in times}
    columns = []
    for k in times:
        column: list[float | None] = []
        for t in times:
            reached = t <= k if backward else t >= k
            column.append(_log(jacobian_norm(evaluator, at[t], at[k])) if reached else None)
        columns.append(column)
    return StateFlow(name, backward, tuple(zip(*columns, strict=True)))


def _log(norm: float) -> float:
    return log10(norm) if norm > 0 else -inf
