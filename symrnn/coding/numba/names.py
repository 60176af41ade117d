"""Names and rows of the arrays in a Numba module."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from symrnn.coding import python_source as py
from symrnn.coding.numba.loops import LoopWriter, Place
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.python_source import Names, Source
from symrnn.coding.tensor.names import python_key
from symrnn.coding.tensor.stages import settle
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Node, Role
from symrnn.planning import arrays
from symrnn.planning.interface import Interface, build_interface
from symrnn.planning.loops import Key
from symrnn.planning.lowering import Lowering
from symrnn.planning.ranges import Reach, reaches
from symrnn.planning.system import System

RESERVED = (
    "np", "numba", "math", "params", "inputs", "targets", "initial", "steps", "batch", "has_batch", "dtype", "given",
    "data", "loss", "gradients", "variables", "final_state", "range", "len", "sum", "float", "int", "dict", "min",
    "max", "abs", "step", "softmax", "log_softmax", "layernorm", "example", "compiled", "arguments",
    "like", "l", "O", "I", "tanh", "sigmoid", "exp", "log", "exactly", "two_to", "grown_less_one", "multiply",
    "multiply_at", "multiply_matrices", "multiply_matrices_back",
    "multiply_back", "multiply_back_at", "turned", "inlined",
    "multiply_columns", "sum_rows", "mark", "in_range", "make_loss_and_gradients", "loss_and_gradients", "forward",
)  # fmt: skip


@dataclass
class NumbaNames:
    """Names and rows of a module's arrays; what depends on the cell's names is decided once."""

    system: System
    relu0: float = 0.0
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        cell, system = self.system.cell, self.system
        self.interface: Interface = build_interface(system)
        self.names = Names(RESERVED)
        self.lengths = sorted(cell.time.last.names() | cell.time.first.names())
        self.index_names = {name: self.names.give(name) for name in (*cell.sizes, *self.lengths)}
        self.index_names[cell.time.index] = self.names.give(cell.time.index)
        self.slots = {slot.key: self.names.give(python_key(slot.key)) for slot in self.interface.slots}
        self.arrays: dict[Key, str] = {(d.name, d.role): self.names.give(d.name) for d in system.definitions}
        self.constants = {d.name: self.names.give(d.name) for d in self.interface.constants}
        self.results = {g.key: self.names.give("grad_" + python_key(g.key)) for g in system.gradients}
        self.reach: dict[Key, Reach] = reaches(system)
        self.settled = {(d.name, d.role): settle(d, system) for d in system.definitions}
        self.margins = self._margins()
        self.plain = NumpyWriter(lambda load: py.name(load.name), self.index_names)
        self.writer = self._new_writer()

    def _new_writer(self) -> LoopWriter:
        # Every function has loop variables and memory of its own.
        return LoopWriter(self._entry, dict(self.index_names), Names(self.names.taken), self.relu0)

    # ---- rows

    def _margins(self) -> dict[Key, tuple[int, int]]:
        """How many rows each array has before and after the time range."""
        index, time = self.system.time.index, self.system.time
        found: dict[Key, tuple[int, int]] = {}
        expressions = [e for d in self.settled.values() for e in d.expressions()]
        expressions += [g.expression for g in self.system.gradients]
        for node in arrays.postorder(*expressions, *([self.system.loss] if self.system.loss is not None else [])):
            if isinstance(node, arrays.Load) and node.time is not None:
                shift = next((c for n in node.time.names() if (c := (node.time - Index.of(n)).constant) is not None), 0)
                low, high = -shift, shift
                if index not in node.time.names() and not any(n in node.time.names() for n in self.lengths):
                    low, high = (time.first - node.time).constant or 0, 0
                before, after = found.get((node.name, node.role), (0, 0))
                found[node.name, node.role] = (max(before, int(low)), max(after, int(high)))
        for state in self.system.cell.states:
            before, after = found.get((state.name, Role.COMPUTED), (0, 0))
            deep = (0, state.depth) if state.backward else (state.depth, 0)
            found[state.name, Role.COMPUTED] = (max(before, deep[0]), max(after, deep[1]))
        return found

    def _low(self, key: Key) -> Index:
        return self.system.time.first - self.margins.get(key, (0, 0))[0]

    def _entry(self, load: arrays.Load, place: Place) -> ast.expr:
        if load.role is Role.CONSTANT and load.name in self.constants:
            name = self.constants[load.name]
        elif load.role in (Role.COMPUTED, Role.PART):
            name = self.arrays[load.name, load.role]
        else:
            name = self.slots[load.name]
        row = () if load.time is None else (self.writer.index(load.time - self._low((load.name, load.role))),)
        at = (*row, *place)
        if at:
            return py.subscript(py.name(name), *at)
        scalar = load.role is Role.COMPUTED or (load.role is Role.CONSTANT and load.name in self.constants)
        return py.name(name) if scalar else py.subscript(py.name(name), py.tuple_([]))

    def _value(self, node: Node) -> ast.expr:
        array = Lowering(lambda name, role: False)(node)
        return self.plain.expression(array)

    def _solve_length(self, name: str) -> None:
        length = self.system.time.length
        rest = length - Index.of(name)
        if name in rest.names():
            raise UnsupportedError(f"the number of steps, {length}, does not determine {name}")
        self.source.assign(self.index_names[name], self.plain.index(Index.of("steps") - rest))
