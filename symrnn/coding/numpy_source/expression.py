"""Array expressions as NumPy source, one readable expression each.

The axes of an array in the code are, in this order: time (only in expressions over all times at once), batch, own
axes.  :class:`Layout` says which of these an expression has.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatchmethod

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.contractions import BATCH, TIME, Contractions
from symrnn.coding.numpy_source.helpers import HELPERS
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.language.index import Extremum
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Einsum, Labels
from symrnn.planning.association import pairwise
from symrnn.primitives import lookup

_SLOPES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0)}


@dataclass
class NumpyWriter(Contractions):
    """Writes array expressions.

    ``load`` gives the source of a named array, ``index`` the names of sizes and times; ``relu0`` is the slope of
    relu and the like at 0.  ``helpers`` collects what the module must define.
    """

    load: Callable[[arrays.Load], ast.expr]
    index_names: Mapping[str, str]
    relu0: float = 0.0
    helpers: dict[str, None] = field(default_factory=dict)
    running: frozenset[str] = frozenset()

    def has_time(self, array: Array) -> bool:
        """Whether the array has a leading time axis (``running`` names the index that runs along it)."""
        return bool(array.times & self.running)

    def labels(self, array: Array, own: Labels) -> Labels:
        """All labels of an array: time and batch in front."""
        lead = ((TIME,) if self.has_time(array) else ()) + ((BATCH,) if array.batched else ())
        return lead + own

    def index(self, index: Index) -> ast.expr:
        """A size or a time as Python source."""
        terms: list[tuple[bool, ast.expr]] = []
        for monomial, coefficient in index.terms:
            factors = [self._atom(a) for a in monomial]
            magnitude = abs(Fraction(coefficient))
            if magnitude != 1 or not factors:
                numerator, denominator = magnitude.numerator, magnitude.denominator
                if numerator != 1 or not factors:
                    factors.insert(0, py.constant(numerator))
                product = py.chain("*", factors)
                factors = [py.binary(product, "//", py.constant(denominator))] if denominator != 1 else [product]
            terms.append((coefficient < 0, py.chain("*", factors)))
        terms.sort(key=lambda term: term[0])
        if not terms:
            return py.constant(0)
        minus, result = terms[0]
        if minus:
            result = py.constant(-result.value) if isinstance(result, ast.Constant) else py.negative(result)  # type: ignore[operator]
        for minus, term in terms[1:]:
            result = py.binary(result, "-" if minus else "+", term)
        return result

    def _atom(self, atom: str | Extremum) -> ast.expr:
        if isinstance(atom, Extremum):
            return py.call(atom.kind, *(self.index(a) for a in atom.args))
        return py.name(self.index_names.get(atom, atom))

    def expression(self, array: Array, exact: bool = True) -> ast.expr:
        """The source of an array; ``exact`` asks for its full shape where broadcasting would not do."""
        if exact and not is_full(array):
            return py.call("np.broadcast_to", self._write(array), self._shape(array))
        return self._write(array)

    def _shape(self, array: Array) -> ast.expr:
        sizes = [py.name("batch")] if array.batched else []
        return py.tuple_([*sizes, *(self.index(a) for a in array.axes)])

    @singledispatchmethod
    def _write(self, array: Array) -> ast.expr:
        raise UnsupportedError(f"NumPy code has no rule for {type(array).__name__}")

    @_write.register
    def _(self, array: arrays.Load) -> ast.expr:
        return self.load(array)

    @_write.register
    def _(self, array: arrays.Literal) -> ast.expr:
        return py.fraction(array.value)

    @_write.register
    def _(self, array: arrays.Count) -> ast.expr:
        return self.index(array.args[0])

    @_write.register
    def _(self, array: arrays.BatchCount) -> ast.expr:
        return py.name("batch")

    @_write.register
    def _(self, array: arrays.Full) -> ast.expr:
        shape = py.tuple_(self.index(a) for a in array.axes)
        return py.call("np.full", shape, py.fraction(array.args[1]), dtype=py.name("dtype"))

    @_write.register
    def _(self, array: arrays.Identity) -> ast.expr:
        return py.call("np.eye", self.index(array.axes[0]), dtype=py.name("dtype"))

    @_write.register
    def _(self, array: arrays.Between) -> ast.expr:
        index, lower, upper = array.args
        if lower == upper:
            test: ast.expr = ast.Compare(self.index(index), [ast.Eq()], [self.index(lower)])
        else:
            test = ast.Compare(self.index(lower), [ast.LtE(), ast.LtE()], [self.index(index), self.index(upper)])
        return py.call("float", test)

    @_write.register
    def _(self, array: arrays.Plus) -> ast.expr:
        labels = tuple(range(len(array.axes)))
        out = self.labels(array, labels)
        result: ast.expr | None = None
        for term in array.terms:
            minus, positive = _sign(term)
            value = self.aligned(positive, labels if positive.axes else (), out, exact=False)
            if result is None:
                result = py.negative(value) if minus else value
            else:
                result = py.binary(result, "-" if minus else "+", value)
        assert result is not None
        return result

    @_write.register
    def _(self, array: arrays.Apply) -> ast.expr:
        name, arguments = array.name, array.arguments
        if name == "reciprocal":
            return py.binary(py.constant(1), "/", self.expression(arguments[0]))
        if name == "power":
            base = arguments[0]
            exponent = self.aligned(arguments[1], (), self.labels(array, tuple(range(len(array.axes)))))
            return py.binary(self.expression(base), "**", exponent)
        if array.order:
            return self._slope(name, arguments[0])
        values = [self.expression(a) for a in arguments]
        if len(values) == 2 and (arguments[1].batched or self.has_time(arguments[1])):
            values[1] = py.subscript(values[1], ast.Constant(...), ast.Constant(None))
        if name in HELPERS:
            self.helpers[name] = None
            return py.call(name, *values)
        record = lookup(name)
        if record is None:
            raise UnsupportedError(f'NumPy code has no rule for the function "{name}"')
        return _fill(py.parse(record.numpy), values)

    def _slope(self, name: str, operand: Array) -> ast.expr:
        if name not in _SLOPES:
            raise UnsupportedError(f"NumPy code has no rule for the derivative of {name}")
        self.helpers["step"] = None
        below, above = _SLOPES[name]
        middle = below + (above - below) * self.relu0
        return py.call("step", self.expression(operand), *(py.constant(v) for v in (below, above, middle)))

    @_write.register
    def _(self, array: arrays.Cut) -> ast.expr:
        operand, axis, start, stop = array.args
        first = None if start.constant == 0 else self.index(start)
        last = None if stop == operand.axes[axis] else self.index(stop)
        return self._at(operand, axis, py.slice_(first, last))

    @_write.register
    def _(self, array: arrays.Element) -> ast.expr:
        operand, axis, index = array.args
        return self._at(operand, axis, self.index(index))

    def _at(self, operand: Array, axis: int, what: ast.expr) -> ast.expr:
        after = len(operand.axes) - axis - 1
        value = self.expression(operand)
        if not operand.batched and not self.has_time(operand):
            return py.subscript(value, *([py.slice_()] * axis), what)
        return py.subscript(value, ast.Constant(...), what, *([py.slice_()] * after))

    @_write.register
    def _(self, array: arrays.Join) -> ast.expr:
        parts, axis, axes = array.args
        out = self.labels(array, tuple(range(len(axes))))
        lead = [x for x in out if x < 0]
        values = []
        for part in parts:
            own = tuple(range(len(axes)))
            if len(part.axes) < len(axes):
                own = tuple(x for x in own if x != axis)
            value = self.aligned(part, own, out)
            if not self.labels(part, own):
                value = py.call("np.reshape", value, py.tuple_([py.constant(1)] * len(out)))
            missing = [x for x in lead if x not in self.labels(part, own)]
            if missing:
                value = py.call("np.broadcast_to", value, self._lead_shape(part, axes, axis, lead))
            values.append(value)
        return py.call("np.concatenate", py.list_(values), axis=py.constant(axis - len(axes)))

    def _lead_shape(self, part: Array, axes: Sequence[Index], axis: int, lead: list[int]) -> ast.expr:
        names = {TIME: "steps", BATCH: "batch"}
        own = [self.index(a) for a in part.axes]
        if len(part.axes) < len(axes):
            own.insert(axis, py.constant(1))
        return py.tuple_([*(py.name(names[x]) for x in lead), *own])

    @_write.register
    def _(self, array: arrays.Reshape) -> ast.expr:
        operand = array.args[0]
        lead = (["steps"] if self.has_time(array) else []) + (["batch"] if array.batched else [])
        shape = [*(py.name(x) for x in lead), *(self.index(a) for a in array.axes)]
        return py.call("np.reshape", self.expression(operand), py.tuple_(shape))

    @_write.register
    def _(self, array: arrays.Linalg) -> ast.expr:
        kind, operand, exponent = array.args
        value = self.expression(operand)
        if kind == "matrix_power":
            return py.call("np.linalg.matrix_power", value, self.index(exponent))
        return py.call(f"np.linalg.{kind}", value)

    @_write.register
    def _(self, array: arrays.Largest) -> ast.expr:
        return py.method(self.expression(array.args[0]), "max", py.constant(-1))

    @_write.register
    def _(self, array: arrays.OverTime) -> ast.expr:
        body, index, lower, upper = array.args
        loop = ast.comprehension(
            ast.Name(self.index_names.get(index, index), ast.Store()),
            py.call("range", self.index(lower), self.index(upper + 1)),
            [],
            0,
        )
        # unparse would write a second pair of parentheses around the generator.
        return py.verbatim(f"sum({py.unparse(ast.GeneratorExp(self.expression(body), [loop]))[1:-1]})")

    @_write.register
    def _(self, array: arrays.BatchSum) -> ast.expr:
        inner = array.args[0]
        if isinstance(inner, Einsum):
            product = self._product_over_batch(inner)
            if product is not None:
                return product
        axis = 1 if self.has_time(inner) else 0
        return py.method(self.expression(inner), "sum", py.constant(axis))

    def _product_over_batch(self, product: Einsum) -> ast.expr | None:
        """Σ over examples of a product of two groups: one matrix product, or one einsum."""
        if self.has_time(product) or len(product.out) != 2 or product.summed or product.args[3]:
            return None
        groups: dict[Labels, list[Array]] = {}
        scalars: list[Array] = []
        for array, labels in product.factors:
            (scalars if not labels else groups.setdefault(labels, [])).append(array)
        left, right = ((label,) for label in product.out)
        if set(groups) != {left, right}:
            return None
        groups[left if any(a.batched for a in groups[left]) else right].extend(scalars)
        sides = [arrays.times(*groups[side]) for side in (left, right)]
        if not all(s.batched for s in sides):
            return None
        a, b = (self.expression(s) for s in sides)
        return self._scaled(product.coefficient, py.binary(py.attribute(a, "T"), "@", b))

    def _scaled(self, coefficient: Fraction, value: ast.expr) -> ast.expr:
        from_fraction = Fraction(coefficient)
        if from_fraction == 1:
            return value
        if from_fraction == -1:
            return py.negative(value)
        return py.binary(py.fraction(from_fraction), "*", value)

    @_write.register
    def _(self, array: Einsum) -> ast.expr:
        product = pairwise(array)
        if not isinstance(product, Einsum):
            return self._write(product)
        if product.summed and product.args[3]:
            return self._spread_contraction(product)
        if product.summed:
            return self._scaled(product.coefficient, self._contraction(product))
        return self._elementwise(product)

    def _spread_contraction(self, product: Einsum) -> ast.expr:
        """A product that is constant along some axes of the result: without them first, then broadcast."""
        wide = {label for label, _ in product.args[3]}
        narrow = tuple(label for label in product.out if label not in wide)
        inner = Einsum(product.coefficient, product.factors, narrow, ())
        return self.aligned(inner, narrow, self.labels(product, product.out))

    def _elementwise(self, product: Einsum) -> ast.expr:
        out = self.labels(product, product.out)
        above: list[ast.expr] = []
        below: list[ast.expr] = []
        coefficient = product.coefficient
        for array, labels in product.factors:
            if isinstance(array, arrays.Apply) and array.name == "reciprocal":
                below.append(self.aligned(array.arguments[0], labels, out, exact=False))
            else:
                above.append(self.aligned(array, labels, out, exact=False))
        minus, magnitude = coefficient < 0, abs(coefficient)
        if magnitude.denominator != 1 and _is_decimal(magnitude.denominator):
            above.insert(0, py.fraction(magnitude))
        else:
            if magnitude.numerator != 1 or not above:
                above.insert(0, py.constant(magnitude.numerator))
            if magnitude.denominator != 1:
                below.append(py.constant(magnitude.denominator))
        value = py.chain("*", above)
        for divisor in below:
            value = py.binary(value, "/", divisor)
        return py.negative(value) if minus else value

    def aligned(self, array: Array, own: Labels, out: Labels, exact: bool = True) -> ast.expr:
        """The array with its axes in the order of ``out``, axes that it lacks put in where needed."""
        have = self.labels(array, own)
        value = self.expression(array, exact)
        wanted = [x for x in out if x in have]
        if wanted != list(have):
            value = self._transposed(value, [have.index(x) for x in wanted])
        if not have:
            return value
        missing = [x not in have for x in out]
        while missing and missing[0]:
            missing.pop(0)
        if not any(missing):
            return value
        return py.subscript(value, *(ast.Constant(None) if gap else py.slice_() for gap in missing))

    def _transposed(self, value: ast.expr, order: list[int]) -> ast.expr:
        if order == list(range(len(order)))[::-1]:
            return py.attribute(value, "T")
        return py.method(value, "transpose", *(py.constant(place) for place in order))


def _is_decimal(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def _sign(term: Array) -> tuple[bool, Array]:
    """Whether a term is subtracted, and what is."""
    if isinstance(term, Einsum) and term.coefficient < 0:
        return True, arrays.scale(term, -1) if not term.summed else _flip(term)
    if isinstance(term, arrays.Literal) and term.value < 0:
        return True, arrays.Literal(-term.value)
    return False, term


def _flip(term: Einsum) -> Array:
    if term.coefficient == -1 and len(term.factors) == 1 and term.factors[0][1] == term.out:
        return term.factors[0][0]
    return Einsum(-term.coefficient, *term.args[1:])


def is_full(array: Array) -> bool:
    """Whether the written expression has its full shape, no axis left to broadcasting."""
    if isinstance(array, Einsum):
        used = {label for _, labels in array.factors for label in labels}
        if any(label not in used for label in array.out):
            return False
        if array.summed:
            return True
        return all(any(label in labels and is_full(a) for a, labels in array.factors) for label in array.out)
    if isinstance(array, arrays.Plus):
        return any(is_full(t) and t.axes == array.axes for t in array.terms)
    if isinstance(array, arrays.Apply) and array.name in ("reciprocal", "power"):
        return is_full(array.arguments[0])
    return True


class _Fill(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def _fill(template: ast.expr, values: Sequence[ast.expr]) -> ast.expr:
    """A primitive's source with the arguments in place of x and y."""
    filled: ast.expr = _Fill(dict(zip("xy", values, strict=False))).visit(template)
    return filled
