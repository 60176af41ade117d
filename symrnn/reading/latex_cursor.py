"""A cursor over the tokens of one formula: looking, stepping, and saying what was expected where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from symrnn.errors import ReadingError, did_you_mean
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import COMMANDS
from symrnn.reading.latex_tokens import Kind, Token
from symrnn.reading.latex_tree import Tree

MAX_DEPTH = 48
"""Groups inside groups; people stop at five or so."""


class Cursor(ABC):
    """Where a parser stands.  ``open`` are the delimiters around it, ``end`` is where the formula ends in the text."""

    def __init__(self, source: Source, tokens: Sequence[Token], end: int, depth: int = 0) -> None:
        self.source = source
        self.tokens = list(tokens)
        self.end = end
        self.at = 0
        self.depth = depth
        self.open: list[str] = []

    @abstractmethod
    def relation(self, slices: bool = False) -> Tree:
        """An expression, or several with ``=``, ``≤``, ``∈`` between them; with ``slices`` also ``a:b``."""

    @abstractmethod
    def expression(self) -> Tree:
        """A sum of terms."""

    @property
    def token(self) -> Token | None:
        """The next token, None at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def is_done(self) -> bool:
        """Whether all tokens have been read."""
        return self.at >= len(self.tokens)

    @property
    def offset(self) -> int:
        """Where the next token stands in the text."""
        return self.token.start if self.token is not None else self.end

    @property
    def behind(self) -> int:
        """Where the last token that was read ends."""
        return self.tokens[self.at - 1].end if self.at else self.offset

    def expected(self, what: str) -> ReadingError:
        """An error that says what should stand here and what does."""
        token = self.token
        if token is None:
            return self.source.error(f"expected {what}, but the formula ends here", self.end)
        hint = did_you_mean(token.text, COMMANDS) if token.kind is Kind.COMMAND else None
        return self.source.error(
            f"expected {what}, found “{self.source.excerpt(token.start, token.end)}”",
            token.start,
            hint=hint if hint and hint.startswith("Did") else None,
        )

    def sign(self, *signs: str) -> Token | None:
        """The next token if it is one of these signs; then it has been read."""
        token = self.token
        if token is not None and token.is_sign(*signs):
            self.at += 1
            return token
        return None

    def enter(self, delimiter: str) -> None:
        """One more nesting; raises ReadingError when there are too many."""
        self.open.append(delimiter)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.source.error(f"more than {MAX_DEPTH} groups inside each other", self.offset)

    def leave(self) -> None:
        """One nesting less."""
        self.open.pop()
        self.depth -= 1
