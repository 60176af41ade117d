"""The unrolled graph for the terminal: a row for every variable, a column for every time, and what each one
reads.

::

          t=0   t=1   t=2   t=3
    L                              ← Lₜ
    Lₜ          L₁    L₂    L₃     ← ŷₜ, yₜ
    hₜ    h₀    h₁    h₂    h₃     ← aₜ
    aₜ          a₁    a₂    a₃     ← W hₜ₋₁, U xₜ
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from symrnn.drawing.step_rows import step_rows
from symrnn.emitting.text import to_text
from symrnn.inquiry.graph import UnrolledGraph
from symrnn.inquiry.unrolled import Ways, multipliers, parameter_quantities
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.traversal import variables

Render = Callable[[Node], str]
"""How a variable is written; the formula language unless something prettier is given."""


def to_terminal(graph: UnrolledGraph, render: Render = to_text, arrow: str = "←") -> str:
    """The graph as lines of text: rows from the loss down to the inputs, a column for every time.

    ``render`` writes variables and parameters; ``arrow`` may be ``<-`` where there is nothing but ASCII.
    """
    times = sorted({n.time for n in graph.nodes if n.time is not None})
    step = step_rows(graph)
    index = graph.cell.time.index
    names = [p.name for row in reversed(step.rows) for p in row if p.via is None]
    header = ["", *(f"{index}={time}" for time in times), ""]
    body = [_row(graph, name, times, render, arrow) for name in names]
    top = [_whole_row(graph, n.name, times, render, arrow) for n in reversed(graph.nodes) if _is_sink(graph, n.id)]
    bottom = [
        [render(_variable(graph, n.name, None)), *("" for _ in times), "(whole sequence)"]
        for n in graph.nodes
        if n.time is None and not graph.incoming[n.id]
    ]
    return _table([header, *top, *body, *bottom])


def _is_sink(graph: UnrolledGraph, node: str) -> bool:
    return graph.node[node].time is None and bool(graph.incoming[node])


def _row(graph: UnrolledGraph, name: str, times: list[int], render: Render, arrow: str) -> list[str]:
    present = {n.time for n in graph.nodes if n.name == name}
    cells = [render(_variable(graph, name, Index.of(time))) if time in present else "" for time in times]
    equation = graph.cell.equation.get(name)
    reads = "" if equation is None else _reads(graph, equation.expression, render)
    kind = "" if equation is not None else _kind(graph, name)
    return [render(_variable(graph, name, graph.cell.now)), *cells, f"{arrow} {reads}" if reads else kind]


def _whole_row(graph: UnrolledGraph, name: str, times: list[int], render: Render, arrow: str) -> list[str]:
    whole = graph.cell.whole.get(name)
    expression = whole.expression if whole is not None else graph.cell.loss
    reads = _reads(graph, expression, render) if expression is not None else ""
    return [name, *("" for _ in times), f"{arrow} {reads}"]


def _kind(graph: UnrolledGraph, name: str) -> str:
    return next((n.kind for n in graph.nodes if n.name == name and n.kind != "initial"), "")


def _variable(graph: UnrolledGraph, name: str, time: Index | None) -> Node:
    shape = next(n.shape for n in graph.nodes if n.name == name)
    return Variable(name, Role.COMPUTED, shape, time)


def _reads(graph: UnrolledGraph, expression: Node, render: Render) -> str:
    """What an expression reads, each with the parameters that multiply it."""
    quantities = parameter_quantities(graph.cell)
    found = multipliers(expression, quantities)
    order = [v for v in variables(expression) if v in found]
    return ", ".join(_read(variable, ways, render) for variable in order for ways in [found[variable] or ((),)])


def _read(variable: Variable, ways: Ways, render: Render) -> str:
    """``W h[t-1]``; with several places ``(1 - alpha) h[t-1], alpha W h[t-1]``."""
    return ", ".join(" ".join([*(_factor(f, render) for f in way), render(variable)]) for way in ways)


def _factor(factor: Node, render: Render) -> str:
    text = render(factor)
    return f"({text})" if " " in text else text


def _table(rows: list[list[str]]) -> str:
    widths = [max(_columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _columns(text: str) -> int:
    """How many columns a text takes: combining marks take none."""
    return sum(not unicodedata.combining(character) for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
