"""Numbers for generated code, and the right answers by the oracle, which shares no code with the emitters."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from symrnn.api import benching
from symrnn.cells import head_text, source_text
from symrnn.language import Cell, Declaration, Index, Role, Start, Variable
from symrnn.oracle.differentiate import Differentiator
from symrnn.oracle.draw import random_instance
from symrnn.oracle.instance import Instance
from symrnn.oracle.simulate import Unrolled
from symrnn.planning.interface import counter
from symrnn.reading.cellfile import read_cell

Arrays = dict[str, Any]
GROUPS = {Role.PARAMETER: "params", Role.CONSTANT: "params", Role.INPUT: "inputs", Role.TARGET: "targets"}


@cache
def library_cell(name: str, head: str | None = None) -> Cell:
    """A cell of the library."""
    return read_cell(source_text(name), name, heads=head_text, head=head)


@dataclass(frozen=True, eq=False)
class Problem:
    """Arguments for generated code and the expected answer; ``examples`` are the batch's members."""

    params: Arrays
    inputs: Arrays
    targets: Arrays
    initial: Arrays
    loss: float
    gradients: Arrays
    variables: Arrays


def rank(cell: Cell, name: str) -> int:
    """How many axes the caller's array has at one time for one example."""
    declared = cell.declaration.get(name) or cell.state[name]
    shape = declared.shape
    return 1 if len(shape) == 2 and shape[1].constant == 1 and not declared.two_axes else len(shape)


def squeezed(cell: Cell, name: str, array: Any) -> np.ndarray:
    """A column (n, 1) as the array (n,) that generated code takes."""
    found = np.asarray(array)
    wanted = rank(cell, name)
    return found[..., 0] if found.ndim == 2 and wanted == 1 else found.reshape(()) if wanted == 0 else found


def data_of(cell: Cell, instance: Instance) -> dict[str, Arrays]:
    """The four dicts of one example."""
    groups: dict[str, Arrays] = {"params": {}, "inputs": {}, "targets": {}, "initial": {}}
    for declaration in cell.declarations:
        if declaration.role not in GROUPS or declaration.value is not None:
            continue
        value = instance.values[declaration.name]
        if declaration.timed:
            array = np.stack([squeezed(cell, declaration.name, value[t]) for t in sorted(value)])
        else:
            array = squeezed(cell, declaration.name, value)
        groups[GROUPS[declaration.role]][declaration.name] = array
    for state, _, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            groups["initial"][key] = squeezed(cell, state.name, instance.initial[key])
    if length := counter(cell):
        groups["inputs"][length] = instance.sizes[length]
    return groups


def times_of(cell: Cell, instance: Instance) -> range:
    """The times of the instance."""
    return range(cell.time.first.value(instance.sizes), cell.time.last.value(instance.sizes) + 1)


def answer(cell: Cell, instance: Instance) -> tuple[float, Arrays, Arrays]:
    """Loss, gradients and forward variables of one example, without any symbolic rule."""
    unrolled = Unrolled(cell, instance.sizes)
    values = unrolled.run(instance)
    differentiator = Differentiator(unrolled, values)
    compiled = unrolled.compiler.compile(cell.loss)
    from symrnn.oracle.differentiate import no_derivative
    from symrnn.oracle.frame import Frame

    frame = Frame(values, no_derivative)
    frame.index = unrolled.compiler.positions.fresh({})
    loss = float(np.real(np.asarray(compiled.run(frame)).reshape(())))

    def gradient(name: str, role: Role, shape: Any, time: Index | None) -> np.ndarray:
        found = differentiator.total(cell.loss, Variable(name, role, shape, time), {})
        sizes = tuple(axis.value(instance.sizes) for axis in shape)
        return squeezed(cell, name, np.asarray(found).reshape(sizes))

    gradients: Arrays = {}
    for declaration in cell.declarations:
        if declaration.role not in (Role.PARAMETER, Role.INPUT):
            continue
        if declaration.timed:
            gradients[declaration.name] = np.stack(
                [
                    gradient(declaration.name, declaration.role, declaration.shape, Index.of(t))
                    for t in times_of(cell, instance)
                ]
            )
        else:
            gradients[declaration.name] = gradient(declaration.name, declaration.role, declaration.shape, None)
    for state, time, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            at = Index.of(time.value(instance.sizes))
            gradients[key] = gradient(state.name, Role.COMPUTED, state.shape, at)
    variables = {
        name: {t: np.real(values[name, t]) for t in times_of(cell, instance) if (name, t) in values}
        for name in cell.equation
    }
    return loss, gradients, variables


def _example(cell: Cell, first: Instance, seed: int) -> Instance:
    """Other data for the same parameters."""
    other = random_instance(cell, seed, first.sizes)
    shared = {
        d.name: first.values[d.name] for d in cell.declarations if GROUPS.get(d.role) == "params" and d.value is None
    }
    learned = {key: first.initial[key] for state, _, key in cell.initial_keys() if state.start == Start.LEARNED}
    return replace(other, values={**other.values, **shared}, initial={**other.initial, **learned})


@cache
def problem(cell: Cell, seed: int = 0, tau: int = 5, batch: int | None = None) -> Problem:
    """A problem without a batch axis, or with one of this many examples, its answer added up by hand.

    Kept between tests: nobody may write into its arrays.
    """
    first = random_instance(cell, seed, tau=tau)
    if batch is None:
        groups = data_of(cell, first)
        loss, gradients, variables = answer(cell, first)
        return Problem(**groups, loss=loss, gradients=gradients, variables=variables)
    examples = [first, *(_example(cell, first, seed + 100 + k) for k in range(1, batch))]
    answers = [answer(cell, e) for e in examples]
    datas = [data_of(cell, e) for e in examples]
    learned = {key for state, _, key in cell.initial_keys() if state.start == Start.LEARNED}
    shared_inputs = {counter(cell)}
    declared: dict[str, Declaration] = cell.declaration

    def axis(key: str) -> int:
        return 1 if key in declared and declared[key].timed else 0

    groups = {
        group: {
            key: value if key in shared_inputs else np.stack([d[group][key] for d in datas], axis(key))
            for key, value in datas[0][group].items()
        }
        for group in ("inputs", "targets")
    }
    initial = {
        key: value if key in learned else np.stack([d["initial"][key] for d in datas])
        for key, value in datas[0]["initial"].items()
    }
    gradients = {}
    for key in answers[0][1]:
        each = [a[1][key] for a in answers]
        shared = key in learned or (key in declared and declared[key].role is Role.PARAMETER)
        gradients[key] = sum(each) if shared else np.stack(each, axis(key))
    return Problem(
        datas[0]["params"], groups["inputs"], groups["targets"], initial, sum(a[0] for a in answers), gradients, {}
    )


def module(source: str, name: str = "generated") -> SimpleNamespace:
    """A generated module, as importing the file would give it."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec"), namespace)
    return SimpleNamespace(**namespace)


def as_python(source: str, name: str = "generated") -> SimpleNamespace:
    """The same without Numba's compiling, which would take minutes for all cells: the arithmetic is the same."""
    return module(source.replace("numba.njit(", "(lambda **_: lambda function: function)("), name)


def double_precision(backend: str) -> AbstractContextManager[None]:
    """JAX computes in float32 unless it is told not to; the other libraries need nothing."""
    return benching.double_precision(backend == "jax")


def tolerance(name: str) -> float:
    """How far the gradients of a library cell may be from the oracle's."""
    # Next to a kink, or where states grow without bound, the oracle itself has fewer digits.
    return 1e-7 if name in ("indrnn", "inclass", "scalar_relu") else 1e-10


def worst_error(found: Arrays, expected: Arrays) -> float:
    """The largest relative error over arrays, max|a-b| / max|b|, absolute where b is 0; shapes must agree."""
    assert set(found) == set(expected), set(found) ^ set(expected)
    worst = 0.0
    for key, right in expected.items():
        got = np.asarray(found[key])
        assert got.shape == np.shape(right), (key, got.shape, np.shape(right))
        scale = float(np.max(np.abs(right), initial=0.0))
        worst = max(worst, float(np.max(np.abs(got - right), initial=0.0)) / (scale if scale > 1e-10 else 1.0))
    return worst
