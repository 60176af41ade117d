"""Formulas with parts: named lines, perhaps recursive, and the expression that uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symrnn.errors import Location, ReadingError
from symrnn.language import Formula, Index, Layout, Node, Part, Role, Shape, Variable
from symrnn.language.build import is_zero
from symrnn.language.node import format_shape
from symrnn.reading.calls import check_by, read_call
from symrnn.reading.conversion import as_shape
from symrnn.reading.expression import read_tree
from symrnn.reading.inference import Line, Symbols, infer_shapes
from symrnn.reading.parser import Parser, statements
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Scope, Symbol
from symrnn.reading.syntax import Apply, Name, SpanItem, Subscript, Tree
from symrnn.reading.tokens import Position, Source, tokenize
from symrnn.reading.uses import free_letters

_MAX_PARTS = 500


@dataclass(frozen=True)
class _Statement:
    """One line of a formula: its left side, where it has one, and its right side."""

    left: Tree | None
    right: Tree
    position: Position


def read_formula(
    text: str, scope: Scope, layout: Layout = Layout.NUMERATOR, location: Location | None = None
) -> Formula:
    """A formula: parts on lines (or before ``;``) of their own, and one line that is the formula itself.

    The formula's own line is bare, or a claim ``D(L, W) = e`` (``Dplus(L, W) = e``); where there is none, the
    last part is the formula.  A part may be recursive, may have an override at one time (``g[tau] = e``), and
    hides a cell's variable of the same name.

    >>> from symrnn.language import Index
    >>> n, one = Index.of("n"), Index.of(1)
    >>> scope = Scope(
    ...     timed={"h": Symbol(Role.COMPUTED, (n, one))}, whole={"W": Symbol(Role.PARAMETER, (n, n))},
    ...     indices=frozenset({"t", "tau"}), free=True,
    ... )
    >>> formula = read_formula("g[t] = h[t] + W.T @ g[t+1]; sum(g[t] @ h[t-1].T, t, 1, tau)", scope)
    >>> formula.parts[0].expression.shape
    (Index('n'), Index('1'))

    Raises ReadingError, UnknownNameError or ShapeError with line and column.
    """
    source = Source.of(text, location)
    found = _statements(text, source)
    scope = scope.with_indices(*_free_indices(found, scope))
    parts, claims = _sorted(found, source)
    scope = scope.shadow_sizes(_header(part.left, scope, source)[1] for part in parts)
    inner = _with_parts(parts, scope, layout, source)
    read_parts = tuple(_part(part, inner, layout, source) for part in parts)
    if not claims:
        return Formula(_last_part(parts[-1], inner, source), read_parts)
    expression = read_tree(claims[0].right, inner, source, layout)
    # What is claimed is about the cell's own variables, whatever the parts hide.
    return _claim(claims[0], expression, read_parts, scope, layout, source)


def _statements(text: str, source: Source) -> list[_Statement]:
    lines = statements(tokenize(text, source), source)
    if not lines:
        raise ReadingError("the formula is empty", location=source.at((1, 1)))
    if len(lines) > _MAX_PARTS:
        raise ReadingError(
            f"the formula has {len(lines)} lines; at most {_MAX_PARTS} are read", location=source.at((1, 1))
        )
    found = []
    for tokens in lines:
        parser = Parser(tokens, source)
        position = parser.here.position
        left, right = None, parser.expression()
        if parser.skip("="):
            left, right = right, parser.expression()
        if parser.here.kind != "end":
            raise parser.expected('an operator, "=" or the end of the line')
        found.append(_Statement(left, right, position))
    return found


def _free_indices(found: Sequence[_Statement], scope: Scope) -> set[str]:
    """The names that stand in brackets somewhere: they are times or component indices everywhere."""
    sides = [side for s in found for side in (s.left, s.right) if side is not None]
    return set().union(*(free_letters(side, scope) for side in sides))


def _is_claim(left: Tree | None) -> bool:
    return left is None or (isinstance(left, Apply) and left.name in ("D", "Dplus") and not left.order)


def _sorted(found: Sequence[_Statement], source: Source) -> tuple[list[_Statement], list[_Statement]]:
    """The parts, and the formula's own line."""
    claims = [s for s in found if _is_claim(s.left)]
    if len(claims) > 1:
        raise ReadingError(
            "a formula has one line without a name, and this is the second",
            location=source.at(claims[1].position),
            hint="Name the others, as in g[t] = ..., and use the names.",
        )
    return [s for s in found if not _is_claim(s.left)], claims


def _header(left: Tree | None, scope: Scope, source: Source) -> tuple[str, Index | None]:
    """Name and time of a part's left side."""
    if isinstance(left, Name):
        return left.name, None
    if isinstance(left, Subscript) and isinstance(left.base, Name) and len(left.items) == 1:
        (item,) = left.items
        if not isinstance(item, SpanItem):
            return left.base.name, Reader(scope, Layout.NUMERATOR, source, read_call).index(item)
    position = left.position if left is not None else (1, 1)
    raise ReadingError(
        "the left side is neither a name nor a claim",
        location=source.at(position),
        hint="Write g = ..., g[t] = ..., g[tau] = ... for a part, or D(L, W) = ... for the formula.",
    )


def _with_parts(parts: Sequence[_Statement], scope: Scope, layout: Layout, source: Source) -> Scope:
    """The scope in which the parts hide the cell's variables, their shapes inferred."""
    headers = [_header(p.left, scope, source) for p in parts]
    for place, ((name, time), part) in enumerate(zip(headers, parts, strict=True)):
        if (name, time) in headers[:place]:
            raise ReadingError(f'"{name}" is defined twice', location=source.at(part.position))
    timed, whole = dict(scope.timed), dict(scope.whole)
    inner = replace(scope, timed=timed, whole=whole)
    reader = Reader(inner, layout, source, read_call)
    for name, time in headers:
        (whole if time is None else timed)[name] = Symbol(Role.PART, None)
    lines = [Line((name, time is not None), p.right, reader) for (name, time), p in zip(headers, parts, strict=True)]
    infer_shapes(lines, Symbols(timed, whole), Role.PART)
    return inner


def _part(part: _Statement, scope: Scope, layout: Layout, source: Source) -> Part:
    name, time = _header(part.left, scope, source)
    expression = read_tree(part.right, scope, source, layout)
    symbol = (scope.timed if time is not None else scope.whole)[name]
    if symbol.shape != expression.shape:
        expression = _single(expression, symbol.shape, name, part, source)
    return Part(name, time, expression)


def _single(expression: Node, shape: Shape | None, name: str, part: _Statement, source: Source) -> Node:
    """A zero may stand for the zero of any shape; any other difference is an error."""
    adapted = as_shape(expression, shape or ()) if expression.is_single else None
    if adapted is not None and (is_zero(expression) or adapted.is_single):
        return adapted
    shapes = f"{format_shape(shape or ())} and {format_shape(expression.shape)}"
    raise ReadingError(
        f'the lines of "{name}" have different shapes: {shapes}',
        location=source.at(part.position),
    )


def _last_part(part: _Statement, scope: Scope, source: Source) -> Node:
    """Where no line is the formula itself, the last part is: ``g[t] = ...`` alone answers a question."""
    name, time = _header(part.left, scope, source)
    symbol = (scope.whole if time is None else scope.timed)[name]
    return Variable(name, Role.PART, symbol.shape or (), time)


def _claim(
    claim: _Statement, expression: Node, parts: tuple[Part, ...], scope: Scope, layout: Layout, source: Source
) -> Formula:
    if claim.left is None:
        return Formula(expression, parts)
    assert isinstance(claim.left, Apply)
    if len(claim.left.arguments) != 2:
        raise ReadingError("a claim is D(of, by) = ...", location=source.at(claim.position))
    of, by = (read_tree(a, scope, source, layout) for a in claim.left.arguments)
    try:
        check_by(by)
    except ReadingError as error:
        raise error.at(source.at(claim.position)) from None
    return Formula(expression, parts, of, by, claim.left.name == "Dplus")
