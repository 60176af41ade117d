"""What a part of a formula needs to know of its surroundings while it is being understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import Index, Layout, Node, Shape
from symrnn.reading.latex_choices import Choices
from symrnn.reading.latex_lexicon import Lexicon
from symrnn.reading.latex_sizes import open_constant
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_tree import Tree
from symrnn.reading.scope import Scope

MAX_BINDERS = 16
"""Sums and products inside each other."""

MAX_DEPTH = 80
"""Expressions inside each other; what people write has about ten levels."""


@dataclass
class Context:
    """One reading of one text.

    ``entries_from``: the number of the first entry.  ``prime_transposes``: whether ``A'`` is the transpose.
    ``entry_letters``: letters that count entries somewhere in the text, as the i and j of ``W_{ij}``.
    ``shape``: that of the answer, where it is known.
    ``read`` gives a tree its value, ``read_single`` one that is no name and no row.  ``cell`` and ``cell_lexicon`` are
    the names without the answer's own parts.
    """

    source: Source
    choices: Choices
    layout: Layout
    read: Callable[[Tree, Place], Node]
    read_single: Callable[[Tree, Place], Node]
    cell: Scope
    cell_lexicon: Lexicon
    entries_from: int = 0
    prime_transposes: bool = False
    entry_letters: frozenset[str] = frozenset()
    shape: Shape | None = None
    constants: int = 0
    depth: int = 0

    def constant(self, kind: str, index: Index | None = None) -> Node:
        """An I, 1, 0 or e_i whose size isn't written; each has a size of its own."""
        self.constants += 1
        return open_constant(kind, self.constants, index)

    def pick(self, key: str, options: Iterable[str], cost: int = 1) -> int:
        """Make a choice; see :class:`Choices`."""
        return self.choices.pick(key, tuple(options), cost)


@dataclass(frozen=True)
class Place:
    """Where an expression stands: the names that it may use, the indices bound around it.

    ``ranges`` are the bounds of the explicit sums around it.  ``claims``: on the left side of a claim, where a
    derivative is what the question asks for and nothing is left open.
    """

    context: Context
    scope: Scope
    lexicon: Lexicon
    ranges: Mapping[str, tuple[Index, Index]] = field(default_factory=dict)
    claims: bool = False
    binders: int = 0

    def read(self, tree: Tree) -> Node:
        """The value of a tree that stands here.

        Raises ReadingError where too much is nested: sums in sums, functions of functions.
        """
        context = self.context
        context.depth += 1
        if context.depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} expressions inside each other", tree)
        try:
            return context.read(tree, self)
        finally:
            context.depth -= 1

    def shadow(self, name: str) -> tuple[Place, str]:
        """The place where a bound symbol may have this name, and the symbol that it is there."""
        scope, symbol = self.scope.shadow(name)
        return replace(self, scope=scope), symbol

    def bind(self, name: str, lower: Index, upper: Index) -> Place:
        """The place inside a sum or product over these bounds."""
        scope = self.scope.bind(name, lower, upper)
        return replace(self, scope=scope, ranges={**self.ranges, name: (lower, upper)}, binders=self._deeper())

    def bind_loosely(self, name: str) -> Place:
        """The place inside a sum whose bounds its body decides."""
        ranges = {n: r for n, r in self.ranges.items() if n != name}
        return replace(self, scope=self.scope.with_indices(name), ranges=ranges, binders=self._deeper())

    def _deeper(self) -> int:
        if self.binders >= MAX_BINDERS:
            raise ReadingError(f"more than {MAX_BINDERS} sums and products inside each other")
        return self.binders + 1

    def without_parts(self) -> Place:
        """The same place where the cell's names mean the cell's variables, whatever the answer defines."""
        cell = self.context.cell
        scope = self.scope.with_symbols(cell.timed, cell.whole)
        entries = {**self.lexicon.entries, **self.context.cell_lexicon.entries}
        return replace(self, scope=scope, lexicon=Lexicon(entries))

    def error(self, message: str, tree: Tree, hint: str | None = None) -> ReadingError:
        """An error at a tree."""
        return self.context.source.error(message, tree.at.start, hint)

    def located(self, error: SymrnnError, tree: Tree) -> SymrnnError:
        """The error with the tree's place, unless it has one."""
        return error.at(self.context.source.location(tree.at.start))

    def excerpt(self, tree: Tree) -> str:
        """What was written there."""
        return self.context.source.excerpt(tree.at.start, tree.at.end)
