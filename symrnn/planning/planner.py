"""The whole way from a graph of operations to stages."""

from __future__ import annotations

from symrnn.planning.blocks import take_apart
from symrnn.planning.fission import split
from symrnn.planning.graph import Program
from symrnn.planning.schedule import Schedule, build_schedule, check_margins
from symrnn.planning.simplify import simplify
from symrnn.planning.sweeping import truncated


def plan_schedule(program: Program, truncate: bool = False) -> Schedule:
    """The stages of a program, which is rewritten on the way; ``truncate`` makes sweeps of the loops back.

    Stacked vectors are taken apart, work is saved by rewrites, what depends on its own earlier values is told from what
    can be done for all times at once, and each group becomes a stage with its times.

    Raises UnsupportedError for recursions that cannot be run step by step.
    """
    take_apart(program)
    simplify(program)
    fission = split(program)
    schedule = build_schedule(truncated(fission) if truncate else fission)
    check_margins(schedule)
    return schedule
