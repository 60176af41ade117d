"""Forward values and derivatives for given numbers: exactly where the numbers and functions allow it.

Numbers come as a JSON object: names to nested lists, numbers or texts such as "3/2", initial values under
``h[0]``. Where a ReLU was met exactly at 0, the answer says so, and whether the choice of ReLU'(0) changed
it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from symrnn.calculus.derive import derive
from symrnn.errors import DataError, Location, QuestionError, ReadingError, SymrnnError, UnsupportedError
from symrnn.inquiry.graph import node_id
from symrnn.inquiry.substitute import Value, stages, written_out
from symrnn.inquiry.unrolled import unroll
from symrnn.language.cell import Cell, Start
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node, format_shape
from symrnn.language.traversal import free_indices, substitute_indices, variables
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.exact import ExactEvaluator, Numbers
from symrnn.oracle.instance import Instance

KINKS = (Fraction(0), Fraction(1, 2), Fraction(1))
"""The values that ReLU'(0) may be given."""

LONGEST = 60
"""How many terms a derivative may have to be shown with numbers put in."""

LARGEST_RUN = 200_000
"""How many variables, counted at every time, a run may have."""

LARGEST_FILE = 20_000_000


@dataclass(frozen=True)
class Line:
    """One value: what it is of, its stages from the symbols to the result, and the numbers.

    ``by`` is None for a value, else ``of`` is differentiated by it.  ``stages`` are empty where the
    derivative has no written form (a vector by a matrix) or is too long.
    """

    of: Node
    by: Node | None
    stages: tuple[Node, ...]
    numbers: Numbers
    layout: Layout = Layout.NUMERATOR
    kink: Kink | None = None


@dataclass(frozen=True)
class Kink:
    """What a derivative met at a kink: the functions, and its values for the three choices of the slope
    there.
    """

    functions: tuple[str, ...]
    values: tuple[tuple[Fraction, Any], ...]

    @property
    def matters(self) -> bool:
        """Whether the choice changes the derivative."""
        return any(not np.array_equal(value, self.values[0][1]) for _, value in self.values)


@dataclass(frozen=True)
class Evaluation:
    """The forward values of a run, in the order in which they are computed, and the answers to the questions."""

    cell: Cell
    sizes: Mapping[str, int]
    relu0: Fraction
    forward: tuple[Line, ...]
    answers: tuple[Line, ...]

    @property
    def exact(self) -> bool:
        """Whether every number is exact."""
        return all(line.numbers.exact for line in (*self.forward, *self.answers))

    def value(self, name: str, time: int | None = None) -> Numbers:
        """A forward value by name and time; raises QuestionError where the run has none."""
        for line in self.forward:
            of = line.of
            if isinstance(of, Variable) and of.name == name and _constant(of.time) == time:
                return line.numbers
        raise QuestionError(f"the run has no value of {name}" + ("" if time is None else f" at time {time}"))


def read_values(path: str | Path) -> dict[str, Any]:
    """The numbers of a JSON file; decimals are kept as they are written, so that 0.1 is 1/10.

    Raises ReadingError, with line and column, where the file is no JSON object.
    """
    where = Location(str(path))
    try:
        if Path(path).stat().st_size > LARGEST_FILE:
            raise ReadingError("the file is too large", location=where)
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ReadingError("the file is not text in UTF-8", location=where) from None
    except OSError as error:
        raise ReadingError(f"the file cannot be read: {error.strerror or error}", location=where) from None
    return parse_values(text, str(path))


def parse_values(text: str, source: str = "values") -> dict[str, Any]:
    """The numbers of a JSON text.

    >>> parse_values('{"V": -2, "x": [2, "3/2", 0.1]}')
    {'V': -2, 'x': [2, '3/2', '0.1']}
    """
    try:
        found = json.loads(text, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        # What is missing at the end stands on the line after the last.
        shown = dict(enumerate(text.splitlines(), 1)).get(error.lineno)
        where = Location(source, error.lineno, error.colno, shown)
        raise ReadingError(f"this is not JSON: {error.msg}", location=where, hint=_EXAMPLE) from None
    except RecursionError:
        raise ReadingError("the lists are nested too deeply", location=Location(source)) from None
    except DataError as error:
        raise error.at(Location(source)) from None
    if not isinstance(found, dict):
        raise ReadingError("the values are not an object", location=Location(source), hint=_EXAMPLE)
    return found


_EXAMPLE = 'Write an object such as {"W": [[1, "1/2"]], "x": [[2], [3]], "h[0]": [0]}.'


def _no_constant(name: str) -> Any:
    raise DataError(f"{name} is not a number that one can compute with")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DataError(f'"{key}" is given twice')
        found[key] = value
    return found


def evaluate(
    cell: Cell,
    values: Mapping[str, Any],
    questions: Sequence[tuple[Node, Node | None]] = (),
    *,
    relu0: Fraction | float = Fraction(0),
    layout: Layout = Layout.NUMERATOR,
    times: Mapping[str, int] | None = None,
) -> Evaluation:
    """Run a cell on given numbers and answer questions: the value of an expression, or D(of, by).

    ``times`` are numbers for free times of the questions.

    Raises DataError where a number is missing that a question needs, naming all of them with their shapes,
    and where a shape does not fit; QuestionError for a question whose times are not numbers.
    """
    slope = Fraction(relu0)
    if slope not in KINKS:
        raise QuestionError(f"ReLU'(0) = {relu0} is none of 0, 1/2 and 1")
    instance = instance_from_values(cell, values)
    run = _Run(cell, instance, slope, layout)
    if not questions:
        run.require(cell.loss)
    definite = {name: Index.of(value) for name, value in (times or {}).items()}
    asked = (tuple(None if n is None else substitute_indices(n, definite) for n in pair) for pair in questions)
    answers = tuple(run.answer(of, by) for of, by in asked if of is not None)
    return Evaluation(cell, dict(instance.sizes), slope, tuple(run.forward()), answers)


class _Run:
    """One run of a cell and its neighbours, in which another slope stands at the kink."""

    def __init__(self, cell: Cell, instance: Instance, relu0: Fraction, layout: Layout) -> None:
        self.cell = cell
        self.instance = instance
        self.layout = layout
        self.relu0 = relu0
        self.sizes = dict(instance.sizes)
        self.tau = cell.time.length.value(self.sizes)
        self.graph = unroll(cell, self.tau, LARGEST_RUN)
        self.evaluator = ExactEvaluator(cell, instance, relu0)

    @property
    def _value(self) -> Value:
        return self.evaluator.evaluate

    # Forward.

    def forward(self) -> Iterator[Line]:
        """Every computed value that the given numbers determine."""
        known: set[str] = set()
        for node in self.graph.nodes:
            if self._own_missing(node.id) or not known.issuperset(e.tail for e in self.graph.incoming[node.id]):
                continue
            known.add(node.id)
            expression = self.graph.expression(node.id)
            if expression is None:
                continue
            of = Variable(node.name, Role.COMPUTED, node.shape, None if node.time is None else Index.of(node.time))
            if node.time is None and node.name == self.cell.loss_name:
                of = self.cell.variable(node.name)
            yield self._line(of, expression, node.time)

    def _line(self, of: Node, expression: Node, time: int | None) -> Line:
        numbers = self.sizes if time is None else {**self.sizes, self.cell.time.index: time}
        definite = written_out(expression, numbers)
        return Line(of, None, self._stages(definite), self._value(definite))

    def _stages(self, expression: Node) -> tuple[Node, ...]:
        try:
            return stages(expression, self._value)
        except (DataError, UnsupportedError):
            return ()

    # Questions.

    def answer(self, of: Node, by: Node | None) -> Line:
        """A value, or a derivative with what was met at kinks."""
        self._check_times(of, by)
        self.require(of, *([] if by is None else [by]))
        if by is None:
            definite = written_out(of, self.sizes)
            return Line(of, None, self._stages(definite), self._value(definite))
        numbers = self.evaluator.total(of, by, layout=self.layout)
        return Line(of, by, self._derivative_stages(of, by), numbers, self.layout, self._kink(of, by))

    def _check_times(self, of: Node, by: Node | None) -> None:
        known = set(self.sizes)
        for node in (of, by):
            timed = [v for v in variables(node) if v.time is not None] if node is not None else []
            for variable in timed:
                if node is not None and variable.time is not None:
                    open_names = sorted((variable.time.names() & free_indices(node)) - known)
                    if open_names:
                        raise QuestionError(
                            f"{variable.name}[{variable.time}] has no definite time",
                            hint=f"Ask at a time, as in {variable.name}[{self.graph.times[1]}].",
                        )

    def _kink(self, of: Node, by: Node) -> Kink | None:
        """A fresh evaluator for every choice, so that what it touched is this question's alone."""
        found, touched = [], frozenset[str]()
        for slope in KINKS:
            evaluator = ExactEvaluator(self.cell, self.instance, slope)
            numbers = evaluator.total(of, by, layout=self.layout)
            touched |= numbers.touched
            found.append((slope, numbers.array))
            if not touched:
                return None
        return Kink(tuple(sorted(touched)), tuple(found))

    def _derivative_stages(self, of: Node, by: Node) -> tuple[Node, ...]:
        """The unrolled form with numbers put in; nothing where there is no such form."""
        try:
            derived = derive(self.cell, of, by, self.layout, forms=("unrolled",), tau=self.tau)
            form = derived.forms[-1]
            if form.formula.parts or (form.terms or 0) > LONGEST:
                return ()
            return self._stages(written_out(form.formula.expression, self.sizes))
        except (QuestionError, UnsupportedError):
            return ()

    # What is missing.

    def require(self, *expressions: Node | None) -> None:
        """Raise DataError where numbers are missing that these expressions are computed from."""
        needed = [node for expression in expressions if expression is not None for node in self._nodes(expression)]
        names = {v.name for e in expressions if e is not None for v in variables(e)}
        missing = {**self._missing(needed), **self._missing_names(names)}
        if missing:
            shown = ", ".join(f"{key} ({shape})" for key, shape in missing.items())
            raise DataError(
                f"numbers are missing for {shown}",
                hint="Add what is missing to the values by name; an initial value's key is h[0].",
            )

    def _nodes(self, expression: Node) -> Iterator[str]:
        """The graph's nodes that an expression reads."""
        definite = written_out(expression, self.sizes)
        for variable in variables(definite):
            key = node_id(variable.name, _constant(variable.time))
            if key in self.graph.node:
                yield key

    def _missing(self, nodes: Sequence[str]) -> dict[str, str]:
        """The keys, with shapes, of the numbers that these nodes need and that were not given."""
        needed = {a for n in nodes for a in self.graph.ancestors(n)}
        found: dict[str, str] = {}
        for node in self.graph.nodes:
            if node.id in needed:
                found.update(self._own_missing(node.id))
        return found

    def _own_missing(self, node: str) -> dict[str, str]:
        """What a node itself lacks: its data, or a parameter of its equation."""
        expression = self.graph.expression(node)
        if expression is not None:
            return self._missing_names(set(self._fixed_names(expression)))
        if self.graph.node[node].name in self.cell.declaration:
            return self._missing_names({self.graph.node[node].name})
        return self._missing_start(node)

    def _fixed_names(self, expression: Node) -> Iterator[str]:
        """The parameters and constants of an expression, those inside ``A = W - W.T`` included."""
        for variable in variables(expression):
            if variable.role in (Role.PARAMETER, Role.CONSTANT):
                yield variable.name
            elif variable.time is None and variable.name in self.cell.whole:
                yield from self._fixed_names(self.cell.whole[variable.name].expression)

    def _missing_names(self, names: set[str]) -> dict[str, str]:
        declared = [d for d in self.cell.declarations if d.name in names and d.value is None]
        return {
            d.name: self._shape(d.shape) + (" for every step" if d.timed else "")
            for d in declared
            if d.name not in self.instance.values
        }

    def _missing_start(self, node: str) -> dict[str, str]:
        for state, time, key in self.cell.initial_keys():
            if node == node_id(state.name, time.value(self.sizes)):
                given = key in self.instance.initial or state.start == Start.EXPRESSION
                return {} if given else {key: self._shape(state.shape)}
        return {}

    def _shape(self, shape: tuple[Index, ...]) -> str:
        try:
            return "×".join(str(axis.value(self.sizes)) for axis in shape) or "a number"
        except SymrnnError:
            return format_shape(shape)


def _constant(index: Index | None) -> int | None:
    return None if index is None else index.constant
