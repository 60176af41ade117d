"""Text to nodes: one expression of the formula language."""

from __future__ import annotations

from symrnn.errors import Location, ReadingError
from symrnn.language import Layout, Node
from symrnn.reading.calls import read_call
from symrnn.reading.parser import parse
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Scope, ShapeUnknown
from symrnn.reading.syntax import Tree
from symrnn.reading.tokens import Source


def read_expression(
    text: str, scope: Scope, layout: Layout = Layout.NUMERATOR, location: Location | None = None
) -> Node:
    """The node of an expression; inert derivatives in it are in the given layout.

    >>> from symrnn.language import Index, Role
    >>> from symrnn.reading.scope import Symbol
    >>> n = Index.of("n")
    >>> scope = Scope(whole={"W": Symbol(Role.PARAMETER, (n, n))}, sizes={"n": n})
    >>> read_expression("W - W.T", scope).shape
    (Index('n'), Index('n'))

    Raises ReadingError, UnknownNameError or ShapeError, each with line, column and the way out.
    """
    source = Source.of(text, location)
    if not text.strip():
        raise ReadingError("the expression is empty", location=source.at((1, 1)))
    return read_tree(parse(text, source), scope, source, layout)


def read_tree(tree: Tree, scope: Scope, source: Source, layout: Layout = Layout.NUMERATOR) -> Node:
    """The node of a tree that is already parsed."""
    try:
        return Reader(scope, layout, source, read_call).read(tree)
    except ShapeUnknown as unknown:
        raise ReadingError(f'the shape of "{unknown}" is not known', location=source.at(tree.position)) from None
