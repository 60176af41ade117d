"""The reference evaluator: the numbers of any expression or formula over one run of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from symrnn.errors import DataError
from symrnn.language.cell import Cell
from symrnn.language.formula import Formula, Part
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.node import Node
from symrnn.language.operation import Slice
from symrnn.language.traversal import find, substitute_indices
from symrnn.oracle import tensors
from symrnn.oracle.arithmetic import FLOAT, Arithmetic
from symrnn.oracle.components import axis_length
from symrnn.oracle.contraction import compile_contraction
from symrnn.oracle.differentiate import Differentiator, Step, choose_step
from symrnn.oracle.frame import BUDGET, OUT, Array, Frame, Missing, Slot, Slots
from symrnn.oracle.instance import Instance
from symrnn.oracle.parts import FormulaProgram
from symrnn.oracle.scope import Compiled
from symrnn.oracle.simulate import Unrolled

NO_TIMES: Mapping[str, int] = {}
NOTHING_GIVEN: Mapping[Slot, Array] = {}


class Evaluator:
    """Values and derivatives over one instance of a cell.

    The cell is run once.  Compiled expressions and the values of their subexpressions are kept, so that the
    next formula costs only what is new in it.  ``method`` chooses how inert derivatives are computed:
    "complex", "central", or the one that fits the cell's functions.  ``budget`` bounds the operations of one
    evaluation. Results have the expression's shape: a scalar is an array without axes, a column is (n, 1).
    """

    def __init__(
        self,
        cell: Cell,
        instance: Instance,
        *,
        method: str | None = None,
        at_kink: float = 0.0,
        arithmetic: Arithmetic = FLOAT,
        step: Step | None = None,
        budget: int = BUDGET,
    ) -> None:
        self.cell = cell
        self.instance = instance
        self.unrolled = Unrolled(cell, instance.sizes, arithmetic, at_kink)
        self.values: Slots = self.unrolled.run(instance)
        self.derivatives = Differentiator(self.unrolled, self.values, step or choose_step(method))
        self.budget = budget
        self._frame = Frame(self.values, self.derivatives.partials)

    @property
    def touched(self) -> frozenset[str]:
        """The primitives whose kink was met exactly."""
        return frozenset(self.unrolled.compiler.touched)

    def value(self, name: str, time: int | None = None) -> Array:
        """The value of a variable of the cell, in its declared shape."""
        try:
            value = self.values[name, time]
        except Missing as request:
            raise self.unrolled.explain(request.slot) from None
        return value.reshape(()) if self.unrolled.is_scalar(name, time) else value

    def evaluate(
        self,
        expression: Node | Formula,
        times: Mapping[str, int] = NO_TIMES,
        given: Mapping[Slot, Array] = NOTHING_GIVEN,
    ) -> Array:
        """The value at these times; ``given`` are values of parts by name and time that are not to be computed.

        Raises DataError where the expression asks for something outside the time range, for a derivative that
        is not defined, or for more operations than the budget allows.
        """
        formula = expression if isinstance(expression, Formula) else Formula(expression)
        program = FormulaProgram(formula, self.unrolled.compiler, self.cell.time, times)
        compiled = program.compile(formula.expression)
        self._check_times(compiled.free, times)
        value = self._run(program, compiled, times, self.unrolled.compiler.weight(formula.expression), given)
        return value.reshape(()) if formula.expression.is_scalar else value

    def evaluate_index_form(
        self,
        expression: Node | Formula,
        free: Sequence[str],
        times: Mapping[str, int] = NO_TIMES,
        sizes: Mapping[str, int] | None = None,
        given: Mapping[Slot, Array] = NOTHING_GIVEN,
    ) -> Array:
        """The array of a scalar expression with open component indices, its axes in the order of ``free``.

        Einstein's convention per term of a sum: an index of entries that is neither in ``free`` nor bound by
        a sum nor a time is summed over its axis.  ``sizes`` gives the axes of free indices that no entry
        shows.
        """
        formula = expression if isinstance(expression, Formula) else Formula(expression)
        counted = next((name for name in free if name in _slice_letters(formula)), None)
        if counted is not None:
            return self._one_by_one(formula, counted, free, times, dict(sizes or {}))
        program = FormulaProgram(formula, self.unrolled.compiler, self.cell.time, times)
        compiled, axes = compile_contraction(formula.expression, program, free, times, sizes or {})
        self._check_times(compiled.free, times)
        value = self._run(program, compiled, times, self.unrolled.compiler.weight(formula.expression), given)
        return axes.collect(value)

    def _one_by_one(
        self, formula: Formula, letter: str, free: Sequence[str], times: Mapping[str, int], sizes: dict[str, int]
    ) -> Array:
        """An index that a slice counts with, ``eye(n)[i:i+1, :]``, cannot be an axis: its values one by one."""
        length = sizes.pop(letter, None) or axis_length(formula.expression, letter, self.unrolled.compiler)
        rest = [name for name in free if name != letter]
        found = []
        for value in range(length):
            there = {letter: Index.of(value)}
            parts = tuple(Part(p.name, p.time, substitute_indices(p.expression, there)) for p in formula.parts)
            here = Formula(substitute_indices(formula.expression, there), parts)
            found.append(self.evaluate_index_form(here, rest, times, sizes))
        return np.stack(found, axis=list(free).index(letter))

    def total(self, of: Node, by: Node, times: Mapping[str, int] = NO_TIMES) -> Array:
        """The total derivative D(of, by) in numerator layout."""
        return self._laid_out(self.derivatives.total(of, by, times), of, by)

    def immediate(self, of: Node, by: Node, times: Mapping[str, int] = NO_TIMES) -> Array:
        """The immediate derivative Dplus(of, by) in numerator layout."""
        return self._laid_out(self.derivatives.immediate(of, by, times), of, by)

    def _laid_out(self, partials: Array, of: Node, by: Node) -> Array:
        value = tensors.in_layout(partials, of.shape, by.shape, Layout.NUMERATOR)
        return value.reshape(()) if of.is_scalar and by.is_scalar else value

    def _check_times(self, free: frozenset[str], times: Mapping[str, int]) -> None:
        open_ones = sorted(free - times.keys())
        if open_ones:
            shown = ", ".join(open_ones)
            raise DataError(
                f"no value was given for {shown}",
                hint="Times are given with the question; an index of entries belongs to an index form.",
            )

    def _run(
        self,
        program: FormulaProgram,
        compiled: Compiled,
        times: Mapping[str, int],
        weight: int,
        given: Mapping[Slot, Array] = NOTHING_GIVEN,
    ) -> Array:
        frame = self._frame
        frame.budget, frame.parts, frame.local = self.budget, dict(given), {}
        frame.spend(weight)
        try:
            with np.errstate(all="ignore"):
                value = program.run(compiled, times, frame)
        except Missing as request:
            raise self.unrolled.explain(request.slot) from None
        return compiled.zeros if value is OUT else value


def _slice_letters(formula: Formula) -> frozenset[str]:
    """The symbols in the bounds of slices."""
    roots = [formula.expression, *(part.expression for part in formula.parts)]
    spans = (span for root in roots for node in find(root, Slice) for span in node.args[1:] if span is not None)
    return frozenset(name for span in spans for bound in span for name in bound.names())
