"""Named rewrites, each one equality between expressions.

``collapse``            c diag(1/v) (diag(v) − v vᵀ)  →  c − (c 1) vᵀ        (softmax after a logarithm)
``unit_sum``            yᵀ 1 → 1                                            (y declared one-hot or a distribution)
``tidy``                signs and order as one writes them: −yᵀ + ŷᵀ → (ŷ − y)ᵀ
"""

from __future__ import annotations

from collections.abc import Callable

from symrnn.calculus.products import folded, product, transpose
from symrnn.language import build
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Eye, Ones, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Add, Diag, Divide, Hadamard, MatMul, Neg, Transpose
from symrnn.language.traversal import map_nodes

UNIT_SUM = frozenset({"onehot", "distribution"})


def collapse(root: Node) -> Node:
    """Multiply out a row with a softmax's Jacobian where a logarithm before it cancels the diagonal.

    Source: with c = −yᵀ this is −yᵀ diag(1/ŷ) (diag(ŷ) − ŷŷᵀ) = (yᵀ1) ŷᵀ − yᵀ, as in Goodfellow et al. (2016),
    eq. 10.18.
    """
    return map_nodes(root, _collapse_product)


def _collapse_product(node: Node) -> Node:
    if not isinstance(node, MatMul):
        return node
    factors = node.args[0]
    for place, factor in enumerate(factors):
        right = _softmax_jacobian(factor)
        if right is not None and place and _reciprocal(factors[place - 1]) is right:
            return _collapsed(factors[: place - 1], factors[place - 1], right, factors[place + 1 :], left=True)
        if right is not None and place + 1 < len(factors) and _reciprocal(factors[place + 1]) is right:
            return _collapsed(factors[:place], factors[place + 1], right, factors[place + 2 :], left=False)
        shift = _log_softmax_jacobian(factor)
        if shift is not None and place and factors[place - 1].is_row:
            row = product(*factors[:place])
            kept = build.subtract(row, product(row, *shift))
            return product(kept, *factors[place + 1 :])
    return node


def _softmax_jacobian(node: Node) -> Node | None:
    """The v of diag(v) − v vᵀ."""
    if not isinstance(node, Add) or len(node.args[0]) != 2:
        return None
    first, second = node.args[0]
    if not (isinstance(first, Diag) and isinstance(second, Neg)):
        return None
    v = first.args[0]
    return v if second.args[0] is build.matmul(v, build.transpose(v)) else None


def _log_softmax_jacobian(node: Node) -> tuple[Node, Node] | None:
    """The (1, pᵀ) of I − 1 pᵀ."""
    if not isinstance(node, Add) or len(node.args[0]) != 2:
        return None
    first, second = node.args[0]
    if not (isinstance(first, Eye) and isinstance(second, Neg) and isinstance(second.args[0], MatMul)):
        return None
    factors = second.args[0].args[0]
    return (factors[0], product(*factors[1:])) if isinstance(factors[0], Ones) else None


def _reciprocal(node: Node) -> Node | None:
    """The v of diag(a / v)."""
    if isinstance(node, Diag) and isinstance(node.args[0], Divide):
        return node.args[0].args[1]
    return None


def _collapsed(before: tuple[Node, ...], quotient: Node, v: Node, after: tuple[Node, ...], left: bool) -> Node:
    top = quotient.args[0].args[0]
    size = v.shape[0]
    weight = [] if top is ONE else [Diag(top) if not top.is_single else top]
    outer = transpose(v)
    ones = Ones(size, Index.of(1))
    if left:
        row = product(*before, *weight) if before or weight else Eye(size)
        kept = build.subtract(row, product(row, ones, outer))
        return product(kept, *after)
    column = product(*weight, *after) if weight or after else Eye(size)
    kept = build.subtract(column, product(v, transpose(ones), column))
    return product(*before, kept)


def unit_sums(cell: Cell) -> Callable[[Node], Node]:
    """The rewrite yᵀ1 → 1 for the targets of a cell that are declared one-hot or a distribution."""
    unit = {d.name for d in cell.declarations if d.attributes & UNIT_SUM}

    def rule(node: Node) -> Node:
        if not isinstance(node, MatMul):
            return node
        factors = list(node.args[0])
        for place in range(len(factors) - 1):
            pair = factors[place : place + 2]
            if _is_unit_row(pair[0], unit) and isinstance(pair[1], Ones) and pair[1].is_column:
                return product(*factors[:place], *factors[place + 2 :]) if len(factors) > 2 else ONE
            if isinstance(pair[0], Ones) and pair[0].is_row and _is_unit_column(pair[1], unit):
                return product(*factors[:place], *factors[place + 2 :]) if len(factors) > 2 else ONE
        return node

    return lambda root: map_nodes(root, rule)


def _is_unit_column(node: Node, unit: set[str]) -> bool:
    return isinstance(node, Variable) and node.name in unit


def _is_unit_row(node: Node, unit: set[str]) -> bool:
    return isinstance(node, Transpose) and _is_unit_column(node.args[0], unit)


def tidy(root: Node) -> Node:
    """Signs and transposes as one writes them: −(−yᵀ1) …, −yᵀ + ŷᵀ → (ŷ − y)ᵀ, positive terms first."""
    return map_nodes(root, _tidy_one)


def _tidy_one(node: Node) -> Node:
    if isinstance(node, Add):
        return _tidy_sum(node)
    if isinstance(node, MatMul):
        return product(*node.args[0])
    if isinstance(node, Hadamard):
        return folded(node)
    if isinstance(node, Neg):
        return _tidy_negative(node)
    return node


def _tidy_negative(node: Neg) -> Node:
    """−(A − B) C is (B − A) C: the sign goes into the first difference that is a factor."""
    turned = _turn(node.args[0])
    return node if turned is None else turned


def _turn(node: Node) -> Node | None:
    """The negative of a node by turning a difference round, or None where no difference stands in reach."""
    if isinstance(node, Neg):
        return node.args[0]
    if isinstance(node, Add) and len(node.args[0]) == 2 and isinstance(node.args[0][1], Neg):
        first, second = node.args[0]
        return (
            None if first.is_single or isinstance(first, (Diag, Eye)) else build.add(second.args[0], build.neg(first))
        )
    if isinstance(node, Transpose):
        inside = _turn(node.args[0])
        return None if inside is None else build.transpose(inside)
    if isinstance(node, (MatMul, Hadamard)):
        factors = list(node.args[0])
        for place, factor in enumerate(factors):
            turned = _turn(factor)
            if turned is not None:
                factors[place] = turned
                return type(node)(tuple(factors))
    return None


def _tidy_sum(node: Node) -> Node:
    if not isinstance(node, Add):
        return node
    flat = build.add(*node.args[0])
    if not isinstance(flat, Add):
        return flat
    terms = flat.args[0]
    positive = [t for t in terms if not isinstance(t, Neg)]
    negative = [t for t in terms if isinstance(t, Neg)]
    # A leading minus sign reads badly; otherwise the order stays as it came about.
    ordered = [*positive, *negative] if isinstance(terms[0], Neg) and positive else list(terms)
    bare = [t.args[0] if isinstance(t, Neg) else t for t in ordered]
    if len(bare) > 1 and all(isinstance(t, Transpose) for t in bare):
        inside = [build.neg(b.args[0]) if isinstance(t, Neg) else b.args[0] for t, b in zip(ordered, bare, strict=True)]
        return build.transpose(build.add(*inside))
    return build.add(*ordered)


Finish = Callable[[Node], Node]


def finisher(cell: Cell) -> Finish:
    """What every derived expression passes through: softmax after log, unit sums, signs."""
    assume = unit_sums(cell)
    return lambda node: tidy(assume(collapse(node)))
