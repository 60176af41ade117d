"""Names and rows of the arrays in a JAX or PyTorch module, and how a function takes what it uses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from symrnn.coding import python_source as py
from symrnn.coding.python_source import Names, Source
from symrnn.coding.tensor.kept import KEPT
from symrnn.coding.tensor.writer import Span, TensorWriter
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Node, Role
from symrnn.planning import arrays
from symrnn.planning.interface import Interface, build_interface
from symrnn.planning.loops import Key
from symrnn.planning.lowering import Lowering
from symrnn.planning.ranges import Reach, reaches
from symrnn.planning.system import Definition, System

RESERVED = (
    "params", "inputs", "targets", "initial", "steps", "batch", "has_batch", "dtype", "device", "given", "data", "loss",
    "gradients", "variables", "final_state", "range", "len", "sum", "float", "int", "dict", "min", "max", "math",
    "step", "carry", "now", "sigmoid", "softmax", "log_softmax", "layernorm", "l", "O", "I",
)  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """A library: its name and import, its own functions, and how NumPy's calls are written with it.

    ``helpers`` are functions that a module defines where it uses them, ``support`` those that it always has, ``loss``
    one that its automatic differentiation takes; ``quiet`` is a decorator that keeps the latter out.
    """

    title: str
    imports: tuple[str, ...]
    taken: tuple[str, ...]
    scan: str
    helpers: Mapping[str, str]
    support: str
    translate: Callable[[ast.expr], ast.expr]
    notes: str
    loss: str = ""
    quiet: str = ""


@dataclass
class TensorNames:
    """Names and rows of a module's arrays; what depends on the cell's names is decided once."""

    system: System
    dialect: Dialect
    relu0: float = 0.0
    dtype: str | None = None
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        cell, system = self.system.cell, self.system
        self.interface: Interface = build_interface(system)
        self.given = Names([*RESERVED, *self.dialect.taken])
        index_names = {name: self.given.give(name) for name in (*cell.sizes, *sorted(self._time_names()))}
        index_names[cell.time.index] = self.given.give(cell.time.index)
        self.index_names = index_names
        self.slot_names = {slot.key: self.given.give(python_key(slot.key)) for slot in self.interface.slots}
        kept = {d: d.name.removesuffix(KEPT) for d in system.definitions}
        self.names: dict[Key, str] = {(d.name, d.role): self.given.give(kept[d]) for d in system.definitions}
        for slot in self.interface.slots:
            if slot.group != "initial":
                self.names[slot.name, slot.role] = self.slot_names[slot.key]
        self.constant_names = {d.name: self.given.give(d.name) for d in self.interface.constants}
        self.gradient_names = {g.key: self.given.give("grad_" + python_key(g.key)) for g in system.gradients}
        self.reach: dict[Key, Reach] = reaches(system)
        span = (cell.time.first, cell.time.last)
        self.spans: dict[Key, Span] = {}
        self.writer = TensorWriter(
            self._name_of, index_names, self.relu0, rows=self._rows_of, index_name=cell.time.index, time=span
        )
        self.fixed = {index_names[n] for n in self._time_names()}
        self.needs_targets = False
        self.timed_scan = False

    def _time_names(self) -> set[str]:
        return set(self.system.time.last.names() | self.system.time.first.names())

    # ---- names and rows

    def _name_of(self, load: arrays.Load) -> ast.expr:
        if load.role is Role.CONSTANT and load.name in self.constant_names:
            return py.name(self.constant_names[load.name])
        return py.name(self.names[load.name, load.role])

    def _rows_of(self, load: arrays.Load) -> Span:
        key = (load.name, load.role)
        if key in self.spans:
            return self.spans[key]
        time, state = self.system.time, self.system.cell.state.get(load.name)
        if load.role is Role.COMPUTED and state is not None:
            depth = state.depth
            return (time.first, time.last + depth) if state.backward else (time.first - depth, time.last)
        reach = self.reach.get(key, Reach())
        if load.role in (Role.INPUT, Role.TARGET) and self.system.cell.declaration[load.name].before is not None:
            return time.first - reach.before, time.last
        return reach.span(time)

    # ---- functions

    def _function(self, header: str, doc: str, write: Callable[[], None]) -> None:
        with self.source.indented(f"def {header}"):
            self.source.raw(f'"""{doc}"""')
            outer, self.source = self.source, Source()
            self.source.depth = outer.depth
            write()
            inner, self.source = self.source, outer
            self._take(inner)
            self.source.lines += inner.lines

    def _take(self, body: Source) -> None:
        """The names that a function's body uses, out of ``data`` and ``variables``."""
        tree = ast.parse("\n".join(line[4:] for line in body.lines))
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        made = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        early = [s for s in self.interface.slots if s.timed and s.before is not None]
        starts = [s for s in early if self.slot_names[s.key] in used]
        constants = [d for d in self.interface.constants if self.constant_names[d.name] in used]
        used |= self._names_in([s.before for s in starts] + [d.value for d in constants])
        length = [n for n in sorted(self._time_names()) if self.index_names[n] in used]
        used |= {"steps"} if length else set()
        used |= {"dtype"} if starts else set()
        plain = [(k, k) for k in ("steps", "batch", "has_batch", "dtype", "device", "given")]
        sizes = [(r.size, self.index_names[r.size]) for r in self.interface.sizes]
        slots = [(s.key, self.slot_names[s.key]) for s in self.interface.slots]
        self._take_from("data", [*plain, *sizes], used)
        self._take_from("data", slots, used - made)
        for name in length:
            self._solve_length(name)
        for declared in constants:
            self.assign(self.constant_names[declared.name], self._value(declared.value))
        for slot in starts:
            count = py.constant(self.reach[slot.name, slot.role].before)
            self.writer.helpers["_before"] = None
            name = self.slot_names[slot.key]
            self.assign(name, py.call("_before", py.name(name), count, self._value(slot.before)))
        computed = [(d.name, self.names[d.name, d.role]) for d in self.system.definitions if d.role is Role.COMPUTED]
        self._take_from("variables", computed, used - made)

    def _take_from(self, source: str, pairs: Iterable[tuple[str, str]], used: set[str]) -> None:
        kept = [(key, name) for key, name in pairs if name in used]
        for start in range(0, len(kept), 6):
            some = kept[start : start + 6]
            self.source.raw(f"{', '.join(n for _, n in some)} = {', '.join(f'{source}[{key!r}]' for key, _ in some)}")

    def _value(self, node: Node | None) -> ast.expr:
        assert node is not None
        return self.writer.single().expression(Lowering(lambda name, role: False)(node))

    def _names_in(self, nodes: list[Node | None]) -> set[str]:
        found = [self.dialect.translate(self._value(node)) for node in nodes if node is not None]
        return {inner.id for value in found for inner in ast.walk(value) if isinstance(inner, ast.Name)}

    def _solve_length(self, name: str) -> None:
        length = self.system.time.length
        rest = length - Index.of(name)
        if name in rest.names():
            raise UnsupportedError(f"the number of steps, {length}, does not determine {name}")
        self.assign(self.index_names[name], self.writer.index(Index.of("steps") - rest))

    def assign(self, target: str, value: ast.expr) -> None:
        """An assignment in the library's own words."""
        self.source.assign(target, self.dialect.translate(value))


def load_of(d: Definition, time: Index) -> arrays.Load:
    """A read of a defined variable."""
    load = arrays.Load(d.name, d.role, time, d.axes, d.expression.batched)
    assert isinstance(load, arrays.Load)
    return load


def python_key(key: str) -> str:
    """``h[0]`` becomes ``h_0``, ``h[-1]`` ``h_m1``, ``h[tau+1]`` ``h_tau1``."""
    return key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")


def names_in(source: Source) -> set[str]:
    """The names that the indented lines of a function use."""
    text = "\n".join(line[4:] for line in source.lines)
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
