"""Products of whole stacks: all weight gradients at once, or the wanted blocks where vectors are longer."""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.coding.numpy_narrow.places import Places
from symrnn.language import Index
from symrnn.planning.graph import Op
from symrnn.planning.stacks import Stack


@dataclass
class StackProducts:
    """The products that sums over time ask for."""

    places: Places
    products: dict[tuple[Stack, Stack, int], str] = field(default_factory=dict)
    wanted: dict[tuple[Stack, Stack, int], dict[Op, set[Op | None]]] = field(default_factory=dict)

    def block(self, stack: Stack, other: Stack, offset: int, left: Op, right: Op | None) -> str:
        """Σ over rows and examples of one stack times the other, ``offset`` rows apart; made at the first use.

        The block of two operands of it is wanted; without a right one that of the 1.
        """
        key = (stack, other, offset)
        self.wanted.setdefault(key, {}).setdefault(left, set()).add(right)
        if key not in self.products:
            name = self.places.work.names.give("weight_gradients")
            rows, columns = self.places.work.index(stack.height), self.places.work.index(other.height)
            self.places.work.setup.append(f"{name} = np.empty(({rows}, {columns}), dtype)")
            self.products[key] = name
        return self.products[key]

    def lines(self) -> list[str]:
        """The statements that make them."""
        lines = []
        for (stack, other, offset), name in self.products.items():
            low, high = self._common(stack, other, offset)
            left = self.places.work.make("left", self.places.stack_rows(stack, low, high))
            right = self.places.work.make("right", self.places.stack_rows(other, low - offset, high - offset))
            tall = self.places.work.make(
                "left_rows",
                f"{left}[:, :, 0].T if batch == 1 else np.empty(({left}.shape[1], len({left}) * batch), dtype)",
            )
            wide = self.places.work.make(
                "right_rows",
                f"{right}[:, :, 0] if batch == 1 else np.empty((len({right}) * batch, {right}.shape[1]), dtype)",
            )
            lines.append("if batch > 1:")
            lines.append(f"    {tall}.reshape({left}.shape[1], -1, batch)[...] = {left}.transpose(1, 0, 2)")
            lines.append(f"    {wide}.reshape(-1, batch, {right}.shape[1])[...] = {right}.transpose(0, 2, 1)")
            lines += self._dots(stack, other, self.wanted[stack, other, offset], (tall, wide, name))
        return lines

    def _dots(
        self, stack: Stack, other: Stack, wanted: dict[Op, set[Op | None]], names: tuple[str, str, str]
    ) -> list[str]:
        """The product at once; where vectors are longer, its wanted blocks alone."""
        tall, wide, name = names
        whole = f"{tall}.dot({wide}, {name})"
        runs: list[tuple[Index, Index, str]] = []
        for op in stack.operands:
            if op not in wanted:
                continue
            columns = [other.start(row) for row in other.rows() if row in wanted[op]]
            ends = [other.stop(row) for row in other.rows() if row in wanted[op]]
            span = f"{self.places.work.index(columns[0])}:{self.places.work.index(ends[-1])}"
            if runs and runs[-1][1] == stack.start(op) and runs[-1][2] == span:
                runs[-1] = (runs[-1][0], stack.stop(op), span)
            else:
                runs.append((stack.start(op), stack.stop(op), span))
        if self.places.apart is None:
            return [whole]
        lines = [f"if {self.places.apart}:"]
        for start, stop, span in runs:
            rows = f"{self.places.work.index(start)}:{self.places.work.index(stop)}"
            part = self.places.work.make(f"{name}_part", f"{name}[{rows}, {span}] if {self.places.apart} else None")
            lines.append(f"    {self.places.work.function('matmul')}({tall}[{rows}], {wide}[:, {span}], {part})")
        return [*lines, "else:", f"    {whole}"]

    def _common(self, stack: Stack, other: Stack, offset: int) -> tuple[Index, Index]:
        """The rows of the first stack for which the other one has its row, too."""
        low, high = self.places.stack_times(stack)
        first, last = self.places.stack_times(other)
        first, last = first + offset, last + offset
        low = first if ((first - low).constant or 0) > 0 else low
        high = last if ((high - last).constant or 0) > 0 else high
        return low, high
