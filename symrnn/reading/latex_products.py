"""How the operands of a row multiply: which sign binds tighter, and what each sign means for their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from symrnn.errors import SymrnnError
from symrnn.language import Kron, Node, build
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_tree import Tree
from symrnn.reading.latex_values import Fail, fits, hadamard, product, quotient

CIRCLED = frozenset({"odot", "*", "otimes", "oslash"})
"""The signs that bind less tightly than standing side by side does."""


@dataclass(frozen=True)
class Operand:
    """A value in a row, the sign before it, and where it was written."""

    sign: str
    value: Node
    tree: Tree

    @property
    def is_wide(self) -> bool:
        """Whether it is more than one number."""
        return not self.value.is_scalar

    @property
    def is_circled(self) -> bool:
        """Whether the sign before it is one of those that bind loosely."""
        return self.sign in CIRCLED


Operands = Sequence[Operand]


def multiplied(operands: Operands, place: Place) -> Node:
    """The value of a row: ``A b ⊙ c d`` is (A b) ⊙ (c d), and read the other way where that is chosen."""
    if not any(o.is_circled for o in operands[1:]):
        return _beside(operands, place)
    if _is_mixed(operands):
        options = ("after what stands side by side", "before it")
        if place.context.pick("the signs ⊙ and ⊗ are taken", options, 3) == 1:
            groups = _split(operands, circled=False)
            return _beside([Operand(g[0].sign, _circled(g, place), g[0].tree) for g in groups], place)
    groups = _split(operands, circled=True)
    return _circled([Operand(g[0].sign, _beside(g, place), g[0].tree) for g in groups], place)


def _is_mixed(operands: Operands) -> bool:
    """Whether matrices stand side by side and also with a circle between them."""
    return any(a.is_wide and b.is_wide and not b.is_circled for a, b in pairwise(operands))


def _split(operands: Operands, circled: bool) -> list[list[Operand]]:
    """Cut before every operand whose sign is (or is not) a circled one."""
    groups: list[list[Operand]] = []
    for position, operand in enumerate(operands):
        if not position or operand.is_circled == circled:
            groups.append([])
        groups[-1].append(operand)
    return groups


def _fail(operands: Operands, place: Place) -> Fail:
    def fail(position: int, error: SymrnnError) -> SymrnnError:
        return place.located(error, operands[position].tree)

    return fail


# -- the signs that bind loosely --------------------------------------------------------------------------------


def _circled(operands: Operands, place: Place) -> Node:
    """From left to right; a run of ⊙ becomes one flat product."""
    if len(operands) == 1:
        return operands[0].value
    run = [operands[0]]
    for operand in operands[1:]:
        if operand.sign in ("odot", "*"):
            run.append(operand)
        else:
            left = Operand("", _elementwise(run, place), run[0].tree)
            run = [Operand("", _other(left, operand, place), run[0].tree)]
    return _elementwise(run, place)


def _elementwise(run: Operands, place: Place) -> Node:
    if len(run) == 1:
        return run[0].value
    return hadamard([o.value for o in run], _fail(run, place))


def _other(left: Operand, right: Operand, place: Place) -> Node:
    try:
        if right.sign == "oslash":
            return quotient(left.value, right.value)
        one, other = left.value, right.value
        both_columns = one.is_column and other.is_column and not (one.is_single and other.is_single)
        options = ("the Kronecker product", "the outer product")
        if both_columns and place.context.pick("the sign ⊗ is", options) == 1:
            return build.matmul(one, build.transpose(other))
        return Kron(one, other)
    except SymrnnError as error:
        raise place.located(error, right.tree) from None


# -- side by side -----------------------------------------------------------------------------------------------


def _beside(operands: Operands, place: Place) -> Node:
    """Factors side by side, with dots, crosses and slashes between."""
    if len(operands) == 1:
        return operands[0].value
    reduced = _dotted(_divided(operands, place), place)
    return product([o.value for o in reduced], _fail(reduced, place))


def _divided(operands: Operands, place: Place) -> list[Operand]:
    """Quotients with a slash: the denominator is the next factor, or all that follows without a sign."""
    found: list[Operand] = []
    position = 0
    while position < len(operands):
        operand = operands[position]
        position += 1
        if operand.sign != "/" or not found:
            found.append(operand)
            continue
        below = [operand]
        following = _run_beside(operands, position)
        if following:
            options = ("only the next factor", "all factors beside it")
            if place.context.pick("under a slash stands", options) == 1:
                below += following
                position += len(following)
        above = found.pop()
        try:
            value = quotient(above.value, product([o.value for o in below], _fail(below, place)))
        except SymrnnError as error:
            raise place.located(error, operand.tree) from None
        found.append(Operand(above.sign, value, above.tree))
    return found


def _run_beside(operands: Operands, position: int) -> list[Operand]:
    run: list[Operand] = []
    while position < len(operands) and not operands[position].sign:
        run.append(operands[position])
        position += 1
    return run


def _dotted(operands: Sequence[Operand], place: Place) -> list[Operand]:
    """Two vectors of one shape with a dot or a cross between: their inner product, or by entries."""
    found: list[Operand] = []
    for operand in operands:
        left = found[-1].value if found else None
        if operand.sign in ("cdot", "times") and left is not None and _are_alike(left, operand.value):
            found[-1] = Operand(found[-1].sign, _dot(left, operand, place), found[-1].tree)
        else:
            found.append(operand)
    return found


def _are_alike(left: Node, right: Node) -> bool:
    return not left.is_single and left.shape == right.shape and not fits(left, right)


def _dot(one: Node, right: Operand, place: Place) -> Node:
    other = right.value
    if right.sign == "cdot":
        options = ("the inner product", "by entries")
        if place.context.pick("a dot between two vectors is", options) == 0:
            return build.apply("dot", one, other)
    return build.times(one, other)
