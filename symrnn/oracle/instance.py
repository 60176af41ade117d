"""One set of numbers for a cell: its sizes and the values of everything that is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]
"""Declared name to an array of the declared shape (scalars without axes), or to a dict of such arrays by
time.
"""


@dataclass(frozen=True)
class Instance:
    """Numbers for a cell.

    ``sizes``: every size, and every symbol of the time bounds.  ``values``: parameters, constants, inputs and
    targets by name; one that depends on time is a dict from the time to the array.  ``initial``: initial
    values by their keys, ``h[0]``, ``h[tau+1]``.  ``seed``: from which they were drawn, None for a user's
    numbers.  ``remarks``: what a reader should know about the numbers, such as a function that could not be
    kept out of its tail.
    """

    sizes: Mapping[str, int]
    values: Values
    initial: Mapping[str, Any]
    seed: int | None = None
    remarks: tuple[str, ...] = field(default=())
