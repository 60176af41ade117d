"""The primitives in SymPy's own operations.  Slopes are SymPy's derivatives of the functions, not ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import sympy
from sympy.matrices.expressions.hadamard import HadamardPower

from symrnn.emitting.sympy_writer import Expression, Writer, sympy_rule
from symrnn.language import Call


@sympy_rule.register
def _(node: Call, writer: Writer) -> Expression:
    special = FUNCTIONS.get(node.name)
    if special is not None:
        return special(node, writer)
    x = sympy.Dummy("x", real=True)
    formula = ELEMENTWISE[node.name](x) if node.name in ELEMENTWISE else sympy.Function(node.name)(x)
    value = sympy.diff(formula, x, node.order) if node.order else formula
    if node.is_scalar:
        return value.subs(x, writer.write(node.arguments[0]))
    return writer.write(node.arguments[0]).applyfunc(sympy.Lambda(x, value))


LEAK = sympy.Rational(1, 100)

ELEMENTWISE: Mapping[str, Callable[[Expression], Expression]] = MappingProxyType(
    {
        "tanh": sympy.tanh,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "relu": lambda x: sympy.Max(0, x),
        "leaky_relu": lambda x: sympy.Max(0, x) + LEAK * sympy.Min(0, x),
        "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
        "exp": sympy.exp,
        "log": sympy.log,
        "sqrt": sympy.sqrt,
        "sin": sympy.sin,
        "cos": sympy.cos,
        "abs": sympy.Abs,
    }
)
"""The elementwise primitives; any other name is a generic function."""


def _applied(operand: Expression, function: Callable[[Expression], Expression]) -> Expression:
    x = sympy.Dummy("x", real=True)
    return operand.applyfunc(sympy.Lambda(x, function(x)))


def _total(operand: Expression) -> Expression:
    """The sum of all entries of a matrix."""
    rows, columns = operand.shape
    return sympy.Trace(sympy.OneMatrix(1, rows) * operand * sympy.OneMatrix(columns, 1))


def _softmax(node: Call, writer: Writer) -> Expression:
    powers = _applied(writer.write(node.arguments[0]), sympy.exp)
    return powers / _total(powers)


def _log_softmax(node: Call, writer: Writer) -> Expression:
    operand = writer.write(node.arguments[0])
    return operand - sympy.log(_total(_applied(operand, sympy.exp))) * sympy.OneMatrix(*operand.shape)


def _layernorm(node: Call, writer: Writer) -> Expression:
    operand = writer.write(node.arguments[0])
    variance = _variance(operand)
    return _centred(operand) / sympy.sqrt(variance + writer.scalar(node.arguments[1]))


def _average(operand: Expression) -> Expression:
    return _total(operand) / (operand.shape[0] * operand.shape[1])


def _centred(operand: Expression) -> Expression:
    return operand - _average(operand) * sympy.OneMatrix(*operand.shape)


def _variance(operand: Expression) -> Expression:
    centred = _centred(operand)
    return _average(HadamardPower(centred, 2))


def _reduced(function: Callable[[Expression], Expression]) -> Callable[[Call, Writer], Expression]:
    return lambda node, writer: function(writer.matrix(node.arguments[0]))


def _squared_norm(operand: Expression) -> Expression:
    return sympy.Trace(sympy.transpose(operand) * operand)


def _inner_product(node: Call, writer: Writer) -> Expression:
    left, right = (writer.matrix(argument) for argument in node.arguments)
    return sympy.Trace(sympy.transpose(left) * right)


FUNCTIONS: Mapping[str, Callable[[Call, Writer], Expression]] = MappingProxyType(
    {
        "softmax": _softmax,
        "log_softmax": _log_softmax,
        "layernorm": _layernorm,
        "norm2": _reduced(_squared_norm),
        "dot": _inner_product,
        "sum": _reduced(_total),
        "mean": _reduced(_average),
        "var": _reduced(_variance),
    }
)
"""The primitives of a vector and the reductions, in SymPy's own operations."""
