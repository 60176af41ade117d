"""What the names in a formula mean: variables, sizes, times, functions, parts and bound indices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from symrnn.language import Cell, Index, IndexNumber, Node, Role, Shape, Sum, TimeRange
from symrnn.language.traversal import find, substitute_indices
from symrnn.reading.ordering import Facts

_INDEX_NAME = re.compile(r"[a-z](_?\d+)?'*$")


class ShapeUnknown(Exception):  # noqa: N818 - a signal between readers, never shown
    """An expression uses a variable whose shape is not known yet; ``key``: its name, whether timed."""

    def __init__(self, name: str, timed: bool = True) -> None:
        super().__init__(name)
        self.key = (name, timed)


@dataclass(frozen=True)
class Symbol:
    """What a name stands for: its role and its shape, None while the shape is still to be inferred."""

    role: Role
    shape: Shape | None


@dataclass(frozen=True)
class Scope:
    """The names that an expression may use.

    ``timed`` and ``whole`` are apart, because ``L`` and ``L[t]`` share a name.  ``indices`` are times and
    bound symbols, ``sizes`` maps a size to the index that it is (itself, or what it was declared equal to).
    ``free``: whether an unknown single letter in brackets is a free index, as the k of ``D(h[t], h[k])``.
    ``summand`` is what ``L[t]`` stands for where the cell has no equation for it.
    ``hidden``: bound symbols that are written like a size or a time bound, and the symbols that they are.
    """

    timed: Mapping[str, Symbol] = field(default_factory=dict)
    whole: Mapping[str, Symbol] = field(default_factory=dict)
    sizes: Mapping[str, Index] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    indices: frozenset[str] = frozenset()
    time: TimeRange = field(default_factory=TimeRange)
    free: bool = False
    summand: tuple[str, str, Node] | None = None
    facts: Facts = field(default_factory=Facts)
    hidden: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(cell: Cell) -> Scope:
        """The scope of a formula about a cell: everything that the cell declares and defines."""
        timed = {d.name: Symbol(d.role, d.shape) for d in cell.declarations if d.timed}
        whole = {d.name: Symbol(d.role, d.shape) for d in cell.declarations if not d.timed}
        for equation in cell.equations:
            target = timed if equation.timed else whole
            target[equation.name] = Symbol(Role.COMPUTED, equation.expression.shape)
        if cell.loss is not None:
            whole[cell.loss_name] = Symbol(Role.LOSS, cell.loss.shape)
        sizes = {name: Index.of(name) for name in cell.sizes} | dict(cell.equal_sizes)
        return Scope(
            timed,
            whole,
            sizes,
            frozenset(name for name, _ in cell.functions),
            time_names(cell.time),
            cell.time,
            free=True,
            summand=summand_of(cell),
            facts=Facts.of(cell.time),
        )

    def with_indices(self, *names: str) -> Scope:
        """The same scope with more free indices, as those of a question."""
        return replace(self, indices=self.indices | set(names))

    def bind(self, name: str, lower: Index, upper: Index) -> Scope:
        """The scope inside a sum or product over this index; the bound name hides an untimed variable's."""
        whole = {n: s for n, s in self.whole.items() if n != name} if name in self.whole else self.whole
        facts = self.facts.with_range(name, lower, upper)
        return replace(self, indices=self.indices | {name}, whole=whole, facts=facts)

    def shadow(self, name: str) -> tuple[Scope, str]:
        """The scope in which a bound symbol may have this name, and the symbol that it is there.

        The n of ``sum(e[n], n, 1, tau)`` counts times although n is a size too; shapes still speak of the size, so
        inside the sum the letter is another symbol.
        """
        if name not in self.sizes and name not in self.time.first.names() | self.time.last.names():
            if name in self.hidden:
                return replace(self, hidden={n: s for n, s in self.hidden.items() if n != name}), name
            return self, name
        taken = {*self.names(), *self.hidden.values()}
        symbol = next(new for count in range(1, 10**6) if (new := f"{name}{count}") not in taken)
        return replace(self, hidden={**self.hidden, name: symbol}, indices=self.indices | {name}), symbol

    def shadow_sizes(self, times: Iterable[Index | None]) -> Scope:
        """The scope of an answer whose parts are defined at these times: a size among them is a time there."""
        bounds = self.time.first.names() | self.time.last.names()
        names = {time.name for time in times if time is not None and time.name is not None}
        scope = self
        for name in sorted(names & self.sizes.keys() - bounds - self.hidden.keys()):
            scope, symbol = scope.shadow(name)
            scope = scope.with_indices(symbol)
        return scope

    def with_symbols(self, timed: Mapping[str, Symbol], whole: Mapping[str, Symbol]) -> Scope:
        """The scope with more variables, which hide those of the same name and kind."""
        return replace(self, timed={**self.timed, **timed}, whole={**self.whole, **whole})

    def may_be_index(self, name: str) -> bool:
        """Whether the name can stand in brackets as a free index."""
        return self.free and (_INDEX_NAME.match(name) is not None)

    def index(self, name: str) -> Index | None:
        """The index that a bare name is, or None."""
        if name in self.hidden:
            return Index.of(self.hidden[name])
        if name in self.indices:
            return Index.of(name)
        return self.sizes.get(name)

    def names(self) -> Iterator[str]:
        """Every name, for "did you mean"."""
        yield from self.timed
        yield from self.whole
        yield from self.sizes
        yield from self.indices
        yield from self.functions


def time_names(time: TimeRange) -> frozenset[str]:
    """The index symbols that a time line introduces: t and tau."""
    return frozenset({time.index}) | time.first.names() | time.last.names()


def summand_of(cell: Cell) -> tuple[str, str, Node] | None:
    """Loss name, bound index and body, where ``L[t]`` has no equation but the loss adds up one per step."""
    if cell.loss is None or cell.loss_name in cell.equation or cell.loss_name in cell.state:
        return None
    sums = [s for s in find(cell.loss, Sum) if isinstance(s, Sum) and s.is_single and _runs_over_time(s, cell)]
    if len(sums) != 1:
        return None
    return (cell.loss_name, sums[0].index, sums[0].body)


def _runs_over_time(total: Sum, cell: Cell) -> bool:
    names = time_names(cell.time) - {cell.time.index}
    return total.upper.names() <= names and total.lower.names() <= names and not isinstance(total.body, IndexNumber)


def summand_at(summand: tuple[str, str, Node], time: Index) -> Node:
    """The loss's term at a time."""
    _, index, body = summand
    return substitute_indices(body, {index: time})
