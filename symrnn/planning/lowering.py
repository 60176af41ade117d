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
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
)
from symrnn.language.operation import Span
from symrnn.language.traversal import substitute_indices
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Factor, axes_of
from symrnn.planning.lowering_products import Chain, OneLabel, split_structured
from symrnn.planning.lowering_reductions import REDUCTIONS, SECOND, VECTOR_OF_ONE
from symrnn.primitives import lookup


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
    split = split_structured(node)
    return lower(split) if split is not None else Chain(lower).product(node)


@_lower.register
def _(node: Trace, lower: Lowering) -> Array:
    return Chain(lower).trace(node.args[0])


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
    if name in REDUCTIONS:
        return REDUCTIONS[name](node, arguments)
    if node.order and record.derivative is not None:
        return _derivative(name, node.arguments[0], node.order, lower)
    if not arguments[0].axes and record.kind == "vector":
        return VECTOR_OF_ONE[name](arguments)
    return arrays.Apply(name, arguments, node.order)


def _derivative(name: str, operand: Node, order: int, lower: Lowering) -> Array:
    """f'(x) by the primitive's own rule, f'' by the derivative of that rule; of a higher order there is none."""
    record = lookup(name)
    assert record is not None
    assert record.derivative is not None
    output = Call(name, (operand,))
    if order == 1:
        return lower(record.derivative(output, operand))
    if order == 2 and name in SECOND:
        return lower(SECOND[name](output, operand))
    raise UnsupportedError(f"there is no array rule for the derivative of order {order} of {name}")
