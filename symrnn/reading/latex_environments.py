"""Environments inside a formula: matrices row by row, and cases with their conditions."""

from __future__ import annotations

from symrnn.reading.latex_cursor import Cursor
from symrnn.reading.latex_tokens import Kind, Token
from symrnn.reading.latex_tree import Case, Cases, Matrix, Span, Tree

_CASES = frozenset({"cases", "dcases", "rcases"})
_CONDITION_WORDS = frozenset({"if", "for", "when", "otherwise", "else", "and", "all"})


def read_environment(cursor: Cursor, begin: Token) -> Tree:
    r"""A matrix or cases, from ``\begin`` to the ``\end`` that belongs to it."""
    cursor.at += 1
    cursor.enter("{")
    rows: list[tuple[Tree, ...]] = []
    lines: list[Case] = []
    while not _is_at_end(cursor, begin):
        if begin.text in _CASES:
            lines.append(_case(cursor))
        else:
            rows.append(_row(cursor))
        token = cursor.token
        if token is not None and token.kind is Kind.ROW:
            cursor.at += 1
        elif not _is_at_end(cursor, begin):
            raise cursor.expected("“\\\\” or the end of the environment")
    cursor.at += 1
    cursor.leave()
    span = Span(begin.start, cursor.behind)
    if begin.text in _CASES:
        return Cases(span, tuple(lines))
    if len({len(row) for row in rows}) != 1:
        problem = "the rows of a matrix have different lengths" if rows else "an empty matrix"
        raise cursor.source.error(problem, begin.start)
    return Matrix(span, begin.text, tuple(rows))


def _is_at_end(cursor: Cursor, begin: Token) -> bool:
    token = cursor.token
    if token is None or (token.kind is Kind.END and token.text != begin.text):
        raise cursor.expected(f"“\\end{{{begin.text}}}”")
    return token.kind is Kind.END


def _row(cursor: Cursor) -> tuple[Tree, ...]:
    cells = [cursor.relation()]
    while cursor.sign("&") is not None:
        cells.append(cursor.relation())
    return tuple(cells)


def _case(cursor: Cursor) -> Case:
    """A value, a comma or an ampersand, and when it holds."""
    start = cursor.offset
    value = cursor.expression()
    condition: list[Tree] = []
    cursor.sign(",")
    cursor.sign("&")
    otherwise = False
    while (token := cursor.token) is not None and token.kind not in (Kind.ROW, Kind.END):
        if token.kind is Kind.TEXT:
            otherwise = otherwise or token.text in ("otherwise", "else")
            if not set(token.text.split()) <= _CONDITION_WORDS:
                raise cursor.expected("a condition")
            cursor.at += 1
        elif cursor.sign(",", ".") is None:
            condition.append(cursor.relation())
    if not condition and not otherwise:
        raise cursor.expected("a condition, or “otherwise”")
    return Case(Span(start, cursor.behind), value, None if otherwise else tuple(condition))
