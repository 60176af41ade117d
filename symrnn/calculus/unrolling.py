"""A closed form at a given τ with every sum and product written out, and the number of its terms.

Counting comes first: a form with more than :data:`MOST_TERMS` terms is refused with the count, nothing is expanded.
"""

from __future__ import annotations

from collections.abc import Mapping

from symrnn.calculus.products import product
from symrnn.errors import QuestionError
from symrnn.language import build
from symrnn.language.binder import HadamardProduct, Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Delta, Eye, IndexNumber, Number, Ones, Zeros, number
from symrnn.language.node import Node
from symrnn.language.operation import Add, Hadamard, MatMul, MatrixPower, Neg, Power
from symrnn.language.traversal import rebuild, substitute_indices

MOST_TERMS = 10_000


def unroll(root: Node, numbers: Mapping[str, int]) -> tuple[Node, int]:
    """The form with the indices of ``numbers`` (τ, free times) replaced and every binder over times written out.

    Returns it with the number of its terms.  Raises QuestionError above :data:`MOST_TERMS`.
    """
    fixed = substitute_indices(root, {name: Index.of(value) for name, value in numbers.items()})
    count = terms(fixed)
    if count > MOST_TERMS:
        raise QuestionError(
            f"written out, this has {count} terms; at most {MOST_TERMS} are shown",
            hint="Ask for a smaller --tau, or for the closed form.",
        )
    written = expand(fixed)
    return written, len(additive_terms(written))


def terms(root: Node) -> int:
    """How many terms the sums over numeric ranges come to."""
    if isinstance(root, Sum):
        span = _numeric(root.lower, root.upper)
        if span is None:
            return terms(root.body)
        low, high = span
        if high - low + 1 > MOST_TERMS:
            return high - low + 1
        return sum(terms(substitute_indices(root.body, {root.index: Index.of(i)})) for i in range(low, high + 1))
    if isinstance(root, Add):
        return sum(terms(t) for t in root.args[0])
    if isinstance(root, (MatMul, Hadamard)):
        counted = 1
        for factor in root.args[0]:
            counted *= terms(factor) if isinstance(factor, Sum) else 1
        return counted
    return terms(root.args[0]) if isinstance(root, Neg) else 1


def _numeric(lower: Index, upper: Index) -> tuple[int, int] | None:
    if lower.constant is None or upper.constant is None:
        return None
    return lower.constant, upper.constant


def expand(node: Node) -> Node:
    """Write out all sums and products with numeric bounds, inside out."""
    return _Expander().visit(node)


class _Expander:
    """Writes each distinct expression out once: the factor of one step stands in many terms."""

    def __init__(self) -> None:
        self._known: dict[Node, Node] = {}
        self._at: dict[tuple[Node, str, int], Node] = {}

    def visit(self, node: Node) -> Node:
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._written(node)
        return known

    def _written(self, node: Node) -> Node:
        if isinstance(node, Sum):
            return self._sum(node)
        if isinstance(node, Product):
            return self._product(node)
        return _tidied(rebuild(node, lambda arg: self.visit(arg) if isinstance(arg, Node) else arg))

    def _body(self, node: Sum | Product, value: int) -> Node:
        """The body at one value of the bound index, written out."""
        key = (node.body, node.index, value)
        known = self._at.get(key)
        if known is None:
            known = self._at[key] = self.visit(substitute_indices(node.body, {node.index: Index.of(value)}))
        return known

    def _sum(self, node: Sum) -> Node:
        span = _numeric(node.lower, node.upper)
        if span is None:
            return Sum(self.visit(node.body), node.index, node.lower, node.upper)
        bodies = [self._body(node, value) for value in range(span[0], span[1] + 1)]
        return build.add(*bodies) if bodies else Zeros(node.shape)

    def _product(self, node: Product) -> Node:
        span = _numeric(node.first, node.last)
        if span is None:
            return type(node)(self.visit(node.body), node.index, node.first, node.last, node.step)
        first, last = span
        if (last - first) * node.step < -1:
            raise QuestionError(f"the product from {first} to {last} lies below the empty product")
        factors = [self._body(node, value) for value in range(first, last + node.step, node.step)]
        if not factors:
            if isinstance(node, HadamardProduct):
                return Ones(*node.shape) if node.shape else ONE
            return Eye(node.shape[0]) if node.shape else ONE
        return build.times(*factors) if isinstance(node, HadamardProduct) else product(*factors)


def _tidied(node: Node) -> Node:
    """A rebuilt node, flat and with its numbers worked out."""
    if isinstance(node, MatMul):
        return product(*node.args[0])
    if isinstance(node, Hadamard):
        return build.times(*node.args[0])
    if isinstance(node, Add):
        return build.add(*node.args[0])
    if isinstance(node, MatrixPower):
        return build.matrix_power(*node.args)
    if isinstance(node, Power):
        return _written_power(node)
    if isinstance(node, IndexNumber) and node.index.constant is not None:
        return number(node.index.constant)
    if isinstance(node, Delta):
        distance = (node.args[0] - node.args[1]).constant
        return node if distance is None else (ONE if distance == 0 else number(0))
    return build.neg(node.args[0]) if isinstance(node, Neg) else node


def _written_power(node: Power) -> Node:
    base, exponent = node.args
    if isinstance(exponent, Number) and exponent.value == 0:
        return Ones(*base.shape) if base.shape else ONE
    return build.power(base, exponent)


def additive_terms(node: Node) -> tuple[Node, ...]:
    """The terms of a sum; one for anything else."""
    if isinstance(node, Add):
        return tuple(t for term in node.args[0] for t in additive_terms(term))
    return (node,)
