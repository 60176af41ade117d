r"""Letters with scripts: which part of ``W_{hh}``, ``h^{(t)}_i`` or ``\delta^o_{t,i}`` is name, time, entry, power.

The cell's names decide: what is declared as W_hh is one name, and an ``hh`` that nobody declared is two entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symrnn.errors import ReadingError
from symrnn.language import Delta, Index, Node, Variable, build
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_entries import entries_of
from symrnn.reading.latex_indices import index_name, is_timelike, read_index, separate, try_index
from symrnn.reading.latex_lexicon import Entry, name_key, script_key, tree_key
from symrnn.reading.latex_names import bare_name, scripts_of
from symrnn.reading.latex_powers import raised
from symrnn.reading.latex_tree import Factors, Group, Number, Script, Tree
from symrnn.reading.scope import ShapeUnknown, Symbol, summand_at


@dataclass(frozen=True)
class Head:
    """One way to take a printed name apart: what it is, and which scripts are left over."""

    entry: Entry
    sub: tuple[Tree, ...]
    sup: Script | None
    primes: int
    consumed: int


def find_head(tree: Tree, place: Place, group: Group | None = None) -> Head | None:
    """The head that fits best, chosen between where several fit; None where nothing has such a name."""
    found = [h for h in _heads(tree, place) if _is_viable(h, place, group)]
    if not found:
        return None
    found.sort(key=lambda head: _rank(head, tree, place))
    best = [h for h in found if h.entry.name == found[0].entry.name][:1]
    others = [h for h in found if h.entry.name != found[0].entry.name]
    if (len(others) and others[0].consumed == best[0].consumed) or (others and _is_numbered(tree)):
        options = [*best, others[0]]
        taken = place.context.pick(f"the name “{place.excerpt(tree)}”", [_described(h, place) for h in options])
        return options[taken]
    return best[0]


def _described(head: Head, place: Place) -> str:
    return f"{head.entry.name} with scripts" if head.sub or head.sup else head.entry.name


def _is_numbered(tree: Tree) -> bool:
    sub = scripts_of(tree)[0]
    return sub is not None and sub.key is not None and sub.key.isdigit()


def _rank(head: Head, tree: Tree, place: Place) -> tuple[int, int]:
    """Longer names first, except where what they take is a time, as the t of ``c_t`` beside a name ``ct``."""
    sub = scripts_of(tree)[0]
    takes_time = (
        sub is not None
        and not head.sub
        and len(sub.items) == 1
        and is_timelike(sub.items[0], place)
        and not isinstance(sub.items[0], Number)
    )
    return (1 if takes_time and not head.entry.timed else 0, -head.consumed)


def _heads(tree: Tree, place: Place) -> Iterator[Head]:
    """All ways to take a name apart that give a name of the lexicon."""
    name = bare_name(tree)
    if name is None:
        return
    sub, sup, primes = scripts_of(tree)
    base = name_key(name)
    for below, left_sub in _sub_options(sub):
        for above, left_sup in _sup_options(sup):
            for mark, left_primes in _prime_options(primes):
                keys = {base + below + above + mark, base + above + below + mark, base + mark + below + above}
                entry = next((e for k in sorted(keys) if (e := place.lexicon.find(k)) is not None), None)
                if entry is not None:
                    consumed = bool(below) + bool(above) + bool(mark)
                    yield Head(entry, left_sub, left_sup, left_primes, consumed)


def _sub_options(sub: Script | None) -> Iterator[tuple[str, tuple[Tree, ...]]]:
    if sub is None:
        yield "", ()
        return
    if sub.key is not None:
        yield sub.key, ()
    keys = [_item_key(item) for item in sub.items]
    if sub.key is None and len(keys) == 1 and keys[0] is not None:
        yield keys[0], ()
    for taken in _some_of(len(keys)):
        words = [keys[i] for i in taken]
        if all(word is not None for word in words):
            yield "".join(w or "" for w in words), tuple(t for i, t in enumerate(sub.items) if i not in taken)
    yield "", sub.items


def _some_of(count: int) -> Iterator[tuple[int, ...]]:
    """Which of several items may belong to the name: all but one, or one."""
    if count > 1:
        yield from (tuple(i for i in range(count) if i != left) for left in range(count))
    if count > 2:
        yield from ((one,) for one in range(count))


def _item_key(item: Tree) -> str | None:
    if isinstance(item, Factors):
        keys = [tree_key(tree) for sign, tree in item.items if not sign]
        return "".join(k or "" for k in keys) if len(keys) == len(item.items) and all(keys) else None
    return tree_key(item)


def _sup_options(sup: Script | None) -> Iterator[tuple[str, Script | None]]:
    key = script_key(sup)
    if sup is not None and key is not None:
        yield key, (replace(sup, items=(), key=None) if sup.transposed else None)
    if sup is not None and sup.mark in ("star", "*") and not sup.items:
        yield "star", None
    yield "", sup


def _prime_options(primes: int) -> Iterator[tuple[str, int]]:
    if primes:
        yield "prime" * primes, 0
    yield "", primes


def _is_viable(head: Head, place: Place, group: Group | None) -> bool:
    entry = head.entry
    if entry.is_variable and not entry.whole:
        superscript = head.sup is not None and bool(head.sup.items)
        return bool(head.sub) or superscript or (group is not None and _time_of_group(group, place) is not None)
    if entry.function is not None and not entry.is_variable:
        return not head.sub
    if entry.index is not None and not entry.is_variable:
        return not head.sub
    return True


# -- values -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A variable's value, the superscript and primes that are still to be applied, and whether a group was its time."""

    value: Node
    sup: Script | None
    primes: int
    used_group: bool = False


def variable(head: Head, tree: Tree, place: Place, group: Group | None = None) -> Found:
    """The value of a name with its scripts: its time and entries are found here, powers are left."""
    entry = head.entry
    if not entry.is_variable:
        assert entry.index is not None
        return Found(build.index_number(entry.index), head.sup, head.primes)
    if not entry.timed:
        return Found(entries_of(_whole(entry, place), head.sub, tree, place), head.sup, head.primes)
    return _timed(head, tree, place, group)


def _timed(head: Head, tree: Tree, place: Place, group: Group | None) -> Found:
    entry, sup = head.entry, head.sup
    sub = separate(head.sub, place)
    above = _time_above(sup, place)
    if above is not None:
        assert sup is not None
        if any(_is_own_time(item, place) for item in sub):
            raise ReadingError(
                f"“{place.excerpt(tree)}” has a time below and another number above",
                hint="The number of a layer is part of a name: h1[t] is printed as h^{(1)}_t.",
            )
        left = Script(sup.at, (), None, sup.transposed) if sup.transposed else None
        return Found(entries_of(_at(entry, above, place), sub, tree, place), left, head.primes)
    if sub:
        time, rest = _time_below(entry, sub, tree, place)
        return Found(entries_of(_at(entry, time, place), rest, tree, place), sup, head.primes)
    inside = _time_of_group(group, place) if group is not None else None
    if inside is not None:
        return Found(_at(entry, inside, place), sup, head.primes, used_group=True)
    if sup is not None and sup.mark is None and len(sup.items) == 1 and not entry.whole:
        plain = try_index(sup.items[0], place)
        if plain is not None and not _is_transpose(sup):
            left = Script(sup.at, (), None, sup.transposed) if sup.transposed else None
            return Found(_at(entry, plain, place), left, head.primes)
    if entry.whole:
        return Found(_whole(entry, place), sup, head.primes)
    now = place.scope.time.index
    raise ReadingError(f"“{place.excerpt(tree)}” has one value per time", hint=f"Write {entry.name}_{now}.")


def _is_transpose(sup: Script) -> bool:
    return sup.key == "T"


def _time_above(sup: Script | None, place: Place) -> Index | None:
    """The time of ``h^{(t)}``."""
    if sup is None or sup.mark is not None or len(sup.items) != 1:
        return None
    item = sup.items[0]
    return _time_of_group(item, place) if isinstance(item, Group) else None


def _time_of_group(group: Group, place: Place) -> Index | None:
    if group.kind not in ("(", "[", "⟨") or group.single is None:
        return None
    return try_index(group.single, place)


def _time_below(entry: Entry, sub: tuple[Tree, ...], tree: Tree, place: Place) -> tuple[Index, tuple[Tree, ...]]:
    """The time among the subscripts: the one that is known as a time, else the first."""
    now = place.scope.time.index
    if len(sub) == 1:
        letter = index_name(sub[0])
        counts = letter is not None and letter in place.context.entry_letters and letter not in place.ranges
        symbol = place.scope.timed.get(entry.name)
        if counts and symbol is not None and symbol.shape:
            options = (f"entries, at the step {now} itself", "times")
            if place.context.pick("lone letters that count entries elsewhere are", options) == 0:
                return Index.of(now), sub
        return read_index(sub[0], place), ()
    position = time_position(sub, place)
    return read_index(sub[position], place), sub[:position] + sub[position + 1 :]


def _is_own_time(item: Tree, place: Place) -> bool:
    """Whether it mentions the time index or the last time."""
    time = place.scope.time
    index = try_index(item, place)
    return index is not None and bool(index.names() & ({time.index} | time.first.names() | time.last.names()))


def time_position(sub: tuple[Tree, ...], place: Place) -> int:
    """The one that mentions the time index or the last time; else the first known as a time, else the first."""
    for position, item in enumerate(sub):
        if _is_own_time(item, place):
            return position
    return next((position for position, item in enumerate(sub) if is_timelike(item, place)), 0)


def _at(entry: Entry, time: Index, place: Place) -> Node:
    symbol = place.scope.timed.get(entry.name)
    if symbol is not None:
        return _known(entry.name, symbol, time)
    summand = place.scope.summand
    if summand is not None and summand[0] == entry.name:
        return summand_at(summand, time)
    raise ReadingError(f"“{entry.name}” has no time")


def _whole(entry: Entry, place: Place) -> Node:
    return _known(entry.name, place.scope.whole[entry.name], None)


def _known(name: str, symbol: Symbol, time: Index | None) -> Variable:
    if symbol.shape is None:
        raise ShapeUnknown(name)
    return Variable(name, symbol.role, symbol.shape, time)


# -- names that are none ----------------------------------------------------------------------------------------


def kronecker_delta(tree: Tree, place: Place) -> Node | None:
    r"""``\delta_{ij}``, where no δ is a variable or a part."""
    name = bare_name(tree)
    sub, sup, primes = scripts_of(tree)
    if name is None or name_key(name) != "delta" or sub is None or primes:
        return None
    items = separate(sub.items, place)
    if len(items) != 2:
        return None
    left, right = (read_index(item, place) for item in items)
    return raised(Delta(left, right), sup, 0, tree, place)
