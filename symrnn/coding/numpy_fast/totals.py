"""Sums over all times (and examples): one matrix product where the summand is a product of two vectors.

Σ_t Σ_b δ[t,b] h[t,b]ᵀ is the product of two tall matrices; that is how weight gradients are formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.pieces import PieceContext
from symrnn.coding.numpy_fast.values import OnceContext, Operand, StageContext, Workspace
from symrnn.coding.numpy_source.contractions import LETTERS
from symrnn.planning.arrays import Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op


@dataclass
class Summand:
    """What is added up: factors with labels, and the number in front."""

    factors: list[tuple[Operand, Labels]]
    out: Labels
    coefficient: Fraction


@dataclass
class TotalWriter:
    """Writes totals of one stage."""

    work: Workspace
    context: StageContext
    fused: set[Op]

    def summand(self, op: Op) -> Summand:
        """The factors of the summand, all of them with times and examples in one axis where they have both."""
        inner = reads(op)[0]
        if inner.op in self.fused:
            coefficient, labels, out, _ = inner.op.data
            args = [Arg(a.op, a.shift + inner.shift) for a in reads(inner.op)]
        else:
            args, out, coefficient = [inner], tuple(range(len(inner.op.axes))), Fraction(1)
            labels = (out,)
        factors = [(self.operand(a, op), n) for a, n in zip(args, labels, strict=True)]
        return Summand(factors, out, coefficient)

    def operand(self, arg: Arg, op: Op) -> Operand:
        """A factor; outside the stages over all times, the whole of it."""
        if isinstance(self.context, PieceContext):
            return self.context.read(arg)
        if not arg.op.timed:
            return self.context.read(arg)
        assert isinstance(self.context, OnceContext)
        if arg.op.batched:
            return Operand(self.context.flat(arg, op.data[0], op.data[1]), arg.op, rows=True)
        return self.context.whole(arg, op.data[0], op.data[1])

    def expression(self, op: Op) -> tuple[str, bool]:
        """The total, and whether it can be written into given memory by one more argument."""
        summand = self.summand(op)
        found = self._fast(op, summand) if self._over_rows(op, summand) else None
        if found is None:
            found = (self._general(op, summand), False)
        text, into = found
        if summand.coefficient != 1:
            return f"{py.unparse(py.fraction(summand.coefficient))} * {text}", False
        return text, into

    def _over_rows(self, op: Op, summand: Summand) -> bool:
        """Whether all factors have times and examples and both are summed, or none has examples."""
        rows = [o.rows for o, _ in summand.factors]
        times = [o.time and not o.batch for o, _ in summand.factors]
        return (all(rows) and op.data[2]) or all(times)

    def _fast(self, op: Op, summand: Summand) -> tuple[str, bool] | None:
        factors, out = summand.factors, summand.out
        if len(factors) == 1:
            return self._sum_of_rows(op, *factors[0], out)
        if len(factors) == 2:
            (a, la), (b, lb) = factors
            if len(la) == 1 and len(lb) == 1 and set(out) == {la[0], lb[0]} and la != lb:
                left, right = (a, b) if out[0] == la[0] else (b, a)
                return f"{_tall(left, flip=True)}.dot({_tall(right, flip=False)})", True
            if la == lb and not out and not (a.columns or b.columns):
                return f"{a.source}.reshape(-1).dot({b.source}.reshape(-1))", False
        return None

    def _sum_of_rows(self, op: Op, operand: Operand, labels: Labels, out: Labels) -> tuple[str, bool] | None:
        if not labels:
            return f"{self.work.function('add.reduce')}({operand.source})", False
        if not out:
            return f"{self.work.function('add.reduce')}({operand.source}.reshape(-1))", False
        if labels != out:
            return None
        if len(labels) > 1 or len(set(labels)) < len(labels):
            return None
        mine = self._ones(operand, op)
        return (f"{operand.source}.dot({mine})" if operand.columns else f"{mine}.dot({operand.source})"), True

    def _ones(self, operand: Operand, op: Op) -> str:
        """As many ones as the operand has rows."""
        rows = " * batch" if operand.rows else ""
        if isinstance(self.context, PieceContext):
            ones = self.work.make("ones", f"np.ones({self.context.width}{rows}, dtype)")
            return self.context.beginning("ones_here", ones, rows=operand.rows)
        return self.work.make("ones", f"np.ones({self.work.factor(op.data[1] - op.data[0] + 1)}{rows}, dtype)")

    def _general(self, op: Op, summand: Summand) -> str:
        """One einsum over separate axes of times and examples."""
        over_batch = op.data[2]
        inputs, sources = [], []
        for operand, labels in summand.factors:
            lead = "t" if operand.rows or operand.time else ""
            source = operand.source
            if operand.rows:
                axes = ", ".join(["-1", "batch", *(self.work.index(a) for a in operand.op.axes)])
                source = f"{source}.T.reshape({axes})" if operand.columns else f"{source}.reshape({axes})"
                lead += "b"
            elif operand.batch:
                lead += "b"
            inputs.append(lead + "".join(LETTERS[x] for x in labels))
            sources.append(source)
        batched = any("b" in letters for letters in inputs)
        result = ("b" if batched and not over_batch else "") + "".join(LETTERS[x] for x in summand.out)
        optimize = ", optimize=True" if len(sources) > 1 else ""
        return f"np.einsum('{','.join(inputs)}->{result}', {', '.join(sources)}{optimize})"


def _tall(operand: Operand, flip: bool) -> str:
    """A tall matrix, or its transpose."""
    return f"{operand.source}.T" if flip != operand.columns else operand.source
