"""Mistakes of time: an index off by one, a limit, a product that runs the other way."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.checking.edit import Change, Setting, made
from symrnn.checking.places import Place
from symrnn.emitting.text import index_text, to_text
from symrnn.language import (
    Add,
    Diag,
    Hadamard,
    Index,
    MatMul,
    MatrixPower,
    Node,
    Product,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import free_indices, substitute_indices, variables


def shift_time(place: Place, setting: Setting) -> Iterator[Change]:
    """``h[t]`` for ``h[t-1]``."""
    node = place.node
    if not isinstance(node, Variable) or node.time is None:
        return
    in_diag = any(isinstance(above, Diag) for above in place.way[:-1])
    for time in (node.time - 1, node.time + 1, *_mirrored(node.time)):
        new = node.at(time)
        off = "off by one" if (time - node.time).constant in (1, -1) else "on the wrong side"
        what = "the diagonal belongs to another step" if in_diag else f"a time index is {off}"
        yield Change("shift", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def _mirrored(time: Index) -> Iterator[Index]:
    """``t+1`` for ``t-1``."""
    names = time.names()
    if len(names) == 1:
        symbol = Index.of(next(iter(names)))
        if (time - symbol).constant:
            yield symbol + symbol - time


def shift_piece(place: Place, setting: Setting) -> Iterator[Change]:
    """All times of one factor or term off by one, as in the diag of the wrong step."""
    node, parent = place.node, place.parent
    if isinstance(node, Variable) or not isinstance(
        parent, (MatMul, Hadamard, Add, Sum, Product, Transpose, type(None))
    ):
        return
    timed = [v for v in variables(node) if v.time is not None]
    names = {name for v in timed if v.time is not None for name in v.time.names()} - setting.fixed
    if len(timed) < 2 and not isinstance(node, Diag):
        return
    for name in sorted(names & free_indices(node)):
        for step in (-1, 1):
            new = substitute_indices(node, {name: Index.of(name) + step})
            what = "the diagonal belongs to another step" if isinstance(node, Diag) else "its times are off by one"
            yield Change("shift", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def other_index(place: Place, setting: Setting) -> Iterator[Change]:
    """``h[t]`` for ``h[j]`` in a product over j, ``h[1]`` for ``h[t]``: in one variable, or in a whole factor."""
    node = place.node
    timed = [v for v in variables(node) if v.time is not None]
    if isinstance(node, Variable):
        for time in _by_other_names(node.time, place, setting) if node.time is not None else ():
            yield _of_other_index(node, node.at(time))
    elif len(timed) > 1 and isinstance(place.parent, (MatMul, Hadamard, Sum, Product)):
        names = {name for v in timed if v.time is not None for name in v.time.names()} - setting.fixed
        for name in sorted(names & free_indices(node)):
            for other in _by_other_names(Index.of(name), place, setting):
                yield _of_other_index(node, substitute_indices(node, {name: other}))


def _of_other_index(node: Node, new: Node) -> Change:
    return Change("index", new, f"a time index is another's: {to_text(node)} stands where {to_text(new)} belongs")


def _by_other_names(time: Index, place: Place, setting: Setting) -> Iterator[Index]:
    """The same time of every other index that is bound or open here."""
    own = sorted(time.names() - setting.fixed)
    if len(own) > 1 or (not own and time.constant is None):
        return
    asked = [span.index for span in setting.pool.asked.spans] if place.part is None else []
    for name in dict.fromkeys([*setting.indices(place), *asked]):
        if not own:
            yield Index.of(name)
        elif name != own[0]:
            yield time - Index.of(own[0]) + Index.of(name)


def limits(place: Place, setting: Setting) -> Iterator[Change]:
    """A limit of a sum or product that is another one."""
    node = place.node
    if isinstance(node, Sum):
        yield from _sum_limits(node, place, setting)
    elif isinstance(node, Product):
        yield from _product_limits(node, place, setting)
    elif isinstance(node, MatrixPower):
        for step in (-1, 1):
            new = made(build.matrix_power, node.args[0], node.args[1] + step)
            if new is not None:
                yield Change("limit", new, f"the power is off by one: {to_text(node)} for {to_text(new)}")


def _sum_limits(node: Sum, place: Place, setting: Setting) -> Iterator[Change]:
    for lower in _other_bounds(node.lower, place, setting):
        new = Sum(node.body, node.index, lower, node.upper)
        yield Change("limit", new, _limit_text("sum", "lower", node.index, node.lower, lower))
    for upper in _other_bounds(node.upper, place, setting):
        new = Sum(node.body, node.index, node.lower, upper)
        yield Change("limit", new, _limit_text("sum", "upper", node.index, node.upper, upper))


def _product_limits(node: Product, place: Place, setting: Setting) -> Iterator[Change]:
    kind = type(node)
    for first in _other_bounds(node.first, place, setting):
        new = kind(node.body, node.index, first, node.last, node.args[4])
        yield Change("limit", new, _limit_text("product", "first", node.index, node.first, first))
    for last in _other_bounds(node.last, place, setting):
        new = kind(node.body, node.index, node.first, last, node.args[4])
        yield Change("limit", new, _limit_text("product", "last", node.index, node.last, last))


def _other_bounds(bound: Index, place: Place, setting: Setting) -> Iterator[Index]:
    seen = {bound}
    near = [bound - 1, bound + 1]
    for other in (*near, *(b + step for b in setting.bounds(place) for step in (0, 1, -1))):
        if other not in seen:
            seen.add(other)
            yield other


def _limit_text(what: str, which: str, index: str, old: Index, new: Index) -> str:
    was, right = index_text(old), index_text(new)
    step = (new - old).constant
    named = f"the {which} limit of the {what} over {index} is {was} and should be {right}"
    if what == "sum" and ((which == "upper" and step == 1) or (which == "lower" and step == -1)):
        return f"the term {index} = {right} is missing: {named}"
    if what == "sum" and ((which == "upper" and step == -1) or (which == "lower" and step == 1)):
        return f"the term {index} = {was} is too many: {named}"
    return named


def reverse_product(place: Place, setting: Setting) -> Iterator[Change]:
    """A product whose factors stand in the opposite order."""
    node = place.node
    if type(node) is Product:
        new = Product(node.body, node.index, node.last, node.first, -node.args[4])
        order = "descend" if node.args[4] > 0 else "ascend"
        yield Change("reverse", new, f"the product is in the wrong order: its index should {order}")
