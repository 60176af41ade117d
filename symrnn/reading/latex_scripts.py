"""What is special in sub- and superscripts, seen on their tokens: transposes, marks, primes, and names in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symrnn.reading.latex_symbols import FONTS, NAME_ALIASES, OPERATORS
from symrnn.reading.latex_tokens import Kind, Token

_TRANSPOSES = frozenset({"top", "intercal"})
_MARKS = frozenset({"star", "dagger", "+", "-", "*", "ddagger"})


@dataclass(frozen=True)
class Marks:
    r"""The marks of a superscript and the tokens that are left.

    ``transposed``: a final ⊤.  ``inverse``: ``^{-\top}``.  ``mark``: a sign that stands first (⊙) or alone (+).
    """

    rest: tuple[Token, ...]
    transposed: bool = False
    inverse: bool = False
    mark: str | None = None
    primes: int = 0


def superscript_marks(tokens: Sequence[Token]) -> Marks:
    r"""Take the marks off: ``(t)\top`` is (t), transposed; ``\odot 2`` is 2, elementwise; ``\prime`` is one prime."""
    primes = 0
    if tokens and (tokens[0].is_sign("'") or tokens[-1].is_sign("'")):
        primes = sum(t.is_sign("'") for t in tokens)
        tokens = [t for t in tokens if not t.is_sign("'")]
    transposed = _is_transposed(tokens)
    if transposed:
        tokens = tokens[:-1]
        if len(tokens) == 1 and tokens[0].is_sign("-"):
            return Marks((), True, True, None, primes)
    mark = _mark(tokens)
    return Marks(tuple(tokens[1:] if mark is not None else tokens), transposed, False, mark, primes)


def _is_transposed(tokens: Sequence[Token]) -> bool:
    if not tokens:
        return False
    last = tokens[-1]
    if last.kind is Kind.COMMAND and last.text in _TRANSPOSES:
        return True
    before = tokens[-2] if len(tokens) > 1 else None
    return last.kind is Kind.NAME and last.text == "T" and before is not None and before.is_sign(")", "-")


def _mark(tokens: Sequence[Token]) -> str | None:
    if not tokens or tokens[0].kind not in (Kind.COMMAND, Kind.SIGN):
        return None
    first = tokens[0].text
    if OPERATORS.get(first) in ("odot", "otimes"):
        return OPERATORS[first]
    return first if first in _MARKS and len(tokens) == 1 else None


def unstacked(tokens: Sequence[Token]) -> Sequence[Token]:
    r"""``\substack{1 \le k \\ k \le t}`` is two conditions with a comma between."""
    if not tokens or not tokens[0].is_command("substack"):
        return tokens
    return [Token(Kind.SIGN, ",", t.start, t.end) if t.kind is Kind.ROW else t for t in tokens[2:-1]]


def script_key(tokens: Sequence[Token]) -> str | None:
    """The letters and digits of a script as one word, or None where there is more in it."""
    kept = []
    for token in tokens:
        if token.kind in (Kind.NAME, Kind.NUMBER):
            kept.append(NAME_ALIASES.get(token.text, token.text))
        elif not (token.is_sign("{", "}", ",", "_") or (token.kind is Kind.COMMAND and token.text in FONTS)):
            return None
    return "".join(kept) or None
