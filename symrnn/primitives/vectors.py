"""Primitives of one column or row, and reductions over all entries, with their Jacobians in numerator layout."""

from __future__ import annotations

import numpy as np

from symrnn.language import build
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Eye, Ones, number
from symrnn.language.node import Node
from symrnn.primitives.record import Array, Primitive

_BOTH = (-2, -1)


def _size(node: Node) -> Index:
    """The number of entries of a vector or matrix."""
    return node.shape[0] * node.shape[1] if node.shape else Index.of(1)


def _column(node: Node) -> Node:
    return node if node.is_column else build.transpose(node)


def _ones(size: Index) -> Node:
    return Ones(size, Index.of(1))


def _softmax(x: Array) -> Array:
    shifted = np.exp(x - np.max(np.real(x), axis=_BOTH, keepdims=True))
    return shifted / np.sum(shifted, axis=_BOTH, keepdims=True)


def _log_softmax(x: Array) -> Array:
    shifted = x - np.max(np.real(x), axis=_BOTH, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=_BOTH, keepdims=True))


def _layernorm(x: Array, epsilon: Array) -> Array:
    centred = x - np.mean(x, axis=_BOTH, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=_BOTH, keepdims=True) + epsilon)


def _variance(x: Array) -> Array:
    return np.mean((x - np.mean(x, axis=_BOTH, keepdims=True)) ** 2, axis=_BOTH, keepdims=True)


def softmax_jacobian(y: Node, x: Node) -> Node:
    """∂y/∂x = diag(y) − y yᵀ."""
    column = _column(y)
    return build.subtract(build.diag(column), build.matmul(column, build.transpose(column)))


def log_softmax_jacobian(y: Node, x: Node) -> Node:
    """∂y/∂x = I − 1 softmax(x)ᵀ."""
    column = _column(build.apply("softmax", x))
    size = column.shape[0]
    return build.subtract(Eye(size), build.matmul(_ones(size), build.transpose(column)))


def layernorm_jacobian(y: Node, x: Node, epsilon: Node) -> Node:
    """∂y/∂x = (I − 11ᵀ/n − y yᵀ/n) / sqrt(var(x) + ε).

    Source: J. Ba, J. Kiros, G. Hinton, "Layer Normalization" (2016), eq. 4, differentiated; y is the output.
    """
    column = _column(y)
    size = column.shape[0]
    count = build.index_number(size)
    ones = _ones(size)
    inner = build.add(
        Eye(size),
        build.neg(build.divide(build.matmul(ones, build.transpose(ones)), count)),
        build.neg(build.divide(build.matmul(column, build.transpose(column)), count)),
    )
    return build.divide(inner, build.apply("sqrt", build.add(build.apply("var", x), epsilon)))


def layernorm_by_epsilon(y: Node, x: Node, epsilon: Node) -> Node:
    """∂y/∂ε = −y / (2 (var(x) + ε))."""
    spread = build.add(build.apply("var", x), epsilon)
    return build.neg(build.divide(_column(y), build.times(number(2), spread)))


def _ones_of_transpose(x: Node) -> Node:
    return ONE if x.is_scalar else Ones(x.shape[1], x.shape[0])


def _mean_jacobian(y: Node, x: Node) -> Node:
    return build.divide(_ones_of_transpose(x), build.index_number(_size(x)))


def _variance_jacobian(y: Node, x: Node) -> Node:
    centred = build.subtract(build.transpose(x), build.apply("mean", x))
    return build.times(build.divide(number(2), build.index_number(_size(x))), centred)


VECTORS: tuple[Primitive, ...] = (
    Primitive(
        name="softmax",
        kind="vector",
        latex=r"\operatorname{softmax}",
        unicode="softmax",
        numpy="np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)",
        evaluate=_softmax,
        rule="∂y/∂x = diag(y) − y yᵀ",
        jacobian=(softmax_jacobian,),
    ),
    Primitive(
        name="log_softmax",
        kind="vector",
        latex=r"\operatorname{log\,softmax}",
        unicode="log softmax",
        numpy="x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))",
        evaluate=_log_softmax,
        rule="∂y/∂x = I − 1 softmax(x)ᵀ",
        jacobian=(log_softmax_jacobian,),
    ),
    Primitive(
        name="layernorm",
        kind="vector",
        latex=r"\operatorname{LN}",
        unicode="LN",
        numpy="(x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + y)",
        evaluate=_layernorm,
        rule="∂y/∂x = (I − 11ᵀ/n − y yᵀ/n) / sqrt(var(x) + ε)",
        jacobian=(layernorm_jacobian, layernorm_by_epsilon),
    ),
)

REDUCTIONS: tuple[Primitive, ...] = (
    Primitive(
        name="norm2",
        kind="reduction",
        latex=r"\operatorname{norm2}",
        unicode="‖·‖²",
        numpy="np.sum(x ** 2)",
        evaluate=lambda x: np.sum(x * x, axis=_BOTH, keepdims=True),
        rule="∂‖X‖²/∂X = 2Xᵀ",
        jacobian=(lambda y, x: build.times(number(2), build.transpose(x)),),
    ),
    Primitive(
        name="dot",
        kind="reduction",
        latex=r"\operatorname{dot}",
        unicode="dot",
        numpy="np.sum(x * y)",
        evaluate=lambda x, y: np.sum(x * y, axis=_BOTH, keepdims=True),
        rule="∂⟨A, B⟩/∂A = Bᵀ",
        jacobian=(lambda y, a, b: build.transpose(b), lambda y, a, b: build.transpose(a)),
    ),
    Primitive(
        name="sum",
        kind="reduction",
        latex=r"\operatorname{sum}",
        unicode="sum",
        numpy="np.sum(x)",
        evaluate=lambda x: np.sum(x, axis=_BOTH, keepdims=True),
        rule="∂(Σ x)/∂X = 11ᵀ",
        jacobian=(lambda y, x: _ones_of_transpose(x),),
    ),
    Primitive(
        name="mean",
        kind="reduction",
        latex=r"\operatorname{mean}",
        unicode="mean",
        numpy="np.mean(x)",
        evaluate=lambda x: np.mean(x, axis=_BOTH, keepdims=True),
        rule="∂(mean X)/∂X = 11ᵀ/(pq)",
        jacobian=(_mean_jacobian,),
    ),
    Primitive(
        name="var",
        kind="reduction",
        latex=r"\operatorname{var}",
        unicode="var",
        numpy="np.var(x)",
        evaluate=_variance,
        rule="∂(var X)/∂X = 2 (X − mean X)ᵀ/(pq)",
        jacobian=(_variance_jacobian,),
    ),
)
