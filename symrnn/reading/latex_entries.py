"""Entries and blocks: ``W_{ij}``, ``W_{:,j}``, ``z_{0:n}``, counted from 0 unless asked otherwise."""

from __future__ import annotations

from symrnn.errors import ReadingError, ShapeError, did_you_mean
from symrnn.language import Entry, Index, Node, build
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_indices import index_name, read_index, separate, try_index
from symrnn.reading.latex_lexicon import name_key
from symrnn.reading.latex_names import bare_name, unknown
from symrnn.reading.latex_tree import Name, Number, Relation, Sign, Tree


def entries_of(value: Node, sub: tuple[Tree, ...], tree: Tree, place: Place) -> Node:
    """The entry or block of a value, or the value itself where there is no subscript.

    Raises ReadingError or ShapeError where the subscript doesn't fit.
    """
    if not sub:
        return value
    if not value.shape:
        name = place.excerpt(tree)
        raise ReadingError(f"“{name}” has a subscript, but it is one number", hint=_subscript_hint(tree, place))
    if any(_is_span(item) for item in sub):
        return _block(value, sub, place)
    items = _digits(separate(sub, place), len(value.shape))
    if any(try_index(item, place) is None for item in items) and all(isinstance(item, Name) for item in items):
        raise unknown(tree, place)
    axes = _entry_axes(value, len(items))
    return Entry(value, tuple(entry_index(i, place, a) for i, a in zip(items, axes, strict=True)))


def _digits(items: tuple[Tree, ...], axes: int) -> tuple[Tree, ...]:
    """``W_{12}`` of a matrix is row 1, column 2."""
    if len(items) == 1 and axes == 2 and isinstance(items[0], Number) and len(items[0].text) == 2:
        return tuple(Number(items[0].at, digit) for digit in items[0].text)
    return items


def _subscript_hint(tree: Tree, place: Place) -> str | None:
    name = bare_name(tree)
    near = did_you_mean(f"{name_key(name) if name else ''}_", place.lexicon.entries)
    return near if near and near.startswith("Did") else None


def _entry_axes(value: Node, count: int) -> tuple[Index, ...]:
    if count == 1 and (value.is_column or value.is_row):
        return (value.shape[0] if value.is_column else value.shape[1],)
    if count != len(value.shape):
        needed = 1 if value.is_column or value.is_row else len(value.shape)
        raise ShapeError(f"an entry takes {needed} indices here, but there are {count}")
    return value.shape


def entry_index(tree: Tree, place: Place, axis: Index) -> Index:
    """A component index, counted from 0: one that counts from 1, in numbers or in a sum over 1…n, is lowered.

    A sum whose bound reaches the size of the axis cannot count from 0.
    """
    index = _component(tree, place)
    bound = [place.ranges[name] for name in index.names() if name in place.ranges]
    start = place.context.entries_from
    if not start and any((upper - axis).constant == 0 and lower.constant != 0 for lower, upper in bound):
        start = place.context.pick("entries", ("counted from 1, as the sum over them is",)) + 1
    return index - start if bound or index.constant is not None else index


def _component(tree: Tree, place: Place) -> Index:
    """The index; a letter that happens to be a size counts entries here, and gets a number to be told from it."""
    name = index_name(tree)
    if name is not None and name in place.scope.sizes and name not in place.scope.indices:
        taken = {*place.scope.whole, *place.scope.timed, *place.scope.sizes}
        return Index.of(next(new for i in range(1, 100) if (new := f"{name}_{i}") not in taken))
    return read_index(tree, place)


def _is_span(item: Tree) -> bool:
    return isinstance(item, Sign) or (isinstance(item, Relation) and set(item.signs) == {":"})


def _block(value: Node, sub: tuple[Tree, ...], place: Place) -> Node:
    if len(value.shape) != 2 or len(sub) > 2:
        raise ReadingError("a block is cut out of a matrix with two ranges, or of a vector with one")
    spans = [_span(item, axis, place) for item, axis in zip(sub, value.shape, strict=False)]
    if len(spans) == 1:
        column = value.is_column or not value.is_row
        return build.take(value, spans[0] if column else None, None if column else spans[0])
    return build.take(value, spans[0], spans[1])


def _span(item: Tree, axis: Index, place: Place) -> tuple[Index, Index] | None:
    if isinstance(item, Relation) and set(item.signs) == {":"} and len(item.members) == 2:
        start, stop = item.members
        if isinstance(start, Sign) and isinstance(stop, Sign):
            return None
        first = Index.of(0) if isinstance(start, Sign) else read_index(start, place)
        last = axis if isinstance(stop, Sign) else read_index(stop, place)
        return (first, last)
    single = entry_index(item, place, axis)
    return (single, single + 1)
