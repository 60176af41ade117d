"""The shapes of everything that a cell speaks of, and the dimension check of an expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symrnn.inquiry.sizes import check_sizes, value_of
from symrnn.language.cell import Cell, Start
from symrnn.language.index import Index
from symrnn.language.leaf import Role
from symrnn.language.node import Node, Shape, format_shape
from symrnn.language.operation import Add, Hadamard, MatMul, Neg
from symrnn.language.traversal import variables


@dataclass(frozen=True)
class Named:
    """One quantity: ``what`` is its role in words, ``time`` when it exists, ``numbers`` its shape where sizes
    are given.
    """

    name: str
    what: str
    shape: Shape
    time: Index | None = None
    numbers: tuple[int, ...] | None = None
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class StateFact:
    """A state: how far it is read (1, 2 steps), in which direction it runs, what it starts from."""

    name: str
    shape: Shape
    lags: tuple[int, ...]
    backward: bool
    start: str
    keys: tuple[str, ...]
    initial: Node | None = None

    @property
    def direction(self) -> str:
        """Forward or backward in time."""
        return "backward" if self.backward else "forward"


ROLE_WORDS: Mapping[Role, str] = {
    Role.PARAMETER: "parameter",
    Role.CONSTANT: "constant",
    Role.INPUT: "input",
    Role.TARGET: "target",
    Role.COMPUTED: "computed",
    Role.LOSS: "loss",
    Role.PART: "part",
}


def shapes(cell: Cell, sizes: Mapping[str, int] | None = None) -> tuple[Named, ...]:
    """Every declared quantity and every variable that an equation defines, with its shape.

    ``sizes`` turn shapes into numbers; each size that occurs must have one.  Raises DataError otherwise.
    """
    numbers = None if sizes is None else check_sizes(cell, sizes)
    found = [Named(d.name, ROLE_WORDS[d.role], d.shape, cell.now if d.timed else None) for d in cell.declarations]
    for equation in cell.equations:
        what = "state" if equation.timed and equation.name in cell.state else "computed"
        reads = tuple(dict.fromkeys(_names(equation.expression)))
        time = cell.now if equation.timed else None
        found.append(Named(equation.name, what, equation.expression.shape, time, None, reads))
    if cell.loss is not None:
        found.append(
            Named(cell.loss_name, "loss", cell.loss.shape, None, None, tuple(dict.fromkeys(_names(cell.loss))))
        )
    return tuple(_with_numbers(named, numbers) for named in found)


def state_facts(cell: Cell) -> tuple[StateFact, ...]:
    """The states with their lags, directions and beginnings."""
    keys: dict[str, list[str]] = {}
    for state, _, key in cell.initial_keys():
        keys.setdefault(state.name, []).append(key)
    return tuple(
        StateFact(
            s.name,
            s.shape,
            tuple(sorted(abs(lag) for lag in s.lags)),
            s.backward,
            s.start if s.start != Start.EXPRESSION else "expression",
            tuple(keys.get(s.name, ())),
            s.initial,
        )
        for s in cell.states
    )


def dimension_check(node: Node) -> str:
    """The shapes of an expression's factors, as one writes them under a formula to see whether it fits.

    >>> from symrnn.language import Role, Variable
    >>> d, m = Index.of("d"), Index.of("m")
    >>> W, s = Variable("W", Role.PARAMETER, (d, m)), Variable("s", Role.COMPUTED, (m, Index.of(1)), Index.of("t"))
    >>> dimension_check(MatMul((W, s)))
    '(d×1) = (d×m)(m×1)'
    """
    return f"({format_shape(node.shape)}) = {_factors(node)}"


def _factors(node: Node) -> str:
    if isinstance(node, MatMul):
        return "".join(_one(factor) for factor in node.args[0])
    if isinstance(node, Hadamard):
        return " * ".join(_one(factor) for factor in node.args[0])
    if isinstance(node, Add):
        return " + ".join(_factors(term) for term in node.args[0])
    if isinstance(node, Neg):
        return _factors(node.args[0])
    return _one(node)


def _one(node: Node) -> str:
    if isinstance(node, Neg):
        return _one(node.args[0])
    return f"[{_factors(node)}]" if isinstance(node, (Add, MatMul, Hadamard)) else f"({format_shape(node.shape)})"


def _names(expression: Node) -> list[str]:
    return [v.name if v.time is None else f"{v.name}[{str(v.time).replace(' ', '')}]" for v in variables(expression)]


def _with_numbers(named: Named, sizes: Mapping[str, int] | None) -> Named:
    if sizes is None:
        return named
    numbers = tuple(value_of(axis, sizes, f"the shape of {named.name}") for axis in named.shape)
    return Named(named.name, named.what, named.shape, named.time, numbers, named.reads)
