"""Generated code at work: a module run on the oracle's numbers, and what the oracle says should come out.

This is the one place in symrnn where source runs that symrnn itself has written; a user's text never gets here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from symrnn.checking.comparison import Array, relative_error
from symrnn.checking.truncation import truncated_partials
from symrnn.language import Cell, Index, Role, Start, Variable
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.instance import Instance
from symrnn.planning.interface import counter, state_axes, user_axes

GROUPS = {Role.PARAMETER: "params", Role.CONSTANT: "params", Role.INPUT: "inputs", Role.TARGET: "targets"}

Arrays = dict[str, Any]


def run_module(source: str, name: str = "generated") -> SimpleNamespace:
    """A generated module, as importing its file would give it."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec"), namespace)
    return SimpleNamespace(**namespace)


@dataclass(frozen=True)
class Problem:
    """Arguments for generated code, and the loss and gradients that the oracle finds for them."""

    arguments: Mapping[str, Arrays]
    loss: float
    gradients: Arrays

    def errors(self, module: SimpleNamespace) -> dict[str, float]:
        """The relative error of the loss and of every gradient that a module computes."""
        with np.errstate(all="ignore"):  # a number that isn't finite is an error of its own below
            loss, gradients = module.loss_and_gradients(**self.arguments)
        errors = {"loss": relative_error(np.asarray(loss), np.asarray(self.loss))}
        for key in sorted({*self.gradients, *gradients}):
            if key not in gradients or key not in self.gradients:
                errors[key] = float("inf")
            else:
                errors[key] = relative_error(np.asarray(gradients[key]), self.gradients[key])
        return errors


def single(evaluator: Evaluator, window: int | None = None) -> Problem:
    """The problem without a batch axis, its gradients truncated to a window if there is one."""
    loss, gradients = _answer(evaluator, window)
    return Problem(arguments(evaluator.cell, evaluator.instance), loss, gradients)


def batched(evaluator: Evaluator, count: int = 3, at_kink: float = 0.0, window: int | None = None) -> Problem:
    """The same parameters with several examples: losses and parameters' gradients add up, the rest is stacked."""
    cell, first = evaluator.cell, evaluator.instance
    others = [_other(cell, first, (first.seed or 0) + 1000 + k) for k in range(1, count)]
    everyone = [evaluator, *(Evaluator(cell, other, at_kink=at_kink) for other in others)]
    answers = [_answer(each, window) for each in everyone]
    datas = [arguments(cell, each.instance) for each in everyone]
    given: dict[str, Arrays] = {"params": datas[0]["params"]}
    for group in ("inputs", "targets", "initial"):
        given[group] = {
            key: value if _is_shared(cell, key) else np.stack([d[group][key] for d in datas], _batch_axis(cell, key))
            for key, value in datas[0][group].items()
        }
    gradients = {
        key: sum(g[key] for _, g in answers)
        if _is_shared(cell, key)
        else np.stack([g[key] for _, g in answers], _batch_axis(cell, key))
        for key in answers[0][1]
    }
    return Problem(given, sum(loss for loss, _ in answers), gradients)


def ragged(
    evaluator: Evaluator, shorter: tuple[int, ...] = (2, 0, 3), at_kink: float = 0.0, window: int | None = None
) -> Problem:
    """Sequences of different lengths in one batch, so many steps shorter than the longest.

    Each counts as it would alone.  Behind its end stands what must not be read: values that are no numbers.
    """
    cell, first = evaluator.cell, evaluator.instance
    (name,) = cell.time.last.names()
    seeds = [(first.seed or 0) + 2000 + k for k in range(len(shorter))]
    parts = [_other(cell, first, s, {name: first.sizes[name] - m}) for m, s in zip(shorter, seeds, strict=True)]
    everyone = [Evaluator(cell, part, at_kink=at_kink) for part in parts]
    answers = [_answer(each, window) for each in everyone]
    datas = [arguments(cell, part) for part in parts]
    steps = cell.time.length.value(first.sizes)
    given: dict[str, Arrays] = {"params": datas[shorter.index(0)]["params"]}
    for group in ("inputs", "targets", "initial"):
        given[group] = {}
        for key, value in datas[0][group].items():
            each = [_padded(cell, key, d[group][key], steps, np.nan) for d in datas]
            given[group][key] = value if _is_shared(cell, key) else np.stack(each, _batch_axis(cell, key))
    given["inputs"]["lengths"] = np.array([steps - less for less in shorter])
    gradients = {}
    for key in answers[0][1]:
        each = [_padded(cell, key, g[key], steps, 0.0) for _, g in answers]
        gradients[key] = sum(each) if _is_shared(cell, key) else np.stack(each, _batch_axis(cell, key))
    return Problem(given, sum(loss for loss, _ in answers), gradients)


def _padded(cell: Cell, key: str, array: Array, steps: int, fill: float) -> Array:
    """A sequence with so many steps; what has no time axis is left as it is."""
    declared = cell.declaration.get(key)
    if declared is None or not declared.timed:
        return array
    more = np.full((steps - len(array), *np.shape(array)[1:]), fill)
    return np.concatenate([array, more])


def _other(cell: Cell, first: Instance, seed: int, changed: Mapping[str, int] | None = None) -> Instance:
    """Other data for the same parameters, of other sizes where any are changed."""
    drawn = random_instance(cell, seed, {**first.sizes, **(changed or {})})
    shared = {key: _while(drawn, key, value) for key, value in first.values.items() if _is_shared(cell, key)}
    learned = {key: value for key, value in first.initial.items() if _is_shared(cell, key)}
    return replace(drawn, values={**drawn.values, **shared}, initial={**drawn.initial, **learned})


def _while(drawn: Instance, key: str, value: Any) -> Any:
    """What one value serves all examples, at the times that an instance has."""
    return {t: value[t] for t in drawn.values[key]} if isinstance(value, dict) else value


def _is_shared(cell: Cell, key: str) -> bool:
    """Whether one value serves all examples of a batch."""
    declared = cell.declaration.get(key)
    if declared is not None:
        return declared.role not in (Role.INPUT, Role.TARGET)
    learned = any(state.start == Start.LEARNED for state, _, known in cell.initial_keys() if known == key)
    return learned or key == counter(cell)


def _batch_axis(cell: Cell, key: str) -> int:
    declared = cell.declaration.get(key)
    return 1 if declared is not None and declared.timed else 0


def arguments(cell: Cell, instance: Instance) -> dict[str, Arrays]:
    """An instance as the four dicts that generated code takes: time first, a column as an (n,) array."""
    groups: dict[str, Arrays] = {"params": {}, "inputs": {}, "targets": {}, "initial": {}}
    for declaration in cell.declarations:
        group = GROUPS.get(declaration.role)
        if group is None or declaration.value is not None:
            continue
        value = instance.values[declaration.name]
        if declaration.timed:
            groups[group][declaration.name] = np.stack([_shown(declaration, value[t]) for t in sorted(value)])
        else:
            groups[group][declaration.name] = _shown(declaration, value)
    for state, _, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            groups["initial"][key] = _shown(state, instance.initial[key])
    if length := counter(cell):
        groups["inputs"][length] = instance.sizes[length]
    return groups


def _shown(declared: Any, array: Array) -> Array:
    """The caller's array of one value: a declared column has one axis, ``W[n,1]`` has two, a scalar none."""
    found = np.asarray(array)
    shape = declared.shape
    if not shape:
        return found.reshape(())
    is_column = shape[1].constant == 1 and not declared.two_axes
    return found.reshape(found.shape[0]) if is_column else found


def turned(cell: Cell, problem: Problem) -> Problem:
    """The problem whose answer has the gradients of matrices in numerator layout."""
    matrices = {d.name for d in cell.declarations if len(user_axes(d)) == 2}
    matrices |= {key for state, _, key in cell.initial_keys() if len(state_axes(state)) == 2}
    gradients = {k: np.swapaxes(g, -1, -2) if k in matrices else g for k, g in problem.gradients.items()}
    return replace(problem, gradients=gradients)


def _answer(evaluator: Evaluator, window: int | None = None) -> tuple[float, Arrays]:
    """Loss and gradients by changed runs of the cell alone."""
    cell, sizes = evaluator.cell, evaluator.instance.sizes
    assert cell.loss is not None
    loss = float(np.reshape(evaluator.evaluate(cell.loss), ()))
    times = range(cell.time.first.value(sizes), cell.time.last.value(sizes) + 1)
    gradients: Arrays = {}
    for declared in cell.declarations:
        if declared.role not in (Role.PARAMETER, Role.INPUT):
            continue
        leaf = Variable(declared.name, declared.role, declared.shape)
        if declared.timed:
            each = [_shown(declared, _gradient(evaluator, leaf.at(Index.of(t)), window)) for t in times]
            gradients[declared.name] = np.stack(each)
        else:
            gradients[declared.name] = _shown(declared, _gradient(evaluator, leaf, window))
    for state, time, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            leaf = Variable(state.name, Role.COMPUTED, state.shape, Index.of(time.value(sizes)))
            gradients[key] = _shown(state, _gradient(evaluator, leaf, window))
    return loss, gradients


def _gradient(evaluator: Evaluator, leaf: Variable, window: int | None) -> Array:
    """∂L/∂leaf in the leaf's own shape."""
    cell = evaluator.cell
    assert cell.loss is not None
    if window is None:
        partials = evaluator.derivatives.total(cell.loss, leaf, {})
    else:
        partials = truncated_partials(evaluator, cell.loss, leaf, window, {})
    return np.asarray(partials).reshape([axis.value(evaluator.instance.sizes) for axis in leaf.shape] or ())
