"""Names, rows and loads of the plain module."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.numpy_source.lengths import Lengths
from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Names, Source
from symrnn.errors import UnsupportedError
from symrnn.language import Declaration, Index, Node, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.interface import Interface, Slot, build_interface
from symrnn.planning.lowering import Lowering
from symrnn.planning.ranges import Reach, reaches
from symrnn.planning.system import Gradient, System

RESERVED = [
    "np", "params", "inputs", "targets", "initial", "steps", "WINDOW", "batch", "has_batch", "dtype", "given",
    "data", "rows", "loss", "gradients", "variables", "final_state", "range", "len", "sum", "float", "int", "dict",
    "min", "max", "step", "sigmoid", "softmax", "log_softmax", "layernorm", "l", "O", "I",
]  # fmt: skip


@dataclass
class PlainNames:
    """The names of a plain module; everything that depends on the cell's names is decided in the constructor."""

    system: System
    options: CodeOptions = field(default_factory=CodeOptions)
    source: Source = field(default_factory=Source)
    lengths: Lengths | None = None

    def __post_init__(self) -> None:
        cell = self.system.cell
        self.interface: Interface = build_interface(self.system)
        names = Names(RESERVED)
        self.index_names = {name: names.give(name) for name in (*cell.sizes, *sorted(self._time_names()))}
        self.index_names[cell.time.index] = names.give(cell.time.index)
        self.names = {slot.key: names.give(python_key(slot)) for slot in self.interface.slots}
        self.computed: dict[tuple[str, Role], str] = {}
        for definition in self.system.definitions:
            self.computed[definition.name, definition.role] = names.give(definition.name)
        self.constants = {d.name: names.give(d.name) for d in self.interface.constants}
        self.gradient_names = {g.key: names.give("grad_" + python_key(g)) for g in self.system.gradients}
        self.reach: dict[tuple[str, Role], Reach] = reaches(self.system)
        self.free = names
        self.writer = NumpyWriter(self._load, self.index_names, self.options.relu0)

    @property
    def masks(self) -> tuple[str, ...]:
        """The inputs that are made of the lengths of the sequences, if they may differ."""
        return self.lengths.masks if self.lengths is not None else ()

    def _time_names(self) -> set[str]:
        return set(self.system.time.last.names() | self.system.time.first.names())

    # ---- names and rows

    @property
    def origin(self) -> Index:
        """The time of row 0: 0 where times start at 0 or 1, so that row t is time t."""
        first = self.system.time.first
        return Index.of(0) if first.constant in (0, 1) else first

    def row(self, time: Index) -> ast.expr:
        """The row of a time."""
        return self.writer.index(time - self.origin)

    def _load(self, load: arrays.Load) -> ast.expr:
        name = self._array_name(load)
        return py.name(name) if load.time is None else py.subscript(py.name(name), self.row(load.time))

    def _array_name(self, load: arrays.Load) -> str:
        if load.role in (Role.COMPUTED, Role.PART):
            return self.computed[load.name, load.role]
        return self.constants.get(load.name) or self.names[load.name]

    def lower(self, node: Node) -> Array:
        """An expression in sizes and constants alone."""
        return Lowering(lambda name, role: False)(node)

    # ---- what a function begins with

    def _nested(self, write: Callable[[], None]) -> Source:
        outer, self.source = self.source, Source()
        self.source.depth = outer.depth
        write()
        inner, self.source = self.source, outer
        return inner

    def _unpack(self, body: Source, call: str) -> None:
        """``_unpack`` and the names that the body uses, nothing else."""
        used = {
            node.id
            for node in ast.walk(ast.parse("\n".join(line[4:] for line in body.lines)))
            if isinstance(node, ast.Name)
        }
        source = self.source
        source.raw(f"data = {call}")
        for constant in self.interface.constants:
            if self.constants[constant.name] in used and constant.value is not None:
                used |= self._constant_names(constant)
        sizes = [(r.size, self.index_names[r.size]) for r in self.interface.sizes]
        plain = [(key, key) for key in ("steps", "batch", "has_batch", "dtype", "given")]
        read = [s for s in self.interface.slots if s is not self.interface.counter]
        arrays_ = [(s.key, self.names[s.key]) for s in read if s.group != "initial"]
        starts = [(s.key, self.names[s.key]) for s in self.interface.group("initial")]
        length = [n for n in sorted(self._time_names()) if self.index_names[n] in used]
        if length:
            used.add("steps")
        for pairs in (plain, sizes, arrays_, starts):
            kept = [(key, name) for key, name in pairs if name in used]
            if kept:
                left = ", ".join(name for _, name in kept)
                right = ", ".join(f"data[{key!r}]" for key, _ in kept)
                source.raw(f"{left} = {right}")
        for name in length:
            self._solve_length(name)
        for constant in self.interface.constants:
            if self.constants[constant.name] in used and constant.value is not None:
                value = self._constant(constant)
                source.assign(self.constants[constant.name], value)

    def _constant_names(self, constant: Declaration) -> set[str]:
        value = self._constant(constant)
        return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}

    def _solve_length(self, name: str) -> None:
        """The symbol in the time range, from the number of steps."""
        length = self.system.time.length
        rest = length - Index.of(name)
        if name in rest.names():
            raise UnsupportedError(f"the number of steps, {length}, does not determine {name}")
        self.source.assign(self.index_names[name], self.writer.index(Index.of("steps") - rest))

    def _constant(self, constant: Declaration) -> ast.expr:
        assert constant.value is not None
        return self.writer.expression(self.lower(constant.value))


def python_key(slot: Slot | Gradient) -> str:
    """``h[0]`` becomes ``h_0``, ``h[-1]`` ``h_m1``, ``h[tau+1]`` ``h_tau1``."""
    key = slot.key
    return key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")
