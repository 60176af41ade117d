"""A closed form as a NumPy function that reads like the formula: sums and ordered products stay sums and products.

Matrices and vectors are arrays with two axes, scalars are numbers, ``h[t]`` is an entry of a dict by time, which the
cell's equations fill.  It takes O(τ²) and more where a recursion takes O(τ): it is there to compute what the formula
says, not to train with (``symrnn code`` is).
"""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.node import Scribe
from symrnn.coding.python_source import Names, Source
from symrnn.emitting.text import to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Cell, Equation, Formula, Start, State

RESERVED = (
    "np", "given", "sum", "range", "float", "max", "min", "product", "hproduct", "Series", "first", "last", "time",
    "series", "derivative",
)  # fmt: skip
"""Python names that the module needs for itself."""

SERIES = '''
class Series(dict):
    """The values of a variable by time; one that isn't there yet is computed by the equation."""

    def __init__(self, first, last):
        super().__init__()
        self.first, self.last = first, last

    def __missing__(self, time):
        if time is not None and not self.first <= time <= self.last:
            raise ValueError(f"there is no value at time {time}")
        self[time] = value = self.equation(time)
        return value
'''


def formula_module(cell: Cell, formula: Formula, free: tuple[str, ...], title: str, relu0: float = 0.0) -> str:
    """The source of a module with ``derivative(given, …)``, the free times its further arguments.

    ``given`` maps sizes to integers, declared names to arrays (dicts by time where they depend on it), and states with
    given initial values to dicts by time.  Raises UnsupportedError for a formula with parts or with derivatives that
    are not worked out.
    """
    if formula.parts:
        raise UnsupportedError(
            "a recursion is no single formula", hint="Ask for the closed form, or generate code: symrnn code CELL."
        )
    return _Writer(cell, formula, free, title, relu0).module()


class _Writer:
    def __init__(self, cell: Cell, formula: Formula, free: tuple[str, ...], title: str, relu0: float) -> None:
        self.cell, self.formula, self.title = cell, formula, title
        names = Names(RESERVED)
        bounds = cell.time.first.names() | cell.time.last.names()
        self.sizes = {name: names.give(name) for name in dict.fromkeys([*cell.sizes, *sorted(bounds)])}
        self.declared = {d.name: names.give(d.name) for d in cell.declarations}
        self.computed = {e.name: names.give(e.name) for e in cell.equations}
        self.scribe = Scribe({**self.declared, **self.computed}, self.sizes, names, dict(cell.functions), relu0)
        self.free = tuple(self.scribe.index_name(name) for name in free)
        self.source = Source()

    def module(self) -> str:
        body = self._function()
        head = Source()
        head.raw(f'"""{self.title}, as it stands on paper."""')
        head.blank()
        head.raw("import numpy as np")
        for helper in (SERIES, *self.scribe.helpers.values()):
            head.blank(2)
            head.block(helper)
        head.blank(2)
        return head.text() + "\n\n" + body

    def _function(self) -> str:
        with self.source.indented(f"def derivative({', '.join(('given', *self.free))})"):
            self.source.raw(f'"""{self.title}."""')
            self._take()
            self._series()
            for equation in self.cell.equations:
                self._equation(equation)
            self._fill()
            self.source.comment(to_text(self.formula))
            self.source.raw(f"return {py.unparse(self.scribe.write(self.formula.expression))}")
        return self.source.text()

    def _take(self) -> None:
        """Sizes and what is given, under their names."""
        for name, python in self.sizes.items():
            self.source.raw(f"{python} = given[{name!r}]")
        for declared in self.cell.declarations:
            python = self.declared[declared.name]
            if declared.value is not None:
                self.source.assign(python, self.scribe.write(declared.value))
            else:
                self.source.raw(f"{python} = given[{declared.name!r}]")
            if declared.before is not None:
                before = py.subscript(py.name(python), self.scribe.index(self.cell.time.first - 1))
                self.source.assign(before, self.scribe.write(declared.before))

    def _series(self) -> None:
        """Empty series for the computed variables, their initial values in them."""
        first, last = (py.unparse(self.scribe.index(i)) for i in (self.cell.time.first, self.cell.time.last))
        self.source.raw(f"first, last = {first}, {last}")
        for python in self.computed.values():
            self.source.raw(f"{python} = Series(first, last)")
        for state in self.cell.states:
            if state.start != Start.EXPRESSION:
                self.source.raw(f"{self.computed[state.name]}.update(given[{state.name!r}])")
        for state, time, _ in self.cell.initial_keys():
            if state.start == Start.EXPRESSION and state.initial is not None:
                place = py.subscript(py.name(self.computed[state.name]), self.scribe.index(time))
                self.source.assign(place, self.scribe.write(state.initial))

    def _equation(self, equation: Equation) -> None:
        time = f"[{self.cell.time.index}]" if equation.timed else ""
        self.source.comment(f"{equation.name}{time} = {to_text(equation.expression)}")
        argument = self.scribe.index_name(self.cell.time.index)
        value = py.unparse(self.scribe.write(equation.expression))
        self.source.raw(f"{self.computed[equation.name]}.equation = lambda {argument}: {value}")

    def _fill(self) -> None:
        """Compute every value, each direction in its own order, so that nothing is asked for from far away."""
        for backward in (False, True):
            names = [self.computed[name] for name in self._direction(backward)]
            if names:
                order = "range(last, first - 1, -1)" if backward else "range(first, last + 1)"
                with (
                    self.source.indented(f"for time in {order}"),
                    self.source.indented(f"for series in ({', '.join(names)},)"),
                ):
                    self.source.raw("series[time]")

    def _direction(self, backward: bool) -> Iterator[str]:
        """The states that run in a direction; whatever else they need is computed with them."""
        states: dict[str, State] = self.cell.state
        yield from (name for name in self.cell.step_order() if name in states and states[name].backward is backward)


def question_title(cell: Cell, of: str, by: str, layout: str, shape: tuple[str, ...]) -> str:
    """The first line of the module."""
    return f"D({of}, {by}) of the cell {cell.name}, {layout} layout, {'×'.join(shape) or 'scalar'}"
