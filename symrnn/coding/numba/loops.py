"""Array expressions as nests of scalar loops, which Numba compiles well for small cells.

An expression is written in two moves: what is no plain product or function of entries (a contraction, a softmax, a
stack, a sum over time) is computed into an array of its own first; the rest becomes one expression for one entry.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.python_source import Names, Source
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Einsum
from symrnn.planning.association import grouped

SCALARS: Mapping[str, str] = {
    "tanh": "tanh(x)",
    "sigmoid": "sigmoid(x)",
    "relu": "max(x, 0.0)",
    "leaky_relu": "max(x, 0.0) + 0.01 * min(x, 0.0)",
    "softplus": "max(x, 0.0) + math.log1p(exp(-abs(x)))",
    "exp": "exp(x)",
    "log": "log(x)",
    "sqrt": "math.sqrt(x)",
    "sin": "math.sin(x)",
    "cos": "math.cos(x)",
    "abs": "abs(x)",
    "reciprocal": "1.0 / x",
    "power": "x ** y",
}
"""Functions of one entry."""

WITH = {"tanh": ("tanh",), "sigmoid": ("exp", "sigmoid"), "exp": ("exp",), "softplus": ("exp",), "log": ("log",)}
"""The helper functions that they need."""

SLOPES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0)}
VECTORS = ("softmax", "log_softmax", "layernorm")
Place = tuple[ast.expr, ...]
Target = Callable[[Place], ast.expr]
_AT_HAND = (arrays.Load, arrays.Literal, arrays.Count, arrays.BatchCount, arrays.Identity, arrays.Full)


@dataclass
class LoopWriter:
    """Writes statements into ``source``.

    ``load`` gives the source of an entry of a named array at a place, ``ready`` knows what was computed before;
    ``scratch`` collects the arrays that a function has to make, with their axes.
    """

    load: Callable[[arrays.Load, Place], ast.expr]
    index_names: dict[str, str]
    names: Names
    relu0: float = 0.0
    source: Source = field(default_factory=Source)
    ready: dict[Array, str] = field(default_factory=dict)
    scratch: dict[str, tuple[Index, ...]] = field(default_factory=dict)
    helpers: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.axis_names = [self.names.give(x) for x in ("i", "j", "k", "p", "q", "r", "s")]
        self.sizes = NumpyWriter(_no_load, self.index_names)

    def index(self, index: Index) -> ast.expr:
        """A size or a time."""
        return self.sizes.index(index)

    # ---- scopes

    @contextmanager
    def scope(self, header: str) -> Iterator[None]:
        """A loop or a branch: what is computed inside is forgotten after it."""
        before = dict(self.ready)
        with self.source.indented(header):
            yield
        self.ready = before

    @contextmanager
    def nest(self, loops: Sequence[tuple[str, Index]]) -> Iterator[None]:
        """Loops over axes, outermost first."""
        depth = self.source.depth
        for name, size in loops:
            self.source.raw(f"for {name} in range({py.unparse(self.index(size))}):")
            self.source.depth += 1
        yield
        self.source.depth = depth

    def axis_loops(self, axes: Sequence[Index]) -> list[tuple[str, Index]]:
        """One loop for each axis."""
        return list(zip(self.axis_names, axes, strict=False))

    # ---- statements

    def store(
        self, target: Callable[[Place], ast.expr], array: Array, axes: Sequence[Index], add: bool = False
    ) -> None:
        """``target[i, j] = array[i, j]`` for all places, or ``+=``."""
        self.prepare(array)
        loops = self.axis_loops(axes)
        place = tuple(py.name(name) for name, _ in loops)
        value = self.entry(array, place if array.axes else ())
        with self.nest(loops):
            if add:
                self.source.augment(target(place), value)
            else:
                self.source.assign(target(place), value)

    def prepare(self, array: Array) -> None:
        """Compute what an entry of the array needs, outside the loops over its places."""
        if array in self.ready or isinstance(array, arrays.Load):
            return
        if isinstance(array, arrays.OverTime):
            self._sum_over_time(array)
        elif isinstance(array, Einsum):
            self._prepare_product(array)
        else:
            for child in array.children:
                self.prepare(child)
            rule = _COMPUTED.get(type(array))
            if rule is not None:
                rule(self, array)
            elif isinstance(array, arrays.Apply) and array.name in VECTORS:
                self._vector(array)

    def computed(self, array: Array) -> None:
        """Compute an array into memory of its own, unless it is there already."""
        if array not in self.ready and not isinstance(array, _AT_HAND):
            self.prepare(array)
            if array not in self.ready:
                name = self.fresh(array)
                self.store(self.target(name, array), array, array.axes)
                self.ready[array] = name

    def fresh(self, array: Array, stem: str = "part") -> str:
        """The name of a new array; one without axes is a plain variable."""
        name = self.names.give(f"{stem}_{len(self.scratch) + 1}")
        self.scratch[name] = array.axes
        return name

    def target(self, name: str, array: Array) -> Callable[[Place], ast.expr]:
        """Where an entry of a computed array goes."""
        return lambda place: py.subscript(py.name(name), *place) if array.axes else py.name(name)

    # ---- what is computed first

    def _prepare_product(self, array: Einsum) -> None:
        product = grouped(array)
        if not isinstance(product, Einsum):
            self.prepare(product)
            if product in self.ready:
                self.ready[array] = self.ready[product]
            return
        vectors = {labels for _, labels in product.factors if labels}
        for factor, _ in product.factors:
            if product.summed or len(vectors) > 1:
                self.computed(factor)
            else:
                self.prepare(factor)
        if product.summed:
            self._contract(array, product)

    def _contract(self, array: Einsum, product: Einsum) -> None:
        """The loops follow the rows of the largest factor, so that memory is read in order."""
        name = self.fresh(array, "sum")
        widest = max((labels for _, labels in product.factors), key=len)
        order = dict.fromkeys([x for x in (*product.out, *product.summed) if x not in widest] + list(widest))
        sizes = product.sizes()
        labels = {label: self.axis_names[place] for place, label in enumerate(sizes)}
        value = self._product(product, {label: py.name(text) for label, text in labels.items()})
        loops = [(labels[x], sizes[x]) for x in order]
        place = tuple(py.name(labels[x]) for x in product.out)
        last_out = max((at for at, x in enumerate(order) if x in product.out), default=-1)
        target = self.target(name, array)
        if last_out < len(loops) - 1 and all(x in product.out for x in list(order)[: last_out + 1]):
            total = self.total_name()
            with self.nest(loops[: last_out + 1]):
                self.source.raw(f"{total} = 0.0")
                with self.nest(loops[last_out + 1 :]):
                    self.source.augment(total, value)
                self.source.assign(target(place), py.name(total))
        else:
            self.source.raw(f"{name}[:] = 0.0" if array.axes else f"{name} = 0.0")
            with self.nest(loops):
                self.source.augment(target(place), value)
        self.ready[array] = name

    def total_name(self, wanted: str = "total") -> str:
        """The variable that sums are gathered in; one of that kind is enough for a function."""
        if wanted not in self.index_names:
            self.index_names[wanted] = self.names.give(wanted)
        return self.index_names[wanted]

    def _vector(self, array: arrays.Apply) -> None:
        operand = array.arguments[0]
        self.computed(operand)
        name = self.fresh(array, array.name)
        self.helpers[array.name] = None
        if isinstance(operand, arrays.Load):
            row = self.load(operand, (py.slice_(),))
        else:
            row = py.name(self.ready[operand])
        rest = [self.entry(a, ()) for a in array.arguments[1:]]
        self.source.do(py.call(array.name, row, *rest, py.name(name)))
        self.ready[array] = name

    def _stack(self, array: arrays.Join) -> None:
        parts, axis, axes = array.args
        name = self.fresh(array, "stack")
        start = Index.of(0)
        for part in parts:
            thick = len(part.axes) == len(axes)
            own = part.axes if thick else (*part.axes[:axis], Index.of(1), *part.axes[axis:])

            def target(place: Place, at: Index = start, thick: bool = thick) -> ast.expr:
                moved = list(place)
                if thick:
                    moved[axis] = moved[axis] if not at.terms else py.binary(moved[axis], "+", self.index(at))
                else:
                    moved.insert(axis, self.index(at))
                return py.subscript(py.name(name), *moved)

            self.store(target, part, part.axes)
            start = start + own[axis]
        self.ready[array] = name

    def _linalg(self, array: arrays.Linalg) -> None:
        kind, operand, exponent = array.args
        self.computed(operand)
        matrix = self.load(operand, (py.slice_(), py.slice_())) if isinstance(operand, arrays.Load) else None
        value = matrix if matrix is not None else py.name(self.ready[operand])
        name = self.names.give(f"{kind}_{len(self.scratch) + 1}")
        more = [self.index(exponent)] if exponent is not None else []
        self.source.assign(name, py.call(f"np.linalg.{kind}", value, *more))
        self.ready[array] = name

    def _sum_over_time(self, array: arrays.OverTime) -> None:
        body, index, lower, upper = array.args
        name = self.fresh(array, "total")
        self.source.raw(f"{name}[:] = 0.0" if array.axes else f"{name} = 0.0")
        first, stop = self.index(lower), self.index(upper + 1)
        outer = self.index_names.get(index)
        self.index_names[index] = self.names.give(index)
        with self.scope(f"for {self.index_names[index]} in range({py.unparse(first)}, {py.unparse(stop)})"):
            self.ready = {node: text for node, text in self.ready.items() if index not in node.times}
            self.store(self.target(name, array), body, array.axes, add=True)
        if outer is not None:
            self.index_names[index] = outer
        self.ready[array] = name

    # ---- one entry

    def entry(self, array: Array, place: Place) -> ast.expr:
        """The expression for one entry of a prepared array."""
        if array in self.ready:
            return py.subscript(py.name(self.ready[array]), *place) if array.axes else py.name(self.ready[array])
        rule = next((r for kind, r in _ENTRIES.items() if isinstance(array, kind)), None)
        if rule is None:
            raise UnsupportedError(f"Numba code has no rule for {type(array).__name__}")
        return rule(self, array, place)

    def _product_entry(self, array: Einsum, place: Place) -> ast.expr:
        product = grouped(array)
        if not isinstance(product, Einsum):
            return self.entry(product, place)
        return self._product(product, dict(zip(product.out, place, strict=True)))

    def _product(self, product: Einsum, at: Mapping[int, ast.expr]) -> ast.expr:
        above, below = [], []
        for array, labels in product.factors:
            place = tuple(at[x] for x in labels)
            if isinstance(array, arrays.Apply) and array.name == "reciprocal" and array not in self.ready:
                below.append(self.entry(array.arguments[0], place))
            else:
                above.append(self.entry(array, place))
        number = product.coefficient
        if abs(number) != 1 or not above:
            above.insert(0, py.parse(repr(float(abs(number)))) if number.denominator != 1 else _number(abs(number)))
        value = py.chain("*", above)
        for divisor in below:
            value = py.binary(value, "/", divisor)
        return py.negative(value) if number < 0 else value

    def _sum_entry(self, array: arrays.Plus, place: Place) -> ast.expr:
        result: ast.expr | None = None
        for term in array.terms:
            value = self.entry(term, place if term.axes else ())
            if result is None:
                result = value
            elif isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
                result = py.binary(result, "-", value.operand)
            else:
                result = py.binary(result, "+", value)
        assert result is not None
        return result

    def _function_entry(self, array: arrays.Apply, place: Place) -> ast.expr:
        values = [self.entry(a, place if a.axes else ()) for a in array.arguments]
        if array.order:
            if array.name not in SLOPES:
                raise UnsupportedError(f"Numba code has no rule for the derivative of {array.name}")
            below, above = SLOPES[array.name]
            self.helpers["step"] = None
            middle = below + (above - below) * self.relu0
            return py.call("step", values[0], *(py.constant(v) for v in (below, above, middle)))
        if array.name == "power" and ast.unparse(values[1]) == "2":
            return py.binary(values[0], "*", values[0])
        if array.name not in SCALARS:
            raise UnsupportedError(f'Numba code has no rule for the function "{array.name}"')
        self.helpers.update(dict.fromkeys(WITH.get(array.name, ())))
        filled: ast.expr = _Fill(dict(zip("xy", values, strict=False))).visit(py.parse(SCALARS[array.name]))
        return filled

    def _cut_entry(self, array: arrays.Cut, place: Place) -> ast.expr:
        operand, axis, start, _ = array.args
        moved = list(place)
        if start.terms:
            moved[axis] = py.binary(self.index(start), "+", moved[axis])
        return self.entry(operand, tuple(moved))

    def _element_entry(self, array: arrays.Element, place: Place) -> ast.expr:
        operand, axis, index = array.args
        return self.entry(operand, (*place[:axis], self.index(index), *place[axis:]))

    def _reshape_entry(self, array: arrays.Reshape, place: Place) -> ast.expr:
        operand = array.args[0]
        flat: ast.expr = py.constant(0)
        for size, at in zip(array.axes, place, strict=True):
            flat = py.binary(py.binary(flat, "*", self.index(size)), "+", at)
        moved: list[ast.expr] = []
        for size in reversed(operand.axes):
            moved.insert(0, py.binary(flat, "%", self.index(size)))
            flat = py.binary(flat, "//", self.index(size))
        return self.entry(operand, tuple(moved))

    def _between_entry(self, array: arrays.Between, place: Place) -> ast.expr:
        index, lower, upper = (self.index(i) for i in array.args)
        test = ast.Compare(lower, [ast.LtE(), ast.LtE()], [index, upper])
        return ast.IfExp(test, py.constant(1.0), py.constant(0.0))


def _no_load(load: arrays.Load) -> ast.expr:
    raise UnsupportedError(f"{load.name} is no size")


def _number(value: Fraction) -> ast.expr:
    return py.constant(int(value))


class _Fill(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


_COMPUTED: Mapping[type[Array], Callable[[LoopWriter, object], None]] = {
    arrays.Join: LoopWriter._stack,  # type: ignore[dict-item]
    arrays.Linalg: LoopWriter._linalg,  # type: ignore[dict-item]
}

_ENTRIES: Mapping[type[Array], Callable[..., ast.expr]] = {
    arrays.Load: lambda w, a, place: w.load(a, place),
    arrays.Literal: lambda w, a, place: _number(a.value) if a.value.denominator == 1 else py.constant(float(a.value)),
    arrays.Count: lambda w, a, place: w.index(a.args[0]),
    arrays.BatchCount: lambda w, a, place: py.constant(1),
    arrays.BatchSum: lambda w, a, place: w.entry(a.args[0], place),
    arrays.Full: lambda w, a, place: py.constant(float(a.args[1])),
    arrays.Identity: lambda w, a, place: ast.IfExp(
        ast.Compare(place[0], [ast.Eq()], [place[1]]), py.constant(1.0), py.constant(0.0)
    ),
    arrays.Plus: LoopWriter._sum_entry,
    arrays.Einsum: LoopWriter._product_entry,
    arrays.Apply: LoopWriter._function_entry,
    arrays.Cut: LoopWriter._cut_entry,
    arrays.Element: LoopWriter._element_entry,
    arrays.Reshape: LoopWriter._reshape_entry,
    arrays.Between: LoopWriter._between_entry,
}
