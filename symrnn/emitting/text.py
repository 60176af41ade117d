"""The formula language out: what is printed here reads back to the identical node.

Python's expression syntax with the fewest parentheses that keep the meaning, except that ``@`` inside ``*``
and ``*`` inside ``@`` are always put in parentheses, because people don't read those two from left to right.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import singledispatch

from symrnn.emitting.precedence import Level, text_level
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
    Formula,
    Hadamard,
    HadamardProduct,
    HStack,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Inverse,
    Jacobian,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Ones,
    Part,
    Power,
    Product,
    Slice,
    Span,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
)

Emit = Callable[[Node, Level], str]
"""The text of a child, in parentheses where it binds less tightly than asked."""


def to_text(expression: Node | Formula) -> str:
    """The expression, or the formula with its parts line by line, in the formula language.

    >>> from symrnn.language import Role
    >>> n, t = Index.of("n"), Index.of("t")
    >>> W, h = Variable("W", Role.PARAMETER, (n, n)), Variable("h", Role.COMPUTED, (n, Index.of(1)), t)
    >>> to_text(Product(MatMul((Diag(h), W)), "t", t, Index.of("k") + 1, -1))
    'prod(diag(h[t]) @ W, t, t, k+1, -1)'
    """
    return _formula(expression) if isinstance(expression, Formula) else _Writer().write(expression, Level.SUM)


def index_text(index: Index) -> str:
    """A time, a size or a bound without spaces, as in ``h[t-1]``.

    >>> index_text(Index.of("t") - 1)
    't-1'
    """
    return str(index).replace(" ", "")


class _Writer:
    """One emission; a node that occurs several times is written once and remembered."""

    def __init__(self) -> None:
        self._known: dict[Node, str] = {}

    def write(self, node: Node, least: Level) -> str:
        text = self._known.get(node)
        if text is None:
            text = self._known[node] = node_text(node, self.write)
        return text if text_level(node) >= least else f"({text})"


def _formula(formula: Formula) -> str:
    writer = _Writer()
    lines = [_part(part, writer) for part in formula.parts]
    result = writer.write(formula.expression, Level.SUM)
    if formula.of is not None and formula.by is not None:
        name = "Dplus" if formula.immediate else "D"
        of, by = (writer.write(node, Level.SUM) for node in (formula.of, formula.by))
        result = f"{name}({of}, {by}) = {result}"
    return "\n".join([*lines, result])


def _part(part: Part, writer: _Writer) -> str:
    time = "" if part.time is None else f"[{index_text(part.time)}]"
    return f"{part.name}{time} = {writer.write(part.expression, Level.SUM)}"


@singledispatch
def node_text(node: Node, emit: Emit) -> str:
    """The text of one node; its children's come from ``emit``."""
    raise UnsupportedError(f"the text form has no rule for a {type(node).__name__} node")


@node_text.register
def _(node: Number, emit: Emit) -> str:
    return number_text(node.value)


def number_text(value: Fraction) -> str:
    """A decimal where it is exact, else ``frac(p, q)``: a plain ``p/q`` would read as a division.

    >>> number_text(Fraction(1, 2)), number_text(Fraction(-2, 3)), number_text(Fraction(1, 160))
    ('0.5', '-frac(2, 3)', '0.00625')
    """
    sign, size = ("-" if value < 0 else ""), abs(value)
    places = _decimal_places(size.denominator)
    if places is None:
        return f"{sign}frac({size.numerator}, {size.denominator})"
    if places == 0:
        return f"{sign}{size.numerator}"
    digits = str(size.numerator * 10**places // size.denominator).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _decimal_places(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator has; None where they don't end."""
    rest, counts = denominator, []
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        counts.append(count)
    return max(counts) if rest == 1 else None


@node_text.register
def _(node: IndexNumber, emit: Emit) -> str:
    """``-n`` alone would read as the negative of n, which is another node than the index -n."""
    terms = node.index.terms
    return f"-1*{-node.index}" if len(terms) == 1 and terms[0][0] and terms[0][1] == -1 else str(node.index)


@node_text.register
def _(node: Variable, emit: Emit) -> str:
    return node.name if node.time is None else f"{node.name}[{index_text(node.time)}]"


@node_text.register
def _(node: Eye, emit: Emit) -> str:
    return f"eye({index_text(node.args[0])})"


@node_text.register
def _(node: Ones, emit: Emit) -> str:
    return f"ones({_axes(node.shape)})"


@node_text.register
def _(node: Zeros, emit: Emit) -> str:
    return f"zeros({_axes(node.shape)})" if node.shape else "0"


def _axes(shape: tuple[Index, ...]) -> str:
    """The axes as ``ones`` and ``zeros`` take them: a column by its length alone."""
    shown = shape[:1] if len(shape) == 2 and shape[1].constant == 1 else shape
    return ", ".join(index_text(axis) for axis in shown)


@node_text.register
def _(node: Delta, emit: Emit) -> str:
    return f"delta({index_text(node.args[0])}, {index_text(node.args[1])})"


@node_text.register
def _(node: Add, emit: Emit) -> str:
    first, *rest = node.args[0]
    return emit(first, Level.SUM) + "".join(_signed(term, emit) for term in rest)


def _signed(term: Node, emit: Emit) -> str:
    if isinstance(term, Neg):
        return f" - {emit(term.args[0], Level.PRODUCT)}"
    if isinstance(term, Number) and term.value < 0:
        return f" - {number_text(-term.value)}"
    return f" + {emit(term, Level.PRODUCT)}"


@node_text.register
def _(node: Neg, emit: Emit) -> str:
    operand = node.args[0]
    joined = text_level(node) is Level.PRODUCT
    return f"-{emit(operand, Level.PRODUCT if joined else Level.POWER)}"


@node_text.register
def _(node: MatMul, emit: Emit) -> str:
    return " @ ".join(emit(factor, Level.POWER) for factor in node.args[0])


@node_text.register
def _(node: Hadamard, emit: Emit) -> str:
    first, *rest = node.args[0]
    return " * ".join([_leading(first, emit), *(emit(factor, Level.POWER) for factor in rest)])


def _leading(factor: Node, emit: Emit) -> str:
    """The first factor of an elementwise product: only a matrix product in front of it needs parentheses."""
    return emit(factor, Level.POWER if isinstance(factor, MatMul) else Level.PRODUCT)


@node_text.register
def _(node: Divide, emit: Emit) -> str:
    return f"{emit(node.args[0], Level.PRODUCT)} / {emit(node.args[1], Level.POWER)}"


@node_text.register
def _(node: Power, emit: Emit) -> str:
    return f"{emit(node.args[0], Level.LITERAL)}**{emit(node.args[1], Level.UNARY)}"


@node_text.register
def _(node: MatrixPower, emit: Emit) -> str:
    return f"matrix_power({emit(node.args[0], Level.SUM)}, {index_text(node.args[1])})"


@node_text.register
def _(node: Transpose, emit: Emit) -> str:
    return f"{emit(node.args[0], Level.PRIMARY)}.T"


@node_text.register
def _(node: Inverse, emit: Emit) -> str:
    return _call("inv", node.children, emit)


@node_text.register
def _(node: Trace, emit: Emit) -> str:
    return _call("trace", node.children, emit)


@node_text.register
def _(node: Determinant, emit: Emit) -> str:
    return _call("det", node.children, emit)


@node_text.register
def _(node: Diag, emit: Emit) -> str:
    return _call("diag", node.children, emit)


@node_text.register
def _(node: Concat, emit: Emit) -> str:
    return _call("concat", node.children, emit)


@node_text.register
def _(node: HStack, emit: Emit) -> str:
    return _call("hcat", node.children, emit)


@node_text.register
def _(node: Kron, emit: Emit) -> str:
    return _call("kron", node.children, emit)


@node_text.register
def _(node: Vec, emit: Emit) -> str:
    return _call("vec", node.children, emit)


@node_text.register
def _(node: Call, emit: Emit) -> str:
    return _call(node.name + "'" * node.order, node.arguments, emit)


@node_text.register
def _(node: Jacobian, emit: Emit) -> str:
    return _call("D", node.children, emit)


@node_text.register
def _(node: ImmediateJacobian, emit: Emit) -> str:
    return _call("Dplus", node.children, emit)


def _call(name: str, arguments: tuple[Node, ...], emit: Emit) -> str:
    return f"{name}({', '.join(emit(argument, Level.SUM) for argument in arguments)})"


@node_text.register
def _(node: Unvec, emit: Emit) -> str:
    operand, rows, columns = node.args
    return f"unvec({emit(operand, Level.SUM)}, {index_text(rows)}, {index_text(columns)})"


@node_text.register
def _(node: Commutation, emit: Emit) -> str:
    return f"commutation({', '.join(index_text(size) for size in node.args)})"


@node_text.register
def _(node: Slice, emit: Emit) -> str:
    operand, rows, columns = node.args
    shown = [_span(rows)] if operand.is_column and columns is None else [_span(rows), _span(columns)]
    return f"{emit(operand, Level.PRIMARY)}[{', '.join(shown)}]"


def _span(span: Span) -> str:
    return ":" if span is None else f"{index_text(span[0])}:{index_text(span[1])}"


@node_text.register
def _(node: Entry, emit: Emit) -> str:
    operand, indices = node.args
    return f"{emit(operand, Level.PRIMARY)}[{','.join(index_text(index) for index in indices)}]"


@node_text.register
def _(node: Sum, emit: Emit) -> str:
    bounds = [index_text(bound) for bound in (node.lower, node.upper)]
    return f"sum({', '.join([emit(node.body, Level.SUM), node.index, *bounds])})"


@node_text.register
def _(node: Product, emit: Emit) -> str:
    return _product("prod", node, emit)


@node_text.register
def _(node: HadamardProduct, emit: Emit) -> str:
    return _product("hprod", node, emit)


def _product(name: str, node: Product, emit: Emit) -> str:
    bounds = [index_text(bound) for bound in (node.first, node.last)]
    return f"{name}({', '.join([emit(node.body, Level.SUM), node.index, *bounds, str(node.step)])})"
