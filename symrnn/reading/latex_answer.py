r"""Statements to a formula: what is claimed, which lines are parts, and what is the answer.

``\frac{\partial L}{\partial W} = …`` is a claim, ``\delta_t = …`` a part, whatever stands alone the formula itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from symrnn.errors import ReadingError, ShapeError, SymrnnError
from symrnn.language import (
    Entry,
    Formula,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Neg,
    Node,
    Part,
    Role,
    Shape,
    Transpose,
    Variable,
    build,
    derivative_shape,
)
from symrnn.language.node import format_shape
from symrnn.reading.conversion import as_shape
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_derivatives import differential, is_derivative_fraction, is_inline_derivative
from symrnn.reading.latex_indices import index_name, read_index, try_index
from symrnn.reading.latex_parts import Line, PartTarget, part_target
from symrnn.reading.latex_shapes import infer_part_shapes
from symrnn.reading.latex_sizes import is_open, settle, transposed
from symrnn.reading.latex_tree import (
    Cases,
    Fraction,
    Group,
    Relation,
    Scripted,
    Sign,
    Statement,
    Terms,
    Tree,
    factors_of,
    strip_group,
)
from symrnn.reading.scope import Symbol


@dataclass(frozen=True)
class Answer:
    """What an answer says.

    ``formula`` is the answer proper; ``claims`` are all its claims in the order they were written, each equality of
    a chain one of its own; ``equalities`` are pairs that were said to be equal and are no claims about a derivative.
    """

    formula: Formula
    claims: tuple[Formula, ...] = ()
    equalities: tuple[tuple[Node, Node], ...] = ()


@dataclass
class _Sorted:
    """Statements by kind, in order."""

    lines: list[Line] = field(default_factory=list)
    chains: list[tuple[PartTarget, Statement]] = field(default_factory=list)
    claims: list[Statement] = field(default_factory=list)


def read_answer(statements: Sequence[Statement], place: Place) -> Answer:
    """The answer that the statements make in this place.

    Raises ReadingError, UnknownNameError or ShapeError with the place of what is wrong.
    """
    found = _sort(statements, place)
    scope = place.scope.shadow_sizes(line.target.time for line in found.lines)
    if scope is not place.scope:
        place = replace(place, scope=scope)
        found = _sort(statements, place)
    place = _with_parts(found.lines, place)
    parts = tuple(_part(line, place) for line in found.lines)
    claims: list[Formula] = []
    equalities: list[tuple[Node, Node]] = []
    for target, statement in found.chains:
        equalities += _equal_members(statement.members[1:], place, _symbol(target, place).shape)
    for statement in found.claims:
        made, pairs = _claims(statement, parts, place)
        claims += made
        equalities += pairs
    formula = claims[-1] if claims else _last_part(found.lines, parts, place)
    return Answer(formula, tuple(claims), tuple(equalities))


# -- what a statement is ----------------------------------------------------------------------------------------


def _sort(statements: Sequence[Statement], place: Place) -> _Sorted:
    found = _Sorted()
    for statement in statements:
        target = _target(statement, place)
        if target is not None:
            found.lines += _lines(target, statement, place)
            if len(statement.members) > 2:
                found.chains.append((target, statement))
        elif statement.role == "where":
            raise place.error(
                "expected a definition, a name with an equality sign after it", statement.members[0],
                hint=r"As in: where \delta_t = …",
            )  # fmt: skip
        else:
            _check_conditions(statement, place)
            found.claims.append(statement)
    return found


def _target(statement: Statement, place: Place) -> PartTarget | None:
    """The part that a statement defines, None for a claim or an expression."""
    if len(statement.members) < 2 or _is_derivative(statement.members[0]):
        return None
    return part_target(statement.members[0], statement.members[1:], place)


def _is_derivative(left: Tree) -> bool:
    """Whether a left side is a derivative, perhaps with a sign, a transpose or an entry's indices."""
    if isinstance(left, Terms) and len(left.items) == 1:
        return _is_derivative(left.items[0][1])
    if isinstance(left, Group):
        return left.single is not None and _is_derivative(left.single)
    items = factors_of(left)
    first = items[0][1]
    if isinstance(first, Scripted) and isinstance(first.base, Sign) and first.base.kind in ("nabla", "partial"):
        return first.sub is not None or is_inline_derivative(items, 0)
    if isinstance(first, Scripted) and not isinstance(first.base, Sign):
        return _is_derivative(first.base)
    if isinstance(first, Fraction):
        return is_derivative_fraction(first)
    if isinstance(first, Group) and len(items) == 1:
        return _is_derivative(first)
    return differential(first) is not None and is_inline_derivative(items, 0)


def _check_conditions(statement: Statement, place: Place) -> None:
    for condition in statement.conditions:
        _require_indices(condition, place)


def _require_indices(condition: Tree, place: Place) -> None:
    """A condition may speak of times only; it then says for which the line is meant, and changes nothing."""
    inner = strip_group(condition)
    if isinstance(inner, Sign) and inner.kind == "dots":
        return
    members = inner.members if isinstance(inner, Relation) else (inner,)
    for member in members:
        if not isinstance(member, (Sign, Group)):
            read_index(member, place)


# -- parts ------------------------------------------------------------------------------------------------------


def _lines(target: PartTarget, statement: Statement, place: Place) -> list[Line]:
    """The lines of one definition: one, or one for each of its cases."""
    body = statement.members[-1]
    inner = strip_group(body)
    if isinstance(inner, Cases) and target.time is not None:
        return [_line(target, case.value, case.condition or (), place) for case in inner.lines]
    return [_line(target, body, statement.conditions, place)]


def _line(target: PartTarget, body: Tree, conditions: Iterable[Tree], place: Place) -> Line:
    r"""One line; an equality among its conditions (``t = \tau``) says for which time it is."""
    moved: dict[str, Index] = {}
    name = target.time.name if target.time is not None else None
    for condition in conditions:
        inner = strip_group(condition)
        fixed = _fixed_time(inner, name, place)
        if fixed is not None and name is not None:
            moved[name] = fixed
        else:
            _require_indices(condition, place)
    if name is not None and name in moved:
        target = replace(target, time=moved[name])
    return Line(target, body, tuple(moved.items()))


def _fixed_time(condition: Tree, name: str | None, place: Place) -> Index | None:
    if not isinstance(condition, Relation) or condition.signs != ("=",) or name is None:
        return None
    return read_index(condition.members[1], place) if index_name(condition.members[0]) == name else None


def _with_parts(lines: Sequence[Line], place: Place) -> Place:
    """The place in which the parts have their names and shapes."""
    if not lines:
        return place
    seen: set[tuple[str, Index | None]] = set()
    for line in lines:
        key = (line.target.name, line.target.time)
        if key in seen:
            raise place.error(f"“{line.target.name}” is defined twice", line.body)
        seen.add(key)
    lexicon = place.lexicon.with_parts((t.key, t.name, t.time is not None) for t in (line.target for line in lines))
    named = replace(place, lexicon=lexicon)
    shapes = infer_part_shapes(lines, named)
    return _scoped(named, shapes)


def _scoped(place: Place, shapes: dict[tuple[str, bool], Shape | None]) -> Place:
    symbols = {key: Symbol(Role.PART, shape) for key, shape in shapes.items()}
    timed = {name: s for (name, has_time), s in symbols.items() if has_time}
    whole = {name: s for (name, has_time), s in symbols.items() if not has_time}
    return replace(place, scope=place.scope.with_symbols(timed, whole))


def _symbol(target: PartTarget, place: Place) -> Symbol:
    table = place.scope.timed if target.time is not None else place.scope.whole
    return table[target.name]


def _part(line: Line, place: Place) -> Part:
    target = line.target
    shape = _symbol(target, place).shape
    found = line.read(place)
    expression = settle(found, shape)
    adapted = expression if expression.shape == shape else as_shape(expression, shape or ())
    if adapted is None:
        error = ShapeError(
            f"the lines of “{target.name}” have different shapes: {format_shape(shape or ())} and "
            f"{format_shape(expression.shape)}"
        )
        raise place.located(error, line.body)
    return Part(target.name, target.time, adapted)


def _last_part(lines: Sequence[Line], parts: tuple[Part, ...], place: Place) -> Formula:
    """Where no line claims anything, the answer is what the last general line defines."""
    fixed = place.scope.sizes.keys() | place.scope.time.last.names() | place.scope.time.first.names()
    general = [p for p in parts if p.time is None or p.is_general(fixed)] or list(parts)
    last = general[-1]
    if last.time is None:
        return Formula(last.expression, tuple(p for p in parts if p is not last))
    return Formula(Variable(last.name, Role.PART, last.expression.shape, last.time), parts)


# -- claims -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """The left side of a claim: of what, by what, and what has to be done to the other members to be it."""

    of: Node
    by: Node
    immediate: bool
    negative: bool
    turned: bool


def _claims(
    statement: Statement, parts: tuple[Part, ...], place: Place
) -> tuple[list[Formula], list[tuple[Node, Node]]]:
    """The claims of one statement, one per equality sign, and the equalities between the members."""
    members = statement.members
    asked = _asked(members[0], place) if len(members) > 1 and _is_derivative(members[0]) else None
    if asked is None:
        nodes = _settled(members, place, place.context.shape)
        made = [Formula(node, parts) for node in (nodes if len(nodes) == 1 else nodes[1:])]
        return made, list(pairwise(nodes))
    shape = _claimed_shape(asked, place.context.layout)
    nodes = [_as_claimed(place.read(m), asked, shape, m, place) for m in members[1:]]
    made = [Formula(node, parts, asked.of, asked.by, asked.immediate) for node in nodes]
    return made, list(pairwise(nodes))


def _claimed_shape(asked: _Asked, layout: Layout) -> Shape | None:
    try:
        return derivative_shape(asked.of.shape, asked.by.shape, layout)
    except ShapeError:
        return None


def _as_claimed(value: Node, asked: _Asked, shape: Shape | None, tree: Tree, place: Place) -> Node:
    if asked.turned:
        value = transposed(value)
    try:
        node = settle(value, shape)
    except SymrnnError as error:
        raise place.located(error, tree) from None
    if shape is not None and node.shape != shape and build.is_zero(node):
        node = as_shape(node, shape) or node
    return build.neg(node) if asked.negative else node


def _asked(left: Tree, place: Place) -> _Asked | None:
    node: Node = settle(place_of_claim(place).read(left))
    negative, turned = False, False
    while isinstance(node, (Neg, Transpose)):
        negative ^= isinstance(node, Neg)
        turned ^= isinstance(node, Transpose)
        node = node.args[0]
    if isinstance(node, Entry) and isinstance(node.args[0], (Jacobian, ImmediateJacobian)):
        split = _entry_of_derivative(node.args[0], node.args[1])
        if split is None:
            raise place.error("the entry of this derivative leaves open which index belongs to what", left)
        return _Asked(*split, isinstance(node.args[0], ImmediateJacobian), negative, turned)
    if isinstance(node, (Jacobian, ImmediateJacobian)):
        return _Asked(node.of, node.by, isinstance(node, ImmediateJacobian), negative, turned)
    return None


def place_of_claim(place: Place) -> Place:
    """Where the left side of a claim stands: its derivatives are what they are."""
    return replace(place, claims=True)


def _entry_of_derivative(node: Node, indices: tuple[Index, ...]) -> tuple[Node, Node] | None:
    """``(∂y/∂x)_ij`` is ∂y_i/∂x_j in numerator layout."""
    of, by, layout = node.args
    shown = indices if layout is Layout.NUMERATOR else indices[::-1]
    if of.is_single:
        one = by.is_column or by.is_row
        return (of, Entry(by, indices if one else shown[::-1])) if len(indices) == (1 if one else 2) else None
    if len(indices) == 2 and (of.is_column or of.is_row) and (by.is_column or by.is_row):
        return Entry(of, shown[:1]), Entry(by, shown[1:])
    return None


def _equal_members(members: Sequence[Tree], place: Place, shape: Shape | None) -> list[tuple[Node, Node]]:
    nodes = _settled(members, place, shape)
    return list(pairwise(nodes))


def _settled(members: Sequence[Tree], place: Place, shape: Shape | None) -> list[Node]:
    """The members as nodes; a constant of open size takes the shape of its neighbours."""
    values = [place.read(m) for m in members]
    known = shape or next((v.shape for v in values if v.shape and not is_open(v)), None)
    nodes = []
    for found, member in zip(values, members, strict=True):
        try:
            nodes.append(settle(found, known))
        except SymrnnError as error:
            raise place.located(error, member) from None
    return nodes


__all__ = ["Answer", "ReadingError", "read_answer", "try_index"]
