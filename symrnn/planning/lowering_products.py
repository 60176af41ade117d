"""Matrix products and traces as one einsum: the labels of a chain of factors, and structured sums taken apart.

before → after
    row @ (diag(s) - s @ s.T)   → row_i s_i - row_j s_j s_i
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Diag,
    Divide,
    Eye,
    Hadamard,
    Index,
    MatMul,
    Neg,
    Node,
    Number,
    Ones,
    Role,
    Transpose,
)
from symrnn.language.traversal import variables
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Factor, Labels

if TYPE_CHECKING:
    from symrnn.planning.lowering import Lowering


OneLabel = int | None
"""A label, or None for an axis of constant size 1, which arrays do not have."""


def split_structured(node: MatMul) -> Node | None:
    """A vector times a sum of matrices that change with time, multiplied out; None where there is no such sum.

    Written out, such a sum has as many entries for every example as a weight matrix has once.
    """
    factors = node.args[0]
    for place, factor in enumerate(factors):
        scalars, inner = _scalar_part(factor)
        if not isinstance(inner, Add) or inner.is_single or not _changes(inner):
            continue
        first = next((i for i in range(place - 1, -1, -1) if factors[i].is_row), None)
        last = next((i for i in range(place + 1, len(factors)) if factors[i].is_column), None)
        if first is not None:
            terms = tuple(MatMul((*factors[first:place], t)) for t in _matrices(inner))
            return _around(factors[:first], scalars, Add(terms), factors[place + 1 :])
        if last is not None:
            terms = tuple(MatMul((t, *factors[place + 1 : last + 1])) for t in _matrices(inner))
            return _around(factors[:place], scalars, Add(terms), factors[last + 1 :])
    return None


def _matrices(total: Add) -> tuple[Node, ...]:
    """The terms of a sum of matrices; a number added to every entry as a matrix of ones."""
    ones = Ones(*total.shape)
    return tuple(Hadamard((t, ones)) if t.is_scalar else t for t in total.args[0])


def _around(before: tuple[Node, ...], scalars: tuple[Node, ...], inner: Node, after: tuple[Node, ...]) -> Node:
    product = MatMul((*before, inner, *after)) if before or after else inner
    return Hadamard((*scalars, product)) if scalars else product


def _changes(node: Node) -> bool:
    """Whether a matrix depends on more than weights and sizes."""
    return any(v.time is not None or v.role in (Role.INPUT, Role.TARGET, Role.COMPUTED) for v in variables(node))


def _scalar_part(node: Node) -> tuple[tuple[Node, ...], Node]:
    """Scalar factors of a matrix, and the matrix: ``(A / n)`` is 1/n and A."""
    if isinstance(node, Divide) and node.args[1].is_scalar and not node.args[0].is_single:
        scalars, inner = _scalar_part(node.args[0])
        return (*scalars, Divide(Number(Fraction(1)), node.args[1])), inner
    if isinstance(node, Hadamard):
        shaped = [f for f in node.args[0] if not f.is_scalar]
        if len(shaped) == 1:
            scalars, inner = _scalar_part(shaped[0])
            return (*(f for f in node.args[0] if f.is_scalar), *scalars), inner
    return (), node


@dataclass
class Chain:
    """One matrix product on its way to an Einsum; labels that a diagonal or an identity equates are merged."""

    lower: Lowering
    factors: list[tuple[Array, list[OneLabel]]] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)
    extents: dict[int, Index] = field(default_factory=dict)
    coefficient: Fraction = Fraction(1)
    fresh: count[int] = field(default_factory=count)

    def product(self, node: Node) -> Array:
        left, right = self._label(node.shape[0]), self._label(node.shape[-1])
        self._add(node, left, right)
        return self._einsum(tuple(x for x in (left, right) if x is not None))

    def trace(self, node: Node) -> Array:
        label = self._label(node.shape[0])
        self._add(node, label, label)
        return self._einsum(())

    def _label(self, size: Index) -> OneLabel:
        if size.constant == 1:
            return None
        label = next(self.fresh)
        self.extents[label] = size
        return label

    def _root(self, label: int) -> int:
        while label in self.merged:
            label = self.merged[label]
        return label

    def _merge(self, left: OneLabel, right: OneLabel) -> None:
        if left is not None and right is not None and self._root(left) != self._root(right):
            self.merged[self._root(right)] = self._root(left)

    def _add(self, node: Node, left: OneLabel, right: OneLabel) -> None:
        if isinstance(node, MatMul):
            factors = node.args[0]
            inner = [self._label(f.shape[-1]) for f in factors[:-1]]
            for factor, a, b in zip(factors, [left, *inner], [*inner, right], strict=True):
                self._add(factor, a, b)
        elif isinstance(node, Transpose) and len(node.shape) == 2:
            self._add(node.args[0], right, left)
        elif isinstance(node, Neg):
            self.coefficient = -self.coefficient
            self._add(node.args[0], left, right)
        elif isinstance(node, Eye):
            self._merge(left, right)
        elif isinstance(node, Ones):
            pass
        elif isinstance(node, Diag):
            self._merge(left, right)
            self._push(self.lower(node.args[0]), [left])
        else:
            self._other(node, left, right)

    def _other(self, node: Node, left: OneLabel, right: OneLabel) -> None:
        scalars, inner = _scalar_part(node)
        if scalars:
            for scalar in scalars:
                self._push(self.lower(scalar), [])
            self._add(inner, left, right)
        elif len(node.shape) == 2:
            self._push(self.lower(node), [left, right])
        else:
            raise UnsupportedError(
                f"a third-order factor ({type(node).__name__}) has no place in generated code",
                hint="The recursion form contracts it with the upstream gradient first.",
            )

    def _push(self, array: Array, labels: list[OneLabel]) -> None:
        self.factors.append((array, [x for x in labels if x is not None]))

    def _einsum(self, out: Labels) -> Array:
        root = self._root
        factors: list[Factor] = [(a, tuple(root(x) for x in labels if x is not None)) for a, labels in self.factors]
        shown = tuple(root(x) for x in out)
        extents = {root(label): size for label, size in self.extents.items()}
        if len(set(shown)) < len(shown):
            # diag(a) @ diag(b) standing alone: the diagonal is written out.
            other = next(self.fresh)
            factors.append((arrays.Identity(extents[shown[0]]), (shown[0], other)))
            shown = (shown[0], other)
        return arrays.einsum(factors, shown, self.coefficient, extents)
