"""Where print leaves something open, a choice is made and written down; reading again makes another one.

A reader asks :meth:`Choices.pick` with the options, the most literal first.  The same question has the same answer
throughout one reading, so that a formula isn't read half in total and half in immediate derivatives.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from symrnn.errors import ShapeError, SymrnnError

MAX_RUNS = 160
"""How often one text is read at most."""

CHARACTERS = 60_000
"""How many characters are read at most, over all runs: a long text has fewer readings."""

FEWEST_RUNS = 6

Result = TypeVar("Result")


class Made(NamedTuple):
    """One choice: the option that was taken, all options, and how far-fetched each step away from the first is."""

    taken: int
    options: tuple[str, ...]
    cost: int


@dataclass
class Choices:
    """The choices of one reading: ``forced`` are those it was started with, ``made`` all that it met."""

    forced: Mapping[str, int] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)

    def pick(self, key: str, options: Sequence[str], cost: int = 1) -> int:
        """The position of the option that this reading takes."""
        if key not in self.made:
            taken = min(self.forced.get(key, 0), len(options) - 1)
            self.made[key] = Made(taken, tuple(options), cost)
        return min(self.made[key].taken, len(options) - 1)

    def described(self) -> tuple[tuple[str, str], ...]:
        """What was chosen where there was a choice."""
        return tuple((key, made.options[made.taken]) for key, made in self.made.items() if len(made.options) > 1)

    def departures(self) -> Iterator[tuple[int, dict[str, int]]]:
        """What to force next, and at which additional cost: one more departure each, in the order of the choices.

        Only choices after those that were forced already, so that no combination comes twice.
        """
        met = list(self.made)
        if any(key not in self.made for key in self.forced):
            return
        last = max((met.index(key) for key in self.forced), default=-1)
        for key in met[last + 1 :]:
            made = self.made[key]
            for other in range(1, len(made.options)):
                yield made.cost * other, {**self.forced, key: other}


def runs_for(length: int) -> int:
    """How often a text of this length may be read.

    >>> runs_for(100), runs_for(3000), runs_for(100_000)
    (160, 20, 6)
    """
    return max(FEWEST_RUNS, min(MAX_RUNS, CHARACTERS // max(length, 1)))


def every_reading(read: Callable[[Choices], Result], runs: int = MAX_RUNS) -> Iterator[tuple[Result, Choices]]:
    """All results, the most literal first.

    A choice that leads nowhere (shapes that don't fit, a name that isn't there) is passed over; where all do, the
    literal reading's error is raised, or the first one that complains of shapes rather than of words.
    """
    waiting: list[tuple[int, int, dict[str, int]]] = [(0, 0, {})]
    started = 1
    first: SymrnnError | None = None
    found = False
    for _ in range(runs):
        if not waiting:
            break
        cost, _, forced = heapq.heappop(waiting)
        choices = Choices(forced)
        try:
            result = read(choices)
        except SymrnnError as error:
            if first is None or (isinstance(error, ShapeError) and not isinstance(first, ShapeError)):
                first = error
        else:
            found = True
            yield result, choices
        for more, departure in choices.departures():
            heapq.heappush(waiting, (cost + more, started, departure))
            started += 1
    if not found and first is not None:
        raise first
