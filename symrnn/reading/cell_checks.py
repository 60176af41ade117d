"""What makes a set of equations a cell: its states found, and everything known when it is read.

Every way in (text, SymPy, Python functions) ends here.
"""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.errors import CellError, ShapeError, SymrnnError, UnsupportedError
from symrnn.language import Cell, Equation, Role, Shape, State, Variable
from symrnn.language.node import format_shape
from symrnn.language.traversal import variables
from symrnn.reading.circles import check_order
from symrnn.reading.ordering import Facts
from symrnn.reading.pieces import Pieces, StateLine
from symrnn.reading.reach import check_times
from symrnn.reading.reads import Read, reads


def build_cell(pieces: Pieces) -> Cell:
    """The cell that the pieces make.

    Raises CellError where they make none: nothing is defined, a state that no equation defines, one that is
    read in both directions, variables that depend on each other in a circle or are read before they are
    known, an input read outside its times.
    """
    _check_not_empty(pieces)
    _check_equations(pieces)
    lags = _lags(pieces)
    cell = Cell(
        pieces.name,
        pieces.sizes,
        pieces.declarations,
        _states(pieces, lags),
        pieces.equations,
        pieces.time,
        pieces.loss,
        pieces.loss_name,
        pieces.functions,
        pieces.equal_sizes,
        pieces.layout,
        pieces.style,
        pieces.comments,
    )
    check_order(cell, pieces.locate)
    check_times(cell, pieces.locate, pieces.loss_line)
    return cell


def _check_not_empty(pieces: Pieces) -> None:
    if not pieces.equations and pieces.loss is None:
        raise CellError(
            "there is no equation and no loss",
            location=pieces.locate(None),
            hint="A cell has an equation, as h[t] = tanh(W @ h[t-1]), or a loss, as loss f = x.T @ A @ x.",
        )
    for name, line in pieces.states.items():
        if not any(e.name == name and e.timed for e in pieces.equations):
            raise CellError(
                f'no equation defines the state "{name}"',
                location=pieces.locate(line.line),
                hint=f"Write {name}[{pieces.time.index}] = ..., or declare {name} as an input.",
            )


def _check_equations(pieces: Pieces) -> None:
    """Shapes of declared states, and the same shape wherever a variable is read."""
    shapes = {e.name: e.expression.shape for e in pieces.equations if e.timed}
    for equation in pieces.equations:
        declared = pieces.states.get(equation.name)
        if equation.timed and declared is not None and declared.shape != equation.expression.shape:
            raise ShapeError(
                f"{equation.name} is declared {format_shape(declared.shape)}, "
                f"and its equation is {format_shape(equation.expression.shape)}",
                location=pieces.locate(equation.line),
            )
        for variable in variables(equation.expression):
            if variable.time is not None and variable.role is Role.COMPUTED:
                _check_read(variable, shapes, equation, pieces)


def _check_read(variable: Variable, shapes: dict[str, Shape], equation: Equation, pieces: Pieces) -> None:
    if variable.name not in shapes:
        raise CellError(f'no equation defines "{variable.name}"', location=pieces.locate(equation.line))
    if shapes[variable.name] != variable.shape:
        raise ShapeError(
            f"{variable.name} is read as {format_shape(variable.shape)}, and its equation has another shape",
            location=pieces.locate(equation.line),
        )


def _distance(read: Read, pieces: Pieces) -> int | None:
    """How many steps after the step itself a variable is read; None where that is no fixed number."""
    return (read.time - pieces.time.index).constant


def _lags(pieces: Pieces) -> dict[str, tuple[int, ...]]:
    """For every variable that equations read at another time, the distances back in time, nearest first."""
    found: dict[str, set[int]] = {}
    for equation in pieces.equations:
        for read in reads(equation.expression, Facts()) if equation.timed else ():
            distance = _distance(read, pieces)
            if distance is None:
                raise _no_fixed_distance(read, equation, pieces)
            if distance and read.variable.role is Role.COMPUTED:
                found.setdefault(read.variable.name, set()).add(-distance)
                _check_direction(read.variable.name, found[read.variable.name], equation, pieces)
    for read in _whole_reads(pieces):
        before = (pieces.time.first - read.time).constant
        if (
            read.variable.role is Role.COMPUTED
            and read.variable.name in pieces.states
            and before is not None
            and before > 0
        ):
            found.setdefault(read.variable.name, set()).add(before)
    for name in pieces.states:
        found.setdefault(name, {1})
    return {name: tuple(sorted(lags, key=abs)) for name, lags in found.items()}


def _whole_reads(pieces: Pieces) -> Sequence[Read]:
    expressions = [e.expression for e in pieces.equations if not e.timed]
    return [r for e in [*expressions, *([pieces.loss] if pieces.loss is not None else [])] for r in reads(e, Facts())]


def _no_fixed_distance(read: Read, equation: Equation, pieces: Pieces) -> SymrnnError:
    now = pieces.time.index
    return UnsupportedError(
        f"the equation of {equation.name}[{now}] reads {read.variable.name} at the time {read.time}, "
        f"which is not a fixed number of steps from {now}",
        location=pieces.locate(equation.line),
        hint=f"A step reads {now}, {now}-1, {now}-2, ... or {now}+1; sums over time stand in the loss or in "
        "equations without a time.",
    )


def _check_direction(name: str, lags: set[int], equation: Equation, pieces: Pieces) -> None:
    if min(lags) < 0 < max(lags):
        now = pieces.time.index
        raise CellError(
            f'"{name}" is read at earlier and at later times, and a state runs in one direction',
            location=pieces.locate(equation.line),
            hint=f"Split it in two: one that reads {now}-1 and one that reads {now}+1.",
        )


def _states(pieces: Pieces, lags: dict[str, tuple[int, ...]]) -> tuple[State, ...]:
    shapes = {e.name: e.expression.shape for e in pieces.equations if e.timed}
    order = [*pieces.states, *(e.name for e in pieces.equations if e.timed)]
    names = [name for name in dict.fromkeys(order) if name in lags]
    found = []
    for name in names:
        line = pieces.states.get(name) or StateLine(shapes[name])
        found.append(State(name, line.shape, lags[name], line.start, line.initial, line.two_axes))
    return tuple(found)
