"""Index expressions turned into fast functions of the current index values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symrnn.language.index import Index

IndexFn = Callable[[list[Any]], int]


class Positions:
    """A fixed place in the list of index values for every index symbol met so far."""

    def __init__(self) -> None:
        self.place: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The place of a symbol; a new one gets the next."""
        return self.place.setdefault(name, len(self.place))

    def fresh(self, numbers: Mapping[str, int]) -> list[Any]:
        """A list of index values with these symbols set."""
        values: list[Any] = [None] * len(self.place)
        for name, value in numbers.items():
            if name in self.place:
                values[self.place[name]] = value
        return values


def open_names(index: Index, sizes: Mapping[str, int]) -> frozenset[str]:
    """The symbols of an index that are not sizes or time bounds with a number."""
    return frozenset(name for name in index.names() if name not in sizes)


def shifted_symbol(index: Index, sizes: Mapping[str, int]) -> tuple[str, int] | None:
    """``(symbol, offset)`` where the index is one open symbol plus an integer, else None."""
    names = open_names(index, sizes)
    if len(names) != 1:
        return None
    (name,) = names
    rest = index - name
    return None if open_names(rest, sizes) else (name, rest.value(sizes))


def index_function(index: Index, sizes: Mapping[str, int], positions: Positions) -> IndexFn:
    """The index as a function of the list of index values.

    >>> positions = Positions()
    >>> f = index_function(Index.of("t") - "n", {"n": 3}, positions)
    >>> f(positions.fresh({"t": 5}))
    2
    """
    names = open_names(index, sizes)
    if not names:
        value = index.value(sizes)
        return lambda values: value
    shifted = shifted_symbol(index, sizes)
    if shifted is not None:
        place, offset = positions.of(shifted[0]), shifted[1]
        return lambda values: values[place] + offset
    places = [(name, positions.of(name)) for name in sorted(names)]
    return lambda values: index.value({**sizes, **{name: values[place] for name, place in places}})
