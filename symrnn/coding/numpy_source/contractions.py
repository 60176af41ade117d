"""Products that sum over an axis as NumPy source: ``@`` where it says it, a ``sum``, or an einsum."""

from __future__ import annotations

import ast

from symrnn.coding import python_source as py
from symrnn.planning.arrays import Array, Einsum, Labels

TIME, BATCH = -1, -2
"""The labels of the two leading axes."""

LETTERS = "ijklmnopqrs"


class Contractions:
    """The rules for contractions; how operands are written is the writer's own affair."""

    def expression(self, array: Array, exact: bool = True) -> ast.expr:
        """An array expression as source."""
        raise NotImplementedError

    def labels(self, array: Array, own: Labels) -> Labels:
        """All labels of an array, those of time and batch in front."""
        raise NotImplementedError

    def aligned(self, array: Array, own: Labels, out: Labels, exact: bool = True) -> ast.expr:
        """An operand with its axes where the result has them."""
        raise NotImplementedError

    def has_time(self, array: Array) -> bool:
        """Whether an array has a leading axis of times."""
        raise NotImplementedError

    def _contraction(self, product: Einsum) -> ast.expr:
        if len(product.factors) == 1:
            return self._sum_axes(product)
        if len(product.factors) == 2:
            for rule in (self._inner, self._matrix_vector, self._matrix_matrix):
                value = rule(product)
                if value is not None:
                    return value
        return self._general(product)

    def _sum_axes(self, product: Einsum) -> ast.expr:
        ((array, labels),) = product.factors
        if len(set(labels)) < len(labels):
            return self._general(product)
        have = self.labels(array, labels)
        axes = [place - len(have) for place, x in enumerate(have) if x in product.summed]
        where = py.constant(axes[0]) if len(axes) == 1 else py.tuple_(py.constant(a) for a in axes)
        value = (
            py.method(self.expression(array), "sum")
            if len(axes) == len(have)
            else py.method(self.expression(array), "sum", where)
        )
        kept = tuple(x for x in have if x not in product.summed)
        if kept != self.labels(product, product.out):
            value = py.attribute(value, "mT")
        return value

    def _inner(self, product: Einsum) -> ast.expr | None:
        (a, la), (b, lb) = product.factors
        if product.out or set(la) != set(lb) or len(set(la)) < len(la):
            return None
        lead = self.labels(product, ())
        if len(la) == 1 and not lead:
            return py.binary(self.expression(a), "@", self.expression(b))
        out = (*lead, *la)
        both = py.binary(self.aligned(a, la, out), "*", self.aligned(b, lb, out))
        axes = py.constant(-1) if len(la) == 1 else py.tuple_(py.constant(x) for x in range(-len(la), 0))
        return py.method(both, "sum", axes) if lead else py.method(both, "sum")

    def _plain(self, array: Array) -> bool:
        return not array.batched and not self.has_time(array)

    def _matrix_vector(self, product: Einsum) -> ast.expr | None:
        (a, la), (b, lb) = product.factors
        if len(la) == 1 and len(lb) == 2:
            (a, la), (b, lb) = (b, lb), (a, la)
        if len(la) != 2 or len(lb) != 1 or product.summed != lb or len(set(la)) < 2 or not self._plain(a):
            return None
        matrix, vector = self.expression(a), self.expression(b)
        if la[0] == lb[0]:
            return py.binary(vector, "@", matrix)
        if self._plain(b):
            return py.binary(matrix, "@", vector)
        return py.binary(vector, "@", py.attribute(matrix, "T"))

    def _matrix_matrix(self, product: Einsum) -> ast.expr | None:
        (a, la), (b, lb) = product.factors
        if len(la) != 2 or len(lb) != 2 or len(product.summed) != 1 or len(product.out) != 2:
            return None
        (s,) = product.summed
        if s not in la or s not in lb or set(la) == set(lb):
            return None
        if product.out[0] in lb:
            (a, la), (b, lb) = (b, lb), (a, la)
        lead = self.labels(product, ())
        left = self._matrix(a, la, lead, flip=la[1] != s)
        right = self._matrix(b, lb, lead, flip=lb[0] != s)
        return py.binary(left, "@", right)

    def _matrix(self, array: Array, labels: Labels, lead: Labels, flip: bool) -> ast.expr:
        value = self.aligned(array, labels, (*lead, *labels))
        if not flip:
            return value
        return py.attribute(value, "T" if self._plain(array) else "mT")

    def _general(self, product: Einsum) -> ast.expr:
        letters = {label: LETTERS[label] for label in product.sizes()} | {TIME: "t", BATCH: "b"}
        inputs = ",".join("".join(letters[x] for x in self.labels(array, labels)) for array, labels in product.factors)
        out = "".join(letters[x] for x in self.labels(product, product.out))
        values = [self.expression(array) for array, _ in product.factors]
        return py.call("np.einsum", py.constant(f"{inputs}->{out}"), *values)
