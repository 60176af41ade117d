"""What a cell file declares: sizes, times, and names with their shapes, roles and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symrnn.errors import CellError, Location, ReadingError, UnknownNameError, did_you_mean
from symrnn.language import Index, Role, Shape, TimeRange
from symrnn.primitives import lookup
from symrnn.primitives import names as primitive_names
from symrnn.reading.calls import RULES
from symrnn.reading.indices import MAX_DEGREE, MAX_TERMS, degree, read_index
from symrnn.reading.scope import Scope
from symrnn.reading.statements import Declared, Draft, TimeLine
from symrnn.reading.syntax import Name, SpanItem, Tree
from symrnn.reading.tokens import Position, Source
from symrnn.reading.uses import Items, names_in, variable_uses

ROLES = {
    "param": Role.PARAMETER,
    "const": Role.CONSTANT,
    "input": Role.INPUT,
    "target": Role.TARGET,
    "state": Role.COMPUTED,
}
ATTRIBUTES = {
    "param": ("symmetric",),
    "const": ("symmetric",),
    "input": ("onehot", "distribution", "symmetric"),
    "target": ("onehot", "distribution", "symmetric"),
    "state": ("learned",),
    "size": (),
}
_VALUES = ("size", "const", "input", "target", "state")


@dataclass(frozen=True)
class Named:
    """A declared name whose shape is read: what :class:`Declared` becomes."""

    declared: Declared
    shape: Shape
    timed: bool
    two_axes: bool = False

    @property
    def role(self) -> Role:
        """What it is declared as."""
        return ROLES[self.declared.kind]


@dataclass
class Registry:
    """Which names are taken, by what and where: no name is declared twice."""

    source: Source
    taken: dict[str, tuple[str, Position]] = field(default_factory=dict)

    def take(self, name: str, what: str, position: Position) -> None:
        """Note a name, or raise CellError where it is taken."""
        known = self.taken.get(name)
        if known is not None:
            raise CellError(
                f'"{name}" is declared twice: as {known[0]} in line {self.line(known[1])}, and as {what}',
                location=self.source.at(position),
                hint="Give one of them another name.",
            )
        self.taken[name] = (what, position)

    def line(self, position: Position) -> int | None:
        """The line's number in the file."""
        return self.source.at(position).line


def read_time(line: TimeLine | None, source: Source) -> TimeRange:
    """The times that the file's steps run over; 1..tau by default."""
    if line is None:
        return TimeRange()
    scope = Scope(indices=frozenset(names_in(line.first) | names_in(line.last)) - {line.index})
    first, last = (read_index(side, scope, source) for side in (line.first, line.last))
    length = last - first + 1
    if length.constant is not None and length.constant < 1:
        raise CellError(
            f"the times {first}..{last} hold no step",
            location=source.at(line.position),
            hint="Write time t = 1..tau.",
        )
    return TimeRange(line.index, first, last)


def read_sizes(draft: Draft, time: TimeRange, registry: Registry) -> tuple[tuple[str, ...], dict[str, Index]]:
    """The independent sizes, and what the others are equal to: ``size m = K``."""
    lines = [d for d in draft.declared if d.kind == "size"]
    lengths = (time.first.names() | time.last.names()) - {d.name for d in lines}
    for line in lines:
        _check_attributes(line, draft.source.at(line.position))
        if line.brackets:
            raise ReadingError("a size is a number and has no shape", location=draft.source.at(line.position))
        if line.name == time.index:
            raise CellError(f'"{line.name}" is the time index', location=draft.source.at(line.position))
        if line.value is None or line.name not in registry.taken:
            registry.take(line.name, "a size", line.position)
    names = tuple(dict.fromkeys(line.name for line in lines))
    scope = Scope(sizes={name: Index.of(name) for name in names}, indices=frozenset(lengths))
    equal = {d.name: (read_index(d.value, scope, draft.source), d) for d in lines if d.value is not None}
    resolved = _resolved(equal, draft.source)
    return tuple(name for name in names if name not in resolved), resolved


def _resolved(equal: dict[str, tuple[Index, Declared]], source: Source) -> dict[str, Index]:
    """Equalities put into each other, until only independent sizes are left."""
    found = {name: index for name, (index, _) in equal.items()}
    for _ in range(len(found) + 1):
        found = {name: index.substitute(found) for name, index in found.items()}
        for name, index in found.items():
            if degree(index) > MAX_DEGREE or len(index.terms) > MAX_TERMS:
                raise CellError(f'the size "{name}" is too long', location=source.at(equal[name][1].position))
    for name, index in found.items():
        if index.names() & found.keys():
            line = equal[name][1]
            raise CellError(f'the size "{name}" is declared equal to itself', location=source.at(line.position))
    return found


def read_functions(draft: Draft, registry: Registry) -> tuple[tuple[str, str | None], ...]:
    """The generic elementwise functions, each with what it is bound to, or None."""
    for name, bound, position in draft.functions:
        location = draft.source.at(position)
        if name in RULES or lookup(name) is not None:
            raise CellError(f'"{name}" is a function already', location=location, hint="Give yours another name.")
        registry.take(name, "a function", position)
        record = lookup(bound) if bound is not None else None
        if bound is not None and record is None:
            raise UnknownNameError(f'there is no function "{bound}"', location=location, hint=_elementwise_hint(bound))
        if record is not None and record.kind != "elementwise":
            raise CellError(f'"{bound}" is not elementwise', location=location, hint=_elementwise_hint(""))
    return tuple((name, bound) for name, bound, _ in draft.functions)


def _elementwise_hint(name: str) -> str | None:
    return did_you_mean(name, [n for n in primitive_names() if (p := lookup(n)) and p.kind == "elementwise"])


def read_names(draft: Draft, time: TimeRange, sizes: Scope, registry: Registry) -> list[Named]:
    """Everything declared but sizes and functions, with shapes, and whether it has one value per time."""
    trees = [e.tree for e in draft.equations] + ([draft.loss.tree] if draft.loss is not None else [])
    trees += [d.value for d in draft.declared if d.kind == "state" and d.value is not None]
    uses: dict[str, list[Items]] = {}
    for tree in trees:
        for name, items in variable_uses(tree):
            uses.setdefault(name, []).append(items)
    return [
        _named(d, draft.source, time, sizes, registry, uses.get(d.name, [])) for d in draft.declared if d.kind != "size"
    ]


def _named(
    line: Declared, source: Source, time: TimeRange, sizes: Scope, registry: Registry, uses: Sequence[Items]
) -> Named:
    location = source.at(line.position)
    _check_attributes(line, location)
    registry.take(line.name, f"{_article(line.kind)} {line.kind}", line.position)
    explicit, axes = _split_time(line, time, sizes, location)
    shape = tuple(_size(axis, sizes, source) for axis in axes)
    shape = (*shape, Index.of(1)) if len(shape) == 1 else shape
    timed = explicit or line.kind == "state"
    if not explicit and line.kind in ("input", "target"):
        timed = _used_with_time(uses, time, len(axes))
    if not timed and line.name in time_symbols(time):
        raise CellError(f'"{line.name}" names the times', location=location, hint="Give the variable another name.")
    return Named(line, shape, timed, len(axes) == 2)


def time_symbols(time: TimeRange) -> frozenset[str]:
    """The time index and the names in its bounds."""
    return frozenset({time.index}) | time.first.names() | time.last.names()


def _article(kind: str) -> str:
    return "an" if kind == "input" else "a"


def _check_attributes(line: Declared, location: Location) -> None:
    for attribute in line.attributes:
        if attribute not in ATTRIBUTES[line.kind]:
            known = ATTRIBUTES[line.kind]
            hint = did_you_mean(attribute, known) if known else "Several names are separated by commas."
            raise ReadingError(
                f'"{attribute}" is no attribute of {_article(line.kind)} {line.kind}',
                location=location,
                hint=hint,
            )
    what = line.kind if line.kind not in _VALUES else "learned state"
    if line.value is not None and (line.kind not in _VALUES or "learned" in line.attributes):
        raise ReadingError(
            f"{_article(line.kind)} {what} has no value here",
            location=location,
            hint="Its numbers are given with the data; const beta = 1 declares a constant with a value.",
        )


def _split_time(line: Declared, time: TimeRange, sizes: Scope, location: Location) -> tuple[bool, tuple[Tree, ...]]:
    """Whether the declaration itself says that there is one value per time, and the shape's axes."""
    brackets = line.brackets
    first = brackets[0] if brackets else ()
    has_time = len(first) == 1 and isinstance(first[0], Name) and first[0].name == time.index
    if has_time and (len(brackets) == 2 or time.index not in sizes.sizes):
        rest = brackets[1] if len(brackets) == 2 else ()
        return True, rest
    if len(brackets) > 1:
        raise ReadingError(
            f'"{line.name}" has two shapes',
            location=location,
            hint=f"One value per time is declared as {line.name}[{time.index}][n].",
        )
    return False, first


def _size(tree: Tree, sizes: Scope, source: Source) -> Index:
    index = read_index(tree, sizes, source)
    if index.constant is not None and index.constant < 1:
        raise ReadingError(f"the size {index} is not positive", location=source.at(tree.position))
    return index


def _used_with_time(uses: Iterable[Items], time: TimeRange, axes: int) -> bool:
    """Whether an input or target has one value per time: decided by its use."""
    subscripts = [items for items in uses if items is not None]
    symbols = time_symbols(time)
    if any(names_in(item) & symbols for items in subscripts for item in items[:1]):
        return True
    if any(items is None for items in uses):
        return False
    return all(_may_be_time(items, axes) for items in subscripts)


def _may_be_time(items: Items, axes: int) -> bool:
    return items is not None and not isinstance(items[0], SpanItem) and not (axes == 2 and len(items) == 2)
