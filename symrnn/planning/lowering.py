"""From the language's matrices to array expressions.

before → after
    W @ h[t-1]              → Einsum W_ij h_j → i
    row @ diag(v) @ W       → Einsum row_i v_i W_ij → j
    h[t-1] @ g_a[t]         → Einsum h_i g_j → i j
    ones(B) @ b.T           → Einsum b_j → i j        (constant along i)
    row @ (diag(s) - s@s.T) → row_i s_i - row_j s_j s_i: an upstream row is carried into structured sums
Every node type has a rule; one without raises and names itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatch
from itertools import count

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Call,
    Commutation,
    Concat,
    Delta,
    Determinant,
    Diag,
    Divide,
    Entry,
    Eye,
    Hadamard,
    HStack,
    Index,
    IndexNumber,
    Inverse,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Ones,
    Power,
    Role,
    Shape,
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
    build,
)
from symrnn.language.leaf import ONE
from symrnn.language.operation import Span
from symrnn.language.traversal import substitute_indices, variables
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Axes, Factor, Labels
from symrnn.primitives import lookup

OneLabel = int | None
"""A label, or None for an axis of constant size 1, which arrays do not have."""


def axes_of(shape: Shape) -> Axes:
    """The axes that an array of this shape has: those that are not of constant size 1."""
    return tuple(axis for axis in shape if axis.constant != 1)


@dataclass
class Lowering:
    """Lowers expressions of one cell; ``batched`` says which variables have one value per example.

    ``constants`` are written out where they stand, so that they can be folded.
    """

    batched: Callable[[str, Role], bool]
    functions: Mapping[str, str | None] = field(default_factory=dict)
    constants: Mapping[str, Node] = field(default_factory=dict)
    known: dict[Node, Array] = field(default_factory=dict)

    def __call__(self, node: Node) -> Array:
        found = self.known.get(node)
        if found is None:
            found = _lower(node, self)
            if found.axes != axes_of(node.shape):
                raise AssertionError(f"{node!r} of axes {axes_of(node.shape)} became {found!r} of {found.axes}")
            self.known[node] = found
        return found


@singledispatch
def _lower(node: Node, lower: Lowering) -> Array:
    raise UnsupportedError(
        f"there is no rule that computes {type(node).__name__} with arrays",
        hint="Write it with the other forms of the language, or ask for formulas instead of code.",
    )


@_lower.register
def _(node: Variable, lower: Lowering) -> Array:
    if node.role is Role.CONSTANT and node.name in lower.constants:
        return lower(lower.constants[node.name])
    return arrays.Load(node.name, node.role, node.time, axes_of(node.shape), lower.batched(node.name, node.role))


@_lower.register
def _(node: Number, lower: Lowering) -> Array:
    return arrays.Literal(node.value)


@_lower.register
def _(node: IndexNumber, lower: Lowering) -> Array:
    return arrays.Count(node.index) if node.index.constant is None else arrays.literal(node.index.constant)


@_lower.register
def _(node: Ones, lower: Lowering) -> Array:
    axes = axes_of(node.shape)
    return arrays.Full(axes, Fraction(1)) if axes else arrays.ONE


@_lower.register
def _(node: Zeros, lower: Lowering) -> Array:
    return arrays.zeros(axes_of(node.shape))


@_lower.register
def _(node: Eye, lower: Lowering) -> Array:
    return arrays.Identity(node.shape[0]) if axes_of(node.shape) else arrays.ONE


@_lower.register
def _(node: Add, lower: Lowering) -> Array:
    return arrays.plus([lower(t) for t in node.args[0]])


@_lower.register
def _(node: Neg, lower: Lowering) -> Array:
    return arrays.scale(lower(node.args[0]), -1)


@_lower.register
def _(node: Hadamard, lower: Lowering) -> Array:
    return arrays.times(*(lower(f) for f in node.args[0]))


@_lower.register
def _(node: Divide, lower: Lowering) -> Array:
    return arrays.times(lower(node.args[0]), arrays.reciprocal(lower(node.args[1])))


@_lower.register
def _(node: Power, lower: Lowering) -> Array:
    return arrays.power(lower(node.args[0]), lower(node.args[1]))


@_lower.register
def _(node: Transpose, lower: Lowering) -> Array:
    return arrays.transpose(lower(node.args[0]))


@_lower.register
def _(node: Diag, lower: Lowering) -> Array:
    vector = lower(node.args[0])
    if not vector.axes:
        return vector
    return arrays.einsum([(vector, (0,)), (arrays.Identity(vector.axes[0]), (0, 1))], (0, 1))


@_lower.register
def _(node: MatMul, lower: Lowering) -> Array:
    split = _split_structured(node)
    return lower(split) if split is not None else _Chain(lower).product(node)


@_lower.register
def _(node: Trace, lower: Lowering) -> Array:
    return _Chain(lower).trace(node.args[0])


def _split_structured(node: MatMul) -> Node | None:
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
class _Chain:
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


@_lower.register
def _(node: Sum, lower: Lowering) -> Array:
    picked = _picked_by_delta(node)
    if picked is not None:
        time, value = picked
        return arrays.times(arrays.Between(time, node.lower, node.upper), lower(value))
    body = lower(node.body)
    if arrays.is_zero(body):
        return body
    return arrays.OverTime(body, node.index, node.lower, node.upper)


def _picked_by_delta(node: Sum) -> tuple[Index, Node] | None:
    """For Σ_r δ(t, r) e[r] the time t and e[t]; None for any other sum."""
    factors = node.body.args[0] if isinstance(node.body, (Hadamard, MatMul)) else (node.body,)
    running = Index.of(node.index)
    for place, factor in enumerate(factors):
        if isinstance(factor, Delta) and running in factor.args:
            left, right = factor.args
            time = left if right == running else right
            rest = factors[:place] + factors[place + 1 :]
            value = Number(Fraction(1)) if not rest else rest[0] if len(rest) == 1 else type(node.body)(rest)
            return time, substitute_indices(value, {node.index: time})
    return None


@_lower.register
def _(node: Slice, lower: Lowering) -> Array:
    operand, *spans = node.args
    if isinstance(operand, Eye) and axes_of(operand.shape):
        return _identity_rows(operand.shape[0], spans)
    result = lower(operand)
    axis = 0
    for size, span in zip(operand.shape, spans, strict=True):
        if size.constant == 1:
            continue
        if span is not None:
            start, stop = span
            if (stop - start).constant == 1:
                result = arrays.Element(result, axis, start)
                continue
            result = arrays.Cut(result, axis, start, stop)
        axis += 1
    return result


def _identity_rows(size: Index, spans: list[Span]) -> Array:
    result: Array = arrays.Identity(size)
    axis = 0
    for span in spans:
        if span is not None and (span[1] - span[0]).constant == 1:
            result = arrays.Element(result, axis, span[0])
        else:
            if span is not None:
                result = arrays.Cut(result, axis, *span)
            axis += 1
    return result


@_lower.register
def _(node: Entry, lower: Lowering) -> Array:
    operand, indices = node.args
    result = lower(operand)
    sizes = operand.shape
    if len(indices) < len(sizes):
        indices = (indices[0], Index.of(0)) if operand.is_column else (Index.of(0), indices[0])
    for size, index in zip(sizes, indices, strict=True):
        if size.constant != 1:
            result = arrays.Element(result, 0, index)
    return result


@_lower.register
def _(node: Concat, lower: Lowering) -> Array:
    return _stack(node, node.args[0], 0, lower)


@_lower.register
def _(node: HStack, lower: Lowering) -> Array:
    return _stack(node, node.args[0], 1, lower)


def _stack(node: Node, parts: tuple[Node, ...], along: int, lower: Lowering) -> Array:
    axes = axes_of(node.shape)
    if len(parts) == 1:
        return lower(parts[0])
    across = node.shape[1 - along]
    axis = 1 if along == 1 and across.constant != 1 else 0
    return arrays.Join(tuple(lower(p) for p in parts), axis, axes)


@_lower.register
def _(node: Inverse, lower: Lowering) -> Array:
    operand = lower(node.args[0])
    return arrays.Linalg("inv", operand, None) if operand.axes else arrays.reciprocal(operand)


@_lower.register
def _(node: Determinant, lower: Lowering) -> Array:
    operand = lower(node.args[0])
    return arrays.Linalg("det", operand, None) if operand.axes else operand


@_lower.register
def _(node: MatrixPower, lower: Lowering) -> Array:
    operand = lower(node.args[0])
    if operand.axes:
        return arrays.Linalg("matrix_power", operand, node.args[1])
    return arrays.power(operand, arrays.Count(node.args[1]))


@_lower.register
def _(node: Kron, lower: Lowering) -> Array:
    left, right = (lower(a) for a in node.args)
    shapes = [a.shape or (Index.of(1), Index.of(1)) for a in node.args]
    labels: list[list[OneLabel]] = [
        [None if size.constant == 1 else 2 * axis + place for axis, size in enumerate(shape)]
        for place, shape in enumerate(shapes)
    ]
    factors: list[Factor] = [
        (array, tuple(x for x in names if x is not None)) for array, names in zip((left, right), labels, strict=True)
    ]
    out = tuple(x for axis in (0, 1) for x in (labels[0][axis], labels[1][axis]) if x is not None)
    return arrays.Reshape(arrays.einsum(factors, out), axes_of(node.shape))


@_lower.register
def _(node: Vec, lower: Lowering) -> Array:
    return arrays.Reshape(arrays.transpose(lower(node.args[0])), axes_of(node.shape))


@_lower.register
def _(node: Unvec, lower: Lowering) -> Array:
    flipped = axes_of(node.shape[::-1])
    return arrays.transpose(arrays.Reshape(lower(node.args[0]), flipped))


@_lower.register
def _(node: Commutation, lower: Lowering) -> Array:
    # K vec(A) = vec(A.T) for a p×q matrix A: rows of K run over (i, j) with i slowest, columns over (j, i).
    rows, columns = node.args
    p, q = arrays.Identity(rows), arrays.Identity(columns)
    tall = arrays.einsum([(p, (0, 2)), (q, (1, 3))], (0, 1, 3, 2))
    return arrays.Reshape(tall, axes_of(node.shape))


@_lower.register
def _(node: Delta, lower: Lowering) -> Array:
    left, right = node.args
    return arrays.Between(left, right, right)


@_lower.register
def _(node: Call, lower: Lowering) -> Array:
    name = lower.functions.get(node.name) or node.name
    record = lookup(name)
    if record is None:
        raise UnsupportedError(
            f'the generic function "{node.name}" cannot be computed',
            hint=f"Bind it where code is wanted: function {node.name} = tanh.",
        )
    arguments = tuple(lower(a) for a in node.arguments)
    if name in _REDUCTIONS:
        return _REDUCTIONS[name](node, arguments)
    if node.order and record.derivative is not None:
        return _derivative(name, node.arguments[0], node.order, lower)
    if not arguments[0].axes and record.kind == "vector":
        return _VECTOR_OF_ONE[name](arguments)
    return arrays.Apply(name, arguments, node.order)


def _derivative(name: str, operand: Node, order: int, lower: Lowering) -> Array:
    """f'(x) by the primitive's own rule, f'' by the derivative of that rule; of a higher order there is none."""
    record = lookup(name)
    assert record is not None
    assert record.derivative is not None
    output = Call(name, (operand,))
    if order == 1:
        return lower(record.derivative(output, operand))
    if order == 2 and name in _SECOND:
        return lower(_SECOND[name](output, operand))
    raise UnsupportedError(f"there is no array rule for the derivative of order {order} of {name}")


def _minus_twice(a: Node, b: Node) -> Node:
    return build.times(build.number(-2), a, b)


_SECOND: Mapping[str, Callable[[Node, Node], Node]] = {
    "tanh": lambda y, x: _minus_twice(y, build.subtract(ONE, build.power(y, 2))),
    "sigmoid": lambda y, x: build.times(
        y, build.subtract(ONE, y), build.subtract(ONE, build.times(build.number(2), y))
    ),
    "softplus": lambda y, x: Call("sigmoid", (x,), 1),
    "exp": lambda y, x: y,
    "log": lambda y, x: build.neg(build.power(x, -2)),
    "sqrt": lambda y, x: build.neg(build.divide(build.divide(ONE, build.number(4)), build.power(y, 3))),
    "sin": lambda y, x: build.neg(y),
    "cos": lambda y, x: build.neg(y),
}
"""f'' in the output y and the argument x, for equations that use a derivative."""


def _labels(array: Array) -> Labels:
    return tuple(range(len(array.axes)))


def _sum(node: Call, arguments: tuple[Array, ...]) -> Array:
    return arrays.einsum([(arguments[0], _labels(arguments[0]))], ())


def _dot(node: Call, arguments: tuple[Array, ...]) -> Array:
    left, right = arguments
    if node.arguments[0].shape == node.arguments[1].shape:
        return arrays.einsum([(left, _labels(left)), (right, _labels(right))], ())
    raise UnsupportedError("dot takes two arrays of one shape")


def _norm2(node: Call, arguments: tuple[Array, ...]) -> Array:
    return arrays.einsum([(arguments[0], _labels(arguments[0]))] * 2, ())


def _size(array: Array) -> Array:
    total = Index.of(1)
    for axis in array.axes:
        total = total * axis
    return arrays.Count(total) if total.constant is None else arrays.literal(total.constant)


def _mean(node: Call, arguments: tuple[Array, ...]) -> Array:
    return arrays.times(_sum(node, arguments), arrays.reciprocal(_size(arguments[0])))


def _var(node: Call, arguments: tuple[Array, ...]) -> Array:
    centred = arrays.plus([arguments[0], arrays.scale(_mean(node, arguments), -1)])
    return arrays.times(_norm2(node, (centred,)), arrays.reciprocal(_size(arguments[0])))


_REDUCTIONS: Mapping[str, Callable[[Call, tuple[Array, ...]], Array]] = {
    "sum": _sum,
    "dot": _dot,
    "norm2": _norm2,
    "mean": _mean,
    "var": _var,
}

_VECTOR_OF_ONE: Mapping[str, Callable[[tuple[Array, ...]], Array]] = {
    "softmax": lambda a: arrays.ONE,
    "log_softmax": lambda a: arrays.ZERO,
    "layernorm": lambda a: arrays.ZERO,
}
