"""The sixteen published cases, ready to be asked: the cell, its numbers, every quantity that was recorded.

A test that takes ``sample`` runs for each case, one that takes ``asked`` for each recorded
quantity, one that takes ``asked_derivative`` for those that are derivatives, one that takes ``typeset``
for those of which the source prints a formula, one that takes ``in_latex`` for those that it typesets.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.language import Cell, Declaration, Layout, Node, Role, Shape
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.instance import Instance
from symrnn.reading import load_cell_file, read_question

HERE = Path(__file__).parent
Array = np.ndarray[Any, np.dtype[np.float64]]

RECIPES: dict[str, Any] = {
    "one step": lambda array, size: array[None],
    "one layer": lambda array, size: array[0],
    "batch first": lambda array, size: array.swapaxes(0, 1),
    "labels": lambda array, size: np.eye(size)[array.astype(int)],
}


@dataclass(frozen=True)
class Sample:
    """One case: ``entry`` is its table in cases.toml."""

    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.entry["id"]

    @cached_property
    def cell(self) -> Cell:
        return load_cell_file(HERE / "cases" / f"{self.id}.cell")

    @cached_property
    def stored(self) -> dict[str, Array]:
        with np.load(HERE / "cases" / f"{self.id}.npz") as stored:
            return dict(stored)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(Quantity(self, entry) for entry in self.entry["quantity"])

    @cached_property
    def evaluators(self) -> tuple[Evaluator, ...]:
        """One per example of a batch that the cell doesn't speak of; else one."""
        return tuple(Evaluator(self.cell, instance) for instance in self.instances)

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        return tuple(self._instance(example) for example in range(self.entry.get("batch", 1)))

    @property
    def symbols(self) -> dict[str, int]:
        """The sizes, and τ."""
        return dict(self.entry["sizes"])

    def _instance(self, example: int) -> Instance:
        sizes = self.symbols
        initial_shapes = {key: state.shape for state, _, key in self.cell.initial_keys()}
        values: dict[str, Any] = {k: np.array(v) for k, v in self.entry.get("constants", {}).items()}
        initial: dict[str, Array] = {}
        for name in self.entry["arrays"]:
            if name in initial_shapes:
                initial[name] = self._one(self._example(self._array(name), example, 0), initial_shapes[name])
                continue
            declared = self.cell.declaration[name]
            values[name] = (
                self._timed(declared, self._example(self._array(name), example, 1))
                if declared.timed
                else self._one(self._array(name), declared.shape)
            )
        return Instance(sizes, values, initial)

    def _array(self, name: str) -> Array:
        array = self.stored[self.entry["arrays"][name]]
        recipe = self.entry.get("recipes", {}).get(name)
        size = self.cell.declaration[name].shape[0].value(self.symbols) if recipe == "labels" else 0
        return array if recipe is None else RECIPES[recipe](array, size)

    def _example(self, array: Array, example: int, axis: int) -> Array:
        return array.take(example, axis) if "batch" in self.entry else array

    def _timed(self, declared: Declaration, array: Array) -> dict[int, Array]:
        first = self.cell.time.first.value(self.symbols)
        return {first + step: self._one(row, declared.shape) for step, row in enumerate(array)}

    def _one(self, array: Array, shape: Shape) -> Array:
        return array.reshape([size.value(self.symbols) for size in shape])


@dataclass(frozen=True)
class Quantity:
    """One recorded quantity: of what, by what, the right numbers, what is printed."""

    sample: Sample
    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.sample.id}: {self.entry['name']}"

    @property
    def expect(self) -> str:
        return self.entry["expect"]

    @property
    def times(self) -> dict[str, int]:
        """The literal times at which the numbers were recorded."""
        return dict(self.entry.get("at", {}))

    @property
    def right(self) -> Array:
        return self.sample.stored[f"oracle_{self.entry['name']}"]

    @property
    def printed(self) -> Array | None:
        return self.sample.stored.get(f"pub_{self.entry['name']}")

    @property
    def is_jacobian(self) -> bool:
        """Jacobians are recorded in numerator layout, gradients in the shape of what they belong to."""
        return self.entry["name"].startswith("J:")

    @property
    def is_loss(self) -> bool:
        return "wrt" not in self.entry

    @property
    def asked_layout(self) -> Layout:
        return Layout.NUMERATOR if self.is_jacobian else Layout.DENOMINATOR

    @property
    def question(self) -> tuple[Node, Node]:
        return read_question(self.entry["of"], self.entry["wrt"], self.sample.cell)

    @property
    def formula(self) -> str | None:
        """The printed formula with its parts."""
        if "formula" not in self.entry:
            return None
        return "\n".join([self.sample.entry.get("parts", "").strip(), self.entry["formula"]]).strip()

    def every_time(self) -> list[dict[str, int]]:
        """The times to ask at: as recorded, or all of them where a whole sequence was."""
        cell, sizes = self.sample.cell, self.sample.symbols
        declared = cell.declaration.get(self.entry.get("wrt", "").partition("[")[0])
        whole = declared is not None and declared.role is Role.INPUT and declared.timed and not self.times
        if not whole or not self.entry["wrt"].endswith(f"[{cell.time.index}]"):
            return [self.times]
        return [{cell.time.index: t} for t in range(cell.time.first.value(sizes), cell.time.last.value(sizes) + 1)]

    def gathered(self, examples: list[list[Array]]) -> Array:
        """Numerator-layout answers, by example and by time, as the recorded array has them.

        A parameter's gradients add up over the examples of a batch; those of inputs and initial values don't.
        """
        if self.is_jacobian:
            return examples[0][0]
        own = np.array([[answer.T for answer in example] for example in examples])
        shared = self.is_loss or self.entry["wrt"] in {p.name for p in self.sample.cell.parameters}
        array = own.sum(axis=0) if shared else own.swapaxes(0, 1)
        return array.reshape(self.right.shape)


SAMPLES = tuple(Sample(entry) for entry in tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))["case"])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
    recorded = [quantity for sample in SAMPLES for quantity in sample.quantities]
    chosen_by = {
        "asked": recorded,
        "asked_derivative": [q for q in recorded if not q.is_loss],
        "typeset": [q for q in recorded if q.formula is not None],
        "in_latex": [q for q in recorded if "latex" in q.entry],
    }
    for name, chosen in chosen_by.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, chosen, ids=lambda quantity: quantity.id)


def _far(found: Array, right: Array) -> float:
    return float(np.max(np.abs(np.asarray(found) - right)) / np.max(np.abs(right)))


@pytest.fixture
def far() -> Any:
    """The largest error relative to the largest right number."""
    return _far
