r"""Sums and products over an index: their bounds, their direction, and how far they reach.

``\sum_{i=t}^{1}`` descends, ``\sum_{k \le t}`` starts at the first time, ``\sum_t`` runs over all of them, and the
order of ``\prod_{j=k+1}^{t}`` is not stated: both are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symrnn.errors import ReadingError, ShapeError, SymrnnError
from symrnn.language import ONE, Delta, Entry, HadamardProduct, Index, Node, Product, Sum, Variable, build
from symrnn.language.traversal import postorder
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_indices import index_name, mentions, names_in, read_index
from symrnn.reading.latex_lexicon import name_key
from symrnn.reading.latex_sizes import squared
from symrnn.reading.latex_tree import Big, Factors, Relation, Script, Sign, Span, Tree, strip_group
from symrnn.reading.ordering import direction

Items = Sequence[tuple[str, Tree]]


@dataclass(frozen=True)
class Bounds:
    r"""One bound index; ``lower`` and ``upper`` are None where nothing is printed.

    ``printed``: 1 or -1 where the bounds say an order (``k < j \le t`` ascends).  ``but``: a value that is left out.
    """

    name: str
    lower: Index | None = None
    upper: Index | None = None
    printed: int = 0
    but: Index | None = None


def big_operator(items: Items, position: int, place: Place) -> tuple[Node, int]:
    """A sum or product with its body, which reaches to the end of the row unless a product ends earlier."""
    big = items[position][1]
    assert isinstance(big, Big)
    rest = items[position + 1 :]
    if not rest or rest[0][0]:
        raise place.error("expected what is added up" if big.kind == "sum" else "expected a factor", big)
    bounds = read_bounds(big, place)
    count = len(rest) if big.kind == "sum" else _reach(big, rest, bounds[-1].name, place)
    body = Factors(Span(rest[0][1].at.start, rest[count - 1][1].at.end), tuple(rest[:count]))
    try:
        return _nested(big, bounds, body, place), 1 + count
    except SymrnnError as error:
        raise place.located(error, big) from None


def _nested(big: Big, bounds: Sequence[Bounds], body: Tree, place: Place) -> Node:
    """Several indices under one sign are several sums."""
    place, symbol = place.shadow(bounds[0].name)
    own, inner = replace(bounds[0], name=symbol), [_renamed(b, bounds[0].name, symbol) for b in bounds[1:]]
    if own.lower is not None and own.upper is not None:
        inside = place.bind(own.name, *_ordered(own.lower, own.upper, place))
    else:
        inside = place.bind_loosely(own.name)
    value = _nested(big, inner, body, inside) if inner else inside.read(body)
    if own.but is not None:
        left_out = Delta(Index.of(own.name), own.but)
        value = build.times(build.subtract(ONE, left_out), value)
    if big.kind == "sum":
        return _sum(own, value, place)
    return _product(big, own, value, place)


def _renamed(bounds: Bounds, name: str, symbol: str) -> Bounds:
    """Bounds that speak of an index by the symbol that it is."""
    if name == symbol:
        return bounds
    lower, upper = (
        None if bound is None else bound.substitute({name: Index.of(symbol)}) for bound in (bounds.lower, bounds.upper)
    )
    return replace(bounds, lower=lower, upper=upper)


# -- the printed bounds -----------------------------------------------------------------------------------------


def read_bounds(big: Big, place: Place) -> tuple[Bounds, ...]:
    """What stands below and above the sign."""
    if big.lower is None:
        raise place.error("expected an index under the sign", big, hint=r"Write \sum_t or \sum_{k=1}^{t}.")
    items = tuple(part for item in _without_dots(big.lower.items) for part in _unchained(item, big))
    found: list[Bounds] = []
    for item in items:
        try:
            found.append(_one(strip_group(item), big, place))
        except SymrnnError as error:
            raise place.located(error, item) from None
        place = place.bind_loosely(found[-1].name)
    names = [b.name for b in found]
    if len(set(names)) < len(names):
        raise place.error("one index stands there twice", big)
    if big.upper is not None and (len(found) > 1 or found[-1].upper is None):
        raise place.error("the upper bound has no lower one", big, hint=r"Write \sum_{k=1}^{t}.")
    return tuple(found)


def _without_dots(items: tuple[Tree, ...]) -> tuple[Tree, ...]:
    r"""``k = 1, \dots, t`` is a range."""
    if len(items) == 3 and isinstance(items[1], Sign) and items[1].kind == "dots":
        first = items[0]
        if isinstance(first, Relation) and first.signs == ("=",):
            start = Relation(first.at, (first.members[1], first.members[0], items[2]), ("le", "le"))
            return (start,)
    return items


def _unchained(item: Tree, big: Big) -> tuple[Tree, ...]:
    r"""``1 \le k \le t \le \tau`` under a sum: t from 1 to τ, and within it k from 1 to t."""
    inner = strip_group(item)
    if big.kind != "sum" or not isinstance(inner, Relation) or len(inner.members) < 4:
        return (item,)
    members, signs = inner.members, inner.signs
    if set(signs) <= {">", "ge"}:
        members, signs = members[::-1], tuple({">": "<", "ge": "le"}[sign] for sign in signs[::-1])
    if not set(signs) <= {"<", "le"}:
        return (item,)
    lowest = members[0]
    return tuple(
        Relation(inner.at, (lowest, members[place], members[place + 1]), (signs[0], signs[place]))
        for place in range(len(members) - 2, 0, -1)
    )


def _one(item: Tree, big: Big, place: Place) -> Bounds:
    if not isinstance(item, Relation):
        name = index_name(item)
        if name is None:
            raise ReadingError("expected an index, as in “t” or “k=1”")
        return Bounds(name)
    if item.signs == ("=",):
        name = index_name(item.members[0])
        if name is None:
            raise ReadingError("expected one index before the equality sign")
        if big.upper is None:
            raise place.error("expected the upper bound of this index", big)
        return Bounds(name, read_index(item.members[1], place), _upper(big.upper, place))
    if item.signs == ("ne",):
        name = index_name(item.members[0])
        if name is None:
            raise ReadingError("expected one index before ≠")
        return Bounds(name, but=read_index(item.members[1], place))
    if set(item.signs) <= {"<", "le"} or set(item.signs) <= {">", "ge"}:
        return _inequality(item, place)
    raise ReadingError("expected bounds such as “k=1”, “k ≤ t” or “1 ≤ k ≤ t”")


def _upper(script: Script, place: Place) -> Index:
    if len(script.items) != 1 or isinstance(script.items[0], Relation):
        raise place.context.source.error("expected one upper bound", script.at.start)
    return read_index(script.items[0], place)


def _inequality(item: Relation, place: Place) -> Bounds:
    r"""``k < t``, ``1 \le k \le t``, ``t \ge j > k``: from the smaller to the larger."""
    ascending = item.signs[0] in ("<", "le")
    members, signs = (item.members, item.signs) if ascending else (item.members[::-1], item.signs[::-1])
    strict = [sign in "<>" for sign in signs]
    printed = 1 if ascending else -1
    if len(members) == 3:
        name = index_name(members[1])
        if name is None:
            raise ReadingError("expected one index in the middle")
        lower, upper = read_index(members[0], place), read_index(members[2], place)
        return Bounds(name, lower + strict[0], upper - strict[1], printed)
    if len(members) != 2:
        raise ReadingError("expected at most two inequality signs")
    left, right = index_name(members[0]), index_name(members[1])
    new = [n for n in (left, right) if n is not None and n not in place.scope.indices]
    name = new[0] if new else index_name(item.members[0])
    if name is None:
        raise ReadingError("expected an index on one side of the inequality sign")
    if name == left:
        return Bounds(name, None, read_index(members[1], place) - strict[0], printed)
    return Bounds(name, read_index(members[0], place) + strict[0], None, printed)


# -- sums -------------------------------------------------------------------------------------------------------


def _ordered(lower: Index, upper: Index, place: Place) -> tuple[Index, Index]:
    """The smaller bound first, as far as the symbols tell; numbers that go down are a range that goes down."""
    found = direction(lower, upper, place.scope.facts)
    constant = (upper - lower).constant
    falls = constant is not None and constant < -1
    return (upper, lower) if found == -1 or falls else (lower, upper)


def _sum(bounds: Bounds, body: Node, place: Place) -> Node:
    lower, upper = bounds.lower, bounds.upper
    if lower is None or upper is None:
        first, last = _whole_range(bounds.name, body, place)
        return build.sum_over(
            body, bounds.name, lower if lower is not None else first, upper if upper is not None else last
        )
    return build.sum_over(body, bounds.name, *_ordered(lower, upper, place))


def _whole_range(name: str, body: Node, place: Place) -> tuple[Index, Index]:
    """All values that an index without bounds takes: the times, or the entries of an axis."""
    times, axes = _uses(name, body)
    time = place.scope.time
    if times and axes:
        raise ReadingError(f"“{name}” is a time here and an entry there", hint="Write its bounds.")
    if times:
        return time.first, time.last
    sizes = set(axes)
    if len(sizes) == 1:
        return Index.of(0), axes[0] - 1
    if sizes:
        shown = " and ".join(sorted(str(s) for s in sizes))
        raise ShapeError(f"the index “{name}” counts the entries of axes of different sizes, {shown}")
    if name == time.index:
        return time.first, time.last
    raise ReadingError(f"nothing says over what the index “{name}” runs", hint="Write its bounds.")


def _uses(name: str, body: Node) -> tuple[bool, list[Index]]:
    """Whether an index is a time somewhere, and of which axes it counts the entries."""
    times, axes = False, []
    for node in postorder(body):
        if isinstance(node, Variable) and node.time is not None and name in node.time.names():
            times = True
        elif isinstance(node, Entry):
            operand, indices = node.args
            shape = (
                operand.shape
                if len(indices) == len(operand.shape)
                else tuple(a for a in operand.shape if a.constant != 1)
            )
            axes += [axis for index, axis in zip(indices, shape, strict=False) if name in index.names()]
        elif isinstance(node, (Sum, Product)):
            times = times or (node.index != name and any(name in b.names() for b in node.args[2:4]))
    return times, axes


# -- products ---------------------------------------------------------------------------------------------------


def _reach(big: Big, rest: Items, name: str, place: Place) -> int:
    """How many factors belong to a product: up to the last with its index, and those without any index after it."""
    beside = 1
    while beside < len(rest) and rest[beside][0] not in ("odot", "*", "otimes", "oslash"):
        beside += 1
    with_index = [i for i in range(beside) if mentions(rest[i][1], name)]
    last = with_index[-1] + 1 if with_index else 1
    longest = last
    while longest < beside and not _has_time(rest[longest][1], place):
        longest += 1
    options = list(range(longest, last - 1, -1))
    options += [beside] if beside not in options else []
    if len(options) == 1:
        return options[0]
    shown = [f"{count} factor{'s' * (count > 1)}" for count in options]
    where = place.context.source.location(big.at.start)
    return options[place.context.pick(f"the product in line {where.line}, column {where.column} takes", shown, 3)]


def _has_time(tree: Tree, place: Place) -> bool:
    """Whether a known time, bound or not, occurs in it."""
    return any(name_key(name) in place.scope.indices for name in names_in(tree))


def _product(big: Big, bounds: Bounds, body: Node, place: Place) -> Node:
    lower, upper = bounds.lower, bounds.upper
    if lower is None or upper is None:
        first, last = _whole_range(bounds.name, body, place)
        lower, upper = lower if lower is not None else first, upper if upper is not None else last
    body = body if big.kind == "hprod" else squared(body)
    square = body.is_scalar or (len(body.shape) == 2 and body.shape[0] == body.shape[1])
    if big.kind == "hprod" or not square:
        if not (big.kind == "hprod" or body.is_column or body.is_row):
            raise ShapeError("an ordered product takes square factors")
        step = direction(lower, upper, place.scope.facts) or 1
        return HadamardProduct(body, bounds.name, lower, upper, step)
    first, last, step = _order(bounds, lower, upper, body, place)
    return build.product_over(body, bounds.name, first, last, step)


def _order(bounds: Bounds, lower: Index, upper: Index, body: Node, place: Place) -> tuple[Index, Index, int]:
    """First factor, last factor, step: as printed, and where that states no order, both ways."""
    found = direction(lower, upper, place.scope.facts)
    up, down = (lower, upper, 1), (upper, lower, -1)
    if found == -1 and not bounds.printed:
        # From the larger bound to the smaller: a printed order.
        return (lower, upper, -1)
    options = [down, up] if bounds.printed < 0 else [up, down]
    if body.is_single:
        return options[0]
    names = ["ascending", "descending"] if options[0] == up else ["descending", "ascending"]
    if found is None and not bounds.printed and (upper - lower).constant is None:
        options.append((lower, upper, -1))
        names.append("descending from the lower bound")
    return options[place.context.pick("the product's factors are", names)]
