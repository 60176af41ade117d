"""Answers that don't multiply: changes to what was written, before it means anything.

A product that isn't conformable has no node, so the search works on the syntax: factors in another order, a transpose
more or less, ``*`` for ``@``, a factor left out.  Each change is printed and read again like any other answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from symrnn.errors import Location, SymrnnError
from symrnn.reading.parser import Parser, statements
from symrnn.reading.syntax import (
    Apply,
    Chain,
    Minus,
    Name,
    Num,
    Raised,
    SpanItem,
    Subscript,
    Transposed,
    Tree,
    walk,
)
from symrnn.reading.tokens import Source, tokenize

MOST_OPERANDS = 8
MOST_TREES = 400


@dataclass(frozen=True)
class Sketch:
    """A changed answer: its text, what was wrong, and what stood and stands there."""

    text: str
    kind: str
    mistake: str
    before: str
    after: str


Line = tuple[Tree | None, Tree]


def sketches(text: str, source: str = "answer") -> Iterator[Sketch]:
    """Every text one change away, the likeliest first; nothing where the text is not of the formula language."""
    try:
        lines = _lines(text, source)
    except SymrnnError:
        return
    for rule in (_orders, _transposes, _diagonals, _groups, _operators, _products_for_sums, _shorter):
        for number, (left, right) in enumerate(lines):
            for changed, mistake, before, after, kind in _everywhere(right, rule):
                new = [*lines[:number], (left, changed), *lines[number + 1 :]]
                yield Sketch("\n".join(_line(line) for line in new), kind, mistake, before, after)


def plain(text: str, source: str = "answer") -> str:
    """The text as its sketches are written, so that only what was changed differs."""
    return "\n".join(_line(line) for line in _lines(text, source))


def _lines(text: str, name: str) -> list[Line]:
    source = Source.of(text, Location(name))
    found: list[Line] = []
    for tokens in statements(tokenize(text, source), source):
        parser = Parser(tokens, source)
        left, right = None, parser.expression()
        if parser.skip("="):
            left, right = right, parser.expression()
        found.append((left, right))
    return found


def _line(line: Line) -> str:
    left, right = line
    return unparse(right) if left is None else f"{unparse(left)} = {unparse(right)}"


Changed = tuple[Tree, str, str]
"""A tree instead of another, the kind of mistake, and the mistake in words."""


def _everywhere(root: Tree, rule: Callable[[Tree], Iterator[Changed]]) -> Iterator[tuple[Tree, str, str, str, str]]:
    found = [tree for count, tree in enumerate(walk(root)) if count < MOST_TREES]
    trees: list[Tree] = [tree for tree in found if not isinstance(tree, SpanItem)]
    for tree in trees:
        for new, kind, mistake in rule(tree):
            yield _with(root, tree, new), mistake, unparse(tree), unparse(new), kind


def _with(root: Tree, old: Tree, new: Tree) -> Tree:
    """The tree with one of its trees (that very object) exchanged."""
    if root is old:
        return new
    match root:
        case Apply(arguments=arguments):
            return replace(root, arguments=tuple(_with(a, old, new) for a in arguments))
        case Subscript(base=base):
            return replace(root, base=_with(base, old, new))
        case Transposed(operand=operand) | Minus(operand=operand):
            return replace(root, operand=_with(operand, old, new))
        case Chain(first=first, rest=rest):
            return replace(root, first=_with(first, old, new), rest=tuple((o, _with(t, old, new)) for o, t in rest))
        case Raised(base=base, exponent=exponent):
            return replace(root, base=_with(base, old, new), exponent=_with(exponent, old, new))
        case _:
            return root


def _products(tree: Tree) -> list[Tree] | None:
    """The operands of a chain of matrix products."""
    if not isinstance(tree, Chain) or any(operator != "@" for operator, _ in tree.rest):
        return None
    return [tree.first, *(operand for _, operand in tree.rest)]


def _chain(tree: Chain, operands: list[Tree]) -> Tree:
    if len(operands) == 1:
        return operands[0]
    return replace(tree, first=operands[0], rest=tuple(("@", operand) for operand in operands[1:]))


def _orders(tree: Tree) -> Iterator[Changed]:
    operands = _products(tree)
    if operands is None or len(operands) > MOST_OPERANDS:
        return
    assert isinstance(tree, Chain)
    for i, j in combinations(range(len(operands)), 2):
        changed = list(operands)
        changed[i], changed[j] = changed[j], changed[i]
        moved = [operands[i], operands[j]]
        diags = [o for o in moved if isinstance(o, Apply) and o.name == "diag"]
        what = "the diag stands on the wrong side" if len(diags) == 1 else "factors are in the wrong order"
        yield _chain(tree, changed), "swap", f"{what}: {' and '.join(unparse(o) for o in moved)}"
    if len(operands) > 2:
        yield _chain(tree, operands[::-1]), "swap", "the factors are in the opposite order"


def _transposes(tree: Tree) -> Iterator[Changed]:
    if isinstance(tree, Transposed):
        yield tree.operand, "transpose", f"one transpose too many: {unparse(tree)}"
    elif not isinstance(tree, (Num, Minus)):
        new = Transposed(tree, tree.position)
        yield new, "transpose", f"a transpose is missing: {unparse(tree)} stands where {unparse(new)} belongs"


def _diagonals(tree: Tree) -> Iterator[Changed]:
    """``diag(v) @ W`` for ``v * W`` and ``v @ W``: elsewhere a vector is stretched along a matrix, here it is not."""
    if not isinstance(tree, Chain) or tree.is_sum:
        return
    operands = [tree.first, *(operand for _, operand in tree.rest)]
    for number, operand in enumerate(operands):
        if isinstance(operand, Apply) and operand.name == "diag":
            continue
        made = Apply("diag", 0, (operand,), operand.position)
        changed = [*operands[:number], made, *operands[number + 1 :]]
        signs = ["@" if place in (number - 1, number) else sign for place, (sign, _) in enumerate(tree.rest)]
        new = replace(tree, first=changed[0], rest=tuple(zip(signs, changed[1:], strict=True)))
        yield new, "diag", f"a diag is missing: {unparse(operand)} stands where {unparse(made)} belongs"


def _groups(tree: Tree) -> Iterator[Changed]:
    """``v * (A @ b)`` for ``v * A @ b``, which is read from left to right."""
    if not isinstance(tree, Chain) or tree.is_sum:
        return
    for number, (sign, operand) in enumerate(tree.rest[:-1]):
        if sign != "*":
            continue
        inner = replace(tree, first=operand, rest=tree.rest[number + 1 :])
        new = replace(tree, rest=(*tree.rest[:number], (sign, inner)))
        yield new, "parenthesis", f"parentheses are missing around {unparse(inner)}"


def _operators(tree: Tree) -> Iterator[Changed]:
    if not isinstance(tree, Chain) or tree.is_sum:
        return
    for number, (operator, operand) in enumerate(tree.rest):
        other = {"@": "*", "*": "@"}.get(operator)
        if other is not None:
            rest = (*tree.rest[:number], (other, operand), *tree.rest[number + 1 :])
            yield replace(tree, rest=rest), "operator", f"the product before {unparse(operand)} should be {other}"


def _products_for_sums(tree: Tree) -> Iterator[Changed]:
    """``diag(v) @ g`` for ``diag(v) + g``."""
    if not isinstance(tree, Chain) or not tree.is_sum or len(tree.rest) != 1:
        return
    operator, operand = tree.rest[0]
    for other in ("@", "*") if operator == "+" else ():
        yield replace(tree, rest=((other, operand),)), "operator", f"the + before {unparse(operand)} should be {other}"


def _shorter(tree: Tree) -> Iterator[Changed]:
    operands = _products(tree)
    if operands is None:
        return
    assert isinstance(tree, Chain)
    for number, operand in enumerate(operands):
        rest = [*operands[:number], *operands[number + 1 :]]
        yield _chain(tree, rest), "extra factor", f"the factor {unparse(operand)} is too many"


def unparse(tree: Tree | SpanItem) -> str:
    """A tree as text of the formula language again."""
    match tree:
        case Num(value=value):
            return str(value) if value.denominator == 1 else f"frac({value.numerator}, {value.denominator})"
        case Name(name=name):
            return name
        case Apply(name=name, order=order, arguments=arguments):
            return f"{name}{order * chr(39)}({', '.join(unparse(a) for a in arguments)})"
        case SpanItem(start=start, stop=stop):
            return ":".join("" if side is None else unparse(side) for side in (start, stop))
        case Subscript(base=base, items=items):
            return f"{_tight(base)}[{','.join(unparse(i).replace(' ', '') for i in items)}]"
        case Transposed(operand=operand):
            return f"{_tight(operand)}.T"
        case Minus(operand=operand):
            return f"-{_tight(operand)}"
        case Raised(base=base, exponent=exponent):
            return f"{_tight(base)}**{_tight(exponent)}"
        case Chain(first=first, rest=rest):
            inner = unparse if tree.is_sum else _tight
            return inner(first) + "".join(f" {operator} {_tight_term(operand, tree)}" for operator, operand in rest)


def _tight_term(operand: Tree, chain: Chain) -> str:
    if chain.is_sum and (isinstance(operand, Raised) or (isinstance(operand, Chain) and not operand.is_sum)):
        return unparse(operand)
    return _tight(operand)


def _tight(tree: Tree) -> str:
    return f"({unparse(tree)})" if isinstance(tree, (Chain, Minus, Raised)) else unparse(tree)
