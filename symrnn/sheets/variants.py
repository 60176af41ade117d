"""Other numbers of the same kind for an exercise: one seed gives one student's sheet.

Signs and zeros stay, denominators stay, a one-hot column stays one-hot, a sequence of zeros and ones stays one, so that
forward values stay short and a unit that is off in the original can be off in a variant, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any

LARGEST = 4
"""Numerators are drawn up to this, or up to the largest of the original where that is larger."""


def varied(values: dict[str, Any], variant: int | None, keep: Collection[str] = ()) -> dict[str, Any]:
    """The numbers of a variant; the original ones for None.

    >>> varied({"V": -3, "x": ["3/2", 1]}, None)
    {'V': -3, 'x': ['3/2', 1]}
    >>> other = varied({"V": -3, "x": ["3/2", 0]}, 7)
    >>> other["V"] < 0, other["x"][1], other == varied({"V": -3, "x": ["3/2", 0]}, 7)
    (True, 0, True)
    """
    if variant is None:
        return values
    return {
        name: value if name in keep else _other(value, random.Random(f"{variant}/{name}"))
        for name, value in values.items()
    }


def _other(value: Any, source: random.Random) -> Any:
    if isinstance(value, list):
        flat = [entry for entry in value if not isinstance(entry, list)]
        if len(flat) == len(value) > 1 and all(entry in (0, 1) for entry in flat):
            return source.sample(flat, len(flat))
        return [_other(entry, source) for entry in value]
    return _number(value, source)


def _number(value: Any, source: random.Random) -> Any:
    number = Fraction(str(value))
    if number == 0:
        return value
    largest = max(LARGEST, abs(number.numerator), number.denominator - 1)
    fits: Callable[[int], bool] = lambda n: Fraction(n, number.denominator).denominator == number.denominator  # noqa: E731
    choices = [n for n in range(1, largest + 1) if fits(n)]
    found = Fraction(source.choice(choices), number.denominator) * (1 if number > 0 else -1)
    return _written(found, value)


def _written(found: Fraction, like: Any) -> Any:
    """As the original is written: whole, as a decimal, or as a fraction."""
    if found.denominator == 1:
        return int(found)
    if isinstance(like, str) and "." in like:
        return str(float(found))
    return str(found)
