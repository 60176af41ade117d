"""Arrays in which every component index of an index form has an axis of its own.

A value has the axes (batch…, one per component index, rows, columns), of length 1 where it does not depend on
the index; leading axes of length 1 may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symrnn.errors import DataError
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.node import Shape
from symrnn.oracle.compiler import Compiler
from symrnn.oracle.frame import Array, Frame
from symrnn.oracle.indices import open_names
from symrnn.oracle.tensors import in_layout

Values = Callable[[Frame], Array]
"""The values of an index along the axes of the component indices in it."""


@dataclass(frozen=True)
class Axes:
    """The component indices, each with its place among the axes; ``free`` are those of the result, with
    sizes.
    """

    place: Mapping[str, int]
    free: tuple[str, ...]
    sizes: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.place)

    def arange(self, name: str, size: int) -> Array:
        """All values of an index, along its own axis."""
        return np.arange(size).reshape([size if at == self.place[name] else 1 for at in range(self.count)])

    def from_the_end(self, name: str) -> int:
        """The axis of an index in a value, counted from its last axis, which is 1."""
        return self.count + 2 - self.place[name]

    def values(self, index: Index, given: Mapping[str, int], compiler: Compiler, length: int | None = None) -> Values:
        """The values of an index expression, held to the length of the axis that it walks along."""
        ranges = {n: self.arange(n, given[n]) for n in sorted(index.names()) if n in given and n in self.place}
        places = {n: compiler.positions.of(n) for n in open_names(index, compiler.sizes) if n not in ranges}
        count = self.count

        def values(frame: Frame) -> Array:
            now = {name: frame.index[place] for name, place in places.items()}
            found = np.asarray(index.value({**compiler.sizes, **now, **ranges}))
            if length is not None and found.size and (found.min() < 0 or found.max() >= length):
                raise DataError(f"the index {index} leaves an axis of size {length} (entries count from 0)")
            return found.reshape((1,) * (count - found.ndim) + found.shape)

        return values

    def whole(self, value: Array) -> Array:
        """The value with all its axes."""
        return value.reshape((1,) * (self.count + 2 - value.ndim) + value.shape)

    def before_axes(self, value: Array, core: int) -> Array:
        """A value of the evaluator, whose batch is moved before the axes of the component indices."""
        if value.ndim == core:
            return value
        return value.reshape(*value.shape[:-core], *(1,) * self.count, *value.shape[-core:])

    def entries(self, value: Array, at: Sequence[Array]) -> Array:
        """The entries of an array without component axes: a scalar for all values of the indices."""
        return value[(..., *np.broadcast_arrays(*at))][..., None, None]

    def entries_of_open(self, value: Array, at: Sequence[Array]) -> Array:
        """The entries of an array that has component axes itself, along which the indices walk with it."""
        full = self.whole(value)
        lengths = full.shape[-2 - self.count : -2]
        own = [
            np.arange(length).reshape([length if at == place else 1 for at in range(self.count)])
            for place, length in enumerate(lengths)
        ]
        # An axis of length 1 is read at 0 whatever the index on it is: broadcasting, not an entry.
        return full[(..., *np.broadcast_arrays(*own, *at))][..., None, None]

    def laid_out(self, value: Array, of: Shape, by: Shape, layout: Layout) -> Array:
        """The derivative that remains where only one of its sides was opened into entries."""
        flat = value.reshape(-1, *value.shape[self.count :])
        matrices = np.stack([in_layout(one, of, by, layout) for one in flat])
        return matrices.reshape(*value.shape[: self.count], *matrices.shape[1:])

    def collect(self, value: Array) -> Array:
        """The result's array: the free axes in their order, full length."""
        full = self.whole(value)[..., 0, 0]
        dummies = tuple(place for name, place in self.place.items() if name not in self.free)
        kept = [name for name in self.place if name in self.free]
        ordered = full.squeeze(axis=dummies).transpose([kept.index(name) for name in self.free])
        return np.broadcast_to(ordered, [self.sizes[name] for name in self.free]).copy()


def summed(value: Array, place: int, size: int) -> Array:
    """The sum over an axis, kept with length 1; what does not depend on the index counts ``size`` times."""
    if value.ndim < place or value.shape[-place] == 1:
        return value * size
    return value.sum(axis=-place, keepdims=True)
