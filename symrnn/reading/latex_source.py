"""The text of an answer, and errors that point into it."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.errors import Location, ReadingError

_SHOWN = 160
"""Lines longer than this are not repeated under a message."""


@dataclass(frozen=True)
class Source:
    r"""A text with a name; offsets into it become lines and columns.

    >>> str(Source("a\n + ?").location(4))
    'LaTeX, line 2, column 3'
    """

    text: str
    name: str = "LaTeX"

    def location(self, offset: int) -> Location:
        """Line and column (from 1) of an offset, with the line itself where it is short enough to show."""
        offset = max(0, min(offset, len(self.text)))
        begin = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        shown = self.text[begin : end if end >= 0 else len(self.text)].rstrip("\r")
        line = self.text.count("\n", 0, offset) + 1
        return Location(self.name, line, offset - begin + 1, shown if len(shown) <= _SHOWN else None)

    def error(self, message: str, offset: int, hint: str | None = None) -> ReadingError:
        """The error to raise: what was expected, and where."""
        return ReadingError(message, location=self.location(offset), hint=hint)

    def excerpt(self, start: int, end: int) -> str:
        """A short piece of the text, on one line."""
        piece = " ".join(self.text[start:end].split())
        return piece if len(piece) <= 60 else piece[:57] + "…"
