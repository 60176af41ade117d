"""One step of a cell in rows: inputs below, what is computed from them above, each row in an order with few
crossings.

The method is Sugiyama's: longest-path rows, invisible placeholders where an edge passes a row, barycentre
sweeps for the order.  All steps of the unrolled graph share one such picture, so that time runs sideways and
nothing else does.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures"
(1981).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from symrnn.inquiry.graph import UnrolledGraph

ABOVE, BELOW = "^", "_"
"""Stand for quantities of the whole sequence that a step feeds, or reads."""

SWEEPS = 6


@dataclass(frozen=True)
class Place:
    """A slot of a row: a variable, or (``via`` an edge) the place where that edge passes."""

    name: str
    via: tuple[str, str] | None = None


@dataclass(frozen=True)
class StepRows:
    """``rows`` from the bottom up, each from left to right; ``row`` of each variable; placeholders per edge."""

    rows: tuple[tuple[Place, ...], ...]
    row: Mapping[str, int]
    detours: Mapping[tuple[str, str], tuple[Place, ...]]


def step_rows(graph: UnrolledGraph) -> StepRows:
    """Arrange the variables of one step."""
    edges = _step_edges(graph)
    level = _levels(graph, edges)
    top = max(level.values(), default=0)
    # An edge to what stands above all steps passes the rows over its tail; one from below those under its head.
    full = {**level, ABOVE: top + 1, BELOW: -1}
    detours = {edge: _placeholders(edge, full) for edge in edges}
    rows: list[list[Place]] = [[] for _ in range(top + 1)]
    for name, row in level.items():
        rows[row].append(Place(name))
    for places in detours.values():
        for offset, place in enumerate(places):
            rows[full[place.via[0]] + 1 + offset].append(place)  # type: ignore[index]
    ordered = _order(rows, edges, detours, graph)
    return StepRows(tuple(tuple(row) for row in ordered), level, detours)


def _placeholders(edge: tuple[str, str], level: Mapping[str, int]) -> tuple[Place, ...]:
    tail, head = edge
    return tuple(Place(f"{tail}>{head}@{row}", edge) for row in range(level[tail] + 1, level[head]))


def _step_edges(graph: UnrolledGraph) -> tuple[tuple[str, str], ...]:
    """The edges within a step by variable names, each once; whole quantities count as ABOVE or BELOW."""
    found: dict[tuple[str, str], None] = {}
    for edge in graph.edges:
        tail, head = graph.node[edge.tail], graph.node[edge.head]
        if tail.time is None and head.time is None:
            continue
        if tail.time is None:
            found[BELOW, head.name] = None
        elif head.time is None:
            if tail.kind != "initial":
                found[tail.name, ABOVE] = None
        elif tail.time == head.time:
            found[tail.name, head.name] = None
    return tuple(found)


def _levels(graph: UnrolledGraph, edges: tuple[tuple[str, str], ...]) -> dict[str, int]:
    """The row of every timed variable: above what it reads at the same time; two states never share one."""
    kinds = {n.name: n.kind for n in graph.nodes if n.time is not None and n.kind != "initial"}
    computed = [name for name in graph.cell.step_order() if name in kinds]
    below: dict[str, list[str]] = {name: [] for name in computed}
    for tail, head in edges:
        if head in below and tail in below:
            below[head].append(tail)
    level: dict[str, int] = {}
    taken: set[int] = set()
    for name in computed:
        row = 1 + max((level[tail] for tail in below[name]), default=0)
        if kinds[name] == "state":
            while row in taken:
                row += 1
            taken.add(row)
        level[name] = row
    for name, kind in kinds.items():
        if name not in level:
            readers = [level[head] for tail, head in edges if tail == name and head in level]
            level[name] = (min(readers, default=1) if kind == "input" else max(readers, default=1)) - 1
    return level


def _order(
    rows: list[list[Place]],
    edges: tuple[tuple[str, str], ...],
    detours: Mapping[tuple[str, str], tuple[Place, ...]],
    graph: UnrolledGraph,
) -> list[list[Place]]:
    neighbours = _neighbours(edges, detours)
    backward = {state.name: state.backward for state in graph.cell.states}
    for sweep in range(SWEEPS):
        upward = sweep % 2 == 0
        order = range(1, len(rows)) if upward else range(len(rows) - 2, -1, -1)
        for place in order:
            fixed = {p.name: i for i, p in enumerate(rows[place - 1 if upward else place + 1])}
            rows[place] = _by_barycentre(rows[place], fixed, neighbours)
    return [_state_outward(row, backward) for row in rows]


def _neighbours(
    edges: tuple[tuple[str, str], ...], detours: Mapping[tuple[str, str], tuple[Place, ...]]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tail, head in edges:
        chain = [tail, *(p.name for p in detours[tail, head]), head]
        for low, high in itertools.pairwise(chain):
            found.setdefault(low, []).append(high)
            found.setdefault(high, []).append(low)
    return found


def _by_barycentre(row: list[Place], fixed: Mapping[str, int], neighbours: Mapping[str, list[str]]) -> list[Place]:
    """Sort by the mean position of neighbours in the fixed row; those without any keep their place."""

    def key(item: tuple[int, Place]) -> tuple[float, int]:
        position, place = item
        near = [fixed[n] for n in neighbours.get(place.name, ()) if n in fixed]
        return (sum(near) / len(near) if near else float(position), position)

    return [place for _, place in sorted(enumerate(row), key=key)]


def _state_outward(row: list[Place], backward: Mapping[str, bool]) -> list[Place]:
    """A forward state stands at the right end of its row, from where its arrow leaves; a backward one at the
    left.
    """
    states = [p for p in row if p.via is None and p.name in backward]
    others = [p for p in row if p not in states]
    if states and backward[states[0].name]:
        return [*states, *others]
    return [*others, *states]
