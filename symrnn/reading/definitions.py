"""From a draft, whose names mean nothing yet, to the pieces of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symrnn.errors import CellError, Location, ReadingError, ShapeError
from symrnn.language import Declaration, Equation, Index, Layout, Node, Role, Shape, Start, TimeRange
from symrnn.language.build import is_zero
from symrnn.language.node import format_shape
from symrnn.reading.calls import read_call
from symrnn.reading.conversion import as_shape
from symrnn.reading.declarations import (
    Named,
    Registry,
    read_functions,
    read_names,
    read_sizes,
    read_time,
    time_symbols,
)
from symrnn.reading.expression import read_tree
from symrnn.reading.inference import Line, Symbols, infer_shapes
from symrnn.reading.ordering import Facts
from symrnn.reading.pieces import Pieces, StateLine
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Scope
from symrnn.reading.statements import Declared, Defined, Draft
from symrnn.reading.syntax import Name
from symrnn.reading.uses import variable_uses


@dataclass(frozen=True)
class _Context:
    """What reading the right sides needs: the scope, and the two maps of variables that it looks into."""

    draft: Draft
    time: TimeRange
    sizes: Scope
    scope: Scope
    symbols: Symbols

    def scope_of(self, timed: bool) -> Scope:
        """The scope of an equation; without a time it has no t of its own, only those that sums bind."""
        return self.scope if timed else replace(self.scope, indices=self.scope.indices - {self.time.index})

    def at(self, line: Declared | Defined) -> Location:
        return self.draft.source.at(line.position)


def read_pieces(draft: Draft, default_name: str) -> Pieces:
    """The pieces of the cell that a draft describes.

    Raises CellError, ShapeError, UnknownNameError or ReadingError, each with its line.
    """
    source = draft.source
    registry = Registry(source)
    time = read_time(draft.time, source)
    sizes, equal = read_sizes(draft, time, registry)
    functions = read_functions(draft, registry)
    known_sizes = {name: Index.of(name) for name in sizes} | equal
    size_scope = Scope(
        sizes=known_sizes,
        indices=(time.first.names() | time.last.names()) - known_sizes.keys(),
        functions=frozenset(name for name, _ in functions),
    )
    names = read_names(draft, time, size_scope, registry)
    context = _context(draft, time, size_scope, names)
    declarations = tuple(_declarations(names, context))
    states = {n.declared.name: _state(n, context) for n in names if n.role is Role.COMPUTED}
    _check_names(draft, time, registry)
    equations = _equations(context, states)
    return Pieces(
        draft.name or default_name,
        sizes,
        declarations,
        states,
        equations,
        time,
        _loss(context),
        draft.loss.name if draft.loss is not None else "L",
        draft.loss.position[0] if draft.loss is not None else None,
        functions,
        tuple(equal.items()),
        draft.layout,
        tuple(draft.style),
        draft.comments,
        lambda line: source.at((line, 1)) if line is not None else Location(source.name),
    )


def _context(draft: Draft, time: TimeRange, sizes: Scope, names: Sequence[Named]) -> _Context:
    symbols = Symbols({}, {})
    for named in names:
        symbols.learn((named.declared.name, named.timed), named.role, named.shape)
    scope = Scope(
        symbols.timed,
        symbols.whole,
        sizes.sizes,
        sizes.functions,
        time_symbols(time),
        time,
        facts=Facts().with_range(time.index, time.first, time.last),
    )
    return _Context(draft, time, sizes, scope, symbols)


def _declarations(names: Sequence[Named], context: _Context) -> list[Declaration]:
    found: list[Declaration] = []
    for named in names:
        line = named.declared
        if named.role is Role.COMPUTED:
            continue
        value = None if line.value is None else _value(named, context)
        is_constant = named.role is Role.CONSTANT
        found.append(
            Declaration(
                line.name,
                named.role,
                named.shape,
                named.timed,
                frozenset(line.attributes),
                value if is_constant else None,
                None if is_constant else value,
                line.position[0],
                named.two_axes,
            )
        )
    return found


def _value(named: Named, context: _Context) -> Node:
    """The declared value, in the variable's shape: parameters, constants, sizes; in a state's, untimed inputs too."""
    line = named.declared
    assert line.value is not None
    allowed = {
        name: symbol
        for name, symbol in context.symbols.whole.items()
        if symbol.role in (Role.PARAMETER, Role.CONSTANT, Role.INPUT) and name != line.name
    }
    if named.role is not Role.COMPUTED:
        allowed = {name: s for name, s in allowed.items() if s.role is Role.CONSTANT}
    for used, _ in variable_uses(line.value):
        if used not in allowed and used in {d.name for d in context.draft.declared if d.kind != "size"}:
            kinds = "parameters, constants and untimed inputs" if named.role is Role.COMPUTED else "constants"
            raise CellError(
                f"the value of {line.name} reads {used}", location=context.at(line), hint=f"It may be made of {kinds}."
            )
    scope = Scope(
        whole=allowed,
        sizes=context.sizes.sizes,
        functions=context.sizes.functions,
        indices=context.sizes.indices,
    )
    value = read_tree(line.value, scope, context.draft.source)
    adapted = as_shape(value, named.shape)
    if adapted is None:
        raise ShapeError(
            f"{line.name} is {format_shape(named.shape)}, and its value is {format_shape(value.shape)}",
            location=context.at(line),
            hint="Give it an expression of its own shape, or a scalar for all entries.",
        )
    return adapted


def _state(named: Named, context: _Context) -> StateLine:
    line = named.declared
    if "learned" in line.attributes:
        return StateLine(named.shape, Start.LEARNED, None, line.position[0], named.two_axes)
    if line.value is None:
        return StateLine(named.shape, Start.GIVEN, None, line.position[0], named.two_axes)
    return StateLine(named.shape, Start.EXPRESSION, _value(named, context), line.position[0], named.two_axes)


def _check_names(draft: Draft, time: TimeRange, registry: Registry) -> None:
    """No equation defines what is declared as something else, or what another one defines."""
    seen: dict[tuple[str, bool], Defined] = {}
    for line in draft.equations:
        _check_left_side(line, time, draft, registry)
        key = (line.name, line.time is not None)
        if key in seen:
            raise CellError(
                f'"{line.name}" is defined twice: in line {registry.line(seen[key].position)} and here',
                location=draft.source.at(line.position),
                hint="Give one of them another name.",
            )
        seen[key] = line
    if draft.loss is not None:
        what = registry.taken.get(draft.loss.name)
        if what is not None or (draft.loss.name, False) in seen:
            raise CellError(
                f'the loss\'s name "{draft.loss.name}" is taken' + (f" by {what[0]}" if what else " by an equation"),
                location=draft.source.at(draft.loss.position),
                hint="Give the loss another name; only its summand, as L[t], may share it.",
            )


def _check_left_side(line: Defined, time: TimeRange, draft: Draft, registry: Registry) -> None:
    location = draft.source.at(line.position)
    what = registry.taken.get(line.name)
    timed = line.time is not None
    if what is not None and what[0] != "a state" and not (timed and what[0] == "a size"):
        raise CellError(
            f'"{line.name}" is declared as {what[0]}, and an equation defines it',
            location=location,
            hint="Declare it as a state, or drop the declaration: an equation's variable needs none.",
        )
    if not timed and (line.name in time_symbols(time) or what is not None):
        raise CellError(
            f'"{line.name}" {"has one value per time" if what is not None else "names the times"}',
            location=location,
            hint=f"Write {line.name}[{time.index}] = ... for a step's equation.",
        )
    if timed and not (isinstance(line.time, Name) and line.time.name == time.index):
        raise ReadingError(
            f"the left side of an equation is at the time of the step, {line.name}[{time.index}]",
            location=location,
            hint=_left_side_hint(line.name, time),
        )


def _left_side_hint(name: str, time: TimeRange) -> str:
    return (
        f"Write {name}[{time.index}] = ... for every step; how a state begins is declared, as in "
        f"state {name}[n] = 0, and another time index by a line time {time.index} = ..."
    )


def _equations(context: _Context, states: dict[str, StateLine]) -> tuple[Equation, ...]:
    readers = {
        timed: Reader(context.scope_of(timed), Layout.NUMERATOR, context.draft.source, read_call)
        for timed in (True, False)
    }
    equations = context.draft.equations
    lines = [Line((e.name, e.time is not None), e.tree, readers[e.time is not None]) for e in equations]
    declared = {(name, True) for name in states}
    infer_shapes([line for line in lines if line.key not in declared], context.symbols, Role.COMPUTED)
    return tuple(_equation(line, context) for line in equations)


def _equation(line: Defined, context: _Context) -> Equation:
    timed = line.time is not None
    expression = read_tree(line.tree, context.scope_of(timed), context.draft.source)
    shape = context.symbols.shape((line.name, timed)) or ()
    adapted = _fitted(expression, shape, line, context)
    return Equation(line.name, timed, adapted, line.position[0])


def _fitted(expression: Node, shape: Shape, line: Defined, context: _Context) -> Node:
    adapted = as_shape(expression, shape)
    if adapted is not None and (is_zero(expression) or expression.is_single == adapted.is_single):
        return adapted
    raise ShapeError(
        f"{line.name} is {format_shape(shape)}, and its equation is {format_shape(expression.shape)}",
        location=context.at(line),
        hint=f"Change the declaration of {line.name}, or the equation.",
    )


def _loss(context: _Context) -> Node | None:
    line = context.draft.loss
    if line is None:
        return None
    loss = read_tree(line.tree, context.scope_of(False), context.draft.source)
    if not loss.is_single:
        raise ShapeError(
            f"the loss is a scalar, but this is {format_shape(loss.shape)}",
            location=context.at(line),
            hint="Add up its entries with sum(A), or its steps with sum(e, t).",
        )
    return loss
