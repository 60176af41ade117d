r"""A text's tokens to statements: where one formula ends and the next begins.

``\\``, line breaks, ``\quad``, commas and words separate statements, but also stand inside them; what decides is
whether the next piece has an equality sign of its own and whether a piece begins or ends with an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import FILLERS, OPENERS, OPERATORS, RELATIONS
from symrnn.reading.latex_syntax import Parser
from symrnn.reading.latex_tokens import Kind, Token, tokenize
from symrnn.reading.latex_tree import Relation, Sign, Span, Statement, Tree, strip_group

_COMPARISONS = RELATIONS - {"="}
_STRENGTH = {"": 0, "line": 1, "gap": 2, "row": 3, ",": 4, "break": 5}


@dataclass
class _Piece:
    """Tokens between two separators: what separated it from the piece before, and the word that introduced it."""

    separator: str = ""
    role: str = ""
    tokens: list[Token] = field(default_factory=list)

    def has_relation(self) -> bool:
        return any(_is_relation(t) for t in _top_level(self.tokens))

    def starts_inside(self) -> bool:
        """Whether it begins with a sign that needs something before it."""
        first = self.tokens[0]
        return _is_relation(first) or _is_operator(first)

    def ends_inside(self) -> bool:
        """Whether it ends with a sign that needs something after it."""
        last = self.tokens[-1]
        return _is_relation(last) or _is_operator(last)


def _is_relation(token: Token) -> bool:
    return token.kind in (Kind.SIGN, Kind.COMMAND) and token.text in RELATIONS


def _is_operator(token: Token) -> bool:
    return token.is_sign("+", "-") or (token.kind in (Kind.SIGN, Kind.COMMAND) and token.text in OPERATORS)


def _top_level(tokens: Sequence[Token]) -> Iterable[Token]:
    level = 0
    for token in tokens:
        level += _level(token)
        if not level and token.text not in ")]}":
            yield token


def _level(token: Token) -> int:
    """+1 for what opens, -1 for what closes."""
    if token.kind is Kind.SIGN:
        return (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
    if token.kind is Kind.COMMAND:
        return (token.text in ("langle", "{")) - (token.text in ("rangle", "}"))
    return (token.kind is Kind.BEGIN) - (token.kind is Kind.END)


def read_statements(
    source: Source, words: frozenset[str] = frozenset(), joined: bool = False
) -> tuple[tuple[Statement, ...], bool]:
    r"""The statements of a text, and whether joining its plain lines would be another way to read it.

    ``joined`` reads a plain line break before a line without an equality sign as a space.

    >>> found, _ = read_statements(Source(r"L = \sum_t L_t, \quad L_t = a_t b"))
    >>> [len(s.members) for s in found]
    [2, 2]
    """
    pieces = _split(source, tokenize(source, words))
    merged, ambiguous = _merge(pieces, joined)
    statements: list[Statement] = []
    for piece in merged:
        _append(statements, source, piece)
    if not statements:
        raise source.error("expected a formula, but there is none", 0)
    return tuple(statements), ambiguous


def _split(source: Source, tokens: Sequence[Token]) -> list[_Piece]:
    """Cut at everything that may separate; inside brackets and environments nothing does."""
    pieces = [_Piece()]
    level, environments = 0, 0
    for token in _without_frames(tokens):
        level = max(0, level + _level(token))
        environments += (token.kind is Kind.BEGIN) - (token.kind is Kind.END)
        separator = _separator(token)
        if environments > 0:
            if token.kind not in (Kind.LINE, Kind.GAP, Kind.MATH):
                pieces[-1].tokens.append(token)
        elif token.is_sign("&"):
            continue
        elif token.kind is Kind.TEXT and not level:
            _open(source, pieces, token)
        elif separator and not level:
            _separate(pieces, separator)
        elif token.kind is Kind.TEXT:
            raise source.error(f"expected a formula inside the brackets, found the words “{token.text}”", token.start)
        elif not separator or token.is_sign(",", ";", ":"):
            pieces[-1].tokens.append(token)
    return [p for p in pieces if p.tokens or p.role]


def _without_frames(tokens: Sequence[Token]) -> list[Token]:
    r"""``\overset{!}{=}`` is ``=``: the first argument goes, the second loses its braces."""
    kept: list[Token] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if not token.is_command("overset", "underset", "stackrel"):
            kept.append(token)
            continue
        position = _after_braces(tokens, position)
        end = _after_braces(tokens, position)
        kept.extend(tokens[position + 1 : end - 1])
        position = end
    return kept


def _after_braces(tokens: Sequence[Token], position: int) -> int:
    level = 0
    while position < len(tokens):
        level += _level(tokens[position])
        position += 1
        if level <= 0:
            break
    return position


def _separator(token: Token) -> str:
    if token.kind is Kind.LINE or token.kind is Kind.MATH:
        return "line"
    if token.kind is Kind.GAP:
        return "gap"
    if token.kind is Kind.ROW:
        return "row"
    if token.is_sign(",", "."):
        return ","
    if token.is_sign(";", ":") or token.is_command("implies", "forall"):
        return "break"
    return ""


def _separate(pieces: list[_Piece], separator: str) -> None:
    if pieces[-1].tokens:
        pieces.append(_Piece(separator))
    elif _STRENGTH[separator] > _STRENGTH[pieces[-1].separator]:
        pieces[-1].separator = separator


def _open(source: Source, pieces: list[_Piece], token: Token) -> None:
    """A word between formulas says what the next one is."""
    _separate(pieces, "break")
    for word in token.text.replace(",", " ").split():
        role = OPENERS.get(word.strip(".:;()"))
        if role is None and word.strip(".:;()") not in FILLERS:
            raise source.error(
                f"expected a formula, found the word “{word}”",
                token.start,
                hint="Between formulas only words like where, with, for, if and otherwise are read.",
            )
        if role == "unless":
            raise source.error("a condition with “unless” is not read; turn it round", token.start)
        if role is not None:
            pieces[-1].role = role


def _merge(pieces: Sequence[_Piece], joined: bool) -> tuple[list[_Piece], bool]:
    """Put together what only looked separate; tells whether a plain line break could be read both ways."""
    merged: list[_Piece] = []
    ambiguous = False
    for piece in pieces:
        if not merged or piece.role or not piece.tokens or not merged[-1].tokens:
            merged.append(replace(piece, tokens=list(piece.tokens)))
            continue
        last = merged[-1]
        belongs = piece.starts_inside() or last.ends_inside()
        if piece.separator in (",", "break"):
            belongs = belongs and not _starts_statement(piece)
        elif _is_bracketed_condition(piece):
            belongs = False
        elif not belongs and not piece.has_relation() and piece.separator in ("line", "gap"):
            ambiguous = ambiguous or piece.separator == "line"
            belongs = joined or piece.separator == "gap"
        if belongs:
            last.tokens.extend(piece.tokens)
        else:
            merged.append(replace(piece, tokens=list(piece.tokens)))
    return merged, ambiguous


def _is_bracketed_condition(piece: _Piece) -> bool:
    r"""``(t < \tau)`` behind a gap."""
    return piece.tokens[0].is_sign("(") and any(_is_relation(t) and t.text != "=" for t in piece.tokens)


def _starts_statement(piece: _Piece) -> bool:
    """After a comma a sign begins a new formula only if an equality follows: ``…, -a = b``."""
    return not _is_relation(piece.tokens[0]) and piece.has_relation()


def _append(statements: list[Statement], source: Source, piece: _Piece) -> None:
    """Parse one piece, and add it as a statement or as a condition on the one before."""
    role = piece.role or (statements[-1].role if statements and piece.separator in (",", "gap") else "main")
    if not piece.tokens:
        if statements and piece.role == "otherwise":
            return
        if piece.role in ("", "and"):
            return
        if statements and piece is not None and piece.role in ("where", "if"):
            raise source.error(f"expected a formula after “{piece.role}”", statements[-1].at.end)
        return
    end = piece.tokens[-1].end
    parser = Parser(source, piece.tokens, end)
    tree = parser.relation()
    if parser.token is not None:
        raise parser.expected("an operator or the end of the formula")
    if role == "and":
        role = statements[-1].role if statements else "main"
    span = Span(piece.tokens[0].start, end)
    if statements and (role == "if" or _is_condition(tree)):
        last = statements[-1]
        statements[-1] = replace(last, conditions=(*last.conditions, tree))
        return
    if _is_condition(tree):
        raise source.error("expected an equality or an expression before a condition", span.start)
    members = tree.members if isinstance(tree, Relation) else (tree,)
    statements.append(Statement(span, members, "where" if role == "where" else "main"))


def _is_condition(tree: Tree) -> bool:
    tree = strip_group(tree)
    if isinstance(tree, Relation):
        return any(sign in _COMPARISONS for sign in tree.signs)
    return isinstance(tree, Sign) and tree.kind == "dots"
