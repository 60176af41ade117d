"""The notation of sums, products, powers, stacks and functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType

from symrnn.emitting.boxes import Box, Fence, Fraction, Glyph, Grid, Kind, Mark, Root, Scripts, flat_row
from symrnn.emitting.names import index_box, letters_box, named, prime
from symrnn.emitting.rules import (
    HADAMARD,
    KRON,
    MINUS,
    NEGATIVE,
    OVER,
    PLUS,
    TRANSPOSE,
    Set,
    Setter,
    Tight,
    applied,
    function_glyph,
    joined,
    number_glyph,
    rule,
    side_by_side,
)
from symrnn.emitting.rules_leaves import number_set, sizes_box
from symrnn.language import (
    Add,
    Call,
    Commutation,
    Concat,
    Determinant,
    Diag,
    Divide,
    Hadamard,
    HStack,
    Index,
    Inverse,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Power,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
)
from symrnn.language.traversal import variables
from symrnn.primitives import lookup


def signed(term: Node) -> tuple[bool, Node]:
    """Whether a term is shown with a minus in front, and what follows it.

    This is notation alone: ``a + (-2)*b`` is shown as a − 2 b.
    """
    if isinstance(term, Neg):
        return True, term.args[0]
    if isinstance(term, Number) and term.value < 0:
        return True, Number(-term.value)
    if isinstance(term, Hadamard) and isinstance(term.args[0][0], Number) and term.args[0][0].value < 0:
        return True, _without_sign(*term.args[0])
    if isinstance(term, Divide) and isinstance(term.args[0], Number) and term.args[0].value < 0:
        return True, Divide(Number(-term.args[0].value), term.args[1])
    return False, term


def _without_sign(first: Number, *rest: Node) -> Node:
    """A product without its minus: -1 x is −x, but numbers stay beside numbers, as in −3 · 0 and −1 · 11."""
    if first.value == -1 and not isinstance(rest[0], Number):
        return rest[0] if len(rest) == 1 else Hadamard(rest)
    return Hadamard((Number(-first.value), *rest))


@rule.register
def _(node: Add, setter: Setter) -> Set:
    items: list[Box] = []
    for position, term in enumerate(node.args[0]):
        negative, shown = signed(term)
        if items:
            items.append(MINUS if negative else PLUS)
        elif negative:
            items.append(NEGATIVE)
        box = setter.child(shown, Tight.CIRCLED if items else Tight.SUM)
        items.append(Mark(box, term, "term", position))
    return Set(flat_row(*items), Tight.SUM)


@rule.register
def _(node: Neg, setter: Setter) -> Set:
    return Set(flat_row(NEGATIVE, setter.child(node.args[0], Tight.CIRCLED)), Tight.SUM)


@rule.register
def _(node: MatMul, setter: Setter) -> Set:
    return product_set(node.args[0], setter, Tight.PRODUCT, Tight.FRACTION)


@rule.register
def _(node: Hadamard, setter: Setter) -> Set:
    """Scalars stand beside what they multiply, the circle stands between the others."""
    negative, shown = signed(node)
    if negative:
        return Set(flat_row(NEGATIVE, setter.child(shown, Tight.CIRCLED)), Tight.SUM)
    groups: list[list[Node]] = [[]]
    for factor in node.args[0]:
        if not factor.is_single and any(not f.is_single for f in groups[-1]):
            groups.append([])
        groups[-1].append(factor)
    if len(groups) == 1:
        return product_set(node.args[0], setter, Tight.FRACTION, Tight.PRODUCT)
    boxes = [_circled_part(tuple(group), setter) for group in groups]
    return Set(joined(boxes, HADAMARD[setter.style.hadamard]), Tight.CIRCLED)


def _circled_part(group: tuple[Node, ...], setter: Setter) -> Box:
    if len(group) == 1:
        return setter.child(group[0], Tight.FRACTION)
    found = product_set(group, setter, Tight.FRACTION, Tight.FRACTION)
    return found.box if found.tight >= Tight.PRODUCT else Fence(found.box)


def product_set(factors: tuple[Node, ...], setter: Setter, first: Tight, last: Tight) -> Set:
    """Factors side by side; ``first`` and ``last`` are what the outer ones may be without parentheses.

    A sum over an index is open to the right, so it stands without parentheses only as the last factor.
    """
    boxes = [setter.child(factors[0], _least(factors[0], first))]
    boxes += [setter.child(factor, Tight.FRACTION) for factor in factors[1:-1]]
    final = setter.set(factors[-1])
    opened = final.tight is Tight.BINDER
    boxes.append(final.box if opened else setter.child(factors[-1], _least(factors[-1], last)))
    return Set(side_by_side(boxes, setter.style), Tight.BINDER if opened else Tight.PRODUCT)


def _least(factor: Node, allowed: Tight) -> Tight:
    """A 1×1 product that counts as a scalar keeps its parentheses: (yᵀx) z is not y (xᵀz)."""
    return Tight.FRACTION if isinstance(factor, MatMul) and factor.is_single else allowed


@rule.register
def _(node: Divide, setter: Setter) -> Set:
    top, bottom = node.args
    if not top.is_single and not bottom.is_single:
        pair = [setter.child(part, Tight.FRACTION) for part in (top, bottom)]
        return Set(joined(pair, OVER), Tight.CIRCLED)
    negative, shown = signed(top) if isinstance(top, Number) else (False, top)
    box = Fraction(setter.child(shown, Tight.SUM), setter.child(bottom, Tight.SUM))
    return Set(flat_row(NEGATIVE, box), Tight.SUM) if negative else Set(box, Tight.FRACTION)


@rule.register
def _(node: Power, setter: Setter) -> Set:
    base, exponent = node.args
    above = _exponent(exponent, setter)
    circled = not base.is_single and (
        not (base.is_column or base.is_row) or setter.style.power == "circled" or not _is_positive(exponent)
    )
    if circled:
        above = flat_row(replace(HADAMARD[setter.style.hadamard], kind=Kind.SIGN), above)
    if isinstance(base, Call) and not base.order and not circled and _is_positive(exponent):
        name = function_name(base, setter)
        if isinstance(name, Glyph) and name.kind is Kind.FUNCTION and base.name not in SPECIAL:
            return applied(Scripts(name, None, above), *_arguments(base, setter))
    return raised(setter.child(base, Tight.CALL), above)


def raised(base: Box, above: Box) -> Set:
    """A superscript, joined to the base's own subscript where it has one."""
    if isinstance(base, Scripts) and base.sup is None:
        return Set(Scripts(base.base, base.sub, above), Tight.SCRIPTED)
    return Set(Scripts(base, None, above), Tight.SCRIPTED)


def _is_positive(exponent: Node) -> bool:
    return isinstance(exponent, Number) and exponent.value.denominator == 1 and exponent.value > 0


def _exponent(node: Node, setter: Setter) -> Box:
    if isinstance(node, Number):
        return number_set(node.value, slashed=True).box
    return setter.set(node).box


@rule.register
def _(node: MatrixPower, setter: Setter) -> Set:
    return raised(setter.child(node.args[0], Tight.CALL), index_box(node.args[1]))


@rule.register
def _(node: Inverse, setter: Setter) -> Set:
    return raised(setter.child(node.args[0], Tight.CALL), flat_row(NEGATIVE, number_glyph("1")))


@rule.register
def _(node: Transpose, setter: Setter) -> Set:
    """A variable's time or number above and the mark share the superscript, as in h^{(t)⊤}."""
    operand = setter.set(node.args[0]).box
    if isinstance(node.args[0], Variable) and isinstance(operand, Scripts) and isinstance(operand.sup, Fence):
        return Set(replace(operand, sup=flat_row(operand.sup, TRANSPOSE[setter.style.transpose])), Tight.SCRIPTED)
    return raised(setter.child(node.args[0], Tight.CALL), TRANSPOSE[setter.style.transpose])


@rule.register
def _(node: Trace, setter: Setter) -> Set:
    return applied(function_glyph("tr"), setter.child(node.args[0], Tight.SUM))


@rule.register
def _(node: Determinant, setter: Setter) -> Set:
    return applied(Glyph("det", r"\det", Kind.FUNCTION), setter.child(node.args[0], Tight.SUM))


@rule.register
def _(node: Diag, setter: Setter) -> Set:
    return applied(function_glyph("diag"), setter.child(node.args[0], Tight.SUM))


@rule.register
def _(node: Vec, setter: Setter) -> Set:
    return applied(function_glyph("vec"), setter.child(node.args[0], Tight.SUM))


@rule.register
def _(node: Unvec, setter: Setter) -> Set:
    operand, rows, columns = node.args
    name = Scripts(function_glyph("unvec"), sizes_box((rows, columns)))
    return applied(name, setter.child(operand, Tight.SUM))


@rule.register
def _(node: Commutation, setter: Setter) -> Set:
    letter = letters_box("K", False, setter.style.letters == "bold")
    return Set(Scripts(letter, joined([index_box(size) for size in node.args])), Tight.ATOM)


@rule.register
def _(node: Kron, setter: Setter) -> Set:
    left, right = (setter.child(part, Tight.FRACTION) for part in node.args)
    return Set(joined([left, right], KRON), Tight.CIRCLED)


@rule.register
def _(node: Concat, setter: Setter) -> Set:
    """A column of blocks; rows that are themselves split into as many blocks make a matrix of blocks."""
    parts = node.args[0]
    split = [part.args[0] for part in parts if isinstance(part, HStack)]
    if len(split) == len(parts) and _aligned(split, axis=1):
        return grid_set(split, setter)
    return grid_set([(part,) for part in parts], setter)


@rule.register
def _(node: HStack, setter: Setter) -> Set:
    """A row of blocks; columns that are themselves split into as many blocks make a matrix of blocks."""
    parts = node.args[0]
    split = [part.args[0] for part in parts if isinstance(part, Concat)]
    if len(split) == len(parts) and _aligned(split, axis=0):
        return grid_set(list(zip(*split, strict=True)), setter)
    return grid_set([parts], setter)


def _aligned(stacks: list[tuple[Node, ...]], axis: int) -> bool:
    """Whether the blocks of several stacks have the same sizes along an axis, so that lines run through."""
    sizes = [[part.shape[axis] if part.shape else Index.of(1) for part in stack] for stack in stacks]
    return all(size == sizes[0] for size in sizes)


def grid_set(rows: Sequence[tuple[Node, ...]], setter: Setter) -> Set:
    """A matrix of blocks."""
    left, right = ("(", ")") if setter.style.matrix == "round" else ("[", "]")
    cells = tuple(tuple(setter.child(part, Tight.SUM) for part in row) for row in rows)
    return Set(Grid(cells, left, right, _time_of(rows)), Tight.ATOM)


def _time_of(rows: Sequence[tuple[Node, ...]]) -> Box | None:
    """The time of a block matrix: the one symbol in its entries' times, or the latest of numbers."""
    times = {v.time for row in rows for part in row for v in variables(part) if v.time is not None}
    symbols = {name for time in times for name in time.names()}
    if len(symbols) == 1:
        return index_box(Index.of(symbols.pop()))
    numbers = [time.constant for time in times if time.constant is not None]
    return index_box(Index.of(max(numbers))) if numbers and not symbols else None


@rule.register
def _(node: Call, setter: Setter) -> Set:
    if not node.order and node.name in SPECIAL:
        return SPECIAL[node.name](node, setter)
    primitive = lookup(node.name)
    worked_out = setter.style.slopes == "evaluated" and node.order == 1
    if worked_out and primitive is not None and primitive.derivative is not None:
        argument = node.arguments[0]
        return setter.set(primitive.derivative(Call(node.name, (argument,)), argument))
    return applied(function_name(node, setter), *_arguments(node, setter))


def _arguments(node: Call, setter: Setter) -> list[Box]:
    return [setter.child(argument, Tight.SUM) for argument in node.arguments]


def function_name(node: Call, setter: Setter) -> Box:
    """The name of a function with its primes."""
    primitive = lookup(node.name)
    name: Box
    if primitive is None:
        name = named(node.name, setter.style).box
    elif node.name == "sigmoid" and setter.style.sigmoid == "name":
        name = function_glyph("sigmoid")
    elif len(primitive.unicode) == 1:
        name = Glyph(primitive.unicode, primitive.latex, Kind.LETTER, plain=primitive.name)
    else:
        name = Glyph(primitive.unicode, primitive.latex, Kind.FUNCTION)
    return raised(name, prime(node.order)).box if node.order else name


def _root(node: Call, setter: Setter) -> Set:
    return Set(Root(setter.child(node.arguments[0], Tight.SUM)), Tight.CALL)


def _absolute(node: Call, setter: Setter) -> Set:
    return Set(Fence(setter.child(node.arguments[0], Tight.SUM), "|", "|"), Tight.ATOM)


def _squared_norm(node: Call, setter: Setter) -> Set:
    operand = node.arguments[0]
    vector = operand.is_single or operand.is_column or operand.is_row
    norm = Fence(setter.child(operand, Tight.SUM), "‖", "‖")
    return Set(Scripts(norm, None if vector else letters_box("F", False), number_glyph("2")), Tight.SCRIPTED)


def _inner_product(node: Call, setter: Setter) -> Set:
    return Set(Fence(joined(_arguments(node, setter)), "⟨", "⟩"), Tight.ATOM)


SPECIAL: MappingProxyType[str, Callable[[Call, Setter], Set]] = MappingProxyType(
    {"sqrt": _root, "abs": _absolute, "norm2": _squared_norm, "dot": _inner_product}
)
"""The functions that have a notation of their own."""
