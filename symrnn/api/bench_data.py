"""Random arrays of given sizes for a cell, as generated code takes them, for timing it."""

from __future__ import annotations

from typing import Any

import numpy as np

from symrnn.errors import DataError
from symrnn.language import Cell, Role
from symrnn.language.traversal import variables
from symrnn.planning.interface import Interface, Slot, build_interface
from symrnn.planning.system import build_system

Arguments = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]


def random_arguments(
    cell: Cell, n: int, tau: int, batch: int, sizes: dict[str, int] | None = None, dtype: str = "float64", seed: int = 0
) -> Arguments:
    """Parameters, inputs, targets and initial values; every size that ``sizes`` does not name is n.

    Parameters are scaled so that states stay of order 1.  Raises DataError for an unknown size.

    >>> from symrnn.api.loading import load
    >>> params, inputs, targets, initial = random_arguments(load("elman"), n=3, tau=5, batch=2)
    >>> params["W"].shape, inputs["x"].shape, initial["h[0]"].shape
    ((3, 3), (5, 2, 3), (2, 3))
    """
    unknown = sorted((sizes or {}).keys() - set(cell.sizes))
    if unknown:
        raise DataError(f'the cell "{cell.name}" has no size {unknown[0]}', hint=f"It has {', '.join(cell.sizes)}.")
    chosen = dict.fromkeys(cell.sizes, n) | (sizes or {})
    chosen |= dict.fromkeys(cell.time.last.names() | cell.time.first.names(), tau)
    interface: Interface = build_interface(build_system(cell, ()))
    random = np.random.default_rng(seed)
    positive = _positive(cell)
    groups: dict[str, dict[str, Any]] = {"params": {}, "inputs": {}, "targets": {}, "initial": {}}
    for slot in interface.slots:
        own = tuple(max(1, axis.value(chosen)) for axis in slot.axes)
        lead = ((tau,) if slot.timed else ()) + ((batch,) if slot.per_example else ())
        array = _numbers(cell, slot, (*lead, *own), random)
        groups[slot.group][slot.key] = np.asarray(np.abs(array) + 0.1 if slot.key in positive else array, dtype)
    return groups["params"], groups["inputs"], groups["targets"], groups["initial"]


def _numbers(cell: Cell, slot: Slot, shape: tuple[int, ...], random: np.random.Generator) -> Any:
    declared = cell.declaration.get(slot.key)
    kind = declared.attributes if declared is not None else ()
    if slot.labels:
        return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]
    if "distribution" in kind:
        weights = random.exponential(size=shape)
        return weights / weights.sum(-1, keepdims=True)
    if slot.role is Role.TARGET:
        return random.uniform(size=shape)
    if slot.group == "params":
        return random.normal(size=shape) / np.sqrt(max(1, shape[-1] if len(slot.axes) > 1 else 4))
    return 0.5 * random.normal(size=shape)


def _positive(cell: Cell) -> set[str]:
    """Constants, and parameters that are divided by or rooted somewhere: these are kept away from 0."""
    found = {d.name for d in cell.constants}
    for equation in cell.equations:
        for part in _divisors(equation.expression):
            found |= {v.name for v in variables(part) if v.role in (Role.PARAMETER, Role.CONSTANT)}
    return found


def _divisors(node: Any) -> list[Any]:
    found = [node.args[1]] if type(node).__name__ == "Divide" else []
    if type(node).__name__ == "Call" and node.name in ("sqrt", "log"):
        found.append(node)
    return found + [inner for child in node.children for inner in _divisors(child)]
