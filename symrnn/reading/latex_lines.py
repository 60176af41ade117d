"""A text to statements: claims, definitions, expressions, each with the conditions that are put on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from symrnn.reading.latex_pieces import Piece, merged, split
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import RELATIONS
from symrnn.reading.latex_syntax import Parser
from symrnn.reading.latex_tokens import tokenize
from symrnn.reading.latex_tree import Name, Relation, Sign, Span, Statement, Tree, strip_group

_COMPARISONS = RELATIONS - {"="}


class Lines(NamedTuple):
    """The statements of a text; ``likely`` says how its plain line breaks are meant, where that is open.

    It is ``separate`` or ``joined``, and the empty text where nothing is open.
    """

    statements: tuple[Statement, ...]
    likely: str = ""


def read_statements(source: Source, words: frozenset[str] = frozenset(), joined: bool = False) -> Lines:
    r"""The statements of a text.

    ``joined`` reads a plain line break before a line without an equality sign as a space.

    >>> found = read_statements(Source(r"L = \sum_t L_t, \quad L_t = a_t b"))
    >>> [len(s.members) for s in found.statements]
    [2, 2]

    Raises ReadingError with the place of what can't be read.
    """
    pieces, likely = merged(split(source, tokenize(source, words)), joined)
    statements: list[Statement] = []
    position = 0
    while position < len(pieces):
        count = _range_length(pieces[position:])
        if count:
            _add_condition(statements, source, _range(source, pieces[position : position + count]))
        else:
            _append(statements, source, pieces[position])
        position += max(count, 1)
    if not statements:
        raise source.error("expected a formula, but there is none", 0)
    return Lines(tuple(statements), likely)


# -- ranges: t = 1, …, τ ----------------------------------------------------------------------------------------


def _range_length(pieces: Sequence[Piece]) -> int:
    r"""How many pieces make up a range such as ``t = 1, \dots, \tau``; 0 where none begins here."""
    first = pieces[0]
    if not first.tokens or not first.has_relation():
        return 0
    count = 1
    while count < len(pieces) and _goes_on(pieces[count]):
        count += 1
    dots = any(len(p.tokens) == 1 and p.tokens[0].is_command("dots") for p in pieces[1:count])
    return count if dots else 0


def _goes_on(piece: Piece) -> bool:
    return piece.separator == "," and not piece.role and bool(piece.tokens) and not piece.has_relation()


def _range(source: Source, pieces: Sequence[Piece]) -> Tree:
    """The condition that an index lies between the first and the last value of a range."""
    first = _parsed(source, pieces[0])
    last = _parsed(source, pieces[-1])
    if not isinstance(first, Relation) or first.signs != ("=",) or not isinstance(first.members[0], Name):
        raise source.error("expected a range of one index, as in t = 1, …, τ", pieces[0].tokens[0].start)
    name, start = first.members
    return Relation(Span(first.at.start, last.at.end), (start, name, last), ("le", "le"))


# -- statements -------------------------------------------------------------------------------------------------


def _parsed(source: Source, piece: Piece) -> Tree:
    return Parser(source, piece.tokens, piece.tokens[-1].end).whole()


def _append(statements: list[Statement], source: Source, piece: Piece) -> None:
    """Parse one piece, and add it as a statement or as a condition on the one before."""
    if not piece.tokens:
        if statements and piece.role in ("where", "if"):
            raise source.error(f"expected a formula after “{piece.role}”", statements[-1].at.end)
        return
    before = statements[-1].role if statements else "main"
    role = piece.role or (before if piece.separator in (",", "gap") else "main")
    tree = _parsed(source, piece)
    if (role == "if" and statements) or _is_condition(tree):
        _add_condition(statements, source, tree)
        return
    members = tree.members if isinstance(tree, Relation) else (tree,)
    is_part = role == "where" or (role == "and" and before == "where")
    span = Span(piece.tokens[0].start, piece.tokens[-1].end)
    statements.append(Statement(span, members, "where" if is_part else "main"))


def _add_condition(statements: list[Statement], source: Source, tree: Tree) -> None:
    if not statements:
        raise source.error("expected an equality or an expression before a condition", tree.at.start)
    last = statements[-1]
    statements[-1] = replace(last, conditions=(*last.conditions, tree))


def _is_condition(tree: Tree) -> bool:
    tree = strip_group(tree)
    if isinstance(tree, Relation):
        return any(sign in _COMPARISONS for sign in tree.signs)
    return isinstance(tree, Sign) and tree.kind == "dots"
