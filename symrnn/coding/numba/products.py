"""Products with matrices and sums over times in compiled code: one call where the operands are matrices, else loops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numba.loops import LoopWriter, Place
from symrnn.coding.numba.places import Places
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.language import Index
from symrnn.planning import arrays
from symrnn.planning.arrays import Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Stage
from symrnn.planning.storage import VIEWS

BACK = ("multiply_back", "multiply_back_at")
"""The helper functions for products with the rows of a matrix."""


@dataclass(frozen=True)
class Summand:
    """What is added up: factors with labels, and the number in front."""

    args: list[Arg]
    labels: tuple[Labels, ...]
    out: Labels
    coefficient: Fraction = Fraction(1)
    extents: tuple[tuple[int, Index], ...] = ()


@dataclass
class ProductWriter:
    """Writes products and totals into the loop writer's source; ``lines`` are those that a function begins with."""

    work: Workspace
    places: Places
    loops: LoopWriter
    lines: list[str] = field(default_factory=list)
    weights: dict[tuple[Op, bool], str] = field(default_factory=dict)

    # ---- a matrix that does not change times vectors

    def _parts(self, op: Op) -> tuple[Op, bool, Arg] | None:
        """The matrix, whether it is transposed, and the vectors that it multiplies."""
        if op.kind != "product" or len(op.args) != 2 or op.data[0] != 1 or op.data[3] or len(op.data[2]) != 1:
            return None
        pairs = list(zip(reads(op), op.data[1], strict=True))
        matrices = [(a, n) for a, n in pairs if len(n) == 2 and not a.op.timed and not a.op.batched]
        vectors = [(a, n) for a, n in pairs if len(n) == 1 and a.op.batched]
        if len(matrices) != 1 or len(vectors) != 1 or len(set(matrices[0][1])) != 2:
            return None
        (matrix, names), (vector, (label,)) = matrices[0], vectors[0]
        if label not in names or op.data[2][0] == label or op.timed != vector.op.timed:
            return None
        if vector.op.kind != "data" and vector.op not in self.work.storage.slot and vector.op.timed:
            return None
        plain = matrix.op.kind in VIEWS and reads(matrix.op)[0].op.kind == "data" and matrix.op.kind == "cut"
        if not (plain or matrix.op.kind not in (*VIEWS, "identity", "full")):
            return None
        return matrix.op, names[0] != op.data[2][0], vector

    def is_standard(self, op: Op) -> bool:
        """Whether ``multiply`` computes it."""
        return self._parts(op) is not None

    def prepare(self, ops: Sequence[Op]) -> None:
        """Make the matrices that a stage multiplies with, before its loops."""
        for op in ops:
            found = self._parts(op)
            if found is not None:
                self._weight(found[0], found[1])

    def _weight(self, matrix: Op, flip: bool) -> str:
        """The name of a matrix with a row for each feature of the result, its rows one after the other."""
        if (matrix, flip) in self.weights:
            return self.weights[matrix, flip]
        base = reads(matrix)[0].op if matrix.kind == "cut" else matrix
        name = self.places.memory(base).name
        text = name
        if matrix.kind == "cut":
            axis, start, stop = matrix.data
            block = f"{self.work.index(start) if start.constant != 0 else ''}:{self.work.index(stop)}"
            text = f"{name}[{', '.join([':'] * axis + [block])}]"
        if flip and matrix.kind != "cut":
            self.loops.helpers["turned"] = None
            line, wanted = f"turned({name}, batch)", f"{name}_t"
        else:
            line, wanted = f"np.ascontiguousarray({text}{'.T' if flip else ''})", f"{name}_part"
        if flip or matrix.kind == "cut":
            made = self.work.names.give(wanted)
            line = f"{made} = {line}"
            if base.kind == "data":
                self.lines.append(line)
            else:
                self.loops.source.raw(line)
            text = made
        self.weights[matrix, flip] = text
        return text

    def multiply(self, op: Op, stage: Stage) -> None:
        """One call: in a loop for the examples of a step, else for all times and examples."""
        found = self._parts(op)
        assert found is not None
        matrix, flip, vector = found
        weights, out = self._weight(matrix, flip), self._rows(Arg(op), stage)
        # What is read against its rows is not copied where it is large.
        back = flip and matrix.kind != "cut"
        self.loops.helpers.update(dict.fromkeys(("multiply", "multiply_at", *(BACK if back else ()))))
        word = "multiply_back" if back else "multiply"
        shown = f"{self.places.memory(matrix).name}, {weights}" if back else weights
        memory = self.places.memory(vector.op)
        if stage.kind == "loop" and memory.rows is not None:
            row = py.unparse(self.places.row(memory, vector.shift))
            self.loops.source.raw(f"{word}_at({memory.name}, {row}, {shown}, {out})")
        else:
            self.loops.source.raw(f"{word}({self._rows(vector, stage)}, {shown}, {out})")

    def _rows(self, arg: Arg, stage: Stage) -> str:
        memory = self.places.memory(arg.op)
        if memory.rows is None:
            return memory.name
        if stage.kind == "loop":
            return f"{memory.name}[{py.unparse(self.places.row(memory, arg.shift))}]"
        assert stage.domain is not None
        return self.tall(arg, stage.domain[0], stage.domain[1])

    def tall(self, arg: Arg, low: Index, high: Index) -> str:
        """The rows of a value from one time to another, a row for each example at each time."""
        memory = self.places.memory(arg.op)
        name = self.places.tall(memory)
        assert memory.rows is not None
        first, stop = low + arg.shift - memory.rows[0], high + arg.shift - memory.rows[0] + 1
        if first.constant == 0 and stop == memory.rows[1] - memory.rows[0] + 1:
            return name
        scale = " * batch" if memory.batched else ""
        begin = "" if first.constant == 0 else f"{self.work.factor(first)}{scale}"
        return f"{name}[{begin} : {self.work.factor(stop)}{scale}]".replace("[ :", "[:")

    # ---- sums by loops

    def contract(self, op: Op, target: Callable[[Place], ast.expr]) -> None:
        """Loops that follow the rows of the largest factor, so that memory is read in order."""
        coefficient, labels, out, extents = op.data
        args = reads(op)
        sizes: dict[int, Index] = dict(extents)
        for arg, names in zip(args, labels, strict=True):
            sizes.update(zip(names, arg.op.axes, strict=True))
        parts = [self.places.stand_in(a) for a in args]
        widest = max(labels, key=len)
        order = list(dict.fromkeys([x for x in (*out, *sizes) if x not in widest] + list(widest)))
        shown = {x: py.name(self.loops.axis_names[place]) for place, x in enumerate(sizes)}
        factors = [
            self.loops.entry(part, tuple(shown[x] for x in names)) for part, names in zip(parts, labels, strict=True)
        ]
        if coefficient != 1:
            factors.insert(0, py.fraction(coefficient))
        value, place = py.chain("*", factors), tuple(shown[x] for x in out)
        loops = [(ast.unparse(shown[x]), sizes[x]) for x in order]
        outer = [x for x in order if x in out]
        if order[: len(outer)] == outer:
            name = self.loops.total_name()
            with self.loops.nest(loops[: len(outer)]):
                self.loops.source.raw(f"{name} = 0.0")
                with self.loops.nest(loops[len(outer) :]):
                    self.loops.source.augment(name, value)
                self.loops.source.assign(target(place), py.name(name))
            return
        with self.loops.nest([(ast.unparse(shown[x]), sizes[x]) for x in outer]):
            self.loops.source.assign(target(place), py.constant(0.0))
        with self.loops.nest(loops):
            self.loops.source.augment(target(place), value)

    # ---- sums over times

    def _summand(self, op: Op) -> Summand:
        inner = reads(op)[0]
        if inner.op in self.work.schedule.fused:
            coefficient, labels, out, extents = inner.op.data
            moved = [Arg(a.op, a.shift + (inner.shift if a.op.timed else 0)) for a in reads(inner.op)]
            return Summand(moved, labels, out, coefficient, extents)
        out = tuple(range(len(inner.op.axes)))
        return Summand([inner], (out,), out)

    def total(self, op: Op, time: str, example: str) -> None:
        """A sum over times, and over examples where it says so."""
        found = self._summand(op)
        args, labels, out = found.args, found.labels, found.out
        low, high, over_batch = op.data
        batched = any(a.op.batched for a in args)
        tall = all(a.op.timed and self._has_rows(a.op) and a.op.batched == batched for a in args)
        alike = tall and found.coefficient == 1 and not found.extents and batched == over_batch and not op.batched
        if alike and len(args) == 2 and len(out) == 2 and all(len(n) == 1 for n in labels) and labels[0] != labels[1]:
            left, right = args if labels[0][0] == out[0] else args[::-1]
            self.loops.helpers["multiply_columns"] = None
            rows = [self.tall(a, low, high) for a in (left, right)]
            self.loops.source.raw(f"multiply_columns({rows[0]}, {rows[1]}, {self.places.memory(op).name})")
        elif alike and len(out) == 1 and labels == (out,):
            self.loops.helpers["sum_rows"] = None
            self.loops.source.raw(f"sum_rows({self.tall(args[0], low, high)}, {self.places.memory(op).name})")
        else:
            self._total_by_loops(op, found, time, example)

    def _has_rows(self, op: Op) -> bool:
        if op.kind == "data":
            return True
        return op in self.work.storage.slot and self.work.storage.slot[op].kind in ("buffer", "piece")

    def _total_by_loops(self, op: Op, found: Summand, time: str, example: str) -> None:
        low, high, _ = op.data
        source = self.loops.source
        parts = [self.places.stand_in(a) for a in found.args]
        factors = tuple(zip(parts, found.labels, strict=True))
        value = arrays.Einsum(found.coefficient, factors, found.out, found.extents)
        depth, bare = source.depth, not op.axes and not op.batched
        target = self.places.result(op)
        source.raw(f"{ast.unparse(target) if bare else f'{self.places.memory(op).name}[...]'} = 0.0")
        source.raw(f"for {time} in range({self.work.index(low)}, {self.work.index(high + 1)}):")
        source.depth += 1
        if any(a.op.batched for a in found.args):
            source.raw(f"for {example} in range(batch):")
            source.depth += 1
        self.loops.store(lambda place: target if bare else self.places.entry(Arg(op), place), value, op.axes, add=True)
        self.loops.ready = {}
        source.depth = depth
