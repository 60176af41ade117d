"""What was found out about a claim of a source."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.sheets.content import Block


@dataclass(frozen=True)
class Finding:
    """A verdict and what shows it."""

    verdict: str
    blocks: tuple[Block, ...] = ()


def of_readings(holds: list[bool]) -> str:
    """The verdict on a print that can be read in several ways: right in all, in some, or in none of them.

    >>> of_readings([True, False])
    'assumption'
    """
    if all(holds):
        return "correct"
    return "assumption" if any(holds) else "wrong"
