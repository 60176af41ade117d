"""A user's numbers for a cell: nested lists by name become an instance, exactly, with its sizes read off
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from symrnn.errors import DataError, did_you_mean
from symrnn.language.cell import Cell, Declaration, Start
from symrnn.language.index import Index
from symrnn.language.node import Shape, format_shape
from symrnn.oracle.frame import Array
from symrnn.oracle.instance import Instance
from symrnn.oracle.rational import RATIONAL
from symrnn.oracle.sizes import time_symbols


@dataclass(frozen=True)
class _Given:
    """One array that a user gave, and what it should look like."""

    key: str
    shape: Shape
    array: Array
    timed: bool = False
    onehot: bool = False


@dataclass
class _Sizes:
    """Sizes and time bounds, as far as they are known, and where each was seen."""

    numbers: dict[str, int]
    seen: dict[str, str] = field(default_factory=dict)

    def match(self, axis: Index, length: int, where: str) -> bool:
        """Hold an axis to a length; False where it has more than one unknown size."""
        unknown = sorted(axis.names() - self.numbers.keys())
        if len(unknown) > 1:
            return False
        if unknown:
            self._solve(axis, unknown[0], length, where)
        elif axis.value(self.numbers) != length:
            self._clash(axis, length, where)
        return True

    def _solve(self, axis: Index, name: str, length: int, where: str) -> None:
        at_zero, at_one = (axis.substitute({name: Index.of(value)}) for value in (0, 1))
        start, step = at_zero.value(self.numbers), at_one.value(self.numbers) - at_zero.value(self.numbers)
        if step == 0 or (length - start) % step:
            self._clash(axis, length, where)
        self.numbers[name] = (length - start) // step
        self.seen[name] = where
        if axis.value(self.numbers) != length:
            self._clash(axis, length, where)

    def _clash(self, axis: Index, length: int, where: str) -> None:
        known = {name: self.numbers[name] for name in sorted(axis.names() & self.numbers.keys())}
        sources = "; ".join(f"{n} = {v} from {self.seen.get(n, 'what you gave')}" for n, v in known.items())
        raise DataError(
            f"{where} has an axis of {length} where {axis} is expected" + (f" ({sources})" if sources else "")
        )


def instance_from_values(cell: Cell, given: Mapping[str, Any]) -> Instance:
    """The instance that a user's numbers make: nested lists, numbers, or texts such as "3/2", by name.

    Keys are declared names, initial values (``h[0]``; plain ``h`` where there is one), and sizes or time
    bounds as integers where no array shows them.  What depends on time has the time as its first axis.  A
    column may be given as a flat list or as a list of rows of one; a one-hot target also by its integer
    labels, one per step.

    Nothing needs to be complete: what is missing is only missed when something asks for it.
    Raises DataError for an unknown name, a text that is no number, a ragged list, and shapes that clash.
    """
    cell_sizes = {*cell.sizes, *time_symbols(cell)}
    declared = {d.name: d for d in cell.declarations}
    initial = {key: state for state, _, key in cell.initial_keys() if state.start != Start.EXPRESSION}
    sizes = _Sizes({})
    arrays: list[_Given] = []
    for key, value in given.items():
        name = _initial_key(key, initial, declared)
        if name in initial:
            arrays.append(_Given(name, initial[name].shape, _array(key, value)))
        elif name in declared:
            arrays.append(_declared(declared[name], _array(key, value)))
        elif name in cell_sizes:
            sizes.numbers[name] = _whole(name, value)
        else:
            known = [*declared, *initial, *sorted(cell_sizes)]
            raise DataError(f'the cell "{cell.name}" takes no value "{key}"', hint=did_you_mean(key, known))
    _match_all(cell, arrays, sizes)
    return _assembled(cell, arrays, sizes, set(initial))


def _initial_key(key: str, initial: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    """The initial value's key that a plain state name stands for, or the key itself."""
    shown = key.replace(" ", "")
    mine = [known for known in initial if known.split("[")[0] == shown]
    return mine[0] if len(mine) == 1 and shown not in declared else shown


def _array(key: str, value: Any) -> Array:
    lengths = _ragged(value)
    if lengths is None:
        raise DataError(f"the rows of {key} have different lengths")
    flat = np.empty(lengths, dtype=object)
    flat[...] = np.array(value, dtype=object).reshape(lengths) if lengths else value
    return RATIONAL.array(flat)


def _ragged(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists, None where it is not one."""
    if isinstance(value, np.ndarray):
        return value.shape
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    below = {_ragged(inner) for inner in value}
    if len(below) > 1 or None in below:
        return None
    return (len(value), *(below.pop() or ())) if below else (0,)


def _whole(name: str, value: Any) -> int:
    number = RATIONAL.array(value).item() if np.ndim(value) == 0 else None
    if not isinstance(number, Fraction) or number.denominator != 1 or number < 1:
        raise DataError(f'"{name}" is a size or a length, so a positive integer, not {value}')
    return number.numerator


def _declared(declaration: Declaration, array: Array) -> _Given:
    onehot = "onehot" in declaration.attributes
    return _Given(declaration.name, declaration.shape, array, declaration.timed, onehot)


def _match_all(cell: Cell, arrays: list[_Given], sizes: _Sizes) -> None:
    waiting = [match for given in arrays for match in _axes(cell, given)]
    waiting += [(size, None, name, name) for name, size in cell.equal_sizes]
    while waiting:
        left = [match for match in waiting if not _matched(match, sizes)]
        if len(left) == len(waiting):
            return
        waiting = left


def _matched(match: tuple[Index, int | None, str, str], sizes: _Sizes) -> bool:
    axis, length, where, name = match
    if length is None:  # a size declared equal to another: known as soon as either is
        if name in sizes.numbers:
            return sizes.match(axis, sizes.numbers[name], f"the size {where}")
        if axis.names() <= sizes.numbers.keys():
            sizes.numbers[name] = axis.value(sizes.numbers)
            return True
        return False
    return sizes.match(axis, length, where)


def _axes(cell: Cell, given: _Given) -> list[tuple[Index, int | None, str, str]]:
    """Every axis of an array with what it should measure."""
    expected, lengths = list(given.shape), list(given.array.shape)
    found: list[tuple[Index, int | None, str, str]] = []
    if given.timed:
        if not lengths:
            raise DataError(f"{given.key} has one value per time: give a list")
        found.append((cell.time.length, lengths.pop(0), given.key, ""))
    if _is_labels(given, len(lengths)):
        return found
    if len(lengths) == 1 and len(expected) == 2:
        expected = [axis for axis in expected if axis.constant != 1] or expected[:1]
    if len(lengths) != len(expected):
        per_step = " for every step" if given.timed else ""
        raise DataError(
            f"{given.key} is {format_shape(given.shape)}{per_step}, but an array with "
            f"{len(lengths)} ax{'i' if len(lengths) == 1 else 'e'}s was given"
        )
    return found + [(axis, length, given.key, "") for axis, length in zip(expected, lengths, strict=True)]


def _is_labels(given: _Given, axes: int) -> bool:
    """Whether a one-hot target came as one label per step (or as one label)."""
    return given.onehot and axes == 0


def _assembled(cell: Cell, arrays: list[_Given], sizes: _Sizes, initial: set[str]) -> Instance:
    missing = sorted(set(time_symbols(cell)) - sizes.numbers.keys())
    timeless = not cell.equation and not any(d.timed for d in cell.declarations)
    if missing and not timeless:
        raise DataError(
            f"the number of steps, {', '.join(missing)}, is not to be seen from what was given",
            hint="Give a sequence, or the number itself.",
        )
    numbers = {**dict.fromkeys(missing, 1), **sizes.numbers}
    values: dict[str, Any] = {}
    starts: dict[str, Array] = {}
    for given in arrays:
        array = _in_shape(given, numbers)
        if given.key in initial:
            starts[given.key] = array
        elif given.timed:
            first = cell.time.first.value(numbers)
            values[given.key] = {first + step: one for step, one in enumerate(array)}
        else:
            values[given.key] = array
    return Instance(numbers, values, starts)


def _in_shape(given: _Given, numbers: Mapping[str, int]) -> Array:
    shape = tuple(axis.value(numbers) for axis in given.shape)
    leading = given.array.shape[:1] if given.timed else ()
    if _is_labels(given, given.array.ndim - len(leading)):
        return _one_hot(given, shape, leading)
    return given.array.reshape(leading + shape)


def _one_hot(given: _Given, shape: tuple[int, ...], leading: tuple[int, ...]) -> Array:
    classes = shape[0] * shape[1]
    if max(shape) != classes:
        raise DataError(f"{given.key} is a matrix, so labels do not say what it is")
    hot = np.zeros((given.array.size, classes))
    for row, label in enumerate(given.array.reshape(-1)):
        if label.denominator != 1 or not 0 <= label < classes:
            raise DataError(f"{given.key} has the label {label}, but the classes are 0..{classes - 1}")
        hot[row, int(label)] = 1.0
    return RATIONAL.array(hot).reshape(leading + shape)
