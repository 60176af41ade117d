"""Rectangles of characters with a base line: what a terminal can draw formulas on."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


def columns(text: str) -> int:
    """How many columns a text takes; combining marks take none.

    >>> columns("x\u0304")
    1
    """
    return sum(not unicodedata.combining(character) for character in text)


def pad(text: str, width: int, centred: bool = False) -> str:
    """The text with blanks to a width."""
    missing = width - columns(text)
    before = missing // 2 if centred else 0
    return " " * before + text + " " * (missing - before)


@dataclass(frozen=True)
class Canvas:
    """Lines of equal width, of which the one numbered ``base`` lines up with the neighbours'."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        """In columns."""
        return columns(self.lines[0])

    @property
    def height(self) -> int:
        """In lines."""
        return len(self.lines)

    @property
    def below(self) -> int:
        """How many lines there are below the base line."""
        return self.height - 1 - self.base

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


def beside(parts: Sequence[Canvas]) -> Canvas:
    """Canvases side by side, base line to base line."""
    if not parts:
        return Canvas(("",))
    above = max(part.base for part in parts)
    below = max(part.below for part in parts)
    rows: list[list[str]] = [[] for _ in range(above + below + 1)]
    for part in parts:
        blank = " " * part.width
        for number, row in enumerate(rows):
            inner = number - above + part.base
            row.append(part.lines[inner] if 0 <= inner < part.height else blank)
    return Canvas(tuple("".join(row) for row in rows), above)


def stacked(parts: Sequence[Canvas], base: int, left: bool = False) -> Canvas:
    """Canvases under each other, centred; the base line is that of the part numbered ``base``."""
    width = max(part.width for part in parts)
    lines = [pad(line, width, not left) for part in parts for line in _block(part)]
    offset = sum(part.height for part in parts[:base])
    return Canvas(tuple(lines), offset + parts[base].base)


def _block(part: Canvas) -> list[str]:
    return [pad(line, part.width) for line in part.lines]
