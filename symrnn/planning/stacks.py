"""What the narrow schedule is made of: stacks of vectors, packs of products, groups of products with one vector."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.language import Index
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Schedule, Stage


@dataclass(frozen=True)
class Term:
    """``coefficient * matrix @ vector``, transposed if ``flip``; without a matrix the vector itself.

    A vector that does not depend on time is a bias.
    """

    coefficient: Fraction
    matrix: Op | None
    flip: bool
    vector: Arg | None


@dataclass(eq=False)
class Form:
    """A sum of products that one step computes: ``op`` is the operation, ``rest`` what is added to the product."""

    op: Op
    terms: list[Term]
    rest: list[tuple[Arg, Fraction]] = field(default_factory=list)


@dataclass(eq=False)
class Stack:
    """Vectors one below the other.  Row r holds operand v at time r + its offset.

    ``made``: the operands that the loop writes; the others are known before.  ``multiplied``: those that products read.
    """

    operands: list[Op] = field(default_factory=list)
    made: set[Op] = field(default_factory=set)
    multiplied: set[Op] = field(default_factory=set)
    offsets: dict[Op, int] = field(default_factory=dict)
    bias: bool = False
    stage: Stage | None = None

    def rows(self) -> list[Op | None]:
        """What stands in it, from the top: what the loop writes, the 1 for biases (None), what is known before."""
        own = [op for op in self.operands if op in self.made]
        known = [op for op in self.operands if op not in self.made]
        return [*own, *([None] if self.bias else []), *known]

    def start(self, op: Op | None) -> Index:
        """The first feature of an operand, or that of the 1."""
        rows = self.rows()
        return sum((_size(row) for row in rows[: rows.index(op)]), Index.of(0))

    def stop(self, op: Op | None) -> Index:
        """The feature after those of an operand."""
        return self.start(op) + _size(op)

    @property
    def height(self) -> Index:
        """How many features."""
        return sum((_size(row) for row in self.rows()), Index.of(0))


def _size(row: Op | None) -> Index:
    return Index.of(1) if row is None else row.axes[0]


@dataclass(eq=False)
class Pack:
    """Forms that one product computes from one stack."""

    stage: Stage
    forms: list[Form]
    stack: Stack
    shift: int

    @property
    def height(self) -> Index:
        """How many features come out."""
        return sum((f.op.axes[0] for f in self.forms), Index.of(0))


@dataclass(eq=False)
class Group:
    """Products of one vector of the loop with several known ones, by one call: ``outputs[k] = shared * factors[k]``."""

    stage: Stage
    shared: Op
    outputs: list[Op]
    factors: list[Arg]


@dataclass
class NarrowPlan:
    """Everything that the emitter of the narrow schedule needs beside the ordinary schedule."""

    schedule: Schedule
    packs: list[Pack] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    stacks: list[Stack] = field(default_factory=list)
    home: dict[Op, Stack] = field(default_factory=dict)
    absorbed: set[Op] = field(default_factory=set)

    def stacked(self) -> set[Op]:
        """What stands in a stack or among the factors of a group."""
        factors = {f.op for g in self.groups if len(g.outputs) > 1 for f in g.factors}
        return factors | set(self.home)
