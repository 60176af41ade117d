"""Trees that stand for times, sizes, bounds and component indices."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.errors import ReadingError, SymrnnError, UnknownNameError, did_you_mean
from symrnn.language import Index, index_max, index_min
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_lexicon import name_key
from symrnn.reading.latex_tree import (
    Factors,
    Fraction,
    Group,
    Name,
    Number,
    Scripted,
    Sign,
    Terms,
    Tree,
    strip_group,
)

MAX_TERMS = 64

FREE_LETTERS = frozenset("ijklmnpqrs")
"""Letters that may be free indices although the cell has a variable of that name; a free h is rather a mistake."""

_EXTREMA = {"max": index_max, "min": index_min}


def read_index(tree: Tree, place: Place) -> Index:
    """The index that a tree stands for; raises ReadingError or UnknownNameError where it is none."""
    try:
        return _read(tree, place)
    except SymrnnError as error:
        raise place.located(error, tree) from None


def try_index(tree: Tree, place: Place) -> Index | None:
    """The index that a tree stands for, or None."""
    try:
        return _read(tree, place)
    except SymrnnError:
        return None


def is_timelike(tree: Tree, place: Place) -> bool:
    """Whether it is an index of times and numbers that are known here, so no new letter and no size."""
    index = try_index(tree, place)
    return index is not None and index.names() <= place.scope.indices


def index_name(tree: Tree) -> str | None:
    """The symbol that a sum or a free index may have: a letter, perhaps with a number or primes."""
    tree = strip_group(tree)
    if isinstance(tree, Name):
        return name_key(tree)
    if isinstance(tree, Scripted) and isinstance(tree.base, Name) and tree.sup is None:
        if tree.sub is None:
            return name_key(tree.base) + "'" * tree.primes
        if tree.sub.key is not None and tree.sub.key.isdigit():
            return name_key(tree.base) + tree.sub.key + "'" * tree.primes
    return None


def _read(tree: Tree, place: Place) -> Index:
    tree = strip_group(tree)
    name = index_name(tree)
    if name is not None:
        return _named(name, place)
    if isinstance(tree, Number):
        if "." in tree.text:
            raise ReadingError(f"{tree.text} stands where a whole number is expected")
        return Index.of(int(tree.text))
    if isinstance(tree, Terms):
        return _terms(tree, place)
    if isinstance(tree, Factors):
        return _factors(tree, place)
    if isinstance(tree, Fraction):
        divisor = read_index(tree.bottom, place).constant
        if divisor:
            return read_index(tree.top, place).divided_by(divisor)
    raise ReadingError("expected a time, a size or a whole number")


def _named(name: str, place: Place) -> Index:
    scope = place.scope
    known = scope.index(name)
    if known is not None:
        return known
    entry = place.lexicon.find(name)
    if entry is not None and entry.index is not None:
        return entry.index
    if scope.may_be_index(name):
        if entry is not None and entry.is_variable and name not in FREE_LETTERS:
            raise ReadingError(f"“{name}” is a variable, and stands where a time or an index is expected")
        return Index.of(name)
    known_names = {*scope.indices, *scope.sizes}
    hint = did_you_mean(name, known_names)
    raise UnknownNameError(
        f"“{name}” is no time, size or index that is bound here",
        hint=f"{hint or ''} Name it with --names, as in --names {name}=tau.".strip(),
    )


def _terms(tree: Terms, place: Place) -> Index:
    total = Index.of(0)
    for sign, term in tree.items:
        value = read_index(term, place)
        total = total + value if sign == "+" else total - value
        if len(total.terms) > MAX_TERMS:
            raise ReadingError("the index is too long")
    return total


def _factors(tree: Factors, place: Place) -> Index:
    first = tree.items[0][1]
    if isinstance(first, Name) and first.text in _EXTREMA and len(tree.items) == 2:
        group = tree.items[1][1]
        if isinstance(group, Group) and len(group.rows) == 1:
            return _EXTREMA[first.text](*(read_index(cell, place) for cell in group.rows[0]))
    total = Index.of(1)
    for sign, factor in tree.items:
        value = read_index(factor, place)
        if sign == "/":
            if not value.constant:
                raise ReadingError("an index is divided by a whole number only")
            total = total.divided_by(value.constant)
        elif sign not in ("", "cdot", "times", "*"):
            raise ReadingError("indices know + - times and division by a whole number")
        elif len(total.terms) * len(value.terms) > MAX_TERMS:
            raise ReadingError("the index is too long")
        else:
            total = total * value
    return total


def separate(items: tuple[Tree, ...], place: Place) -> tuple[Tree, ...]:
    """Indices written without commas, ``ti`` and ``ij``, apart; a product of a number and a letter stays one.

    What is a known size or time by itself, as ``nm`` of ``I_{nm}``, is no product in a subscript either.
    """
    found: list[Tree] = []
    for item in items:
        inner = strip_group(item)
        letters = [tree for _, tree in inner.items] if isinstance(inner, Factors) else []
        beside = isinstance(inner, Factors) and all(sign == "" for sign, _ in inner.items)
        if beside and letters and all(isinstance(t, (Name, Number, Sign)) for t in letters) and _letters(letters):
            found.extend(letters)
        else:
            found.append(item)
    return tuple(found)


def _letters(trees: list[Tree]) -> bool:
    return isinstance(trees[0], Name) or all(isinstance(t, Number) for t in trees)


def mentions(tree: object, name: str) -> bool:
    """Whether a symbol occurs anywhere in a tree."""
    return any(name_key(found) == name for found in names_in(tree))


def names_in(tree: object) -> Iterator[Name]:
    """All printed names in a tree, without recursion."""
    stack = [tree]
    while stack:
        found = stack.pop()
        if isinstance(found, Name):
            yield found
        elif isinstance(found, tuple):
            stack.extend(found)
        elif hasattr(found, "__slots__"):
            stack.extend(getattr(found, slot) for slot in found.__slots__ if slot not in ("at", "key", "kind"))
