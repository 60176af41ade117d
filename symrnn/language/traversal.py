"""Walking and replacing, over the shared graph: each node is visited once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from symrnn.language.binder import Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.operation import Entry

Binder = (Sum, Product)


def postorder(root: Node) -> Iterator[Node]:
    """Every distinct node below and including the root, children first."""
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))


def find(root: Node, kind: type | tuple[type, ...]) -> list[Node]:
    """All distinct nodes of a type, in post-order."""
    return [node for node in postorder(root) if isinstance(node, kind)]


def variables(root: Node) -> list[Variable]:
    """All distinct variables, in post-order."""
    return [node for node in postorder(root) if isinstance(node, Variable)]


def rebuild(node: Node, change: Callable[[Any], Any]) -> Node:
    """The node with every argument changed (nodes and indices, inside tuples too); itself if nothing did."""
    args = tuple(_change(arg, change) for arg in node.args)
    return node if args == node.args else type(node)(*args)


def _change(arg: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(arg, tuple):
        return tuple(_change(a, change) for a in arg)
    return change(arg) if isinstance(arg, (Node, Index)) else arg


def map_nodes(root: Node, rule: Callable[[Node], Node]) -> Node:
    """Rebuild bottom-up, passing every rebuilt node through a rule."""
    done: dict[Node, Node] = {}
    for node in postorder(root):
        done[node] = rule(rebuild(node, lambda arg: done.get(arg, arg) if isinstance(arg, Node) else arg))
    return done[root]


def substitute(root: Node, replacements: Mapping[Node, Node]) -> Node:
    """Replace nodes by nodes.  A replaced node's inside is not looked at; binders are not checked for capture."""
    done: dict[Node, Node] = {}

    def visit(node: Node) -> Node:
        known = done.get(node)
        if known is None:
            known = replacements.get(node)
            if known is None:
                known = rebuild(node, lambda arg: visit(arg) if isinstance(arg, Node) else arg)
            done[node] = known
        return known

    return visit(root)


def substitute_indices(root: Node, replacements: Mapping[str, Index]) -> Node:
    """Replace free index symbols, ``t`` by ``t - 1``; a bound index that would capture is renamed."""
    done: dict[Node, Node] = {}

    def visit(node: Node) -> Node:
        known = done.get(node)
        if known is None:
            known = _substitute_one(node, replacements, visit)
            done[node] = known
        return known

    return visit(root)


def _substitute_one(node: Node, replacements: Mapping[str, Index], visit: Callable[[Node], Node]) -> Node:
    if isinstance(node, Binder):
        return _substitute_binder(node, replacements)
    return rebuild(node, lambda arg: visit(arg) if isinstance(arg, Node) else arg.substitute(replacements))


def _substitute_binder(node: Sum | Product, replacements: Mapping[str, Index]) -> Node:
    body, index, *bounds = node.args
    inside = {name: new for name, new in replacements.items() if name != index}
    inside = {name: new for name, new in inside.items() if name in free_indices(body)}
    if any(index in new.names() for new in inside.values()):
        taken = (free_indices(body) | bound_indices(body)).union(*(new.names() for new in inside.values()))
        fresh = fresh_index(index, taken)
        body, index = substitute_indices(body, {index: Index.of(fresh)}), fresh
    if inside:
        body = substitute_indices(body, inside)
    moved = [b.substitute(replacements) if isinstance(b, Index) else b for b in bounds]
    return type(node)(body, index, *moved)


def free_indices(root: Node) -> frozenset[str]:
    """The index symbols that no binder binds: times, component indices, and the sizes in shapes too."""
    return _free(root, {})


def _free(node: Node, known: dict[Node, frozenset[str]]) -> frozenset[str]:
    if node in known:
        return known[node]
    names: set[str] = set()
    for arg in _flat(node.args):
        if isinstance(arg, Index):
            names |= arg.names()
        elif isinstance(arg, Node):
            names |= _free(arg, known)
    if isinstance(node, Binder):
        names.discard(node.index)
        if node.index in frozenset().union(*(b.names() for b in node.args[2:4])):
            names.add(node.index)
    known[node] = frozenset(names)
    return known[node]


def _flat(args: tuple[Any, ...]) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, tuple):
            yield from _flat(arg)
        else:
            yield arg


def bound_indices(root: Node) -> frozenset[str]:
    """The symbols that some binder in it binds."""
    return frozenset(node.index for node in postorder(root) if isinstance(node, Binder))


def entry_indices(root: Node) -> frozenset[str]:
    """The symbols that stand in entries, as the i of ``W[i, j]``."""
    found: set[str] = set()
    for node in postorder(root):
        if isinstance(node, Entry):
            found.update(*(index.names() for index in node.args[1]))
    return frozenset(found)


def fresh_index(wanted: str, taken: frozenset[str] | set[str]) -> str:
    """A symbol that nobody uses: the one wanted, else the usual letters, else a numbered one."""
    for candidate in (wanted, *"jikrspqluv"):
        if candidate not in taken:
            return candidate
    return next(name for count in range(2, 10**6) if (name := f"{wanted}{count}") not in taken)
