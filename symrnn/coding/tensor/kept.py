"""Functions inside equations whose values the adjoints need again: they are computed once and kept.

before → after
    h[t] = o[t] * tanh(c[t])    → k[t] = tanh(c[t]), h[t] = o[t] * k[t], and k[t] wherever the adjoints have tanh(c[t])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.interface import reads_targets
from symrnn.planning.shifting import shifted
from symrnn.planning.system import Definition, System

KEPT = " kept"
"""Ends the names of such values; no name of a cell has a space in it."""

AHEAD = (0, 1)
"""At which distances the adjoints read them: beyond the last time, their factors are adjoints that are zero."""

COSTLY = frozenset({"tanh", "sigmoid", "exp", "log", "softplus", "sqrt", "sin", "cos", "softmax", "log_softmax"})


def keep_functions(system: System) -> System:
    """The system with values that both passes need as definitions of their own."""
    index, hidden = system.time.index, reads_targets(system.cell)
    if any(state.backward for state in system.cell.states):
        return system
    wanted = {node for expression in _of_the_way_back(system) for node in arrays.postorder(expression)}
    known: dict[Array, Array] = {}
    present: dict[Array, Array] = {}
    definitions: list[Definition] = []
    for d in system.definitions:
        inside = [] if d.name in hidden or not d.timed or d.overrides else _functions(d, index)
        for node in inside:
            moved = {k: shifted(node, {index: Index.of(index) + k}) for k in AHEAD}
            if node in known or not any(m in wanted for m in moved.values()):
                continue
            count = sum(1 for e in definitions if e.name.startswith(f"{d.name}_{node.name}"))
            name = f"{d.name}_{node.name}{count + 1 if count else ''}{KEPT}"
            definitions.append(Definition(name, Role.COMPUTED, True, node, d.source))
            for k, m in moved.items():
                known[m] = arrays.Load(name, Role.COMPUTED, Index.of(index) + k, node.axes, node.batched)
            present[node] = known[node]
        definitions.append(d)
    if not known:
        return system
    return replace(
        system,
        definitions=tuple(_replaced(d, present if d.role is Role.COMPUTED else known) for d in definitions),
        gradients=tuple(replace(g, expression=_with(g.expression, known)) for g in system.gradients),
    )


def _of_the_way_back(system: System) -> list[Array]:
    parts = [e for d in system.definitions if d.role is Role.PART for e in d.expressions()]
    return [*parts, *(g.expression for g in system.gradients)]


def _functions(d: Definition, index: str) -> list[arrays.Apply]:
    """Functions inside an equation that is one of the cell's own."""
    if d.role is not Role.COMPUTED:
        return []
    nodes = [n for n in arrays.postorder(d.expression) if isinstance(n, arrays.Apply) and n is not d.expression]
    now = Index.of(index)
    return [
        n
        for n in nodes
        if n.name in COSTLY and not n.order and n.axes and index in n.times
        # What is read of the step before stands beside the rows that are kept.
        if all(load.time == now for load in arrays.loads(n) if load.time is not None)
    ]


def _replaced(d: Definition, known: Mapping[Array, Array]) -> Definition:
    if d.name.endswith(KEPT):
        return d
    overrides = tuple((when, _with(array, known), source) for when, array, source in d.overrides)
    return replace(d, expression=_with(d.expression, known), overrides=overrides)


def _with(array: Array, known: Mapping[Array, Array]) -> Array:
    """The expression with some of its nodes replaced."""
    done: dict[Array, Array] = dict(known)

    def visit(node: Array) -> Array:
        if node not in done:
            done[node] = type(node)(*(changed(arg) for arg in node.args)) if node.children else node
        return done[node]

    def changed(arg: Any) -> Any:
        if isinstance(arg, Array):
            return visit(arg)
        return tuple(changed(a) for a in arg) if isinstance(arg, tuple) else arg

    return visit(array)
