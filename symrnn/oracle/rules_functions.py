"""Rules for functions and inert derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from symrnn.errors import UnsupportedError
from symrnn.language import derivative, operation
from symrnn.language.node import Node
from symrnn.oracle import tensors
from symrnn.oracle.arithmetic import bound_function
from symrnn.oracle.frame import Array, Fn, Frame
from symrnn.oracle.rules import rule, unary, watched
from symrnn.oracle.scope import Children

if TYPE_CHECKING:
    from symrnn.oracle.compiler import Compiler


@rule.register(operation.Call)
def _(node: operation.Call, child: Children, compiler: Compiler) -> Fn:
    runs = [child(argument) for argument in node.arguments]
    if any(len(argument.shape) == 3 for argument in node.arguments):
        raise UnsupportedError(f"{node.name} of a third-order tensor has no rule")
    record = bound_function(node.name, compiler.functions)
    if record is None:
        function = compiler.arithmetic.generic(node.name, node.order)
    else:
        function = compiler.arithmetic.primitive(record, node.order, compiler.at_kink)
    if compiler.watch is not None:
        runs[0] = watched(record.name if record else node.name, runs[0], compiler.watch)
    if record is not None and record.kink is not None:
        runs[0] = _touching(record.name, record.kink, runs[0], compiler.touched)
    if len(runs) == 1:
        return unary(runs[0], function)
    return lambda frame: function(*[run(frame) for run in runs])


def _touching(name: str, kink: float, run: Fn, touched: set[str]) -> Fn:
    def noted(frame: Frame) -> Array:
        value = run(frame)
        if (value == kink).any():
            touched.add(name)
        return value

    return noted


def _derivative(node: derivative.Jacobian | derivative.ImmediateJacobian, compiler: Compiler, immediate: bool) -> Fn:
    of, by, layout = node.of, node.by, node.layout
    places = times_of((of, by), compiler)

    def derived(frame: Frame) -> Array:
        times = {name: frame.index[place] for name, place in places.items()}
        return tensors.in_layout(frame.derive(of, by, times, immediate), of.shape, by.shape, layout)

    return derived


def times_of(nodes: tuple[Node, ...], compiler: Compiler) -> Mapping[str, int]:
    """Places of the open index symbols of some expressions."""
    names = frozenset[str]().union(*(compiler.compile(node).free for node in nodes))
    return {name: compiler.positions.of(name) for name in sorted(names)}


@rule.register(derivative.Jacobian)
def _(node: derivative.Jacobian, child: Children, compiler: Compiler) -> Fn:
    return _derivative(node, compiler, immediate=False)


@rule.register(derivative.ImmediateJacobian)
def _(node: derivative.ImmediateJacobian, child: Children, compiler: Compiler) -> Fn:
    return _derivative(node, compiler, immediate=True)
