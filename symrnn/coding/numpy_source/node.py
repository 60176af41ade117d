"""Nodes as NumPy expressions on arrays of two axes, one readable expression each.

``diag(1 - h[j]**2) @ W`` becomes ``np.diagflat(1 - h[j] ** 2) @ W``; sums over an index become generator expressions.
Scalars are numbers.  A node type without a rule raises and names itself.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatchmethod

from symrnn.coding import python_source as py
from symrnn.coding.python_source import Names
from symrnn.emitting.text import to_text
from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Call,
    Commutation,
    Concat,
    Delta,
    Determinant,
    Diag,
    Divide,
    Entry,
    Eye,
    Hadamard,
    HadamardProduct,
    HStack,
    Index,
    IndexNumber,
    Inverse,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Ones,
    Power,
    Product,
    Shape,
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
)
from symrnn.language.index import Extremum
from symrnn.language.operation import Span
from symrnn.primitives import Primitive, lookup

ORDERED = '''
def product(factors, start):
    """The ordered product, the first factor leftmost; ``start`` is that of no factors."""
    for factor in factors:
        start = start @ factor
    return start
'''
ELEMENTWISE = '''
def hproduct(factors, start):
    """The elementwise product; ``start`` is that of no factors."""
    for factor in factors:
        start = start * factor
    return start
'''


@dataclass
class Scribe:
    """Writes nodes.

    ``variables`` and ``sizes`` are the Python names of the cell's; indices get theirs from ``names`` when they are met.
    ``functions`` binds generic functions; ``relu0`` is the slope of relu and its like at 0.  ``helpers`` collects the
    functions that the module must define.
    """

    variables: Mapping[str, str]
    sizes: Mapping[str, str]
    names: Names
    functions: Mapping[str, str | None] = field(default_factory=dict)
    relu0: float = 0.0
    helpers: dict[str, str] = field(default_factory=dict)
    indices: dict[str, str] = field(default_factory=dict)

    def index_name(self, symbol: str) -> str:
        """The Python name of an index symbol."""
        if symbol in self.sizes:
            return self.sizes[symbol]
        if symbol not in self.indices:
            self.indices[symbol] = self.names.give(symbol)
        return self.indices[symbol]

    def index(self, index: Index) -> ast.expr:
        """A time, a size or a bound."""
        terms = sorted(index.terms, key=lambda term: term[1] < 0)
        result: ast.expr | None = None
        for monomial, coefficient in terms:
            size = abs(Fraction(coefficient))
            factors = [self._atom(atom) for atom in monomial]
            if size.numerator != 1 or not factors:
                factors.insert(0, py.constant(size.numerator))
            term = py.chain("*", factors)
            if size.denominator != 1:
                term = py.binary(term, "//", py.constant(size.denominator))
            if result is None:
                result = py.negative(term) if coefficient < 0 else term
            else:
                result = py.binary(result, "-" if coefficient < 0 else "+", term)
        return py.constant(0) if result is None else result

    def _atom(self, atom: str | Extremum) -> ast.expr:
        if isinstance(atom, Extremum):
            return py.call(atom.kind, *(self.index(argument) for argument in atom.args))
        return py.name(self.index_name(atom))

    def _shape(self, shape: Shape) -> ast.expr:
        return py.tuple_(self.index(axis) for axis in shape)

    @singledispatchmethod
    def write(self, node: Node) -> ast.expr:
        """The expression; raises UnsupportedError for what has no NumPy form, an unresolved derivative for one."""
        raise UnsupportedError(f"NumPy has no form of {to_text(node)}, a {type(node).__name__}")

    @write.register
    def _(self, node: Number) -> ast.expr:
        return py.fraction(node.value)

    @write.register
    def _(self, node: IndexNumber) -> ast.expr:
        return self.index(node.index)

    @write.register
    def _(self, node: Variable) -> ast.expr:
        name = self.variables.get(node.name)
        if name is None:
            raise UnsupportedError(f"{to_text(node)} is no variable of the cell")
        return py.name(name) if node.time is None else py.subscript(py.name(name), self.index(node.time))

    @write.register
    def _(self, node: Eye) -> ast.expr:
        return py.call("np.eye", self.index(node.args[0]))

    @write.register
    def _(self, node: Ones) -> ast.expr:
        return py.call("np.ones", self._shape(node.shape))

    @write.register
    def _(self, node: Zeros) -> ast.expr:
        return py.call("np.zeros", self._shape(node.shape)) if node.shape else py.constant(0.0)

    @write.register
    def _(self, node: Delta) -> ast.expr:
        left, right = (self.index(index) for index in node.args)
        return py.call("float", ast.Compare(left, [ast.Eq()], [right]))

    @write.register
    def _(self, node: Add) -> ast.expr:
        first, *rest = node.args[0]
        result = self.write(first)
        for term in rest:
            minus = isinstance(term, Neg)
            result = py.binary(result, "-" if minus else "+", self.write(term.args[0] if minus else term))
        return result

    @write.register
    def _(self, node: Neg) -> ast.expr:
        return py.negative(self.write(node.args[0]))

    @write.register
    def _(self, node: MatMul) -> ast.expr:
        return py.chain("@", (self.write(factor) for factor in node.args[0]))

    @write.register
    def _(self, node: Hadamard) -> ast.expr:
        return py.chain("*", (self.write(factor) for factor in node.args[0]))

    @write.register
    def _(self, node: Divide) -> ast.expr:
        return py.binary(self.write(node.args[0]), "/", self.write(node.args[1]))

    @write.register
    def _(self, node: Power) -> ast.expr:
        return py.binary(self.write(node.args[0]), "**", self.write(node.args[1]))

    @write.register
    def _(self, node: MatrixPower) -> ast.expr:
        return py.call("np.linalg.matrix_power", self.write(node.args[0]), self.index(node.args[1]))

    @write.register
    def _(self, node: Inverse) -> ast.expr:
        return py.call("np.linalg.inv", self.write(node.args[0]))

    @write.register
    def _(self, node: Determinant) -> ast.expr:
        return py.call("np.linalg.det", self.write(node.args[0]))

    @write.register
    def _(self, node: Trace) -> ast.expr:
        return py.call("np.trace", self.write(node.args[0]))

    @write.register
    def _(self, node: Transpose) -> ast.expr:
        return py.attribute(self.write(node.args[0]), "T")

    @write.register
    def _(self, node: Diag) -> ast.expr:
        return py.call("np.diagflat", self.write(node.args[0]))

    @write.register
    def _(self, node: Kron) -> ast.expr:
        return py.call("np.kron", *(self.write(child) for child in node.children))

    @write.register
    def _(self, node: Vec) -> ast.expr:
        column = py.tuple_((py.constant(-1), py.constant(1)))
        return py.method(py.attribute(self.write(node.args[0]), "T"), "reshape", *column.elts)  # type: ignore[attr-defined]

    @write.register
    def _(self, node: Unvec) -> ast.expr:
        operand, rows, columns = node.args
        shaped = py.method(self.write(operand), "reshape", self.index(columns), self.index(rows))
        return py.attribute(shaped, "T")

    @write.register
    def _(self, node: Commutation) -> ast.expr:
        rows, columns = (self.index(size) for size in node.args)
        count = py.binary(rows, "*", columns)
        order = py.method(py.call("np.arange", count), "reshape", columns, rows)
        flat = py.method(py.attribute(order, "T"), "reshape", py.constant(-1))
        return py.subscript(py.call("np.eye", count), flat)

    @write.register
    def _(self, node: Concat) -> ast.expr:
        return py.call("np.vstack", py.list_(self._block(part) for part in node.args[0]))

    @write.register
    def _(self, node: HStack) -> ast.expr:
        return py.call("np.hstack", py.list_(self._block(part) for part in node.args[0]))

    def _block(self, part: Node) -> ast.expr:
        written = self.write(part)
        return written if part.shape else py.list_([py.list_([written])])

    @write.register
    def _(self, node: Slice) -> ast.expr:
        operand, rows, columns = node.args
        return py.subscript(self.write(operand), self._span(rows), self._span(columns))

    def _span(self, span: Span) -> ast.expr:
        return py.slice_() if span is None else py.slice_(self.index(span[0]), self.index(span[1]))

    @write.register
    def _(self, node: Entry) -> ast.expr:
        operand, indices = node.args
        at = [self.index(index) for index in indices]
        if len(at) == 1:
            at = [at[0], py.constant(0)] if operand.is_column else [py.constant(0), at[0]]
        return py.subscript(self.write(operand), *at)

    @write.register
    def _(self, node: Call) -> ast.expr:
        record = self._record(node)
        arguments = [self.write(argument) for argument in node.arguments]
        if node.order:
            return self._slope(node, record, arguments[0])
        if record.kind == "vector":
            self.helpers.setdefault(record.name, _vector_helper(record))
            return py.call(record.name, *arguments)
        return _filled(record.numpy, dict(zip("xy", arguments, strict=False)))

    def _record(self, node: Call) -> Primitive:
        bound = self.functions.get(node.name, node.name)
        record = lookup(bound) if bound is not None else None
        if record is None:
            raise UnsupportedError(
                f'the generic function "{node.name}" has no numbers',
                hint=f"Bind it in the cell file: function {node.name} = tanh",
            )
        return record

    def _slope(self, node: Call, record: Primitive, argument: ast.expr) -> ast.expr:
        """The first derivative: by its rule, or piecewise where the function is a line on either side of 0."""
        (operand,) = node.arguments
        if node.order == 1 and record.derivative is not None:
            return self.write(record.derivative(Call(record.name, (operand,)), operand))
        if node.order == 1 and record.kink == 0.0:
            below, at, above = (float(record.slopes[0](x, self.relu0)) for x in (-1.0, 0.0, 1.0))
            inner = _filled(f"np.where(x < 0, {below}, {at})", {"x": argument})
            return _filled(f"np.where(x > 0, {above}, y)", {"x": argument, "y": inner})
        raise UnsupportedError(f"NumPy has no form of {to_text(node)}")

    @write.register
    def _(self, node: Sum) -> ast.expr:
        lower, upper = self.index(node.lower), self.index(node.upper + 1)
        return self._over(node, node.body, py.call("range", lower, upper), "sum", self.write(Zeros(node.shape)))

    @write.register
    def _(self, node: Product) -> ast.expr:
        steps = [self.index(node.first), self.index(node.last + node.step)]
        span = py.call("range", *steps, *([py.constant(-1)] if node.step == -1 else []))
        if isinstance(node, HadamardProduct) or not node.shape:
            self.helpers.setdefault("hproduct", ELEMENTWISE)
            start = py.call("np.ones", self._shape(node.shape)) if node.shape else py.constant(1.0)
            return self._over(node, node.body, span, "hproduct", start)
        self.helpers.setdefault("product", ORDERED)
        return self._over(node, node.body, span, "product", self.write(Eye(node.shape[0])))

    def _over(self, node: Sum | Product, body: Node, span: ast.expr, function: str, start: ast.expr) -> ast.expr:
        target = ast.Name(self.index_name(node.index), ast.Store())
        terms = ast.GeneratorExp(self.write(body), [ast.comprehension(target, span, [], 0)])
        return py.call(function, terms, start)


def _vector_helper(record: Primitive) -> str:
    """A function of one column or one row, from the record's form for the last axis."""
    other = (
        ", y" if "y" in {node.id for node in ast.walk(ast.parse(record.numpy)) if isinstance(node, ast.Name)} else ""
    )
    return (
        f'\ndef {record.name}(column{other}):\n    """Of one column or one row."""\n'
        f"    x = column.reshape(-1)\n    return ({record.numpy}).reshape(column.shape)\n"
    )


class _Fill(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def _filled(template: str, values: Mapping[str, ast.expr]) -> ast.expr:
    """A record's source with its arguments put in."""
    return _Fill(values).visit(py.parse(template))
