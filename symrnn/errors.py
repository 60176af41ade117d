"""Every error that a user can meet.

One base class, so that the command line catches one thing.  A message says what was asked, where, the
shapes, the reason and the way out; the parts are kept apart so that they can be shown apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """Where in a text something stands; lines and columns count from 1.

    >>> str(Location("my.cell", 3, 7))
    'my.cell, line 3, column 7'
    """

    source: str
    line: int | None = None
    column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line is not None else ""
        column = f", column {self.column}" if self.column is not None else ""
        return f"{self.source}{line}{column}"

    def excerpt(self) -> str:
        """The line itself with a caret under the column, or nothing."""
        if self.text is None:
            return ""
        shown = f"\n    {self.text}"
        return shown + (f"\n    {' ' * (self.column - 1)}^" if self.column is not None else "")


class SymrnnError(Exception):
    """Something a user asked for cannot be done; ``exit_code`` is the command line's."""

    exit_code = 2

    def __init__(self, message: str, *, location: Location | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location is not None else ""
        excerpt = self.location.excerpt() if self.location is not None else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.message}{excerpt}{hint}"

    def at(self, location: Location) -> SymrnnError:
        """The same error with a location, unless it already has one."""
        if self.location is None:
            self.location = location
        return self


class ReadingError(SymrnnError):
    """A text is not in the language: what was expected, and where."""


class ShapeError(SymrnnError):
    """Shapes that do not fit together."""


class UnknownNameError(SymrnnError):
    """A name that nothing declares."""


class CellError(SymrnnError):
    """Equations that do not make a cell: a cycle, a missing equation, a name declared twice."""


class QuestionError(SymrnnError):
    """A question (of what, by what, in which form) that has no answer."""


class UnsupportedError(SymrnnError):
    """A form without a rule: it is named here, and is never silently zero."""


class DataError(SymrnnError):
    """Numbers that do not fit: a missing array, a wrong shape, a label out of range."""


class CheckFailedError(SymrnnError):
    """A line of a derivation, or generated code, disagrees with the oracle."""

    exit_code = 1


class MissingExtraError(SymrnnError):
    """An optional program or library is not installed."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint with the nearest known name, or the known names if none is near.

    >>> did_you_mean("elmann", ["elman", "lstm"])
    'Did you mean "elman"?'
    >>> did_you_mean("w", ["U", "W"])
    'Did you mean "W"?'
    """
    known = sorted(set(candidates))
    near = [k for k in known if k.casefold() == name.casefold()] or difflib.get_close_matches(
        name, known, n=1, cutoff=0.6
    )
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"Known: {', '.join(known)}." if known else None
