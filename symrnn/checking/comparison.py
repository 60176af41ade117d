"""How far two arrays are apart, and over which times a statement about free times is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symrnn.calculus.steps import TimeSpan

Array = Any

UNIT_NOISE = 1e-13
"""Data is of order one: an array that is nowhere larger than this is 0 but for rounding."""


def relative_error(value: Array, reference: Array) -> float:
    """max|A − B| / max|B|; the absolute difference where B is 0; infinite where shapes differ or a number isn't finite.

    >>> relative_error([1.0, 2.0], [1.0, 4.0]), relative_error([0.0], [1e-15])
    (0.5, 1e-15)
    """
    a, b = np.asarray(value), np.asarray(reference)
    if a.shape != b.shape and (a.size, b.size) != (1, 1):
        return float("inf")
    if a.size == 0:
        return 0.0
    difference = float(np.abs(a.reshape(-1) - b.reshape(-1)).max())
    scale = float(np.abs(b).max())
    if not np.isfinite(difference) or not np.isfinite(scale):
        return float("inf")
    return difference / scale if scale > UNIT_NOISE else difference


def admissible_times(spans: Sequence[TimeSpan], numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Every assignment of the free times within their spans; ``numbers`` are the sizes and time bounds.

    >>> from symrnn.language import Index
    >>> one, t = Index.of(1), Index.of("t")
    >>> spans = [TimeSpan("k", one, t), TimeSpan("t", one, Index.of("tau"))]
    >>> [f"{times['k']}≤{times['t']}" for times in admissible_times(spans, {"tau": 2})]
    ['1≤1', '1≤2', '2≤2']
    """
    yield from _assign(list(spans), dict(numbers), {})


def _assign(spans: list[TimeSpan], numbers: dict[str, int], chosen: dict[str, int]) -> Iterator[dict[str, int]]:
    if not spans:
        yield dict(chosen)
        return
    known = numbers.keys() | chosen.keys()
    # A span whose bounds are known comes first, whatever the order they are listed in.
    span = next((s for s in spans if s.lower.names() | s.upper.names() <= known), spans[0])
    rest = [s for s in spans if s is not span]
    here = {**numbers, **chosen}
    for value in range(span.lower.value(here), span.upper.value(here) + 1):
        yield from _assign(rest, numbers, {**chosen, span.index: value})


def spread(items: Sequence[dict[str, int]], most: int) -> list[dict[str, int]]:
    """At most so many of the items, evenly over the list, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    places = dict.fromkeys(round(i * (len(items) - 1) / (most - 1)) for i in range(most))
    return [items[place] for place in places]
