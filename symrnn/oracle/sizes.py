"""Small sizes that differ pairwise, so that no wrong transpose fits by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, permutations

from symrnn.errors import DataError
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.node import Node
from symrnn.language.operation import Slice
from symrnn.language.traversal import postorder

FAVOURITES = (3, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)
"""The first size gets 3, the second 2, and so on; where a shape asks for more, other orders are tried."""

MOST_TRIALS = 2_000


def time_symbols(cell: Cell) -> tuple[str, ...]:
    """The symbols of the time bounds, as the tau of ``1..tau``."""
    names = cell.time.first.names() | cell.time.last.names()
    return tuple(sorted(names - set(cell.sizes)))


def choose_sizes(cell: Cell, given: Mapping[str, int] | None = None, tau: int = 5) -> dict[str, int]:
    """Numbers for every size and time bound; those given are kept.

    Sizes declared equal are equal, all others differ pairwise where nothing else was given.  ``tau`` is the
    number of steps.  Raises DataError where the given numbers make a shape impossible.
    """
    fixed = dict(given or {})
    known = {*cell.sizes, *dict(cell.equal_sizes), *time_symbols(cell)}
    unknown = sorted(fixed.keys() - known)
    if unknown:
        raise DataError(f"the cell has no size {', '.join(unknown)}", hint=f"Its sizes: {', '.join(sorted(known))}.")
    for name, value in fixed.items():
        if value < 1:
            raise DataError(f"the size {name} is {value}, but a size is at least 1")
    times = _times(cell, fixed, tau)
    needed = _shapes(cell)
    for candidate in _candidates(cell, fixed, tau):
        numbers = {**candidate, **times}
        if _fits(needed, numbers):
            return numbers
    raise DataError(
        f'no small sizes fit the shapes of the cell "{cell.name}"' + (f" with {fixed}" if fixed else ""),
        hint="Give the sizes yourself.",
    )


def _times(cell: Cell, fixed: Mapping[str, int], tau: int) -> dict[str, int]:
    symbols = time_symbols(cell)
    missing = [name for name in symbols if name not in fixed]
    numbers = {name: fixed[name] for name in symbols if name in fixed}
    if not missing:
        return numbers
    for name in missing[1:]:
        numbers[name] = 1
    for value in range(-tau, 4 * tau + 20):
        if cell.time.length.names() <= {*numbers, missing[0]}:
            trial = {**numbers, missing[0]: value}
            if cell.time.length.value(trial) == tau:
                return trial
    raise DataError(f"the times {cell.time.first}..{cell.time.last} cannot have {tau} steps")


def _candidates(cell: Cell, fixed: Mapping[str, int], tau: int) -> Iterator[dict[str, int]]:
    equal = dict(cell.equal_sizes)
    free = [name for name in cell.sizes if name not in fixed and name not in equal]
    # A size that equals the number of steps would hide 1/n for 1/tau; but the ladder's short sequences keep the sizes.
    taken = {*fixed.values(), tau} if tau > 4 else set(fixed.values())
    pool = [value for value in FAVOURITES if value not in taken]
    pool += list(range(max(FAVOURITES) + 1, max(FAVOURITES) + 1 + len(free)))
    orders = permutations(pool[: len(free) + 4], len(free))
    for values in islice(orders, MOST_TRIALS):
        numbers = {
            **{name: fixed[name] for name in cell.sizes if name in fixed},
            **dict(zip(free, values, strict=True)),
        }
        yield _with_equal(numbers, equal, fixed)


def _with_equal(numbers: dict[str, int], equal: Mapping[str, Index], fixed: Mapping[str, int]) -> dict[str, int]:
    for name, same in equal.items():
        if same.names() <= numbers.keys():
            value = same.value(numbers)
            if fixed.get(name, value) != value:
                raise DataError(
                    f"the size {name} is {fixed[name]}, but it was declared equal to {same}, which is {value}"
                )
            numbers[name] = value
    return numbers


def _shapes(cell: Cell) -> list[Index]:
    """Every axis length in the cell that is more than one bare symbol, and the room that slices leave."""
    roots: list[Node] = [e.expression for e in cell.equations]
    roots += [s.initial for s in cell.states if s.initial is not None]
    roots += [] if cell.loss is None else [cell.loss]
    axes = [axis for d in cell.declarations for axis in d.shape]
    for root in roots:
        for node in postorder(root):
            axes += node.shape
            if isinstance(node, Slice):
                axes += [
                    axis - span[1] + 1 for axis, span in zip(node.args[0].shape, node.args[1:], strict=True) if span
                ]
    return [axis for axis in dict.fromkeys(axes) if axis.name is None and axis.constant is None]


def _fits(needed: list[Index], numbers: Mapping[str, int]) -> bool:
    try:
        return all(axis.value(numbers) >= 1 for axis in needed if axis.names() <= numbers.keys())
    except DataError:  # not an integer there, as n/2 for an odd n
        return False
