"""Mistakes of component indices: two exchanged, one for another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from symrnn.checking.edit import Change, Setting
from symrnn.checking.places import Place
from symrnn.emitting.text import index_text, to_text
from symrnn.language import Entry, Index, Node
from symrnn.language.traversal import find, map_nodes

MOST_INDICES = 6


def entry_indices(place: Place, setting: Setting) -> Iterator[Change]:
    """``W[j, i]`` for ``W[i, j]``, ``h[t][j]`` for ``h[t][i]``; outside, two letters exchanged throughout."""
    node = place.node
    if isinstance(node, Entry):
        yield from _of_entry(node, setting)
    if not place.path:
        used = _used(node)
        for one, other in combinations(used, 2):
            swap = {one: other, other: one}
            new = map_nodes(node, lambda n, swap=swap: _with(n, swap))  # type: ignore[misc]
            yield Change("index", new, f"the indices {index_text(one)} and {index_text(other)} are exchanged")


def _of_entry(node: Entry, setting: Setting) -> Iterator[Change]:
    operand, indices = node.args
    if len(indices) == 2 and indices[0] != indices[1]:
        new = Entry(operand, indices[::-1])
        yield Change("index", new, f"the indices are exchanged: {to_text(node)} stands where {to_text(new)} belongs")
    roots = [setting.formula.expression, setting.pool.asked.of, setting.pool.asked.by]
    others = list(dict.fromkeys(index for root in roots for index in _used(root)))[:MOST_INDICES]
    for number, index in enumerate(indices):
        for other in others:
            if other != index:
                new = Entry(operand, (*indices[:number], other, *indices[number + 1 :]))
                yield Change("index", new, f"an index is wrong: {to_text(node)} stands where {to_text(new)} belongs")


def _used(root: Node) -> list[Index]:
    """The component indices in a formula, each once."""
    found = (index for entry in find(root, Entry) for index in entry.args[1])
    return list(dict.fromkeys(found))[:MOST_INDICES]


def _with(node: Node, swap: dict[Index, Index]) -> Node:
    if not isinstance(node, Entry):
        return node
    operand, indices = node.args
    return Entry(operand, tuple(swap.get(index, index) for index in indices))
