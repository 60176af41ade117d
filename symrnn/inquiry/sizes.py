"""Numbers for sizes, as a user gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symrnn.errors import DataError, did_you_mean
from symrnn.language.cell import Cell
from symrnn.language.index import Index


def check_sizes(cell: Cell, sizes: Mapping[str, int]) -> dict[str, int]:
    """The numbers for the cell's sizes (and, perhaps, its last time), checked.

    A size that was declared equal to another one may be given too, if the two agree.  Raises DataError for an
    unknown name, a size below 1, and two numbers for one size.
    """
    last = cell.time.last.names()
    known = {*cell.sizes, *last, *(name for name, _ in cell.equal_sizes)}
    for name, value in sizes.items():
        if name not in known:
            raise DataError(f'the cell "{cell.name}" has no size "{name}"', hint=did_you_mean(name, known))
        if value < 1:
            raise DataError(f"the size {name} = {value} is not positive", hint="Sizes count from 1.")
    numbers = {name: int(value) for name, value in sizes.items()}
    for name, equal in cell.equal_sizes:
        _unify(name, equal, numbers)
    return numbers


def _unify(name: str, equal: Index, numbers: dict[str, int]) -> None:
    """Make a size and the one it was declared equal to agree."""
    other = equal.name
    if name in numbers and other is not None and other not in numbers:
        numbers[other] = numbers[name]
    elif equal.names() <= numbers.keys():
        value = equal.value(numbers)
        if numbers.setdefault(name, value) != value:
            raise DataError(
                f"{name} = {equal} was declared, but {name} = {numbers[name]} and {equal} = {value} are given"
            )


def value_of(index: Index, sizes: Mapping[str, int], what: str) -> int:
    """The number that a formula in sizes is; a size without a number is a DataError that names all missing
    ones.
    """
    missing = missing_sizes([index], sizes)
    if missing:
        given = ", ".join(f"{name}={number}" for name, number in sizes.items()) or "none"
        raise DataError(
            f"{what} = {index} needs numbers for {', '.join(missing)} (given: {given})",
            hint=f"Give them, as in {', '.join(f'{name}=3' for name in missing)}.",
        )
    return index.value(sizes)


def missing_sizes(indices: Iterable[Index], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The symbols in these indices that have no number, sorted."""
    needed = frozenset().union(*(index.names() for index in indices))
    return tuple(sorted(needed - sizes.keys()))
