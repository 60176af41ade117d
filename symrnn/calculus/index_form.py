"""Index form: Einstein summation with Kronecker deltas.

before → after (entry i, l of a matrix, summed letters written once)
    (A @ B)[i, l]       → A[i, p] * B[p, l]
    diag(v)[i, l]       → v[i] * δ(i, l), and the delta is used up where one of its letters is summed
    A.T[i, l]           → A[l, i]
    prod(A, j, …)[i, l] stays an entry of the ordered product
A letter that stands twice in a term and is not free is summed over its axis.

Source: the summation convention as in A. Einstein, "Die Grundlage der allgemeinen Relativitätstheorie" (1916), §5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import singledispatch

from symrnn.language import build
from symrnn.language.binder import Sum
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Delta, Eye, Ones, Zeros
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Call,
    Concat,
    Diag,
    Divide,
    Entry,
    Hadamard,
    HStack,
    Kron,
    MatMul,
    Neg,
    Power,
    Slice,
    Transpose,
)
from symrnn.language.traversal import bound_indices, free_indices, postorder, substitute_indices, variables
from symrnn.primitives import lookup

LETTERS = "pqrsuvwabcdefgh"

Pair = tuple[Index | None, Index | None]
"""The row and the column letter; None along an axis of one."""


@dataclass
class SummedLetters:
    """Hands out summed letters that nobody uses; one object for one formula."""

    taken: set[str]
    summed: set[str]

    def fresh(self) -> Index:
        """A new summed letter."""
        pool = (c + ("" if n == 0 else str(n)) for n in range(100) for c in LETTERS)
        name = next(c for c in pool if c not in self.taken)
        self.taken.add(name)
        self.summed.add(name)
        return Index.of(name)


def index_form(matrix: Node, row: str | None, column: str | None, reserved: Collection[str] = frozenset()) -> Node:
    """The entry (row, column) of an expression as a scalar in Einstein summation; None along an axis of one.

    ``reserved`` are names that no summed letter may have: the cell's variables and sizes.
    """
    free = {name for name in (row, column) if name is not None}
    letters = SummedLetters(
        set(free_indices(matrix)) | set(bound_indices(matrix)) | free | _names(matrix) | set(reserved), set()
    )
    pair = (Index.of(row) if row else None, Index.of(column) if column else None)
    return use_deltas(entry(matrix, pair, letters), frozenset(letters.summed))


def _names(matrix: Node) -> set[str]:
    return {v.name for v in variables(matrix)}


def _pair_entry(node: Node, pair: Pair) -> Node:
    """The plain entry of something that is not looked into."""
    if node.is_scalar:
        return node
    zero = Index.of(0)
    if node.is_column and not node.is_row:
        return Entry(node, (pair[0] if pair[0] is not None else zero,))
    if node.is_row and not node.is_column:
        return Entry(node, (pair[1] if pair[1] is not None else zero,))
    return Entry(node, tuple(p if p is not None else zero for p in pair))


@singledispatch
def entry(node: Node, pair: Pair, letters: SummedLetters) -> Node:
    """The entry of a node at a pair of letters."""
    return _pair_entry(node, pair)


@entry.register
def _(node: MatMul, pair: Pair, letters: SummedLetters) -> Node:
    factors = node.args[0]
    left = pair[0]
    written = []
    for place, factor in enumerate(factors):
        last = place == len(factors) - 1
        right = pair[1] if last else _between(factor, letters)
        written.append(_factor_entry(factor, (left, right), letters))
        left = right
    return build.times(*written)


WRITTEN_INSIDE = 16
"""A factor that is a sum is written entry by entry if it has at most so many nodes; a longer one stays whole."""


def _factor_entry(factor: Node, pair: Pair, letters: SummedLetters) -> Node:
    inside = factor.args[0] if isinstance(factor, Transpose) else factor
    if isinstance(inside, Add) and not inside.is_single and sum(1 for _ in postorder(inside)) > WRITTEN_INSIDE:
        return _pair_entry(factor, pair)
    return entry(factor, pair, letters)


def _between(factor: Node, letters: SummedLetters) -> Index | None:
    return None if factor.shape[1].constant == 1 else letters.fresh()


@entry.register
def _(node: Add, pair: Pair, letters: SummedLetters) -> Node:
    return build.add(*(entry(t, _fit(t, pair), letters) for t in node.args[0]))


def _fit(term: Node, pair: Pair) -> Pair:
    return (None, None) if term.is_single else pair


@entry.register
def _(node: Hadamard, pair: Pair, letters: SummedLetters) -> Node:
    return build.times(*(entry(f, _fit(f, pair), letters) for f in node.args[0]))


@entry.register
def _(node: Neg, pair: Pair, letters: SummedLetters) -> Node:
    return build.neg(entry(node.args[0], pair, letters))


@entry.register
def _(node: Divide, pair: Pair, letters: SummedLetters) -> Node:
    top, bottom = node.args
    return build.divide(entry(top, _fit(top, pair), letters), entry(bottom, _fit(bottom, pair), letters))


@entry.register
def _(node: Power, pair: Pair, letters: SummedLetters) -> Node:
    base, exponent = node.args
    return build.power(entry(base, pair, letters), entry(exponent, (None, None), letters))


@entry.register
def _(node: Transpose, pair: Pair, letters: SummedLetters) -> Node:
    return entry(node.args[0], pair[::-1], letters)


@entry.register
def _(node: Diag, pair: Pair, letters: SummedLetters) -> Node:
    row, column = pair
    vector = node.args[0]
    assert row is not None
    assert column is not None
    along: Pair = (row, None) if vector.is_column else (None, row)
    return build.times(entry(vector, along, letters), Delta(row, column))


@entry.register
def _(node: Eye, pair: Pair, letters: SummedLetters) -> Node:
    row, column = (p if p is not None else Index.of(0) for p in pair)
    return Delta(row, column)


@entry.register
def _(node: Ones, pair: Pair, letters: SummedLetters) -> Node:
    used = [p for p in pair if p is not None and p.name in letters.summed]
    return _pair_entry(node, pair) if used else ONE


@entry.register
def _(node: Zeros, pair: Pair, letters: SummedLetters) -> Node:
    return Zeros(())


@entry.register
def _(node: Slice, pair: Pair, letters: SummedLetters) -> Node:
    operand, rows, columns = node.args
    shifted = []
    for letter, span, axis in zip(pair, (rows, columns), operand.shape, strict=True):
        if span is None:
            shifted.append(letter)
        else:
            base = letter if letter is not None else Index.of(0)
            shifted.append(None if axis.constant == 1 else base + span[0])
    # A shifted letter does not run over the whole axis of the operand: only an unshifted or fixed one goes inside.
    if all(s is None or p is None or s == p for s, p in zip(shifted, pair, strict=True)) and isinstance(operand, Eye):
        return entry(operand, (shifted[0], shifted[1]), letters)
    return _pair_entry(node, pair)


@entry.register(HStack)
@entry.register(Concat)
def _(node: Node, pair: Pair, letters: SummedLetters) -> Node:
    axis = 1 if isinstance(node, HStack) else 0
    place, letter = _unit_place(node, axis), pair[axis]
    return Delta(letter, place) if place is not None and letter is not None else _pair_entry(node, pair)


def _unit_place(node: Node, axis: int) -> Index | None:
    """Where the one stands in a unit vector that is a stack of zeros and one row of an identity; None for others."""
    offset = Index.of(0)
    found: Index | None = None
    for stacked in node.args[0]:
        part = stacked.args[0] if axis == 0 and isinstance(stacked, Transpose) else stacked
        if isinstance(part, Slice) and isinstance(part.args[0], Eye) and part.is_row and part.args[1] is not None:
            if found is not None or part.args[2] is not None:
                return None
            found = offset + part.args[1][0]
        elif not isinstance(part, Zeros):
            return None
        offset = offset + (stacked.shape[axis] if stacked.shape else Index.of(1))
    return found


@entry.register
def _(node: Call, pair: Pair, letters: SummedLetters) -> Node:
    record = lookup(node.name)
    if record is None or record.kind == "elementwise":
        operand = node.arguments[0]
        return Call(node.name, (entry(operand, _fit(operand, pair), letters),), node.order)
    return _pair_entry(node, pair)


@entry.register
def _(node: Sum, pair: Pair, letters: SummedLetters) -> Node:
    return Sum(entry(node.body, pair, letters), node.index, node.lower, node.upper)


@entry.register
def _(node: Kron, pair: Pair, letters: SummedLetters) -> Node:
    return _pair_entry(node, pair)


def use_deltas(node: Node, summed: frozenset[str]) -> Node:
    """Remove every delta one of whose letters is summed: δ(i, p) A[p, l] = A[i, l]."""
    if isinstance(node, Add):
        return build.add(*(use_deltas(t, summed) for t in node.args[0]))
    if isinstance(node, Neg):
        return build.neg(use_deltas(node.args[0], summed))
    if isinstance(node, Sum):
        return build.sum_over(use_deltas(node.body, summed), node.index, node.lower, node.upper)
    if isinstance(node, Hadamard):
        return _contract(list(_factors(node)), summed)
    if isinstance(node, Divide):
        return build.divide(use_deltas(node.args[0], summed), node.args[1])
    return node


def _factors(node: Node) -> Iterator[Node]:
    if isinstance(node, Hadamard):
        for factor in node.args[0]:
            yield from _factors(factor)
    else:
        yield node


def _contract(factors: list[Node], summed: frozenset[str]) -> Node:
    for place, factor in enumerate(factors):
        if isinstance(factor, Delta):
            for here, there in (factor.args, factor.args[::-1]):
                if here.name in summed and here != there:
                    rest = factors[:place] + factors[place + 1 :]
                    moved = [substitute_indices(f, {here.name: there}) for f in rest]
                    return _contract(moved, summed) if moved else ONE
    # A sum among the factors may hide deltas that concern only itself.
    return build.times(*(use_deltas(f, summed) if isinstance(f, Sum) else f for f in factors))
