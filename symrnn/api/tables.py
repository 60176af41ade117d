"""Plain tables for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def columns(text: str) -> int:
    """How many columns a text takes; combining marks take none."""
    return sum(not unicodedata.combining(character) for character in text)


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> str:
    """Rows with their columns aligned to the left; nothing trails.

    >>> print(aligned([("a", "bb"), ("ccc", "d")]))
    a    bb
    ccc  d
    """
    if not rows:
        return ""
    widths = [max(columns(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        gap.join(text + " " * (width - columns(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def indented(text: str, by: int = 2) -> str:
    """Every line further in."""
    return "\n".join(f"{' ' * by}{line}" if line else line for line in text.splitlines())
