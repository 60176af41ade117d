"""Whether everything is known when it is read: no circle within a step, none through time both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from symrnn.errors import CellError
from symrnn.language import Cell, Equation, Role
from symrnn.language.traversal import variables
from symrnn.reading.pieces import Locate

Graph = Mapping[str, Mapping[str, frozenset[int]]]
"""For every variable those that it uses, with the directions in time: -1 earlier, 0 same step, 1 later.

Untimed variables stand in it under their name and a blank, because a timed one may share the name."""


def check_order(cell: Cell, locate: Locate) -> None:
    """Raise CellError where variables depend on each other so that no order of computing them exists."""
    graph = _graph(cell)
    same_step = {name: {u: d for u, d in uses.items() if 0 in d} for name, uses in graph.items()}
    for circle in components(same_step):
        if _is_circle(circle, same_step):
            raise _circle_error(_around(circle, same_step), cell, locate)
    for circle in components(graph):
        _check_directions(circle, graph, cell, locate)


def _graph(cell: Cell) -> Graph:
    graph = {}
    for equation in cell.equations:
        uses: dict[str, set[int]] = {}
        for variable in variables(equation.expression):
            if variable.role is Role.COMPUTED:
                name = variable.name if variable.time is not None else _whole(variable.name)
                uses.setdefault(name, set()).add(_direction(equation, variable.time, cell))
        own = equation.name if equation.timed else _whole(equation.name)
        graph[own] = {name: frozenset(found) for name, found in uses.items()}
    return graph


def _whole(name: str) -> str:
    return f"{name} "


def _direction(equation: Equation, time: object, cell: Cell) -> int:
    """The direction; "same step" for untimed equations and variables, which are all times at once."""
    if not equation.timed or time is None:
        return 0
    distance = (time - cell.now).constant  # type: ignore[operator]
    return 0 if not distance else (1 if distance > 0 else -1)


def components(graph: Graph) -> list[list[str]]:
    """The strongly connected components (R. Tarjan, "Depth-first search and linear graph algorithms", 1972).

    Iterative, because a stack of layers may be long.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    found: list[list[str]] = []
    for root in graph:
        if root in order:
            continue
        path: list[tuple[str, Iterator[str]]] = [(root, iter(graph[root]))]
        order[root] = low[root] = len(order)
        open_names.append(root)
        while path:
            name, rest = path[-1]
            following = next((u for u in rest if u in graph), None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[name])
                if low[name] == order[name]:
                    cut = open_names.index(name)
                    found.append(open_names[cut:])
                    # Out of reach for those that come later.
                    low.update({closed: len(graph) for closed in open_names[cut:]})
                    del open_names[cut:]
            elif following not in order:
                order[following] = low[following] = len(order)
                open_names.append(following)
                path.append((following, iter(graph[following])))
            else:
                low[name] = min(low[name], low[following])
    return found


def _is_circle(names: list[str], graph: Graph) -> bool:
    return len(names) > 1 or names[0] in graph[names[0]]


def _around(names: list[str], graph: Graph) -> list[str]:
    """One closed way through a component."""
    path = [names[0]]
    while True:
        following = next(u for u in graph[path[-1]] if u in names)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def _line(name: str, cell: Cell) -> int | None:
    timed = not name.endswith(" ")
    return next((e.line for e in cell.equations if e.name == name.strip() and e.timed == timed), None)


def _circle_error(path: list[str], cell: Cell, locate: Locate) -> CellError:
    shown = [name.strip() if name.endswith(" ") else f"{name}[{cell.time.index}]" for name in path]
    timed = [name for name in path if not name.endswith(" ")]
    if len(timed) == len(path):
        hint = f"Read one of them at an earlier time, as in {path[0]}[{cell.time.index}-1]."
        where = "the variables of one step depend on each other in a circle"
    elif not timed:
        name, now = shown[0], cell.time.index
        hint = f"Write {name}[{now}] = ... for a step's equation, which may read {name}[{now}-1]."
        where = "variables depend on each other in a circle"
    else:
        hint = "A quantity of the whole sequence is known only after all steps, so no step can read it."
        where = "variables depend on each other in a circle"
    return CellError(f"{where}: {' → '.join(shown)}", location=locate(_line(path[0], cell)), hint=hint)


def _check_directions(names: list[str], graph: Graph, cell: Cell, locate: Locate) -> None:
    """In a circle through time all steps lead the same way, or something is read before it is known."""
    inside = set(names)
    edges = [
        (name, used, way) for name in names for used, ways in graph[name].items() if used in inside for way in ways
    ]
    earlier = [(name, used) for name, used, way in edges if way < 0]
    later = [(name, used) for name, used, way in edges if way > 0]
    if earlier and later:
        now = cell.time.index
        name, used = later[0]
        raise CellError(
            f'"{used}" is read before it is known: {name}[{now}] reads it at a later time, and it depends on '
            f"{earlier[0][1]} at an earlier one",
            location=locate(_line(name, cell)),
            hint="Of variables that depend on each other, all run forward or all run backward.",
        )
