"""Truncated gradients: what a cell has to be like, and how far back each read of an adjoint lies.

The truncated gradient counts what a step's loss does to the steps at most w before it.  With λ^(j)_t the derivative of
the losses of the steps t … t+j alone,

    λ^(j)_t = ∂⁺L/∂s_t + λ^(j-1)_{t+1} J_{t+1},    λ^(-1) = 0,

the recursion runs over the age j instead of over time: each sweep computes all times from the sweep before it, and
w + 1 sweeps are all there are.  A read of an adjoint at distance d is a read of the sweep d before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.language.traversal import variables
from symrnn.planning import arrays
from symrnn.planning.loops import loops
from symrnn.planning.system import Definition, Gradient, System


def check_truncation(system: System) -> None:
    """Raise UnsupportedError where steps back can't be counted: ways that turn round, losses of initial values."""
    cell, reads = system.cell, _reads(system)
    for name in reads:
        signs = {(s > 0) - (s < 0) for other in _reached(name, reads) for s in _shifts(other, reads)} - {0}
        if len(signs) > 1:
            raise UnsupportedError(
                f'a window has no meaning for the cell "{cell.name}": a way from the loss '
                "runs both back and forth in time",
                hint="Truncate states of one direction, or leave --window out.",
            )
    initial = {(state.name, time) for state, time, _ in cell.initial_keys()}
    read = variables(cell.loss) if cell.loss is not None else ()
    if any((v.name, v.time) in initial for v in read):
        raise UnsupportedError("the loss reads an initial value, which is no step that a window could count from")


def _reads(system: System) -> dict[str, dict[str, set[int]]]:
    """The distances at which timed adjoints read each other."""
    index = system.time.index
    reads: dict[str, dict[str, set[int]]] = {}
    for d in system.definitions:
        if d.role is not Role.PART or not d.timed:
            continue
        for now, array in ((Index.of(index), d.expression), *((t, a) for t, a, _ in d.overrides)):
            for load in arrays.loads(array):
                if load.role is Role.PART and load.time is not None:
                    distance = (load.time - now).constant
                    if distance is None:
                        raise UnsupportedError(f"a window can't count the steps between {load.time} and {now}")
                    reads.setdefault(d.name, {}).setdefault(load.name, set()).add(distance)
    return reads


def _reached(start: str, reads: dict[str, dict[str, set[int]]]) -> set[str]:
    found, pending = {start}, [start]
    while pending:
        for other in reads.get(pending.pop(), {}):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


def _shifts(name: str, reads: dict[str, dict[str, set[int]]]) -> set[int]:
    return {s for found in reads.get(name, {}).values() for s in found}


def distance_back(system: System, gradient: Gradient, time: Index) -> int:
    """How many sweeps before the last one an adjoint of a fixed time is read for a gradient.

    For ∂L/∂h[0] that of time 1 is read: one step lies between them.  A parameter in an initial value is reached as that
    value is.
    """
    leaf = gradient.leaf
    if leaf.role is Role.COMPUTED and leaf.time is not None:
        found = (time - leaf.time).constant
    elif any(state.depth > 1 for state in system.cell.states):
        found = None
    else:
        edges = (system.time.first - 1, system.time.last + 1)
        found = next((d for d in ((time - edge).constant for edge in edges) if d is not None), None)
    if found is None:
        raise UnsupportedError(f"a window can't count the steps between {gradient.key} and time {time}")
    return abs(found)


@dataclass(frozen=True)
class Sweeps:
    """The adjoints of a truncated gradient: ``before`` and ``after`` are computed once, each group in every sweep.

    A group has a direction, +1 where it reads later times, and its definitions in the order of a step.  ``depths`` says
    for each adjoint that is read so how many sweeps back it is wanted; reads of the sweep just before, from within a
    step, find it in place and do not count.  ``depth`` is the farthest read of all.
    """

    before: tuple[Definition, ...]
    groups: tuple[tuple[int, tuple[Definition, ...]], ...]
    after: tuple[Definition, ...]
    depths: Mapping[str, int]
    depth: int


def sweeps(system: System) -> Sweeps:
    """The order of the adjoints of a truncated gradient.

    Raises UnsupportedError where steps back can't be counted.
    """
    check_truncation(system)
    parts = [d for d in system.definitions if d.role is Role.PART]
    ordered = [d for loop in loops(parts, system.time.index) for d in loop.definitions]
    reads = _reads(system)
    direction = {d.name: _direction(d.name, reads) for d in ordered}
    for name, others in reads.items():
        for other, shifts in others.items():
            if shifts - {0} and not direction[other]:
                direction[other] = direction[name]
    groups = tuple(
        (sign, tuple(d for d in ordered if direction[d.name] == sign))
        for sign in (1, -1)
        if any(direction[d.name] == sign for d in ordered)
    )
    swept = [place for place, d in enumerate(ordered) if direction[d.name]]
    start = swept[0] if swept else len(ordered)
    once = [(place, d) for place, d in enumerate(ordered) if not direction[d.name]]
    # What stands in no sweep and reads none comes first.
    before = tuple(d for place, d in once if d.timed or place < start)
    after = tuple(d for place, d in once if not (d.timed or place < start))
    depths, depth = _depths(system, reads)
    return Sweeps(before, groups, after, depths, depth)


def _direction(name: str, reads: dict[str, dict[str, set[int]]]) -> int:
    return next(iter({(s > 0) - (s < 0) for o in _reached(name, reads) for s in _shifts(o, reads)} - {0}), 0)


def _depths(system: System, reads: dict[str, dict[str, set[int]]]) -> tuple[dict[str, int], int]:
    found: dict[str, int] = {}
    farthest = 0
    for others in reads.values():
        for name, shifts in others.items():
            distance = max(abs(s) for s in shifts)
            farthest = max(farthest, distance)
            if distance > 1:
                found[name] = max(found.get(name, 0), distance)
    for gradient in system.gradients:
        for load in arrays.loads(gradient.expression):
            if load.role is Role.PART and load.time is not None and is_fixed(load.time, system, gradient):
                distance = distance_back(system, gradient, load.time)
                farthest = max(farthest, distance)
                found[load.name] = max(found.get(load.name, 0), distance)
    return found, farthest


def is_fixed(time: Index, system: System, gradient: Gradient) -> bool:
    """Whether a gradient reads an adjoint at one time alone; what it sums over times counts with all its sweeps."""
    return system.time.index not in time.names() and not _bound(gradient, time)


def _bound(gradient: Gradient, time: Index) -> bool:
    indices = {a.args[1] for a in arrays.postorder(gradient.expression) if isinstance(a, arrays.OverTime)}
    return bool(time.names() & indices)
