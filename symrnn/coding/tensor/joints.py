"""Products inside a loop that become one.

before → after
    U_f @ h[t-1], U_i @ h[t-1]      → p = h[t-1] @ U,  p[:n], p[n:]      with U = (U_fᵀ U_iᵀ), stacked before the loop
    d_f @ U_f + d_i @ U_i           → (d_f, d_i) @ V                     with V = (U_f; U_i)
    U @ h[t-1], alone               → h[t-1] @ Uᵀ                        turned before the loop, not in every step
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from symrnn.coding.tensor.stages import OUTSIDE, Lifted, Stage
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Einsum
from symrnn.planning.association import grouped
from symrnn.planning.system import Definition

JOINT = " joint"
"""Ends the names of products that several definitions share; no name of a cell has a space in it."""

MATRICES = (Role.PARAMETER, Role.CONSTANT)


@dataclass(frozen=True)
class Product:
    """``vector @ matrix``; ``turned``: the matrix is the transpose of the given one."""

    node: Array
    vector: Array
    matrix: arrays.Load
    turned: bool

    @property
    def right(self) -> Array:
        """The matrix as it stands to the right of the vector."""
        return arrays.transpose(self.matrix) if self.turned else self.matrix


def product_of(array: Array) -> Product | None:
    """A vector times a given matrix that does not change with time, or None."""
    nested = grouped(array) if isinstance(array, Einsum) and array.summed else array
    if not isinstance(nested, Einsum) or nested.coefficient != 1 or nested.args[3] or len(nested.factors) != 2:
        return None
    matrices = [(a, n) for a, n in nested.factors if _is_matrix(a)]
    vectors = [(a, n) for a, n in nested.factors if len(a.axes) == 1]
    if len(matrices) != 1 or len(vectors) != 1 or len(nested.out) != 1:
        return None
    (matrix, names), (vector, (label,)) = matrices[0], vectors[0]
    if label not in names or len(set(names)) != 2 or nested.out[0] == label:
        return None
    return Product(array, vector, matrix, names[1] == label)  # type: ignore[arg-type]


def _is_matrix(array: Array) -> bool:
    return isinstance(array, arrays.Load) and array.role in MATRICES and array.time is None and len(array.axes) == 2


def join_products(stage: Stage, index: str) -> Stage:
    """The same loop with fewer products: what several definitions share becomes a definition before them."""
    definitions = tuple(replace(d, expression=_nested(d.expression)) for d in stage.definitions)
    return _Joiner(replace(stage, definitions=definitions), index).run()


def _nested(array: Array) -> Array:
    """The expression with its products taken apart as they are computed, so that equal parts are one node."""

    def changed(arg: Any) -> Any:
        if isinstance(arg, Array):
            return _nested(arg)
        return tuple(changed(a) for a in arg) if isinstance(arg, tuple) else arg

    apart = grouped(array) if isinstance(array, Einsum) else array
    return type(apart)(*(changed(arg) for arg in apart.args)) if apart.children else apart


@dataclass
class _Joiner:
    stage: Stage
    index: str
    lifted: list[Lifted] = field(default_factory=list)
    made: list[Definition] = field(default_factory=list)
    found: dict[Array, Array] = field(default_factory=dict)
    joints: dict[Array, Array] = field(default_factory=dict)
    uses: dict[Array, int] = field(default_factory=dict)

    def run(self) -> Stage:
        self.shared = self._shared()
        definitions: list[Definition] = []
        for d in self.stage.definitions:
            expression = self._rewritten(d.expression)
            definitions += [*self.made, replace(d, expression=expression)]
            self.made = []
        return replace(self.stage, definitions=tuple(definitions), lifted=(*self.stage.lifted, *self.lifted))

    def _shared(self) -> dict[Array, list[Product]]:
        """The products with each vector, those apart that are summed with others."""
        groups: dict[Array, dict[Array, Product]] = {}
        for d in self.stage.definitions:
            for node in self._walk(d.expression):
                product = product_of(node)
                if product is not None and self._changes(product.vector):
                    groups.setdefault(product.vector, {})[node] = product
                    self.uses[node] = self.uses.get(node, 0) + 1
        return {vector: list(members.values()) for vector, members in groups.items()}

    def _changes(self, array: Array) -> bool:
        return self.index in array.times

    def _walk(self, array: Array) -> list[Array]:
        """Nodes of an expression, without the products of sums that are joined as they stand."""
        inner = [p.node for p in self._summed(array) or []]
        found = [array]
        for child in array.children:
            if not any(child is node for node in inner):
                found += self._walk(child)
        for node in inner:
            product = product_of(node)
            found += self._walk(product.vector) if product is not None else []
        return found

    def _summed(self, array: Array) -> list[Product] | None:
        """The products in a sum that can be one: two or more, with vectors of their own."""
        if not isinstance(array, arrays.Plus):
            return None
        found = [p for t in array.terms if (p := product_of(t)) is not None and self._changes(p.vector)]
        vectors = {p.vector for p in found}
        alike = len({(p.node.axes, p.vector.batched) for p in found}) == 1
        return found if len(found) > 1 and len(vectors) == len(found) and alike else None

    # ---- rewriting

    def _rewritten(self, array: Array) -> Array:
        if array not in self.found:
            self.found[array] = self._changed_node(array)
        return self.found[array]

    def _changed_node(self, array: Array) -> Array:
        summed = self._summed(array)
        if summed is not None and isinstance(array, arrays.Plus):
            nodes = {p.node for p in summed}
            rest = [self._rewritten(t) for t in array.terms if t not in nodes]
            return arrays.plus([*rest, self._sum(summed)])
        product = product_of(array)
        if product is not None and self._changes(product.vector):
            return self._piece(product)
        if not array.children:
            return array
        return type(array)(*(self._changed(arg) for arg in array.args))

    def _changed(self, arg: Any) -> Any:
        if isinstance(arg, Array):
            return self._rewritten(arg)
        return tuple(self._changed(a) for a in arg) if isinstance(arg, tuple) else arg

    def _sum(self, products: list[Product]) -> Array:
        """Several vectors beside each other times their matrices below each other."""
        vectors = [self._rewritten(p.vector) for p in products]
        width = _total(v.axes[0] for v in vectors)
        right = arrays.Join(tuple(p.right for p in products), 0, (width, products[0].node.axes[0]))
        names = [p.matrix.name for p in products]
        weights = self._weights(right, f"{'_'.join(names[:2])}_stack", f"The matrices {', '.join(names)}")
        return self._times(arrays.Join(tuple(vectors), 0, (width,)), weights)

    def _piece(self, product: Product) -> Array:
        members = self.shared.get(product.vector, [product])
        vector = self._rewritten(product.vector)
        if len(members) < 2 and self.uses.get(product.node, 0) < 2:
            return self._times(vector, self._single(product))
        load = self._joint(product.vector, vector, members)
        if len(members) < 2:
            return load
        start = _total(p.node.axes[0] for p in members[: members.index(product)])
        return arrays.Cut(load, 0, start, start + product.node.axes[0])

    def _single(self, product: Product) -> Array:
        name = product.matrix.name
        if not product.turned:
            return product.matrix
        return self._weights(product.right, f"{name}_t", f"The matrix {name} turned")

    def _joint(self, key: Array, vector: Array, members: list[Product]) -> Array:
        """One product for all that multiply a vector."""
        if key in self.joints:
            return self.joints[key]
        width = _total(p.node.axes[0] for p in members)
        right = arrays.Join(tuple(p.right for p in members), 1, (vector.axes[0], width))
        names = [p.matrix.name for p in members]
        what = f"The matrices {', '.join(names)}"
        weights = (
            self._weights(right, f"{'_'.join(names[:2])}_stack", what) if members[1:] else self._single(members[0])
        )
        expression = self._times(vector, weights)
        name = f"{'_'.join(names[:2])}_product{len(self.joints) + 1 if self.joints else ''}{JOINT}"
        source = self.stage.definitions[0].source
        self.made.append(Definition(name, Role.COMPUTED, True, expression, source))
        load = arrays.Load(name, Role.COMPUTED, Index.of(self.index), expression.axes, expression.batched)
        self.joints[key] = load
        return load

    def _weights(self, value: Array, name: str, what: str) -> Array:
        known = next((x for x in self.lifted if x.value is value), None)
        if known is None:
            taken = {x.load.name for x in self.lifted}
            name = next(n for k in range(99) if (n := f"{name}{k + 1 if k else ''}{OUTSIDE}") not in taken)
            load = arrays.Load(name, Role.COMPUTED, None, value.axes, False)
            known = Lifted(load, value, name, f"{what}, as the steps multiply with them.")
            self.lifted.append(known)
        return known.load

    def _times(self, vector: Array, right: Array) -> Array:
        factors = ((vector, (0,)), (right, (0, 1)))
        return Einsum(Fraction(1), factors, (1,), ())


def _total(sizes: Iterable[Index]) -> Index:
    total = Index.of(0)
    for size in sizes:
        total = total + size
    return total
