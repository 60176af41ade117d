r"""The parts of an answer: what ``\delta_t = …`` defines, and the shapes of what is defined by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symrnn.language import Index, Node
from symrnn.language.traversal import substitute_indices
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_indices import index_name, is_timelike, mentions, read_index, separate, try_index
from symrnn.reading.latex_lexicon import name_key, script_key, tree_key
from symrnn.reading.latex_names import bare_name
from symrnn.reading.latex_rows import prefixed_name
from symrnn.reading.latex_sizes import transposed
from symrnn.reading.latex_tree import (
    Factors,
    Group,
    Name,
    Number,
    Script,
    Scripted,
    Span,
    Tree,
    factors_of,
    strip_group,
)
from symrnn.reading.latex_variables import Head, find_head, time_position


@dataclass(frozen=True)
class PartTarget:
    """The left side of a definition: the spelling of its name, the name, its time, and whether it was transposed."""

    key: str
    name: str
    time: Index | None
    transposed: bool = False


@dataclass(frozen=True)
class Line:
    """One defining line; ``moved``: indices that a condition fixed, as t = τ."""

    target: PartTarget
    body: Tree
    moved: tuple[tuple[str, Index], ...] = ()

    def read(self, place: Place) -> Node:
        """The value of the right side."""
        value = place.read(self.body)
        if self.target.transposed:
            value = transposed(value)
        return substitute_indices(value, dict(self.moved)) if self.moved else value


# -- left sides -------------------------------------------------------------------------------------------------


def part_target(left: Tree, right: Sequence[Tree], place: Place) -> PartTarget | None:
    """The name, time and transpose of a left side; None where it is no name."""
    left = strip_group(left)
    items = factors_of(left)
    if any(sign for sign, _ in items) or len(items) > 3:
        return None
    if len(items) > 1 and isinstance(items[-1][1], Group):
        # ``\delta(t) = …``
        time = try_index(items[-1][1].single, place) if items[-1][1].single is not None else None
        target = part_target(row_of(items[:-1]), right, place) if time is not None else None
        return replace(target, time=time) if target is not None and target.time is None else None
    if len(items) == 2:
        joined = prefixed_name(items[0][1], items[1][1])
        return part_target(joined, right, place) if joined is not None else None
    if bare_name(left) is None:
        return None
    return _named(left, right, place)


def row_of(items: Sequence[tuple[str, Tree]]) -> Tree:
    """A row of factors; one factor is itself."""
    if len(items) == 1:
        return items[0][1]
    return Factors(Span(items[0][1].at.start, items[-1][1].at.end), tuple(items))


def _named(left: Tree, right: Sequence[Tree], place: Place) -> PartTarget:
    name = bare_name(left)
    assert name is not None
    sub = left.sub if isinstance(left, Scripted) else None
    sup = left.sup if isinstance(left, Scripted) else None
    if isinstance(left, Scripted) and left.primes:
        raise place.error("a part's name has no primes", left)
    head = find_head(left, place)
    if head is not None and head.entry.is_variable and _is_complete(head, place):
        return _known(head.entry.name, left, place)
    time: Index | None = None
    words: list[str] = []
    above, is_transposed = _above(sup, left, place)
    if isinstance(above, Index):
        time = above
    elif above is not None:
        words.append(above)
    items = separate_words(sub, place)
    likely = items[time_position(items, place)] if items else None
    known = likely if likely is not None and is_timelike(likely, place) else None
    for item in items:
        if time is None and (item is known or (known is None and _is_time(item, right, place))):
            time = read_index(item, place)
        elif (key := tree_key(item)) is not None:
            words.append(key)
        else:
            raise place.error("expected a name, perhaps with one time", left)
    base = name_key(name)
    return PartTarget("".join([base, *words]), "_".join([base, *words]), time, is_transposed)


def _is_complete(head: Head, place: Place) -> bool:
    r"""Whether the scripts that the name leaves are a time and no more: ``\lambda_{h,t}`` is no λ of the cell."""
    items = separate(head.sub, place)
    return len(items) <= head.entry.timed and all(try_index(item, place) is not None for item in items)


def _known(name: str, left: Tree, place: Place) -> PartTarget:
    """A part with the name of something in the cell, which it hides."""
    head = find_head(left, place)
    assert head is not None
    sup, time = head.sup, None
    is_transposed = sup is not None and sup.transposed
    if head.entry.timed:
        above, is_transposed = _above(sup, left, place)
        items = separate(head.sub, place)
        if isinstance(above, Index):
            time = above
        elif len(items) == 1:
            time = read_index(items[0], place)
        elif items or not head.entry.whole:
            raise place.error("a part is defined as a whole, not by its entries", left)
    elif head.sub:
        raise place.error("a part is defined as a whole, not by its entries", left)
    bare = bare_name(left)
    assert bare is not None
    key = next(k for k, e in place.lexicon.entries.items() if e.name == name)
    return PartTarget(key, name, time, is_transposed)


def _above(sup: Script | None, left: Tree, place: Place) -> tuple[Index | str | None, bool]:
    r"""The time of ``\delta^{(t)}`` or the word of ``\delta^{h}``, and whether a transpose stands there."""
    if sup is None:
        return None, False
    if sup.mark is not None or (not sup.items and not sup.transposed):
        raise place.error("expected a name on the left side", left)
    if not sup.items:
        return None, True
    item = sup.items[0]
    if sup.key == "T":
        return None, True
    inner = item.single if isinstance(item, Group) else item
    if inner is not None and (is_timelike(inner, place) and not isinstance(inner, Number)):
        return read_index(inner, place), sup.transposed
    key = script_key(sup)
    if key is None:
        raise place.error("expected a name on the left side", left)
    return key, sup.transposed


def separate_words(sub: Script | None, place: Place) -> tuple[Tree, ...]:
    """The items of a subscript; letters beside each other stay one word unless a time is among them."""
    if sub is None:
        return ()
    found: list[Tree] = []
    for item in sub.items:
        letters = separate((item,), place)
        timed = any(is_timelike(letter, place) for letter in letters)
        if len(letters) > 1 and not timed and sub.key is not None and len(sub.items) == 1:
            found.append(Name(item.at, sub.key, (), True))
        else:
            found += letters
    return tuple(found)


def _is_time(item: Tree, right: Sequence[Tree], place: Place) -> bool:
    """Whether a subscript of a new name is a time: a known one, or a letter that the right side uses as an index."""
    if is_timelike(item, place):
        return True
    letter = index_name(item)
    if letter is None or try_index(item, place) is None:
        return try_index(item, place) is not None and letter is None
    return any(_counts(tree, letter, place) for tree in right)


def _counts(tree: object, letter: str, place: Place) -> bool:
    """Whether a letter stands in a subscript or superscript that is no part of a name."""
    stack = [tree]
    while stack:
        found = stack.pop()
        if isinstance(found, Scripted):
            name = bare_name(found)
            for script in (found.sub, found.sup):
                if script is None or (name and place.lexicon.find(name_key(name) + (script.key or " ")) is not None):
                    continue
                if mentions(script, letter):
                    return True
            stack.append(found.base)
        elif isinstance(found, tuple):
            stack.extend(found)
        elif hasattr(found, "__slots__"):
            stack.extend(getattr(found, slot) for slot in found.__slots__ if slot not in ("at", "key", "kind"))
    return False
