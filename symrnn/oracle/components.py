"""Component indices of an index form: which symbols they are, where they occur, and along which axes they walk."""

from __future__ import annotations

from symrnn.errors import DataError, ShapeError
from symrnn.language.binder import Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import Delta, IndexNumber
from symrnn.language.node import Node
from symrnn.language.operation import Entry
from symrnn.language.traversal import (
    bound_indices,
    free_indices,
    fresh_index,
    map_nodes,
    postorder,
    substitute_indices,
)
from symrnn.oracle.compiler import Compiler
from symrnn.oracle.rules_blocks import entry_places

Names = frozenset[str]
NONE: Names = frozenset()


def component_names(root: Node, fixed: Names) -> dict[Node, Names]:
    """For every subexpression the symbols in its entries and deltas that are not fixed (times, sizes, bound ones)."""
    nodes = list(postorder(root))
    anywhere = NONE.union(*(own_names(node) for node in nodes if isinstance(node, (Entry, Delta)))) - fixed
    found: dict[Node, Names] = {}
    for node in nodes:
        found[node] = (own_names(node) & anywhere).union(*(found[child] for child in node.children))
    return found


def apart(root: Node, free: Names) -> Node:
    """The expression with bound indices renamed where a component index elsewhere has the same letter."""
    used = free_indices(root) | free
    clashing = bound_indices(root) & used
    if not clashing:
        return root
    taken = used | bound_indices(root)
    fresh = {name: fresh_index(f"{name}_bound", taken) for name in sorted(clashing)}

    def renamed(node: Node) -> Node:
        if not isinstance(node, (Sum, Product)) or node.index not in fresh:
            return node
        name = fresh[node.index]
        body = substitute_indices(node.body, {node.index: Index.of(name)})
        return type(node)(body, name, *node.args[2:])

    return map_nodes(root, renamed)


def component_indices(node: Node) -> tuple[Index, ...]:
    """The indices in which component symbols may stand."""
    if isinstance(node, Entry):
        return node.args[1]
    if isinstance(node, Delta):
        return node.args
    return (node.index,) if isinstance(node, IndexNumber) else ()


def own_names(node: Node) -> Names:
    """The symbols in a node's own component indices."""
    return NONE.union(*(index.names() for index in component_indices(node)))


def axis_length(root: Node, name: str, compiler: Compiler) -> int:
    """The length of the axes along which an index walks: all entries that show it bare must agree."""
    found: dict[int, Entry] = {}
    for node in postorder(root):
        if isinstance(node, Entry):
            axes = compiler.shape(node.args[0].shape)
            places = entry_places(node.args[0], node.args[1])
            found.update({axis: node for index, axis in zip(places, axes, strict=True) if index.name == name})
    if len(found) > 1:
        lengths = " and one of ".join(map(str, sorted(found)))
        raise ShapeError(f"the index {name} walks along an axis of {lengths}")
    if not found:
        raise DataError(
            f"over which axis the index {name} runs cannot be seen",
            hint="Some entry must have it alone in one of its places.",
        )
    return next(iter(found))
