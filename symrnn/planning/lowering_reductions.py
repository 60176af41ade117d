"""Reductions over all entries, second derivatives of activations, and what vector functions are of a single entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Call,
    Index,
    Node,
    build,
)
from symrnn.language.leaf import ONE
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Labels


def _minus_twice(a: Node, b: Node) -> Node:
    return build.times(build.number(-2), a, b)


SECOND: Mapping[str, Callable[[Node, Node], Node]] = {
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


REDUCTIONS: Mapping[str, Callable[[Call, tuple[Array, ...]], Array]] = {
    "sum": _sum,
    "dot": _dot,
    "norm2": _norm2,
    "mean": _mean,
    "var": _var,
}


VECTOR_OF_ONE: Mapping[str, Callable[[tuple[Array, ...]], Array]] = {
    "softmax": lambda a: arrays.ONE,
    "log_softmax": lambda a: arrays.ZERO,
    "layernorm": lambda a: arrays.ZERO,
}
