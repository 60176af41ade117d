"""How many parameters a cell has: a formula in its sizes, and its value.

Texts count biases differently: the mathematics has one bias in ``W x + U h + b``, some libraries keep two
(one beside each product), and some exercises leave it out.  So the count is given as written, and for the
other conventions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from symrnn.inquiry.sizes import check_sizes, value_of
from symrnn.language.cell import Cell, Declaration, Equation, Start
from symrnn.language.index import Index
from symrnn.language.leaf import Ones, Role, Variable
from symrnn.language.node import Node, Shape
from symrnn.language.operation import Add, MatMul, Neg, Slice, Transpose
from symrnn.language.traversal import postorder, variables

MOVING = (Role.INPUT, Role.TARGET, Role.COMPUTED)
"""The roles of what changes from step to step."""


@dataclass(frozen=True)
class Count:
    """One parameter: ``kind`` is weight, bias or start (a learned initial value); ``formula`` counts its
    numbers.
    """

    name: str
    kind: str
    shape: Shape
    formula: Index


@dataclass(frozen=True)
class AffineSum:
    """A sum such as ``W x + U h + b``: its biases, and whether its products read two different sources.

    Only there do libraries keep two biases.
    """

    equation: str
    biases: tuple[str, ...]
    mixes: bool


@dataclass(frozen=True)
class ParameterCount:
    """The count of a cell's parameters; see :func:`count_parameters`.

    ``sums`` are the sums with a bias.  The conventions: ``total`` is what the cell says, ``without_biases``
    leaves biases out, ``one_bias`` and ``two_biases`` have as many in each sum that adds up two products and
    has a bias.
    """

    cell: str
    counts: tuple[Count, ...]
    sums: tuple[AffineSum, ...]

    @cached_property
    def total(self) -> Index:
        """As the cell is written."""
        return _sum(c.formula for c in self.counts)

    @cached_property
    def weights(self) -> Index:
        """Everything that is neither a bias nor an initial value."""
        return _sum(c.formula for c in self.counts if c.kind == "weight")

    @cached_property
    def biases(self) -> Index:
        """The biases alone."""
        return _sum(c.formula for c in self.counts if c.kind == "bias")

    @property
    def without_biases(self) -> Index:
        """As if the cell had none."""
        return self.total - self.biases

    @property
    def one_bias(self) -> Index:
        """One bias in each sum: a second one beside it adds nothing that the first couldn't."""
        extra = {name for found in self.sums for name in found.biases[1:]}
        kept = {found.biases[0] for found in self.sums}
        return self.total - _sum(self._size[name] for name in sorted(extra - kept))

    @property
    def two_biases(self) -> Index:
        """Two biases in each sum of two products that has one, as in cuDNN's and PyTorch's recurrent layers."""
        lone = {found.biases[0] for found in self.sums if found.mixes and len(found.biases) == 1}
        return self.total + _sum(self._size[name] for name in sorted(lone))

    @cached_property
    def _size(self) -> dict[str, Index]:
        return {c.name: c.formula for c in self.counts}

    def value(self, sizes: Mapping[str, int], formula: Index | None = None) -> int:
        """The count in numbers; ``formula`` is one of the conventions' (the total unless given).

        Raises DataError where a size has no number.
        """
        return value_of(self.total if formula is None else formula, sizes, "the number of parameters")

    def conventions(self) -> tuple[tuple[str, Index], ...]:
        """The ways to count, each with its formula, those that agree with the total left out."""
        ways = (
            ("one bias per sum", self.one_bias),
            ("two biases per sum", self.two_biases),
            ("without biases", self.without_biases),
        )
        return (
            ("as written", self.total),
            *((name, formula) for name, formula in ways if formula != self.total),
        )


def count_parameters(cell: Cell, sizes: Mapping[str, int] | None = None) -> ParameterCount:
    """Count the numbers in a cell's parameters and learned initial values; constants and given starts don't
    count.

    ``sizes``, where given, are checked against the cell.  A parameter with a time (``lam[t][n]``) counts once
    for every step.
    """
    if sizes is not None:
        check_sizes(cell, sizes)
    sums = tuple(_affine_sums(cell))
    biases = {name for found in sums for name in found.biases}
    counts = [_count(cell, d, "bias" if d.name in biases else "weight") for d in cell.parameters]
    for state, _, key in cell.initial_keys():
        if state.start == Start.LEARNED:
            counts.append(Count(key, "start", state.shape, entries(state.shape)))
    return ParameterCount(cell.name, tuple(counts), sums)


def entries(shape: Shape) -> Index:
    """The number of entries of an array.

    >>> str(entries((Index.of("n"), Index.of("m"))))
    'm*n'
    """
    product = Index.of(1)
    for axis in shape:
        product = product * axis
    return product


def _count(cell: Cell, declaration: Declaration, kind: str) -> Count:
    each = entries(declaration.shape)
    return Count(declaration.name, kind, declaration.shape, each * cell.time.length if declaration.timed else each)


def _sum(indices: Iterator[Index] | tuple[Index, ...]) -> Index:
    total = Index.of(0)
    for index in indices:
        total = total + index
    return total


def _affine_sums(cell: Cell) -> Iterator[AffineSum]:
    for equation in cell.equations:
        for node in postorder(equation.expression):
            if isinstance(node, Add):
                found = _affine_sum(equation, node)
                if found is not None:
                    yield found


def _affine_sum(equation: Equation, node: Node) -> AffineSum | None:
    """The biases of a sum; None where it has none, or nothing but biases."""
    moving = [term for term in node.args[0] if any(v.role in MOVING for v in variables(term))]
    biases = [name for term in node.args[0] if (name := _bias(term)) is not None]
    if not moving or not biases:
        return None
    weighted = [term for term in moving if any(v.role is Role.PARAMETER for v in variables(term))]
    sources = {v for term in weighted for v in variables(term) if v.role in MOVING}
    return AffineSum(equation.name, tuple(dict.fromkeys(biases)), len(sources) > 1)


def _bias(term: Node) -> str | None:
    """The parameter that a term merely adds: b, b.T, ones(B) @ b.T, a block of it."""
    if isinstance(term, Variable):
        return term.name if term.role is Role.PARAMETER else None
    if isinstance(term, (Neg, Transpose, Slice)):
        return _bias(term.args[0])
    if isinstance(term, MatMul):
        rest = [factor for factor in term.args[0] if not _is_ones(factor)]
        return _bias(rest[0]) if len(rest) == 1 < len(term.args[0]) else None
    return None


def _is_ones(node: Node) -> bool:
    return isinstance(node, Ones) or (isinstance(node, Transpose) and _is_ones(node.args[0]))
