"""The pieces that formulas about a cell are made of: what a missing factor, a wrong name or a missing term may be."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from itertools import islice, product
from typing import Any

from symrnn.calculus.derive import derive
from symrnn.checking.asked import Asked
from symrnn.errors import SymrnnError
from symrnn.language import (
    Add,
    Call,
    Cell,
    Diag,
    Formula,
    Hadamard,
    Index,
    Layout,
    MatMul,
    Node,
    Number,
    Part,
    Product,
    Role,
    Shape,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import find, substitute, substitute_indices, variables
from symrnn.reading.latex_functions import slope_of_output

MOST_STATES = 4
MOST_NAMINGS = 20
SINGLE: Shape = (Index.of(1), Index.of(1))


def is_single(shape: Shape) -> bool:
    """Whether it is the shape of one number."""
    return shape in ((), SINGLE)


class Pool:
    """Pieces by kind, made when they are first asked for and kept for the next answer to the question."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.cell: Cell = asked.cell
        self._last: tuple[Hashable, dict[Hashable, tuple[Node, ...]]] = (None, {})

    def factors(self, times: Sequence[Index], parts: Sequence[Part]) -> tuple[Node, ...]:
        """What may be missing in a matrix product: pieces of the right answers, weights, diagonals, parts."""
        # One formula after the other is searched, and its places ask for the same again and again.
        formula = tuple(parts)
        if self._last[0] != formula:
            self._last = (formula, {})
        known, key = self._last[1], tuple(times)
        if key not in known:
            known[key] = tuple(self._factors(times, parts))
        return known[key]

    def _factors(self, times: Sequence[Index], parts: Sequence[Part]) -> Iterator[Node]:
        yield from self._placed(self._answer_factors, times, parts)
        for weight in self._weights:
            yield weight
            yield Transpose(weight)
        for slope in self._slopes:
            if not slope.is_scalar:
                yield from (Diag(self._at(slope, time)) for time in times)
        for part in parts:
            whens: Sequence[Index | None] = times if part.time is not None else (None,)
            for when in whens:
                variable = Variable(part.name, Role.PART, part.expression.shape, when)
                yield variable
                yield build.transpose(variable)

    def scalars(self, times: Sequence[Index], parts: Sequence[Part]) -> Iterator[Node]:
        """Scalars that may multiply anything: slopes, weights, gates, parts, pieces of the right answers."""
        yield from self.arrays((), times)
        yield from self.arrays(SINGLE, times)
        for factor in self.factors(times, parts):
            if factor.is_single and not isinstance(factor, Number):
                yield factor

    def arrays(self, shape: Shape, times: Sequence[Index]) -> Iterator[Node]:
        """Slopes and variables of one shape at these times."""
        for piece in (*self._slopes, *self._vectors):
            if piece.shape == shape:
                yield from (self._at(piece, time) for time in times)
            elif piece.shape[::-1] == shape:
                yield from (Transpose(self._at(piece, time)) for time in times)

    def vectors(self, times: Sequence[Index]) -> Iterator[Node]:
        """The cell's columns and rows at these times, and their transposes."""
        given = (self.cell.variable(d.name, self.cell.now) for d in self.cell.declarations if d.timed)
        for piece in (*self._vectors, *given):
            if len(piece.shape) == 2 and not piece.is_single and (piece.is_column or piece.is_row):
                yield from (way for time in times for way in (self._at(piece, time), Transpose(self._at(piece, time))))

    def alike(self, variable: Variable) -> Iterator[Variable]:
        """Other variables of the cell with the same shape, at the same time."""
        for name in self.cell.names():
            if name == variable.name:
                continue
            try:
                other = self.cell.variable(name, variable.time)
            except SymrnnError:
                continue
            timed = name in self.cell.equation or name in self.cell.state or self._is_timed(name)
            if other.shape == variable.shape and other.role is not Role.LOSS and timed == (variable.time is not None):
                yield other

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The elementwise functions in the cell's equations."""
        calls = (call for e in self.cell.equations for call in find(e.expression, Call))
        return tuple(dict.fromkeys(c.name for c in calls if isinstance(c, Call) and self._is_elementwise(c)))

    def calls(self, variable: Variable) -> Iterator[Node]:
        """The values of functions inside the cell's equations that have no name, of a variable's shape and time."""
        if variable.time is None:
            return
        for equation in self.cell.equations:
            for call in find(equation.expression, Call):
                assert isinstance(call, Call)
                inside = call is not equation.expression and equation.timed and self._is_elementwise(call)
                if inside and call.shape == variable.shape and not _is_of(call, variable.name):
                    # tanh(W @ h[t-1] + …) belongs to step t, and h[t-1] may stand for it.
                    yield from (self._at(call, time) for time in (variable.time, variable.time + 1))

    def instead_of(self, call: Call) -> Iterator[Node]:
        """The cell's computed variables of a call's shape, at the times that it is about and the steps after them."""
        about = [v.time for v in variables(call) if v.time is not None]
        times = list(dict.fromkeys([*about, *(time + 1 for time in about)]))
        for name in self.cell.equation:
            plain = self.cell.variable(name, self.cell.now)
            fits = plain.shape == call.shape and not _is_of(call, name)
            if fits and isinstance(plain, Variable) and plain.time is not None:
                yield from (plain.at(time) for time in times)

    @staticmethod
    def _is_elementwise(call: Call) -> bool:
        return len(call.arguments) == 1 and call.arguments[0].shape == call.shape and not call.order

    def _is_timed(self, name: str) -> bool:
        return name in self.cell.declaration and self.cell.declaration[name].timed

    def terms(
        self, shape: Shape, times: Sequence[Index], parts: Sequence[Part], line: Part | None
    ) -> Iterator[tuple[Node, str]]:
        """Terms that a line may lack: through the next step into a part, and those of the right answers."""
        if line is not None and line.time is not None and line.time.name is not None:
            yield from self._future(line, shape)
        for term in self._placed(self._answer_terms, times, parts):
            if term.shape == shape or (term.is_single and is_single(shape)):
                yield term, "a term is missing"

    def paths(self, shape: Shape, time: Index, parts: Sequence[Part], gates: bool) -> Iterator[Node]:
        """Parts at this time and the next, times a weight or a peephole; or, with ``gates``, times what has a time."""
        for again in (self._part_at(p, when) for p in parts if p.time is not None for when in (time + 1, time)):
            if gates:
                if again.shape == shape:
                    found = self.arrays(shape, (again.time,) if again.time is not None else ())
                    yield from (Hadamard((vector, again)) for vector in found)
                continue
            for weight in (w for plain in self._weights for w in (plain, Transpose(plain))):
                for factors in ((weight, again), (again, weight)):
                    product = _made(MatMul, factors)
                    if product is not None and product.shape == shape:
                        yield product
            if again.shape == shape:
                yield again
                yield from (Hadamard((vector, again)) for vector in self._peepholes if vector.shape == shape)

    def _part_at(self, part: Part, time: Index) -> Variable:
        return Variable(part.name, Role.PART, part.expression.shape, time)

    def _placed(self, pieces: Sequence[Node], times: Sequence[Index], parts: Sequence[Part]) -> Iterator[Node]:
        """Pieces of right answers at these times, their parts replaced by the answer's own of the same shape."""
        for piece in pieces:
            for named in _with_parts(piece, parts):
                symbols = self._time_symbols(named)
                if len(symbols) != 1 or find(named, (Sum, Product)):
                    yield named
                    continue
                yield from (substitute_indices(named, {symbols[0]: time}) for time in times)

    def _time_symbols(self, node: Node) -> list[str]:
        fixed = {*self.cell.sizes, *self.cell.time.last.names(), *self.cell.time.first.names()}
        names = {name for v in variables(node) if v.time is not None for name in v.time.names()}
        return sorted(names - fixed)

    def _future(self, part: Part, shape: Shape) -> Iterator[tuple[Node, str]]:
        """The term through the next step, with the part itself at the next time."""
        assert part.time is not None
        for jacobian, backward in self._steps:
            later = part.time + (-1 if backward else 1)
            here = substitute_indices(jacobian, {self.cell.time.index: part.time})
            again = Variable(part.name, Role.PART, shape, later)
            for factors in ((Transpose(here), again), (again, here)):
                term = _made(MatMul, factors)
                if term is not None and term.shape == shape:
                    yield term, "the future terms are missing"

    @cached_property
    def _steps(self) -> tuple[tuple[Node, bool], ...]:
        """The Jacobian of every state's next value by its present one."""
        found: list[tuple[Node, bool]] = []
        for state in self.cell.states[:MOST_STATES]:
            now = self.cell.variable(state.name, self.cell.now)
            later = now.at(self.cell.now + (-1 if state.backward else 1))
            formula = self._derived(later, now)
            if formula is not None and not formula.parts and len(formula.expression.shape) == 2:
                found.append((formula.expression, state.backward))
        return tuple(found)

    @cached_property
    def _answers(self) -> tuple[Node, ...]:
        """Every line of the right answer's forms, in both layouts."""
        found: dict[Node, None] = {}
        for layout in Layout:
            for form in ("closed", "recursion"):
                formula = self._derived(self.asked.of, self.asked.by, layout, form)
                if formula is not None:
                    found.update(dict.fromkeys((formula.expression, *(p.expression for p in formula.parts))))
        return tuple(found)

    @cached_property
    def _answer_terms(self) -> tuple[Node, ...]:
        """The additive terms of the right answers, signs kept."""
        sums = [node for root in self._answers for node in find(root, Add)]
        return tuple(dict.fromkeys(term for node in sums for term in node.args[0]))

    @cached_property
    def _answer_factors(self) -> tuple[Node, ...]:
        """The factors of the right answers' products."""
        products = [node for root in self._answers for node in find(root, (MatMul, Hadamard))]
        return tuple(dict.fromkeys(factor for node in products for factor in node.args[0]))

    def _derived(self, of: Node, by: Node, layout: Layout = Layout.NUMERATOR, form: str = "closed") -> Formula | None:
        try:
            return derive(self.cell, of, by, layout, (form,)).result
        except SymrnnError:
            return None

    def _at(self, piece: Node, time: Index) -> Node:
        return substitute_indices(piece, {self.cell.time.index: time})

    @cached_property
    def _weights(self) -> tuple[Variable, ...]:
        return tuple(
            self.cell.variable(d.name)
            for d in self.cell.declarations
            if len(d.shape) == 2 and not d.timed and 1 not in (d.shape[0].constant, d.shape[1].constant)
        )

    @cached_property
    def _slopes(self) -> tuple[Node, ...]:
        """The slope of every elementwise equation in terms of its output, and at its argument."""
        found: dict[Node, None] = {}
        for name, equation in self.cell.equation.items():
            output = self.cell.variable(name, self.cell.now)
            for call in find(equation.expression, Call):
                assert isinstance(call, Call)
                if len(call.arguments) != 1 or call.arguments[0].shape != output.shape or call.order:
                    continue
                slope = slope_of_output(call.name, output) if call is equation.expression else None
                at_argument = _made(Call, call.name, call.arguments, 1)
                for piece in (slope, at_argument):
                    if piece is not None and (piece.is_scalar or piece.is_column or piece.is_row):
                        found[piece] = None
        return tuple(found)

    @cached_property
    def _peepholes(self) -> tuple[Variable, ...]:
        """Untimed vectors."""
        found = (self.cell.variable(d.name) for d in self.cell.declarations if not d.timed and d.shape)
        return tuple(v for v in found if v.is_column or v.is_row)

    @cached_property
    def _vectors(self) -> tuple[Node, ...]:
        timed = [self.cell.variable(name, self.cell.now) for name in self.cell.equation]
        whole = [self.cell.variable(d.name) for d in self.cell.declarations if not d.timed]
        return (*timed, *whole)


def _is_of(call: Call, name: str) -> bool:
    """Whether a function is applied to this very variable, at whatever time: that is a function too many or missing."""
    (argument,) = call.arguments
    return isinstance(argument, Variable) and argument.name == name


def _with_parts(piece: Node, parts: Sequence[Part]) -> Iterator[Node]:
    """A piece with its parts named as in the answer: each that has the shape, in turn; of several, the same names."""
    used = [v for v in variables(piece) if v.role is Role.PART]
    options = [
        [
            Variable(part.name, Role.PART, old.shape, old.time)
            for part in parts
            if part.expression.shape == old.shape and (part.time is None) == (old.time is None)
        ]
        for old in used
    ]
    if len(used) > 1:
        named = [[new for new in news if new.name == old.name] for old, news in zip(used, options, strict=True)]
        options = named if all(named) else options
    if len(used) > 2 and any(len(news) > 1 for news in options):
        return
    for chosen in islice(product(*options), MOST_NAMINGS):
        yield substitute(piece, dict(zip(used, chosen, strict=True)))


def _made(make: Callable[..., Node], *args: Any) -> Node | None:
    """What a constructor gives; nothing where the shapes don't fit."""
    try:
        return make(*args)
    except SymrnnError:
        return None
