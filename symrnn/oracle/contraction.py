"""Index form: Einstein's convention, compiled.

Before → after: ``D[i,l] * h[j]`` with i, l, j free is an array of three axes; ``V[l,m] * S[m,j]`` with l, j
free is summed over m.  The convention holds for each term of a sum: an index that is neither free nor bound
is summed over its axis, in the smallest product that holds all its occurrences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from symrnn.errors import DataError, ShapeError, UnsupportedError
from symrnn.language.binder import Sum
from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.index import Index
from symrnn.language.leaf import Delta, IndexNumber
from symrnn.language.node import Node
from symrnn.language.operation import Add, Divide, Entry, Hadamard, MatMul, Neg
from symrnn.language.traversal import bound_indices
from symrnn.oracle.axes import Axes, summed
from symrnn.oracle.compiler import free_of
from symrnn.oracle.components import (
    NONE,
    Names,
    apart,
    axis_length,
    component_indices,
    component_names,
    own_names,
)
from symrnn.oracle.frame import LARGEST_ARRAY, OUT, Array, Fn, Frame
from symrnn.oracle.indices import open_names
from symrnn.oracle.parts import FormulaProgram
from symrnn.oracle.rules import rule
from symrnn.oracle.rules_blocks import entry_places
from symrnn.oracle.rules_out import guarded, may_vanish
from symrnn.oracle.scope import Compiled, solid

PRODUCTS = (Hadamard, MatMul, Divide)
DERIVATIVES = (Jacobian, ImmediateJacobian)


def compile_contraction(
    root: Node,
    program: FormulaProgram,
    free: Sequence[str],
    times: Mapping[str, int],
    sizes: Mapping[str, int],
) -> tuple[Compiled, Axes]:
    """The compiled expression, and how its result's axes are read off."""
    if not root.is_single:
        raise ShapeError("an index form is a scalar expression of entries; this one is a matrix")
    if len(set(free)) != len(free):
        raise DataError(f"the free indices {', '.join(free)} name one twice")
    root = apart(root, frozenset(free))
    components = component_names(root, bound_indices(root).union(times, program.compiler.sizes))
    names = dict.fromkeys([*free, *sorted(components[root])])
    lengths = {name: sizes.get(name) or axis_length(root, name, program.compiler) for name in free}
    axes = Axes({name: place for place, name in enumerate(names)}, tuple(free), lengths)
    compiled = _Contraction(program, axes, components).term(root, lengths)
    _hold_to_limit(lengths)
    return compiled, axes


def _hold_to_limit(lengths: Mapping[str, int]) -> None:
    if prod(lengths.values()) > LARGEST_ARRAY:
        raise DataError(f"an array over the indices {', '.join(lengths)} is too large to be evaluated")


@dataclass
class _Contraction:
    """The compilation of one expression in index form."""

    program: FormulaProgram
    axes: Axes
    components: Mapping[Node, Names]
    known: dict[tuple[Node, Names], Compiled] = field(default_factory=dict)

    def term(self, node: Node, given: Mapping[str, int]) -> Compiled:
        """The node, in which the ``given`` indices are fixed from outside and all others are summed."""
        mine = self.components[node]
        if not mine:
            return self._plain(node)
        key = (node, mine.intersection(given))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self._term(node, mine, given)
        return found

    def _term(self, node: Node, mine: Names, given: Mapping[str, int]) -> Compiled:
        here = [name for name in sorted(mine.difference(given)) if self._is_scope_of(node, name)]
        sizes = {name: axis_length(node, name, self.program.compiler) for name in here}
        inside = {name: size for name, size in {**given, **sizes}.items() if name in mine}
        _hold_to_limit(inside)
        compiled = self._inside(node, {**given, **sizes})
        if not here:
            return compiled
        inner = compiled.run
        places = [(self.axes.from_the_end(name), size) for name, size in sizes.items()]

        def contracted(frame: Frame) -> Array:
            value = inner(frame)
            if value is OUT:
                return OUT
            for place, size in places:
                value = summed(value, place, size)
            return value

        return Compiled(contracted, compiled.free, compiled.zeros, compiled.vanishes, True, compiled.depth)

    def _is_scope_of(self, node: Node, name: str) -> bool:
        """Whether this is the smallest term that holds all occurrences of the index."""
        if isinstance(node, (Add, Neg, Sum)):
            return False
        inside = [child for child in node.children if name in self.components[child]]
        if len(inside) == 1 and name not in own_names(node):
            return not self._closes(inside[0], name)
        return True

    def _closes(self, node: Node, name: str) -> bool:
        """Whether an index is repeated inside, so that it is summed there and not around."""
        inside = [child for child in node.children if name in self.components[child]]
        if isinstance(node, (*PRODUCTS, *DERIVATIVES)) and len(inside) > 1:
            return True
        if sum(name in index.names() for index in component_indices(node)) > 1:
            return True
        return any(self._closes(child, name) for child in inside)

    def _plain(self, node: Node) -> Compiled:
        """An expression without component indices, evaluated as everywhere."""
        compiled = self.program.compile(node)
        run, core, axes = compiled.run, max(2, len(node.shape)), self.axes

        def spread(frame: Frame) -> Array:
            value = run(frame)
            return value if value is OUT else axes.before_axes(value, core)

        return Compiled(spread, compiled.free, compiled.zeros, compiled.vanishes, compiled.local, compiled.depth)

    def _inside(self, node: Node, given: Mapping[str, int]) -> Compiled:
        """The node itself, its children in their own scopes."""
        compiler, child = self.program.compiler, _Children(self, given)
        opens_itself = isinstance(node, (Entry, Delta, IndexNumber, *DERIVATIVES))
        if opens_itself:
            run, free = self._opened(node, given), self._free_of_opened(node, child)
            vanishes = isinstance(node, Entry) and child.vanishes(node.args[0])
        else:
            if any(len(below.shape) == 3 for below in node.children):
                raise UnsupportedError(f"{type(node).__name__} of a third-order tensor has no rule in index form")
            run = rule(node, child, compiler)
            free = free_of(node, compiler.sizes, child).difference(self.axes.place)
            vanishes = may_vanish(node, child)
            if any(child.vanishes(below) for below in node.children):
                run = guarded(node, child, run)
        return Compiled(run, free, compiler.zeros(node), vanishes, True)

    def _free_of_opened(self, node: Node, child: _Children) -> Names:
        compiler = self.program.compiler
        own = NONE.union(*(open_names(index, compiler.sizes) for index in component_indices(node)))
        if isinstance(node, DERIVATIVES):
            below = [self._sides(node)[0][0], self._sides(node)[1][0]]
            own |= own_names(node.args[0]) | own_names(node.args[1])
            return own.difference(self.axes.place).union(*(compiler.compile(n).free for n in below))
        return own.difference(self.axes.place).union(*(child.free(below) for below in node.children))

    def _opened(self, node: Node, given: Mapping[str, int]) -> Fn:
        compiler, axes = self.program.compiler, self.axes
        lift = compiler.arithmetic.array
        if isinstance(node, Entry):
            return self._entry(node, given)
        if isinstance(node, Delta):
            left, right = (axes.values(index, given, compiler) for index in node.args)
            return lambda frame: lift(left(frame) == right(frame))[..., None, None]
        if isinstance(node, IndexNumber):
            values = axes.values(node.index, given, compiler)
            return lambda frame: lift(values(frame))[..., None, None]
        return self._derivative(node, given)

    def _entry(self, node: Entry, given: Mapping[str, int]) -> Fn:
        operand, indices = node.args
        compiler, axes = self.program.compiler, self.axes
        lengths = compiler.shape(operand.shape)
        places = entry_places(operand, indices)
        take = [axes.values(i, given, compiler, length) for i, length in zip(places, lengths, strict=True)]
        is_open = bool(self.components[operand])
        inner = self.term(operand, given) if is_open else self.program.compile(operand)
        run, gather = inner.run, axes.entries_of_open if is_open else axes.entries

        def entry(frame: Frame) -> Array:
            value = run(frame)
            return OUT if value is OUT else gather(value, [values(frame) for values in take])

        return entry

    def _sides(self, node: Node) -> list[tuple[Node, tuple[Index, ...] | None]]:
        """Of and by of a derivative: the array, and the indices where only an entry is meant."""
        sides: list[tuple[Node, tuple[Index, ...] | None]] = []
        for side in node.args[:2]:
            if isinstance(side, Entry) and self.components[side]:
                sides.append((side.args[0], entry_places(side.args[0], side.args[1])))
            elif side.is_single:
                sides.append((side, (Index.of(0),) * len(side.shape)))
            else:
                sides.append((side, None))
        return sides

    def _derivative(self, node: Node, given: Mapping[str, int]) -> Fn:
        """D or Dplus between entries with open indices: the whole tensor, and then its entries."""
        (of, of_at), (by, by_at) = self._sides(node)
        if self.components[of] or self.components[by]:
            raise UnsupportedError(
                "in index form a derivative is of and by variables or their entries",
                hint="Differentiate the whole expression, and take the entry of the result.",
            )
        compiler, axes, immediate = self.program.compiler, self.axes, isinstance(node, ImmediateJacobian)
        names = compiler.compile(of).free | compiler.compile(by).free
        times = {name: compiler.positions.of(name) for name in sorted(names)}
        indices = [*(of_at or [None] * len(of.shape)), *(by_at or [None] * len(by.shape))]
        lengths = compiler.shape(of.shape) + compiler.shape(by.shape)
        take = [
            None if index is None else axes.values(index, given, compiler, length)
            for index, length in zip(indices, lengths, strict=True)
        ]
        opened = (of_at is not None, by_at is not None)

        def derived(frame: Frame) -> Array:
            now = {name: frame.index[place] for name, place in times.items()}
            tensor = frame.derive(of, by, now, immediate)
            value = tensor[tuple(slice(None) if values is None else values(frame) for values in take)]
            if all(opened):
                return value[..., None, None]
            rest_of, rest_by = ((), by.shape) if opened[0] else (of.shape, ())
            return axes.laid_out(value, rest_of, rest_by, node.args[2])

        return derived


@dataclass(frozen=True)
class _Children:
    """The children of a node of an index form, in their own scopes."""

    within: _Contraction
    given: Mapping[str, int]

    def __call__(self, node: Node) -> Fn:
        return solid(self.within.term(node, self.given))

    def raw(self, node: Node) -> Fn:
        return self.within.term(node, self.given).run

    def vanishes(self, node: Node) -> bool:
        return self.within.term(node, self.given).vanishes

    def free(self, node: Node) -> Names:
        return self.within.term(node, self.given).free
