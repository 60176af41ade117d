"""Python's syntax trees as ours: the expressions that a step function may contain, and no others."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from symrnn.errors import ReadingError
from symrnn.reading.syntax import (
    Apply,
    Chain,
    Minus,
    Name,
    Num,
    Raised,
    SpanItem,
    Subscript,
    Transposed,
    Tree,
)
from symrnn.reading.tokens import Position, Source

_SUMS: Mapping[type, str] = MappingProxyType({ast.Add: "+", ast.Sub: "-"})
_PRODUCTS: Mapping[type, str] = MappingProxyType({ast.Mult: "*", ast.MatMult: "@", ast.Div: "/"})

LIBRARY_NAMES = MappingProxyType(
    {
        "absolute": "abs",
        "concatenate": "concat",
        "vstack": "concat",
        "hstack": "hcat",
        "expit": "sigmoid",
    }
)
"""What array libraries call our functions; the others have the same name, as ``np.tanh``."""

_FORMS = MappingProxyType(
    {
        ast.IfExp: "a condition",
        ast.Compare: "a comparison",
        ast.BoolOp: "a condition",
        ast.Lambda: "a lambda",
        ast.ListComp: "a comprehension",
        ast.GeneratorExp: "a comprehension",
        ast.JoinedStr: "a text",
        ast.Dict: "a dictionary",
        ast.List: "a list",
        ast.Tuple: "a tuple",
        ast.NamedExpr: "an assignment inside an expression",
    }
)


def tree_of(node: ast.expr, source: Source, offset: int = 0) -> Tree:
    """The tree of a Python expression; ``offset`` lines stand before it in the source.

    >>> tree_of(ast.parse("W @ h", mode="eval").body, Source.of("W @ h")).rest[0][0]
    '@'

    Raises ReadingError where an expression has a form that is not in the language.
    """
    return _Reading(source, offset).read(node)


class _Reading:
    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.offset = offset

    def position(self, node: ast.expr) -> Position:
        return (node.lineno + self.offset, node.col_offset + 1)

    def error(self, node: ast.expr, message: str, hint: str | None = None) -> ReadingError:
        return ReadingError(message, location=self.source.at(self.position(node)), hint=hint)

    def read(self, node: ast.expr) -> Tree:
        where = self.position(node)
        match node:
            case ast.Constant():
                return Num(self.number(node), where)
            case ast.Name(id=name):
                return Name(name, where)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return Raised(self.read(left), self.read(right), where)
            case ast.BinOp():
                return self.chain(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Minus(self.read(operand), where)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.Attribute(value=value, attr="T"):
                return Transposed(self.read(value), where)
            case ast.Subscript(value=value, slice=inside):
                return Subscript(self.read(value), self.items(inside), where)
            case ast.Call():
                return self.call(node)
            case _:
                what = _FORMS.get(type(node), f"a Python {type(node).__name__}")
                raise self.error(node, f"{what} is not in the language of cells")

    def number(self, node: ast.Constant) -> Fraction:
        """The number exactly as it was written: 0.1 is a tenth."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.error(node, f"{node.value!r} is not a number of the language of cells")
        text = f"{node.value!r}"
        if "inf" in text or len(text) > 60:
            raise self.error(node, "the number is too long")
        return Fraction(text)

    def chain(self, node: ast.BinOp) -> Tree:
        """A run of operators of one precedence, taken apart from the right."""
        operators = _SUMS if type(node.op) in _SUMS else _PRODUCTS
        if type(node.op) not in operators:
            raise self.error(node, f"the operator {type(node.op).__name__} is not in the language of cells")
        rest: list[tuple[str, Tree]] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp) and type(first.op) in operators:
            rest.append((operators[type(first.op)], self.read(first.right)))
            first = first.left
        return Chain(self.read(first), tuple(reversed(rest)), self.position(node))

    def items(self, inside: ast.expr) -> tuple[Tree | SpanItem, ...]:
        items = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        return tuple(self.item(item) for item in items)

    def item(self, node: ast.expr) -> Tree | SpanItem:
        if not isinstance(node, ast.Slice):
            return self.read(node)
        if node.step is not None:
            raise self.error(node, "a slice has a start and an end, and takes every entry between them")
        start = None if node.lower is None else self.read(node.lower)
        stop = None if node.upper is None else self.read(node.upper)
        return SpanItem(start, stop, self.position(node))

    def call(self, node: ast.Call) -> Tree:
        if node.keywords:
            raise self.error(node, "functions take no named arguments here")
        name = self.function(node.func)
        arguments = node.args
        if name == "concat" and len(arguments) == 1 and isinstance(arguments[0], ast.Tuple | ast.List):
            arguments = arguments[0].elts
        return Apply(name, 0, tuple(self.read(a) for a in arguments), self.position(node))

    def function(self, node: ast.expr) -> str:
        """The function's name; a module before it, as in ``np.tanh``, says nothing."""
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute) and _is_module(node.value):
            if node.attr in ("dot", "matmul"):
                raise self.error(node, f"{ast.unparse(node)} has several meanings", "Write A @ B.")
            return LIBRARY_NAMES.get(node.attr, node.attr)
        raise self.error(node, "only functions are called", "Write tanh(a), or np.tanh(a).")


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_module(node.value))
