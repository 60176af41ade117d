"""Mistakes of name: another variable, the total for the immediate derivative, a function for its derivative."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.checking.edit import Change, Setting, made
from symrnn.checking.places import Place
from symrnn.emitting.text import to_text
from symrnn.language import (
    Add,
    Call,
    Hadamard,
    ImmediateJacobian,
    Jacobian,
    Neg,
    Node,
    Number,
    Power,
    Role,
    Variable,
    build,
)
from symrnn.language.traversal import variables


def other_variable(place: Place, setting: Setting) -> Iterator[Change]:
    """A variable of the same shape that is another one: U for W, i for f, the output for the argument."""
    node = place.node
    if not isinstance(node, Variable) or node.role is Role.PART:
        return
    for other in setting.pool.alike(node):
        yield Change("variable", other, f"{to_text(node)} stands where {to_text(other)} belongs")


def other_part(place: Place, setting: Setting) -> Iterator[Change]:
    """A part of the answer that is another one."""
    node = place.node
    if not isinstance(node, Variable) or node.role is not Role.PART:
        return
    shapes = {p.name: p.expression.shape for p in setting.formula.parts if (p.time is None) == (node.time is None)}
    for name, shape in shapes.items():
        if name != node.name and shape == node.shape:
            new = Variable(name, Role.PART, shape, node.time)
            yield Change("variable", new, f"{to_text(node)} stands where {to_text(new)} belongs")


def immediate(place: Place, setting: Setting) -> Iterator[Change]:
    """The total derivative for the immediate one, or the other way round."""
    node = place.node
    if isinstance(node, Jacobian):
        new: Node = ImmediateJacobian(node.of, node.by, node.layout)
        yield Change(
            "immediate", new, f"the total derivative {to_text(node)} stands where the immediate {to_text(new)} belongs"
        )
    elif isinstance(node, ImmediateJacobian):
        new = Jacobian(node.of, node.by, node.layout)
        yield Change(
            "immediate", new, f"the immediate derivative {to_text(node)} stands where the total {to_text(new)} belongs"
        )


def primes(place: Place, setting: Setting) -> Iterator[Change]:
    """A function for its derivative, or the other way round."""
    node = place.node
    if isinstance(node, Call) and len(node.arguments) == 1 and node.arguments[0].shape == node.shape and node.order < 2:
        new = made(Call, node.name, node.arguments, 1 - node.order)
        if new is not None:
            yield Change("derivative", new, f"{to_text(node)} stands where {to_text(new)} belongs")


def functions(place: Place, setting: Setting) -> Iterator[Change]:
    """``tanh(c)`` for c, c for ``tanh(c)``, and what a function is applied to in the cell for the variable."""
    node, parent = place.node, place.parent
    if isinstance(node, Call) and not node.order and len(node.arguments) == 1:
        (inner,) = node.arguments
        if inner.shape == node.shape:
            yield Change("function", inner, f"the function in {to_text(node)} is too many")
        for variable in setting.pool.instead_of(node):
            yield Change("variable", variable, f"{to_text(node)} stands where {to_text(variable)} belongs")
    if not isinstance(node, Variable) or node.role is not Role.COMPUTED or node.time is None:
        return
    if not isinstance(parent, Call):
        for name in setting.pool.functions:
            call = made(Call, name, (node,))
            if call is not None:
                yield Change("function", call, f"a function is missing: {to_text(node)} for {to_text(call)}")
    for call in setting.pool.calls(node):
        yield Change("variable", call, f"{to_text(node)} stands where {to_text(call)} belongs")


def slopes(place: Place, setting: Setting) -> Iterator[Change]:
    """The slope of tanh, 1 − v², for that of the sigmoid, v (1 − v), and the other way round."""
    node = place.node
    if isinstance(node, Add):
        squared = next((v for v in variables(node) if node == _slope_of_tanh(v)), None)
        new = None if squared is None else made(build.times, squared, _one_minus(squared))
        if new is not None:
            yield Change("derivative", new, f"the slope of tanh stands where the sigmoid's belongs: {to_text(new)}")
    elif isinstance(node, Hadamard):
        factors = node.args[0]
        for v in (f for f in factors if isinstance(f, Variable)):
            rest = list(factors)
            if _one_minus(v) in factors:
                rest.remove(_one_minus(v))
                rest[rest.index(v)] = slope = _slope_of_tanh(v)
                what = f"the slope of the sigmoid stands where that of tanh belongs: {to_text(slope)}"
                yield Change("derivative", rest[0] if len(rest) == 1 else Hadamard(tuple(rest)), what)


def _one_minus(node: Node) -> Node:
    return build.subtract(build.number(1), node)


def _slope_of_tanh(node: Node) -> Node:
    return _one_minus(Power(node, build.number(2)))


def squares(place: Place, setting: Setting) -> Iterator[Change]:
    """A square that is missing, or one too many."""
    node, parent = place.node, place.parent
    if isinstance(node, Power):
        yield Change("power", node.args[0], f"the square in {to_text(node)} is too many")
    elif isinstance(parent, (Add, Neg)) and not isinstance(node, (Neg, Add, Number)):
        new = Power(node, build.number(2))
        yield Change("power", new, f"a square is missing: {to_text(node)} stands where {to_text(new)} belongs")
