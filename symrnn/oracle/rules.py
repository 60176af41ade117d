"""One rule per node type: from the compiled children to the compiled node."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce, singledispatch
from typing import TYPE_CHECKING

import numpy as np

from symrnn.errors import DataError, UnsupportedError
from symrnn.language import leaf, operation
from symrnn.language.node import Node
from symrnn.oracle import binders, tensors
from symrnn.oracle.frame import Array, Fn, Frame
from symrnn.oracle.scope import Children

if TYPE_CHECKING:
    from symrnn.oracle.compiler import Compiler


@singledispatch
def rule(node: Node, child: Children, compiler: Compiler) -> Fn:
    """The function that evaluates a node; a type without a rule is named, and never passed over."""
    raise UnsupportedError(f"the reference evaluator has no rule for {type(node).__name__}")


def constant(array: Array) -> Fn:
    """A function that always gives this array."""
    return lambda frame: array


def unary(run: Fn, operation_on: Callable[[Array], Array]) -> Fn:
    """A function of one child's value."""
    return lambda frame: operation_on(run(frame))


# --- leaves


@rule.register(leaf.Number)
def _(node: leaf.Number, child: Children, compiler: Compiler) -> Fn:
    return constant(compiler.arithmetic.number(node.value))


@rule.register(leaf.IndexNumber)
def _(node: leaf.IndexNumber, child: Children, compiler: Compiler) -> Fn:
    index, lift = compiler.index(node.index), compiler.arithmetic.array
    return lambda frame: lift([[index(frame.index)]])


@rule.register(leaf.Eye)
def _(node: leaf.Eye, child: Children, compiler: Compiler) -> Fn:
    return constant(compiler.arithmetic.array(np.eye(compiler.shape(node.shape)[0])))


@rule.register(leaf.Ones)
def _(node: leaf.Ones, child: Children, compiler: Compiler) -> Fn:
    return constant(compiler.arithmetic.array(np.ones(compiler.shape(node.shape))))


@rule.register(leaf.Zeros)
def _(node: leaf.Zeros, child: Children, compiler: Compiler) -> Fn:
    return constant(compiler.arithmetic.array(np.zeros(compiler.shape(node.shape) or (1, 1))))


@rule.register(leaf.Delta)
def _(node: leaf.Delta, child: Children, compiler: Compiler) -> Fn:
    left, right = (compiler.index(index) for index in node.args)
    same, other = (compiler.arithmetic.array([[value]]) for value in (1, 0))
    return lambda frame: same if left(frame.index) == right(frame.index) else other


@rule.register(leaf.Variable)
def _(node: leaf.Variable, child: Children, compiler: Compiler) -> Fn:
    name = node.name
    if node.time is None:
        slot = (name, None)
        return lambda frame: frame.values[slot]
    time = compiler.index(node.time)
    return lambda frame: frame.values[name, time(frame.index)]


# --- sums and products of terms


def fitted(nodes: tuple[Node, ...], node: Node, child: Children) -> list[Fn]:
    """Children of an elementwise operation, scalars lifted where the result has three axes."""
    if len(node.shape) < 3:
        return [child(n) for n in nodes]
    return [child(n) if len(n.shape) == 3 else unary(child(n), tensors.raised) for n in nodes]


def _fold(runs: list[Fn], combine: Callable[[Array, Array], Array]) -> Fn:
    if len(runs) == 2:
        first, second = runs
        return lambda frame: combine(first(frame), second(frame))
    return lambda frame: reduce(combine, [run(frame) for run in runs])


@rule.register(operation.Add)
def _(node: operation.Add, child: Children, compiler: Compiler) -> Fn:
    return _fold(fitted(node.args[0], node, child), np.add)


@rule.register(operation.Hadamard)
def _(node: operation.Hadamard, child: Children, compiler: Compiler) -> Fn:
    return _fold(fitted(node.args[0], node, child), np.multiply)


@rule.register(operation.Neg)
def _(node: operation.Neg, child: Children, compiler: Compiler) -> Fn:
    return unary(child(node.args[0]), np.negative)


@rule.register(operation.Divide)
def _(node: operation.Divide, child: Children, compiler: Compiler) -> Fn:
    above, below = fitted(node.args, node, child)
    watch = compiler.watch
    if watch is not None:
        below = watched("/", below, watch)
    return lambda frame: above(frame) / below(frame)


@rule.register(operation.MatMul)
def _(node: operation.MatMul, child: Children, compiler: Compiler) -> Fn:
    factors = node.args[0]
    first = child(factors[0])
    shape = factors[0].shape
    steps: list[tuple[Fn, tensors.Step]] = []
    for factor in factors[1:]:
        step, shape = tensors.product_step(shape, factor.shape)
        steps.append((child(factor), step))
    if len(steps) == 1:
        second, step = steps[0]
        return lambda frame: step(first(frame), second(frame))

    def chain(frame: Frame) -> Array:
        value = first(frame)
        for run, step in steps:
            value = step(value, run(frame))
        return value

    return chain


@rule.register(operation.Kron)
def _(node: operation.Kron, child: Children, compiler: Compiler) -> Fn:
    return _fold([child(node.args[0]), child(node.args[1])], tensors.kron)


# --- powers and what belongs to one matrix


@rule.register(operation.Power)
def _(node: operation.Power, child: Children, compiler: Compiler) -> Fn:
    base, exponent = node.args
    run = child(base)
    if len(base.shape) == 3:
        raise UnsupportedError("the elementwise power of a third-order tensor has no rule")
    whole = small_integer(exponent)
    if whole is not None and whole >= 0:
        return unary(run, lambda x: _repeated(x, whole))
    if compiler.watch is not None:
        run = watched("**" if whole is None else "/", run, compiler.watch)
    power, exponent_of = compiler.arithmetic.power, child(exponent)
    return lambda frame: power(run(frame), exponent_of(frame))


def small_integer(exponent: Node) -> int | None:
    """The exponent where it is a literal integer of modest size."""
    if isinstance(exponent, operation.Neg):
        inner = small_integer(exponent.args[0])
        return None if inner is None else -inner
    if isinstance(exponent, leaf.Number) and exponent.value.denominator == 1 and abs(exponent.value) <= 64:
        return exponent.value.numerator
    return None


def _repeated(x: Array, times: int) -> Array:
    """The power by squaring: exact where the numbers are; a tiny imaginary part is kept."""
    result = x - x + 1 if times == 0 else None
    while times:
        if times & 1:
            result = x if result is None else result * x
        times >>= 1
        if times:
            x = x * x
    return result


@rule.register(operation.MatrixPower)
def _(node: operation.MatrixPower, child: Children, compiler: Compiler) -> Fn:
    run, exponent, power = child(node.args[0]), compiler.index(node.args[1]), compiler.arithmetic.matrix_power

    def powered(frame: Frame) -> Array:
        times = exponent(frame.index)
        if abs(times) > 10_000:
            raise DataError(f"matrix_power with the exponent {times} is beyond what can be evaluated")
        return power(run(frame), times)

    return powered


@rule.register(operation.Inverse)
def _(node: operation.Inverse, child: Children, compiler: Compiler) -> Fn:
    run = child(node.args[0])
    if compiler.watch is not None:
        run = watched("inv", run, compiler.watch)
    return unary(run, compiler.arithmetic.inverse)


@rule.register(operation.Determinant)
def _(node: operation.Determinant, child: Children, compiler: Compiler) -> Fn:
    return unary(child(node.args[0]), compiler.arithmetic.determinant)


def _trace(a: Array) -> Array:
    diagonal = np.diagonal(a, axis1=-2, axis2=-1)
    return diagonal.sum(axis=-1, keepdims=True)[..., None]


@rule.register(operation.Trace)
def _(node: operation.Trace, child: Children, compiler: Compiler) -> Fn:
    return unary(child(node.args[0]), _trace)


@rule.register(operation.Transpose)
def _(node: operation.Transpose, child: Children, compiler: Compiler) -> Fn:
    operand = node.args[0]
    if operand.is_scalar:
        return child(operand)
    return unary(child(operand), tensors.reversed_axes if len(operand.shape) == 3 else tensors.transposed)


@rule.register(operation.Diag)
def _(node: operation.Diag, child: Children, compiler: Compiler) -> Fn:
    eye = compiler.arithmetic.array(np.eye(compiler.shape(node.shape)[0]))
    return unary(child(node.args[0]), lambda v: v * eye)


def watched(name: str, run: Fn, watch: Callable[[str, Array], None]) -> Fn:
    """The function, whose values the watch is told about."""

    def seen(frame: Frame) -> Array:
        value = run(frame)
        watch(name, value)
        return value

    return seen


binders.register(rule)
