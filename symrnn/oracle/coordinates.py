"""By what one differentiates: which entries of which slots, each an independent coordinate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from symrnn.errors import QuestionError
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.operation import Concat, Entry, HStack, Slice, Transpose, Unvec, Vec
from symrnn.oracle import tensors
from symrnn.oracle.frame import Array, Slot
from symrnn.oracle.rules_blocks import checked_entry, entry_places


@dataclass(frozen=True)
class Coordinates:
    """``address`` has the shape of the expression; each entry counts through the entries of ``slots`` in
    turn.
    """

    slots: tuple[Slot, ...]
    shapes: tuple[tuple[int, ...], ...]
    address: Array

    @property
    def count(self) -> int:
        """How many coordinates."""
        return int(self.address.size)

    def directions(self) -> list[Array]:
        """For each slot an array (coordinate, rows, columns): one at the coordinate's own entry, zero
        elsewhere.
        """
        flat = self.address.reshape(-1)
        found, start = [], 0
        for rows, columns in self.shapes:
            size = rows * columns
            direction = np.zeros((self.count, size))
            here = np.flatnonzero((flat >= start) & (flat < start + size))
            direction[here, flat[here] - start] = 1.0
            found.append(direction.reshape(self.count, rows, columns))
            start += size
        return found


class _Reader:
    """Reads the expression, giving every slot it meets a range of addresses."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self.numbers = numbers
        self.slots: dict[Slot, tuple[int, tuple[int, ...]]] = {}
        self.end = 0

    def address(self, node: Node) -> Array:
        if isinstance(node, Variable):
            return self._slot(node)
        rule = _RULES.get(type(node))
        if rule is None:
            raise QuestionError(
                f"one cannot differentiate by a {type(node).__name__}",
                hint="By a variable, an entry or a block of one, its vec, or a concat of such.",
            )
        return rule(self, node)

    def _slot(self, node: Variable) -> Array:
        slot = (node.name, None if node.time is None else node.time.value(self.numbers))
        shape = tuple(axis.value(self.numbers) for axis in node.shape) or (1, 1)
        if slot not in self.slots:
            self.slots[slot] = (self.end, shape)
            self.end += shape[0] * shape[1]
        start, shape = self.slots[slot]
        return start + np.arange(shape[0] * shape[1]).reshape(shape)

    def slice(self, node: Node) -> Array:
        operand, *spans = node.args
        rows, columns = (
            slice(None) if span is None else slice(*(bound.value(self.numbers) for bound in span)) for span in spans
        )
        return self.address(operand)[rows, columns]

    def entry(self, node: Node) -> Array:
        operand, indices = node.args
        inside = self.address(operand)
        at = [index.value(self.numbers) for index in entry_places(operand, indices)]
        checked_entry(at, inside.shape)
        return inside[tuple(at)].reshape(1, 1)

    def unvec(self, node: Node) -> Array:
        rows, columns = (axis.value(self.numbers) for axis in node.args[1:])
        return tensors.unvec(self.address(node.args[0]), rows, columns)


_RULES: Mapping[type, Callable[[_Reader, Node], Array]] = {
    Slice: _Reader.slice,
    Entry: _Reader.entry,
    Unvec: _Reader.unvec,
    Concat: lambda reader, node: tensors.stack_down([reader.address(part) for part in node.args[0]]),
    HStack: lambda reader, node: tensors.stack_sideways([reader.address(part) for part in node.args[0]]),
    Transpose: lambda reader, node: tensors.transposed(reader.address(node.args[0])),
    Vec: lambda reader, node: tensors.vec(reader.address(node.args[0])),
}


def coordinates(by: Node, numbers: Mapping[str, int]) -> Coordinates:
    """The coordinates that an expression names, at these sizes and times.

    A variable, an entry or a block of one, its transpose or vec, or a stack of such; anything else is a
    QuestionError.
    """
    reader = _Reader(numbers)
    address = reader.address(by)
    shape = tuple(axis.value(numbers) for axis in by.shape)
    shapes = tuple(shape for _, shape in reader.slots.values())
    return Coordinates(tuple(reader.slots), shapes, address.reshape(shape))
