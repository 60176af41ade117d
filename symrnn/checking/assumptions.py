"""Special numbers under which a formula may be right though it isn't in general: h₀ = 0, 1ᵀy = 1, W symmetric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrnn.language import Cell, Role, Start
from symrnn.oracle.instance import Instance


@dataclass(frozen=True)
class Assumption:
    """What is assumed, in words, and what makes numbers such that it holds."""

    text: str
    kind: str
    names: tuple[str, ...]

    def __call__(self, instance: Instance) -> Instance:
        if self.kind == "zero":
            initial = {k: np.zeros_like(v) if k in self.names else v for k, v in instance.initial.items()}
            return replace(instance, initial=initial)
        change = _normalised if self.kind == "distribution" else _symmetric
        values = {
            name: _each(value, change) if name in self.names else value for name, value in instance.values.items()
        }
        return replace(instance, values=values)


def assumptions(cell: Cell) -> Iterator[Assumption]:
    """Those that this cell allows and doesn't have already, the plainest first."""
    starts = tuple(key for state, _, key in cell.initial_keys() if state.start != Start.EXPRESSION)
    if starts:
        yield Assumption(" and ".join(f"{key} = 0" for key in starts), "zero", starts)
        if len(starts) > 1:
            yield from (Assumption(f"{key} = 0", "zero", (key,)) for key in starts)
    for declared in cell.declarations:
        column = len(declared.shape) == 2 and declared.shape[1].constant == 1
        if declared.role is Role.TARGET and column and not declared.attributes & {"onehot", "distribution"}:
            yield Assumption(f"1ᵀ{declared.name} = 1", "distribution", (declared.name,))
    square = tuple(
        d.name
        for d in cell.declarations
        if len(d.shape) == 2 and d.shape[0] == d.shape[1] and d.shape[0].constant != 1 and d.role is not Role.TARGET
    )
    yield from (Assumption(f"{name} symmetric", "symmetric", (name,)) for name in square)
    if len(square) > 1:
        yield Assumption(", ".join(square) + " symmetric", "symmetric", square)


def _each(value: Any, change: Any) -> Any:
    return {time: change(v) for time, v in value.items()} if isinstance(value, Mapping) else change(value)


def _normalised(value: Any) -> Any:
    positive = np.abs(value)
    return positive / positive.sum()


def _symmetric(value: Any) -> Any:
    return (value + value.T) / 2
