"""The smallest numbers at which an answer is wrong: few steps, sizes of 1 and 2, numbers with one decimal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import isfinite
from typing import Any

import numpy as np

from symrnn.checking.answers import Reading
from symrnn.checking.comparison import Array, relative_error
from symrnn.checking.readings import as_evaluated
from symrnn.checking.stations import DENOMINATOR, NUMERATOR, Bench, Target, fits, value_at
from symrnn.checking.verdict import Counterexample
from symrnn.errors import SymrnnError
from symrnn.language import Cell, Layout
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.instance import Instance

LARGEST_SIZES = 16
"""How many choices of sizes from 1 and 2 are tried."""

CLEARLY = 1e-3
"""A difference that shows in numbers with a few digits."""

DIGITS = 6


def smallest(reading: Reading, bench: Bench, target: Target | None) -> Counterexample | None:
    """The first numbers, by length and then by sizes, at which the answer differs from what is right."""
    asked = reading.asked
    layout = asked.layout or (target.layout if target is not None else None)
    for tau in bench.lengths:
        for sizes in _sizes(bench.cell):
            found = _at(reading, bench, layout, tau, sizes)
            if found is not None:
                return found
    return None


def _sizes(cell: Cell) -> Iterator[dict[str, int]]:
    own = [name for name in cell.sizes if name not in dict(cell.equal_sizes)]
    choices = sorted(product((1, 2), repeat=min(len(own), 6)), key=sum)
    for count, values in enumerate(choices):
        if count < LARGEST_SIZES or count == len(choices) - 1:
            padded = (*values, *(2,) * (len(own) - len(values)))
            yield dict(zip(own, padded, strict=True))


def _at(
    reading: Reading, bench: Bench, layout: Layout | None, tau: int, sizes: Mapping[str, int]
) -> Counterexample | None:
    asked = reading.asked
    try:
        instance = _rounded(bench.cell, random_instance(bench.cell, bench.seed, sizes, tau))
        evaluator = Evaluator(bench.cell, instance, at_kink=bench.at_kink, budget=bench.budget)
        points = asked.points(instance.sizes)
        formula = as_evaluated(reading.formula, bench.cell)
        values = [(point, value_at(evaluator, formula, point)) for point in points]
    except SymrnnError:
        return None
    for point, value in values:
        right = _differs(reading, bench, evaluator, point, value, layout)
        if right is not None:
            return Counterexample(
                {n: v for n, v in instance.sizes.items() if n in bench.cell.sizes},
                tau,
                {**{n: v for n, v in instance.sizes.items() if n not in bench.cell.sizes}, **point},
                _shown_values(reading, instance),
                _listed(value),
                _listed(right),
            )
    return None


def _differs(
    reading: Reading,
    bench: Bench,
    evaluator: Evaluator,
    point: Mapping[str, int],
    value: Array,
    layout: Layout | None,
) -> Array | None:
    """What is right there, where the answer is something else in every layout that counts."""
    from_layouts = [t for t in (NUMERATOR, DENOMINATOR) if layout in (None, t.layout)]
    first: Array | None = None
    for target in from_layouts:
        try:
            right = bench.laid_out_at(reading.asked, evaluator, point, target)
        except SymrnnError:
            return None
        if fits(value, right) and relative_error(value, right) <= CLEARLY:
            return None
        if first is None or (fits(value, right) and not fits(value, first)):
            first = right
    return first


def _rounded(cell: Cell, instance: Instance) -> Instance:
    """The same numbers with one decimal; one-hot and the like stay as they are."""

    def shorter(name: str, value: Any) -> Any:
        declared = cell.declaration.get(name)
        if declared is not None and declared.attributes:
            return value
        if isinstance(value, Mapping):
            return {time: _short(v) for time, v in value.items()}
        return _short(value)

    values = {name: shorter(name, value) for name, value in instance.values.items()}
    return replace(instance, values=values, initial={k: _short(v) for k, v in instance.initial.items()})


def _short(value: Any) -> Any:
    rounded = np.round(np.asarray(value, dtype=float), 1)
    return np.where(rounded == 0, 0.1, rounded)


def _shown_values(reading: Reading, instance: Instance) -> dict[str, Any]:
    """All given numbers, without inputs' axes of one component."""
    shown = {name: _listed(value) for name, value in instance.values.items()}
    shown |= {key: _listed(value) for key, value in instance.initial.items()}
    return shown


def _listed(value: Any) -> Any:
    """Nested lists of rounded numbers, a column as one list, one number as it is."""
    if isinstance(value, Mapping):
        return {str(time): _listed(v) for time, v in value.items()}
    array = np.asarray(value, dtype=float)
    if array.size == 1:
        return _digits(float(array.reshape(())))
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return _digits(array.tolist())


def _digits(value: Any) -> Any:
    if isinstance(value, list):
        return [_digits(v) for v in value]
    return float(f"{value:.{DIGITS}g}") + 0.0 if isfinite(value) else str(value)
