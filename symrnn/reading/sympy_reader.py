"""Cells and expressions from SymPy: matrix symbols, matrix expressions and equations in, the same nodes out.

A symbol gets its time by :func:`at`, ``at(h, t - 1)``, or by :func:`state`, ``h = state("h", n)`` with ``h[t-1]``:
the time becomes part of the symbol's name, so that SymPy tells ``h[t]`` from ``h[t-1]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symrnn.errors import Location, ReadingError
from symrnn.language import Cell, Layout, Node
from symrnn.primitives import lookup
from symrnn.reading import sympy_matrices  # noqa: F401 - its rules are registered by importing it
from symrnn.reading.cell_checks import build_cell
from symrnn.reading.definitions import read_pieces
from symrnn.reading.expression import read_tree
from symrnn.reading.heads import Heads, with_head
from symrnn.reading.parser import parse
from symrnn.reading.scope import Scope
from symrnn.reading.statements import Declared, Defined, Draft, TimeLine
from symrnn.reading.sympy_syntax import MatrixFunction, Place, symbol_tree, tree_of
from symrnn.reading.syntax import Name, Subscript, Tree
from symrnn.reading.tokens import Position, Source
from symrnn.reading.uses import variable_uses

Equation = Any
"""``sympy.Eq(left, right)``, or a pair of the two; the right side may also be text in the formula language."""


@dataclass(frozen=True)
class TimedSymbol:
    """A variable that has one value per time; ``h[t-1]`` is the SymPy symbol of one of them.

    ``start`` says how a state begins: None for given, 0, an expression, or "learned".
    """

    name: str
    shape: tuple[Any, ...] = ()
    start: Any = None

    def __getitem__(self, time: Any) -> Any:
        return _symbol(f"{self.name}[{_time_text(time)}]", self.shape)


def state(name: str, *shape: Any, start: Any = None) -> TimedSymbol:
    """A state, or any other variable with times.

    >>> t, n = sympy.symbols("t n", integer=True)
    >>> state("h", n)[t - 1]
    h[t-1]
    """
    sizes = (*shape, 1) if len(shape) == 1 else shape
    return TimedSymbol(name, tuple(sympy.Symbol(s, integer=True) if isinstance(s, str) else s for s in sizes), start)


def at(symbol: Any, time: Any) -> Any:
    """The symbol's value at a time, as a symbol of the same shape.

    >>> t, n = sympy.symbols("t n", integer=True)
    >>> at(sympy.MatrixSymbol("h", n, 1), t - 1).shape
    (n, 1)

    Raises ReadingError for what is no symbol, and for a symbol that has a time already.
    """
    if isinstance(symbol, TimedSymbol):
        return symbol[time]
    if not isinstance(symbol, sympy.Symbol | sympy.MatrixSymbol):
        raise ReadingError(f"at takes a symbol and a time, but got a {type(symbol).__name__}")
    if "[" in symbol.name:
        raise ReadingError(f"{symbol.name} has a time already")
    shape = tuple(symbol.shape) if isinstance(symbol, sympy.MatrixSymbol) else ()
    return _symbol(f"{symbol.name}[{_time_text(time)}]", shape)


def _symbol(name: str, shape: tuple[Any, ...]) -> Any:
    return sympy.MatrixSymbol(name, *shape) if shape else sympy.Symbol(name)


def _time_text(time: Any) -> str:
    return str(time).replace(" ", "").replace("Max", "max").replace("Min", "min")


def apply(name: str, *arguments: Any) -> Any:
    """A function of the language applied to SymPy expressions: ``apply("softmax", o)``, ``apply("norm2", h)``.

    Needed for matrices, for which SymPy has no expression; ``h.applyfunc(sympy.tanh)`` is ``apply("tanh", h)``.
    """
    record = lookup(name)
    keeps_shape = record is None or record.kind != "reduction"
    if arguments and isinstance(arguments[0], sympy.MatrixExpr) and keeps_shape:
        return MatrixFunction(name, *arguments)
    return sympy.Function(name)(*arguments)


def read_sympy(expression: Any, scope: Scope, layout: Layout = Layout.NUMERATOR) -> Node:
    """The node of a SymPy expression, its names taken in a scope.

    Raises UnsupportedError for a SymPy type without a rule, and what reading a text raises.
    """
    source = Source(str(expression)[:200], (str(expression),), None)
    location = Location(source.name)
    return read_tree(tree_of(expression, Place((1, 1), location)), scope, source, layout)


def cell_from_sympy(
    equations: Iterable[Equation] | Mapping[Any, Any],
    *,
    inputs: Iterable[Any] = (),
    targets: Iterable[Any] = (),
    states: Iterable[Any] = (),
    constants: Iterable[Any] | Mapping[Any, Any] = (),
    params: Iterable[Any] = (),
    functions: Iterable[str] | Mapping[str, str] = (),
    attributes: Mapping[str, str] | None = None,
    time: tuple[Any, Any, Any] | None = None,
    loss: Any = None,
    loss_name: str = "L",
    head: str | None = None,
    heads: Heads | None = None,
    layout: str | None = None,
    name: str = "cell",
) -> Cell:
    """The cell of a set of SymPy equations ``Eq(at(h, t), ...)``.

    Sizes are the symbols in the shapes; matrix symbols without a time, and scalar symbols that are not declared to
    be integers, are parameters unless they are named otherwise.  ``constants`` and ``functions`` may map to values,
    ``attributes`` maps a name to ``onehot`` and the like, ``loss`` is an expression or text.

    Raises CellError, ShapeError, UnknownNameError, ReadingError or UnsupportedError; the equation stands in it.
    """
    pairs = [_pair(e) for e in (equations.items() if isinstance(equations, Mapping) else equations)]
    lines = tuple(f"{left} = {right}" for left, right in pairs)
    lines = (*lines, f"loss {loss_name} = {loss}") if loss is not None else lines
    source = Source(name, lines)
    work = _Drafting(source, Draft(source, name, layout=layout), dict(attributes or {}))
    for place, (left, right) in enumerate(pairs):
        work.define(left, right, (place + 1, 1))
    if loss is not None:
        position = (len(lines), 1)
        work.draft.loss = Defined(loss_name, None, work.tree(loss, position), position)
    given = {"input": inputs, "target": targets, "state": states, "param": params}
    for kind, symbols in given.items():
        for symbol in symbols:
            work.declare(kind, symbol)
    for symbol in constants:
        work.declare("const", symbol, constants[symbol] if isinstance(constants, Mapping) else None)
    bound = functions if isinstance(functions, Mapping) else dict.fromkeys(functions)
    work.draft.functions = [(function, to, (1, 1)) for function, to in bound.items()]
    work.set_time(time)
    work.declare_rest()
    pieces = read_pieces(work.draft, name)
    if head is not None:
        pieces = with_head(pieces, None, heads, head)
    return build_cell(pieces)


def _pair(equation: Equation) -> tuple[Any, Any]:
    if isinstance(equation, sympy.Eq):
        return equation.lhs, equation.rhs
    if isinstance(equation, Sequence) and len(equation) == 2 and not isinstance(equation, str):
        return equation[0], equation[1]
    raise ReadingError(
        f"an equation is sympy.Eq(left, right) or a pair, but got {str(equation)[:60]}",
        hint="SymPy turns some equations into True or False; write the pair (left, right).",
    )


class _Drafting:
    """A draft being written, with the shapes of the symbols that were met."""

    def __init__(self, source: Source, draft: Draft, attributes: dict[str, str]) -> None:
        self.source = source
        self.draft = draft
        self.attributes = attributes
        self.shapes: dict[str, tuple[Any, ...]] = {}
        self.timed: set[str] = set()
        self.trees: list[Tree] = []

    def tree(self, expression: Any, position: Position) -> Tree:
        """The tree of an expression, or of text; its symbols are noted."""
        if isinstance(expression, str):
            tree = parse(expression, self.source)
        else:
            tree = tree_of(expression, Place(position, self.source.at(position)))
            self._note(expression)
        self.trees.append(tree)
        return tree

    def _note(self, expression: Any) -> None:
        if not isinstance(expression, sympy.Basic):
            return
        self.timed |= {_base(s.name) for s in expression.atoms(sympy.MatrixSymbol, sympy.Symbol) if "[" in s.name}
        for symbol in expression.atoms(sympy.MatrixSymbol):
            self.shapes.setdefault(_base(symbol.name), tuple(symbol.shape))
        for symbol in expression.atoms(sympy.Symbol):
            if symbol.is_integer is not True:
                self.shapes.setdefault(_base(symbol.name), ())

    def define(self, left: Any, right: Any, position: Position) -> None:
        """Add one equation."""
        place = Place(position, self.source.at(position))
        target = symbol_tree(str(getattr(left, "name", left)), place)
        self._note(left)
        if isinstance(target, Name):
            self.draft.equations.append(Defined(target.name, None, self.tree(right, position), position))
        elif isinstance(target, Subscript) and isinstance(target.base, Name):
            time = target.items[0]
            assert not hasattr(time, "stop")
            self.draft.equations.append(Defined(target.base.name, time, self.tree(right, position), position))

    def declare(self, kind: str, symbol: Any, value: Any = None) -> None:
        """Add one declaration, from a symbol, a :class:`TimedSymbol` or a name."""
        name = _base(str(getattr(symbol, "name", symbol)))
        shape = tuple(getattr(symbol, "shape", self.shapes.get(name, ())))
        attributes = self.attributes.get(name, "").split()
        if isinstance(symbol, TimedSymbol) and kind == "state" and symbol.start is not None:
            attributes, value = (["learned"], None) if symbol.start == "learned" else (attributes, symbol.start)
        self.shapes[name] = shape
        tree = None if value is None else self.tree(value, (1, 1))
        brackets = (self._sizes(shape),) if shape else ()
        self.draft.declared.append(Declared(kind, name, brackets, tuple(attributes), tree, (1, 1)))

    def _sizes(self, shape: tuple[Any, ...]) -> tuple[Tree, ...]:
        axes = shape[:1] if len(shape) == 2 and shape[1] == 1 else shape
        return tuple(tree_of(axis, Place()) for axis in axes)

    def set_time(self, time: tuple[Any, Any, Any] | None) -> None:
        """The time line ``(t, 1, tau)``."""
        if time is not None:
            index, first, last = time
            self.draft.time = TimeLine(str(index), tree_of(first, Place()), tree_of(last, Place()), (1, 1))

    def declare_rest(self) -> None:
        """Sizes are what the shapes are made of; what nothing else declares is a parameter."""
        declared = {d.name for d in self.draft.declared} | {e.name for e in self.draft.equations}
        used = {name for tree in self.trees for name, items in variable_uses(tree)}
        for name in sorted(used - declared - self.timed):
            if name in self.shapes:
                self.declare("param", sympy.Symbol(name) if not self.shapes[name] else name)
        axes = [axis for shape in self.shapes.values() for axis in shape if isinstance(axis, sympy.Basic)]
        # Two symbols of one name may differ in what SymPy assumes of them; they are one size.
        names = sorted({str(symbol) for axis in axes for symbol in axis.free_symbols})
        sizes = [Declared("size", size, (), (), None, (1, 1)) for size in names]
        self.draft.declared[:0] = sizes


def _base(name: str) -> str:
    return name.partition("[")[0]
