"""The shapes of an answer's parts, which nobody declares: from what is known beside them, and else by trying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from symrnn.errors import SymrnnError
from symrnn.language import SCALAR, Index, Role, Shape
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_names import bare_name
from symrnn.reading.latex_parts import Line, row_of
from symrnn.reading.latex_products import CIRCLED
from symrnn.reading.latex_rows import prefix_of
from symrnn.reading.latex_sizes import is_open, settle
from symrnn.reading.latex_tree import Big, Cases, Factors, Group, Number, Scripted, Terms, Tree, strip_group
from symrnn.reading.scope import ShapeUnknown, Symbol

Key = tuple[str, bool]

LONGEST_ROW = 24
"""Factors of a recursion in which a shape is looked for."""


def infer_part_shapes(lines: Sequence[Line], place: Place) -> dict[Key, Shape | None]:
    r"""The shape of every part: from lines that say it, from the terms that say it, and else by trying.

    A recursion such as ``\lambda_t = a_t + W^\top \lambda_{t+1}`` has the shape of a_t.
    """
    shapes: dict[Key, Shape | None] = {(line.target.name, line.target.time is not None): None for line in lines}
    while any(shape is None for shape in shapes.values()):
        inside = _scoped(place, shapes)
        found = (
            _one_shape(lines, shapes, inside, _certain)
            or _one_shape(lines, shapes, inside, known_shape)
            or _tried_shape(lines, shapes, place)
        )
        shapes[found[0]] = found[1]
    return shapes


def _scoped(place: Place, shapes: dict[Key, Shape | None]) -> Place:
    timed = {name: Symbol(Role.PART, s) for (name, has_time), s in shapes.items() if has_time}
    whole = {name: Symbol(Role.PART, s) for (name, has_time), s in shapes.items() if not has_time}
    return replace(place, scope=place.scope.with_symbols(timed, whole))


def _own(key: Key, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if (line.target.name, line.target.time is not None) == key]


def _one_shape(
    lines: Sequence[Line],
    shapes: dict[Key, Shape | None],
    place: Place,
    shape_of: Callable[[Tree, Place], Shape | None],
) -> tuple[Key, Shape] | None:
    """A part whose shape follows from what is known; zeros and constants of open size say nothing."""
    scalar: tuple[Key, Shape] | None = None
    for key in [k for k, s in shapes.items() if s is None]:
        for line in _own(key, lines):
            shape = shape_of(line.body, place)
            if shape is not None and line.target.transposed:
                shape = shape[::-1]
            if shape:
                return key, shape
            if shape is not None and not _is_zero(line.body) and scalar is None:
                scalar = (key, shape)
    return scalar


def _is_zero(tree: Tree) -> bool:
    inner = strip_group(tree)
    return isinstance(inner, Number) and set(inner.text) <= {"0", "."}


def known_shape(tree: Tree, place: Place) -> Shape | None:
    """The shape of a tree, as far as it follows without the parts that have none yet."""
    try:
        value = place.read(tree)
    except ShapeUnknown:
        return _partial(tree, place)
    return None if is_open(value) else value.shape


def _partial(tree: Tree, place: Place) -> Shape | None:
    tree = strip_group(tree)
    if isinstance(tree, Terms):
        certain = next((s for _, term in tree.items if (s := _certain(term, place))), None)
        return certain or _agreed([known_shape(term, place) for _, term in tree.items])
    if isinstance(tree, Cases):
        return _agreed([known_shape(line.value, place) for line in tree.lines])
    if isinstance(tree, Factors):
        return _partial_row(tree, place)
    if isinstance(tree, Scripted) and tree.sup is not None and tree.sup.transposed:
        shape = known_shape(tree.base, place)
        return shape[::-1] if shape is not None else None
    return None


def _agreed(shapes: list[Shape | None]) -> Shape | None:
    """The first that is more than a number; a number only where all are."""
    wide = next((s for s in shapes if s), None)
    return wide if wide is not None else (SCALAR if all(s == SCALAR for s in shapes) else None)


def _partial_row(tree: Factors, place: Place) -> Shape | None:
    """What the factors joined by ⊙ say, or the outer axes of a product of matrices."""
    if any(isinstance(factor, Big) for _, factor in tree.items):
        return None
    groups: list[list[tuple[str, Tree]]] = [[]]
    for sign, factor in tree.items:
        if sign in CIRCLED and sign != "otimes":
            groups.append([])
        groups[-1].append(("" if not groups[-1] else sign, factor))
    if len(groups) > 1:
        rows = [row_of(g) for g in groups]
        certain = next((s for row in rows if (s := _certain(row, place))), None)
        return certain or next((s for row in rows if (s := known_shape(row, place))), None)
    cuts = [i for i in range(1, min(len(tree.items), LONGEST_ROW)) if _may_cut(tree, i)]
    one = Index.of(1)
    for cut in reversed(cuts):
        before = _certain(row_of(tree.items[:cut]), place)
        if before and len(before) == 2:
            return (before[0], one)
    for cut in cuts:
        after = _certain(row_of((("", tree.items[cut][1]), *tree.items[cut + 1 :])), place)
        if after and len(after) == 2:
            return (one, after[1])
    return None


def _may_cut(tree: Factors, cut: int) -> bool:
    """Whether two neighbours are two factors, and not a function with its argument or a name of two letters."""
    before, after = tree.items[cut - 1][1], tree.items[cut][1]
    return prefix_of(before) is None and not (isinstance(strip_scripts(after), Group) and bare_name(before) is not None)


def strip_scripts(tree: Tree) -> Tree:
    """What carries the scripts."""
    return tree.base if isinstance(tree, Scripted) else tree


def _certain(tree: Tree, place: Place) -> Shape | None:
    """The shape of a tree without any part of unknown shape."""
    try:
        value = place.read(tree)
    except (SymrnnError, ShapeUnknown):
        return None
    return None if is_open(value) else value.shape


def _tried_shape(lines: Sequence[Line], shapes: dict[Key, Shape | None], place: Place) -> tuple[Key, Shape]:
    """The first shape under which a part's lines have that very shape; a number where none does."""
    missing = [k for k, s in shapes.items() if s is None]
    for key in missing:
        for shape in _candidates(place):
            inside = _scoped(place, {**shapes, key: shape})
            if all(_has_shape(line, shape, inside) for line in _own(key, lines)):
                return key, shape
    return missing[0], SCALAR


def _candidates(place: Place) -> list[Shape]:
    """Columns, rows and other shapes of the cell, and the number."""
    known = [s.shape for s in (*place.scope.timed.values(), *place.scope.whole.values()) if s.shape]
    columns = [s for s in known if s[1].constant == 1]
    every = [*columns, *(s[::-1] for s in columns), SCALAR, *known]
    return list(dict.fromkeys(every))


def _has_shape(line: Line, shape: Shape, place: Place) -> bool:
    try:
        return settle(line.read(place), shape).shape == shape
    except (SymrnnError, ShapeUnknown):
        return False
