"""Expressions compiled once into closures over a frame, each distinct subexpression cached by its index
values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from math import prod

import numpy as np

from symrnn.errors import DataError
from symrnn.language.binder import Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import Eye, IndexNumber, Number, Ones, Variable, Zeros
from symrnn.language.node import Node, Shape
from symrnn.language.operation import Determinant, Inverse, MatMul, MatrixPower
from symrnn.oracle import rules_blocks, rules_functions  # noqa: F401 - importing them enters their rules
from symrnn.oracle.arithmetic import FLOAT, Arithmetic
from symrnn.oracle.frame import LARGEST_ARRAY, LARGEST_CACHED, Array, Fn, Frame
from symrnn.oracle.indices import IndexFn, Positions, index_function, open_names
from symrnn.oracle.rules import rule
from symrnn.oracle.rules_out import guarded, may_vanish
from symrnn.oracle.scope import Children, Compiled, Known

DEEPEST = 130
"""How deeply an expression may be nested: its closures call each other."""

CACHE_LIMIT = 20_000
"""How many compiled nodes are kept before the cache starts afresh."""

MOST_SCOPES = 16
"""How many kinds of parts the compiled nodes of which are kept."""

Watch = Callable[[str, Array], None]
"""Told about the argument of every function, quotient and inverse: the name and the array."""

LEAVES = (Number, IndexNumber, Eye, Ones, Zeros, Variable)


class Compiler:
    """Compiles the expressions of one cell at fixed sizes.

    ``functions`` binds generic functions; ``at_kink`` is the slope at a kink, in {0, ½, 1}; ``touched``
    collects the primitives of which a kink was met exactly.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        functions: Mapping[str, str | None] | None = None,
        arithmetic: Arithmetic = FLOAT,
        at_kink: float = 0.0,
        watch: Watch | None = None,
    ) -> None:
        self.sizes = dict(sizes)
        self.functions = dict(functions or {})
        self.arithmetic = arithmetic
        self.at_kink = at_kink
        self.watch = watch
        self.touched: set[str] = set()
        self.positions = Positions()
        self._open_below: dict[Hashable, dict[Node, Compiled]] = {}
        self._known: dict[Node, Compiled] = {}
        self._scopes: dict[Hashable, dict[Node, Compiled]] = {}
        self._weights: dict[Node, int] = {}
        self._zeros: dict[tuple[int, ...], Array] = {}
        self._count = 0

    def index(self, index: Index) -> IndexFn:
        """An index as a function of the index values."""
        return index_function(index, self.sizes, self.positions)

    def size(self, index: Index) -> int:
        """The number that a size is."""
        return index.value(self.sizes)

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """A symbolic shape in numbers; a size below 1 or a giant array is an error."""
        axes = tuple(self.size(axis) for axis in shape)
        if any(axis < 0 for axis in axes) or prod(axes) > LARGEST_ARRAY:
            raise DataError(f"an array of shape {'×'.join(map(str, axes))} cannot be evaluated")
        return axes

    def zeros(self, node: Node) -> Array:
        """Zeros of a node's shape, a scalar as 1×1; one array per shape."""
        shape = self.shape(node.shape) or (1, 1)
        if shape not in self._zeros:
            self._zeros[shape] = self.arithmetic.array(np.zeros(shape))
        return self._zeros[shape]

    def work(self, node: Node) -> int:
        """How many elementary operations one evaluation of the node takes, those of its children apart."""
        entries = prod(self.shape(node.shape))
        if isinstance(node, MatMul):
            inner = max(prod(self.shape(factor.shape)) for factor in node.args[0])
            return 1 + entries * inner // 20_000
        if isinstance(node, (Inverse, Determinant, MatrixPower)):
            return 1 + prod(self.shape(node.args[0].shape)) ** 2 // 20_000
        return 1 + entries // 20_000

    def weight(self, root: Node) -> int:
        """How many operations one evaluation takes; loops inside it count for themselves when they run."""
        known = self._weights.get(root)
        if known is None:
            known = self._weights[root] = sum(self.work(node) for node in _outside_loops(root))
        return known

    def key(self) -> int:
        """A number that no other compiled expression has."""
        self._count += 1
        return self._count

    def scope(self, signature: Hashable) -> dict[Node, Compiled]:
        """What formulas whose parts are alike have compiled so far."""
        return _kept(self._scopes, signature)

    def open_below(self, others: Hashable) -> dict[Node, Compiled]:
        """The open indices of expressions, as found so far, where parts have these other open indices."""
        return _kept(self._open_below, others)

    def compile(self, root: Node) -> Compiled:
        """The compiled expression."""
        known = self._known.get(root)
        if known is None:
            if len(self._known) > CACHE_LIMIT:
                self._known.clear()
                self._weights.clear()
            known = compile_into(root, self, self._known, lambda node: None)
        return known


def _kept(scopes: dict[Hashable, dict[Node, Compiled]], signature: Hashable) -> dict[Node, Compiled]:
    """The dictionary of a scope; all start afresh when together they are too large."""
    known = scopes.get(signature)
    if known is None or len(known) > CACHE_LIMIT:
        if len(scopes) > MOST_SCOPES:
            scopes.clear()
        known = scopes[signature] = {}
    return known


def _outside_loops(root: Node) -> set[Node]:
    """The distinct subexpressions that are not inside a sum or product below the root."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if not isinstance(node, (Sum, Product)):
                stack.extend(node.children)
    return seen


Special = Callable[[Node], Compiled | None]
"""A scope's own reading of a node: a formula's part is not the cell's variable of that name."""


def compile_into(root: Node, compiler: Compiler, known: dict[Node, Compiled], special: Special) -> Compiled:
    """Compile every subexpression of the root that is not known yet, children first."""
    for node in unknown(root, known):
        known[node] = special(node) or _compile_one(node, compiler, known)
    return known[root]


def unknown(root: Node, known: Mapping[Node, Compiled]) -> list[Node]:
    """The subexpressions that are still to be compiled, children first; known ones are not entered."""
    if root in known:
        return []
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif node not in seen and node not in known:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
    return order


def _compile_one(node: Node, compiler: Compiler, known: dict[Node, Compiled]) -> Compiled:
    below = [known[child] for child in node.children]
    depth = 1 + max((c.depth for c in below), default=0)
    if depth > DEEPEST:
        raise DataError(f"the expression is nested more than {DEEPEST} levels deep")
    child = Known(known)
    run = rule(node, child, compiler)
    if any(c.vanishes for c in below):
        run = guarded(node, child, run)
    free = free_of(node, compiler.sizes, child)
    local = any(c.local for c in below)
    if not isinstance(node, LEAVES) and prod(compiler.shape(node.shape)) <= LARGEST_CACHED:
        run = cached(run, free, compiler, local)
    return Compiled(run, free, compiler.zeros(node), may_vanish(node, child), local, depth)


def free_of(node: Node, sizes: Mapping[str, int], child: Children) -> frozenset[str]:
    """The open index symbols of a node, from those of its children."""
    if isinstance(node, (Sum, Product)):
        inside = child.free(node.body) - {node.index}
        return inside.union(*(open_names(bound, sizes) for bound in node.args[2:4]))
    own: set[str] = set()
    for arg in _flat_indices(node):
        own |= open_names(arg, sizes)
    return frozenset(own).union(*(child.free(below) for below in node.children))


def _flat_indices(node: Node) -> list[Index]:
    """The indices that a node itself holds, without those of its shape (which are sizes)."""
    if isinstance(node, Variable):
        return [node.time] if node.time is not None else []
    found: list[Index] = []
    stack = [arg for arg in node.args if not isinstance(arg, Node)]
    while stack:
        arg = stack.pop()
        if isinstance(arg, Index):
            found.append(arg)
        elif isinstance(arg, tuple):
            stack.extend(arg)
    return found


def cached(run: Fn, free: frozenset[str], compiler: Compiler, local: bool) -> Fn:
    """The function behind a cache by the values of its open indices.

    What depends on a formula's parts is cached for this formula alone (``local``).
    """
    key = compiler.key()
    places = tuple(compiler.positions.of(name) for name in sorted(free))
    if not places:
        return _cached_constant(run, key, local)
    if len(places) == 1:
        return _cached_by_one(run, key, places[0], local)

    def several(frame: Frame) -> Array:
        index = frame.index
        memo = frame.local if local else frame.memo
        full = (key, *[index[place] for place in places])
        value = memo.get(full)
        if value is None:
            value = memo[full] = run(frame)
        return value

    return several


def _cached_constant(run: Fn, key: int, local: bool) -> Fn:
    def constant(frame: Frame) -> Array:
        memo = frame.local if local else frame.memo
        value = memo.get(key)
        if value is None:
            value = memo[key] = run(frame)
        return value

    return constant


def _cached_by_one(run: Fn, key: int, place: int, local: bool) -> Fn:
    def by_one(frame: Frame) -> Array:
        memo = frame.local if local else frame.memo
        full = (key, frame.index[place])
        value = memo.get(full)
        if value is None:
            value = memo[full] = run(frame)
        return value

    return by_one
