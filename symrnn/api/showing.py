"""What a cell is: its equations, shapes, states, number of parameters, unrolled graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symrnn.api.tables import aligned, indented
from symrnn.drawing.terminal import to_terminal
from symrnn.emitting.latex import equation_rows
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.text import index_text, to_text
from symrnn.emitting.typeset import Equation, typeset
from symrnn.emitting.unicode_text import Terminal, draw_equations, to_unicode
from symrnn.inquiry.counts import ParameterCount, count_parameters
from symrnn.inquiry.shapes import Named, StateFact, shapes, state_facts
from symrnn.inquiry.unrolled import unroll
from symrnn.language import Cell, Node, Role, Shape, Variable
from symrnn.language.index import format_index
from symrnn.language.node import format_shape


@dataclass(frozen=True)
class Description:
    """A cell described; ``sizes`` are numbers for its sizes, where given."""

    cell: Cell
    quantities: tuple[Named, ...]
    states: tuple[StateFact, ...]
    count: ParameterCount
    sizes: Mapping[str, int] | None
    tau: int


def describe(cell: Cell, sizes: Mapping[str, int] | None = None, tau: int = 3) -> Description:
    """Everything that ``symrnn show`` tells; raises DataError for sizes that the cell doesn't have."""
    numbers = dict(sizes) if sizes else None
    return Description(cell, shapes(cell, numbers), state_facts(cell), count_parameters(cell, numbers), numbers, tau)


def equations(cell: Cell) -> tuple[tuple[Node, Node], ...]:
    """Left and right sides, the loss last."""
    pairs: list[tuple[Node, Node]] = []
    for equation in cell.equations:
        time = cell.now if equation.timed else None
        left = Variable(equation.name, Role.COMPUTED, equation.expression.shape, time)
        pairs.append((left, equation.expression))
    if cell.loss is not None:
        pairs.append((Variable(cell.loss_name, Role.LOSS, cell.loss.shape), cell.loss))
    return tuple(pairs)


def pretty(found: Description, style: Style = PLAIN, width: int = 100, ascii: bool = False) -> str:
    """For the terminal."""
    cell = found.cell
    sections = [_heading(cell), ("Equations", _drawn(cell, style, width, ascii)), ("Shapes", _shapes(found))]
    if found.states:
        sections.append(("States", _states(found)))
    if found.count.counts:
        sections.append(("Parameters", _counts(found)))
    if cell.equations:

        def render(node: Node) -> str:
            return to_unicode(node, style, linear=True, ascii=ascii)

        picture = to_terminal(unroll(cell, found.tau), render, "<-" if ascii else "←")
        sections.append((f"Unrolled over {found.tau} steps", picture))
    return "\n\n".join(f"{title}\n{indented(text)}" if text else title for title, text in sections) + "\n"


def _heading(cell: Cell) -> tuple[str, str]:
    return cell.name, "\n".join(cell.comments)


def _drawn(cell: Cell, style: Style, width: int, ascii: bool) -> str:
    drawn = [Equation(typeset(left, style), typeset(right, style)) for left, right in equations(cell)]
    return draw_equations(drawn, Terminal(ascii), max(width - 2, 40))


def _shape(named: Named) -> str:
    numbers = f" = {'×'.join(map(str, named.numbers))}" if named.numbers else ""
    return format_shape(named.shape) + numbers


def _shapes(found: Description) -> str:
    rows = []
    for named in found.quantities:
        time = "" if named.time is None else f"[{index_text(named.time)}]"
        attributes = found.cell.declaration.get(named.name)
        extra = " ".join(sorted(attributes.attributes)) if attributes is not None and time != "" else ""
        rows.append((named.name + time, named.what, _shape(named), extra))
    return aligned(rows)


def _states(found: Description) -> str:
    rows = []
    for state in found.states:
        lags = "reads " + " and ".join(f"{lag} step{'s' if lag > 1 else ''}" for lag in state.lags)
        way = "ahead" if state.backward else "back"
        start = {"given": "given with the data", "learned": "a learned parameter"}.get(
            state.start, f"= {to_text(state.initial)}" if state.initial is not None else state.start
        )
        rows.append((state.name, f"{lags} {way}", f"{', '.join(state.keys)} {start}"))
    return aligned(rows)


def _counts(found: Description) -> str:
    count, sizes = found.count, found.sizes
    rows = [(c.name, c.kind, format_shape(c.shape), _number(c.formula, found)) for c in count.counts]
    conventions = [
        ("", name, "", _number(formula, found)) for name, formula in count.conventions() if sizes is None or name
    ]
    return aligned([*rows, *conventions])


def _number(formula: Any, found: Description) -> str:
    shown = format_index(formula, times="·")
    return shown if found.sizes is None else f"{shown} = {found.count.value(found.sizes, formula)}"


def latex(cell: Cell, style: Style = PLAIN) -> str:
    """The equations as an ``align*``."""
    rows = equation_rows(Equation(typeset(left, style), typeset(right, style)) for left, right in equations(cell))
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


def as_dict(found: Description) -> dict[str, Any]:
    """For programs."""
    cell = found.cell
    return {
        "cell": cell.name,
        "comments": list(cell.comments),
        "equations": [{"left": to_text(left), "right": to_text(right)} for left, right in equations(cell)],
        "shapes": {n.name: {"kind": n.what, "shape": _axes(n.shape)} for n in found.quantities},
        "states": [
            {"name": s.name, "lags": list(s.lags), "direction": s.direction, "start": s.start, "initial": list(s.keys)}
            for s in found.states
        ],
        "parameters": {
            "each": {c.name: index_text(c.formula) for c in found.count.counts},
            "total": index_text(found.count.total),
            "conventions": {name: index_text(formula) for name, formula in found.count.conventions()},
            "value": None if found.sizes is None else found.count.value(found.sizes),
        },
    }


def _axes(shape: Shape) -> list[str]:
    return [index_text(axis) for axis in shape]
