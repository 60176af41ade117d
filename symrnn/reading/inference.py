"""Shapes for variables that are defined by equations and declared nowhere.

A line that mentions no unknown gives its shape at once, after those that it uses.  Where lines speak of each
other in a circle, the other terms give the shape away; what then still hangs in the air is a column where a
matrix acts on it, and a scalar where nothing says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field

from symrnn.language import Index, Role, Shape
from symrnn.reading.partial_shapes import Partial, is_complete, merged, partial_shape
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Symbol
from symrnn.reading.syntax import Tree
from symrnn.reading.uses import variable_uses

Key = tuple[str, bool]
"""A variable's name, and whether it has a time."""


@dataclass(frozen=True)
class Line:
    """One defining line: what it defines, the tree of what it is, and who reads it."""

    key: Key
    tree: Tree
    reader: Reader


@dataclass(frozen=True)
class Symbols:
    """The variables that lines define, filled in as their shapes become known; scopes share the maps."""

    timed: MutableMapping[str, Symbol]
    whole: MutableMapping[str, Symbol]

    def shape(self, key: Key) -> Shape | None:
        """The shape, or None while it is unknown."""
        found = (self.timed if key[1] else self.whole).get(key[0])
        return found.shape if found is not None else None

    def learn(self, key: Key, role: Role, shape: Shape | None) -> None:
        """Note a shape."""
        (self.timed if key[1] else self.whole)[key[0]] = Symbol(role, shape)


@dataclass
class _Inference:
    lines: dict[Key, list[Line]]
    symbols: Symbols
    role: Role
    visited: set[Key] = field(default_factory=set)

    def known(self, key: Key) -> bool:
        return self.symbols.shape(key) is not None

    def learn(self, key: Key, shape: Partial) -> None:
        axes = tuple(axis for axis in shape or () if axis is not None)
        self.symbols.learn(key, self.role, axes)

    def follow(self, start: Key) -> None:
        """Settle what the key's lines use before the key itself, without recursion."""
        path = [(start, iter(self._uses(start)))]
        self.visited.add(start)
        while path:
            key, rest = path[-1]
            following = next((u for u in rest if u not in self.visited), None)
            if following is None:
                self.settle(key)
                path.pop()
            else:
                self.visited.add(following)
                path.append((following, iter(self._uses(following))))

    def _uses(self, key: Key) -> list[Key]:
        names = {name for line in self.lines[key] for name, _ in variable_uses(line.tree)}
        return [k for name in sorted(names) for k in ((name, True), (name, False)) if k in self.lines]

    def settle(self, key: Key) -> bool:
        """Learn the key's shape if the lines tell it by now; whether they do."""
        if not self.known(key):
            shape = self.partial(key)
            if not is_complete(shape):
                return False
            self.learn(key, shape)
        return True

    def partial(self, key: Key) -> Partial:
        """What the lines tell of the key's shape."""
        return merged(partial_shape(line.reader, line.tree) for line in self.lines[key])


def infer_shapes(lines: Iterable[Line], symbols: Symbols, role: Role) -> None:
    """Fill in the shape of everything that the lines define; what is known stays as it is.

    A variable with several lines (a part with an override) takes what all of them say.  Raises what reading
    raises.
    """
    by_key: dict[Key, list[Line]] = {}
    for line in lines:
        by_key.setdefault(line.key, []).append(line)
    work = _Inference(by_key, symbols, role)
    for key in by_key:
        if not work.known(key):
            symbols.learn(key, role, None)
    for key in by_key:
        if key not in work.visited:
            work.follow(key)
    missing = [key for key in by_key if not work.known(key)]
    while missing:
        left = [key for key in missing if not work.settle(key)]
        if len(left) == len(missing):
            for key, shape in _guess({key: work.partial(key) for key in left}).items():
                work.learn(key, shape)
                left.remove(key)
        missing = left


def _guess(partial: dict[Key, Partial]) -> dict[Key, Partial]:
    """One shape that nothing decides: the other axis of a half-known one is 1, an unknown one is a scalar."""
    for key, shape in partial.items():
        if shape and any(axis is not None for axis in shape):
            return {key: tuple(axis if axis is not None else Index.of(1) for axis in shape)}
    return {next(iter(partial)): ()}
