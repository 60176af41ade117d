"""Which definitions share a loop, and in which direction it runs.

Definitions that depend on each other across time belong together (a strongly connected component of the dependence
graph); components follow each other in topological order, and neighbours that can share a loop do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.system import Definition

Key = tuple[str, Role]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Loop:
    """Definitions in the order of a step.  Untimed ones stand alone."""

    definitions: tuple[Definition, ...]
    timed: bool
    descending: bool = False


def components(nodes: Sequence[K], edges: Mapping[K, Iterable[K]]) -> list[list[K]]:
    """Strongly connected components (Tarjan 1972), each after those it reads; ``edges`` lead to what is read."""
    number: dict[K, int] = {}
    low: dict[K, int] = {}
    stack: list[K] = []
    on_stack: set[K] = set()
    found: list[list[K]] = []
    for root in nodes:
        if root in number:
            continue
        work = [(root, iter(edges.get(root, ())))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, children = work[-1]
            for child in children:
                if child not in number:
                    number[child] = low[child] = len(number)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(edges.get(child, ()))))
                    break
                if child in on_stack:
                    low[node] = min(low[node], number[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    found.append(component)
    return found


def shifts(definition: Definition, index: str, known: Mapping[Key, Definition]) -> dict[Key, set[int | None]]:
    """What a definition reads of the others, at which distances; None is a read at a fixed time, or of all times."""
    found: dict[Key, set[int | None]] = {}
    lines = [(Index.of(index), definition.expression)] + [(time, array) for time, array, _ in definition.overrides]
    for now, expression in lines:
        for load in arrays.loads(expression):
            key = (load.name, load.role)
            if key in known:
                whole = load.time is None or (index in load.time.names() and index not in expression.times)
                found.setdefault(key, set()).add(None if whole else (load.time - now).constant)  # type: ignore[operator]
    return found


def loops(definitions: Sequence[Definition], index: str) -> list[Loop]:
    """The loops that compute the definitions, in order.

    Raises UnsupportedError where a component reads both earlier and later times of itself.
    """
    known = {(d.name, d.role): d for d in definitions}
    reads = {key: shifts(d, index, known) for key, d in known.items()}
    edges = {key: list(found) for key, found in reads.items()}
    result: list[Loop] = []
    for component in components(list(known), edges):
        members = set(component)
        inner = {s for key in component for k, found in reads[key].items() if k in members for s in found}
        ordered = _within_step(component, reads)
        if not known[component[0]].timed:
            result.append(Loop((known[component[0]],), False))
            continue
        direction = _direction({s for s in inner if s}, [known[k].name for k in component])
        _append(result, [known[k] for k in ordered], direction, reads)
    return result


def _direction(found: set[int | None], names: list[str]) -> int:
    """-1 for a loop that ascends (it reads earlier times), 1 for one that descends, 0 for either."""
    signs = {(s > 0) - (s < 0) for s in found if s is not None}
    if len(signs) > 1:
        raise UnsupportedError(
            f"{', '.join(sorted(names))} read both earlier and later times of each other",
            hint="A state runs forward or backward; give each direction a state of its own.",
        )
    return next(iter(signs), 0)


def _within_step(component: Sequence[Key], reads: Mapping[Key, Mapping[Key, set[int | None]]]) -> list[Key]:
    members = set(component)
    done: dict[Key, None] = {}

    def visit(key: Key) -> None:
        if key in done:
            return
        for other, found in reads[key].items():
            if other in members and 0 in found and other != key:
                visit(other)
        done[key] = None

    for key in sorted(component, key=lambda k: k[0]):
        visit(key)
    return list(done)


def _append(
    result: list[Loop],
    definitions: list[Definition],
    direction: int,
    reads: Mapping[Key, Mapping[Key, set[int | None]]],
) -> None:
    """Add to the last loop where all cross reads fit its direction, else begin a new one."""
    last = result[-1] if result else None
    if last is not None and last.timed:
        inside = {(d.name, d.role) for d in last.definitions}
        cross = {s for d in definitions for k, found in reads[d.name, d.role].items() if k in inside for s in found}
        own = _loop_direction(last, reads)
        signs = {(s > 0) - (s < 0) for s in cross if s is not None and s}
        wanted = {x for x in (own, direction) if x} | signs
        if None not in cross and len(wanted) <= 1:
            descending = wanted == {1} if wanted else last.descending
            result[-1] = Loop((*last.definitions, *definitions), True, descending)
            return
    result.append(Loop(tuple(definitions), True, direction > 0))


def _loop_direction(loop: Loop, reads: Mapping[Key, Mapping[Key, set[int | None]]]) -> int:
    inside = {(d.name, d.role) for d in loop.definitions}
    found = {s for key in inside for k, distances in reads[key].items() if k in inside for s in distances if s}
    signs = {(s > 0) - (s < 0) for s in found if s is not None}
    return next(iter(signs), 0)
