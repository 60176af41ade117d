r"""A text's tokens, cut where one formula ends and the next begins.

``\\``, line breaks, ``\quad``, commas and words separate statements, but also stand inside them; what decides is
whether the next piece has an equality sign of its own and whether a piece begins or ends with an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import FILLERS, OPENERS, OPERATORS, RELATIONS
from symrnn.reading.latex_tokens import Kind, Token

_STRENGTH = {"": 0, "line": 1, "gap": 2, "row": 3, ",": 4, "break": 5}


@dataclass
class Piece:
    """Tokens between two separators: what separated it from the piece before, and the word that introduced it."""

    separator: str = ""
    role: str = ""
    tokens: list[Token] = field(default_factory=list)

    def has_relation(self) -> bool:
        """Whether there is an equality or inequality sign outside its brackets."""
        return any(_is_relation(t) for t in _top_level(self.tokens))

    def starts_inside(self) -> bool:
        """Whether it begins with a sign that needs something before it."""
        first = self.tokens[0]
        return _is_relation(first) or _is_operator(first)

    def starts_with_derivative(self) -> bool:
        """Whether it begins as the claim of a derivative does."""
        return self.tokens[0].is_command("frac", "partial", "nabla")

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


def split(source: Source, tokens: Sequence[Token]) -> list[Piece]:
    """Cut at everything that may separate; inside brackets and environments nothing does."""
    pieces = [Piece()]
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
        elif token.is_command("forall") and not level:
            _separate(pieces, "break")
            pieces[-1].role = "if"
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
    if token.is_sign(";", ":") or token.is_command("implies"):
        return "break"
    return ""


def _separate(pieces: list[Piece], separator: str) -> None:
    if pieces[-1].tokens:
        pieces.append(Piece(separator))
    elif _STRENGTH[separator] > _STRENGTH[pieces[-1].separator]:
        pieces[-1].separator = separator


def _open(source: Source, pieces: list[Piece], token: Token) -> None:
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


def merged(pieces: Sequence[Piece], joined: bool) -> tuple[list[Piece], str]:
    """Put together what only looked separate, and tell how plain line breaks are likely meant where that is open.

    ``separate`` or ``joined``: behind the claim of a derivative a line without an equality sign
    rather goes on with it, behind a definition it rather is the formula that uses it.
    """
    found: list[Piece] = []
    likely = ""
    for piece in _without_numbers(pieces):
        if not found or piece.role or not piece.tokens or not found[-1].tokens:
            found.append(replace(piece, tokens=list(piece.tokens)))
            continue
        last = found[-1]
        belongs = piece.starts_inside() or last.ends_inside()
        if piece.separator in (",", "break"):
            belongs = belongs and not _starts_statement(piece)
        elif _is_bracketed_condition(piece):
            belongs = False
        elif not belongs and not piece.has_relation() and piece.separator in ("line", "gap"):
            if piece.separator == "line" and not likely:
                likely = "joined" if last.has_relation() and last.starts_with_derivative() else "separate"
            belongs = joined or piece.separator == "gap"
        if belongs:
            last.tokens.extend(piece.tokens)
        else:
            found.append(replace(piece, tokens=list(piece.tokens)))
    return found, likely


def _without_numbers(pieces: Sequence[Piece]) -> list[Piece]:
    """Without the numbers of equations, ``(7)`` behind a gap at the end of a line."""
    kept = []
    for position, piece in enumerate(pieces):
        after = pieces[position + 1].separator if position + 1 < len(pieces) else "row"
        is_number = len(piece.tokens) == 3 and piece.tokens[0].is_sign("(") and piece.tokens[1].kind is Kind.NUMBER
        if not (is_number and piece.separator == "gap" and after in ("row", "line") and not piece.role):
            kept.append(piece)
    return kept


def _is_bracketed_condition(piece: Piece) -> bool:
    r"""``(t < \tau)`` behind a gap."""
    return piece.tokens[0].is_sign("(") and any(_is_relation(t) and t.text != "=" for t in piece.tokens)


def _starts_statement(piece: Piece) -> bool:
    """After a comma a sign begins a new formula only if an equality follows: ``…, -a = b``."""
    return not _is_relation(piece.tokens[0]) and piece.has_relation()
