"""Terms that hold at some times only, as lines of their own for the other times.

A loss like ``sum(norm2(h[t] - h[t-1]), t)`` leaves adjoints with terms for all times but the last, where they would
read ``h[tau+1]``; ``dot(h[tau], h[1])`` leaves one at a single time.  Both are lines for these few times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symrnn.language import Index, TimeRange
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Between
from symrnn.planning.shifting import shifted
from symrnn.planning.system import Definition, System


@dataclass(frozen=True)
class Lined:
    """A system whose windows are lines of their own; it holds from ``least`` steps on, where these lines are apart."""

    system: System
    least: int


def with_lines_for_windows(system: System) -> Lined:
    """The system with windows at the ends of time, and single times, written as lines that override the general one."""
    decide = _Decider(system.time)
    definitions = tuple(_lines(d, decide) for d in system.definitions)
    return Lined(replace(system, definitions=definitions), decide.least)


class _Decider:
    """Decides windows for all sequences that are long enough, and keeps how long that is."""

    def __init__(self, time: TimeRange) -> None:
        self.time = time
        self.least = 1

    def is_inside(self, window: Between) -> bool | None:
        at, low, high = window.args
        left, right = self._is_positive(at - low), self._is_positive(high - at)
        if left is False or right is False:
            return False
        return True if left and right else None

    def _is_positive(self, distance: Index) -> bool | None:
        """Whether a distance is 0 or more, for long sequences."""
        if distance.constant is not None:
            return distance.constant >= 0
        growing, falling = (distance - self.time.length).constant, (distance + self.time.length).constant
        if growing is not None:
            self.least = max(self.least, -growing)
            return True
        if falling is not None:
            self.least = max(self.least, falling + 1)
            return False
        return None


def split_window(term: Array) -> tuple[list[Between], Array]:
    """The windows in a product, and the product without them."""
    if isinstance(term, Between):
        return [term], arrays.ONE
    if not isinstance(term, arrays.Einsum):
        return [], term
    found: list[Between] = []
    kept: list[arrays.Factor] = []
    for factor, labels in term.factors:
        windows, rest = split_window(factor)
        found += windows
        if rest is not arrays.ONE:
            kept.append((rest, labels))
    if not found:
        return [], term
    return found, arrays.einsum(kept, term.out, term.coefficient, term.sizes()) if kept else arrays.ONE


def _lines(d: Definition, decide: _Decider) -> Definition:
    if not d.timed:
        return d
    time = decide.time
    special: dict[Index, None] = dict.fromkeys(t for t, _, _ in d.overrides)
    general: list[Array] = []
    for term in arrays.terms(d.expression):
        windows, rest = split_window(term)
        ends = [_excepted(w, time) for w in windows]
        known = [e for e in ends if e is not None]
        if len(known) < len(ends):
            general.append(term)
            continue
        special.update(dict.fromkeys(t for times, _ in known for t in times))
        if all(generally for _, generally in known):
            general.append(rest)
    if len(special) == len(d.overrides):
        return d
    given = {t: (array, node) for t, array, node in d.overrides}
    lines = [(t, *given.get(t, (_at(d.expression, t, decide), d.source))) for t in special]
    return replace(d, expression=arrays.plus(general or [arrays.zeros(d.axes)]), overrides=tuple(lines))


def _excepted(window: Between, time: TimeRange) -> tuple[list[Index], bool] | None:
    """The times whose value is not the general one, and whether that one is 1; None for a window in the middle."""
    at, low, high = window.args
    ahead = (at - Index.of(time.index)).constant
    if ahead is None:
        return None
    if low == high:
        return [low - ahead], False
    before, after = (low - ahead - time.first).constant, (time.last - high + ahead).constant
    if before is None or after is None:
        return None
    return [*(time.first + k for k in range(before)), *(time.last - k for k in range(after))], True


def _at(array: Array, time: Index, decide: _Decider) -> Array:
    """The expression at one time."""
    return arrays.plus(list(_terms_at(array, time, decide)) or [arrays.zeros(array.axes)])


def _terms_at(array: Array, time: Index, decide: _Decider) -> Iterator[Array]:
    for term in arrays.terms(array):
        windows, rest = split_window(shifted(term, {decide.time.index: time}))
        inside = {w: decide.is_inside(w) for w in windows}
        if False not in inside.values():
            yield arrays.times(*(w for w, known in inside.items() if known is None), rest)


def is_inside(window: Between) -> bool | None:
    """Whether the window's time lies inside, where that is decided for sequences of any length."""
    at, low, high = window.args
    left, right = (at - low).constant, (high - at).constant
    if (left is not None and left < 0) or (right is not None and right < 0):
        return False
    return True if left is not None and right is not None else None
