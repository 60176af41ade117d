"""What runs step by step and what is done for all times at once.

Definitions that depend on their own earlier values make a loop; all others are computed for all times in one go.
Inside a loop, products that do not depend on its variables are taken out: the input projections of the forward pass,
the gradient that comes from the loss in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.loops import Key, components
from symrnn.planning.shifting import at_time
from symrnn.planning.system import Definition, System

OUTSIDE = " from outside"
"""Ends the names of arrays that were taken out of a loop; no name of a cell has a space in it."""


@dataclass(frozen=True)
class Lifted:
    """A product taken out of a loop: the array that stands for it there, what it is, and for which variable."""

    load: arrays.Load
    value: Array
    name: str
    words: str = ""


@dataclass(frozen=True)
class Stage:
    """One definition for all times (or without a time), or the definitions of a loop in the order of a step."""

    definitions: tuple[Definition, ...]
    loop: bool
    descending: bool = False
    lifted: tuple[Lifted, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether it has a value for every time."""
        return self.definitions[0].timed

    def keys(self) -> set[Key]:
        """The variables that it computes."""
        return {(d.name, d.role) for d in self.definitions}

    def depth(self, key: Key, index: str) -> int:
        """How many earlier values of a variable its own loop reads."""
        distances = [abs(s) for d in self.definitions for s in _shifts(d, index, {key}).get(key, ()) if s]
        return max(distances, default=0)


def stages(definitions: Sequence[Definition], system: System) -> list[Stage]:
    """The stages of some definitions, in an order in which everything is computed before it is read.

    Raises UnsupportedError where a loop reads both earlier and later values of itself, or all of them.
    """
    index = system.time.index
    settled = [settle(d, system) for d in definitions]
    known: dict[Key, Definition] = {(d.name, d.role): d for d in settled}
    reads = {key: _shifts(d, index, set(known)) for key, d in known.items()}
    found = []
    for component in components(list(known), {key: list(inner) for key, inner in reads.items()}):
        members = set(component)
        inner = {s for key in component for k, distances in reads[key].items() if k in members for s in distances}
        if not inner:
            found.append(Stage((known[component[0]],), False))
            continue
        names = ", ".join(sorted(known[k].name for k in component))
        signs = {(s > 0) - (s < 0) for s in inner if s}
        if None in inner or len(signs) != 1:
            raise UnsupportedError(
                f"{names} read all times of each other, or both earlier and later ones",
                hint="A state runs forward or backward; give each direction a state of its own.",
            )
        ordered = tuple(known[k] for k in _in_step(component, reads))
        found.append(_lift(Stage(ordered, True, signs == {1}), system))
    return found


def _shifts(definition: Definition, index: str, known: set[Key]) -> dict[Key, set[int | None]]:
    """What a settled definition reads of the others, at which distances; None: at a fixed time, or all of them."""
    found: dict[Key, set[int | None]] = {}
    for expression in definition.expressions():
        for load in arrays.loads(expression):
            if (load.name, load.role) in known:
                whole = load.time is None or (index in load.time.names() and index not in expression.times)
                distance = None if whole or load.time is None else (load.time - Index.of(index)).constant
                found.setdefault((load.name, load.role), set()).add(None if distance is None else int(distance))
    return found


def settle(definition: Definition, system: System) -> Definition:
    """Exceptions at single times in terms of the general time wherever adjoints are in them; none beyond the ends."""
    if not definition.overrides:
        return definition
    index, time = system.time.index, system.time
    overrides = []
    for when, array, source in definition.overrides:
        terms = array.terms if isinstance(array, arrays.Plus) else (array,)
        kept: list[Array] = []
        for term in terms:
            parts = [x for x in arrays.loads(term) if x.role is Role.PART and x.time is not None]
            outside = [
                x
                for x in parts
                if x.time is not None
                and (((x.time - time.last).constant or 0) > 0 or ((time.first - x.time).constant or 0) > 0)
            ]
            if not outside:
                kept.append(at_time(term, when, index) if parts else term)
        overrides.append((when, arrays.plus(kept or [arrays.zeros(definition.axes)]), source))
    return replace(definition, overrides=tuple(overrides))


def _in_step(component: Sequence[Key], reads: dict[Key, dict[Key, set[int | None]]]) -> list[Key]:
    """The order inside a step: what is read at the same time comes first."""
    members, done = set(component), dict[Key, None]()

    def visit(key: Key) -> None:
        if key not in done:
            for other, distances in reads[key].items():
                if other in members and 0 in distances and other != key:
                    visit(other)
            done[key] = None

    for key in reversed(component):
        visit(key)
    return list(done)


def _lift(stage: Stage, system: System) -> Stage:
    lifter = _Lifter(stage.keys(), system.time.index)
    definitions = []
    for d in stage.definitions:
        lifter.variable = d.name
        overrides = tuple((when, lifter.rest(array), source) for when, array, source in d.overrides)
        definitions.append(replace(d, expression=lifter.rest(d.expression), overrides=overrides))
    return replace(stage, definitions=tuple(definitions), lifted=tuple(lifter.found.values()))


@dataclass
class _Lifter:
    """Replaces what does not depend on a loop, and is worth it, by named arrays."""

    members: set[Key]
    index: str
    variable: str = ""
    found: dict[Array, Lifted] = field(default_factory=dict)
    known: dict[Array, Array] = field(default_factory=dict)

    def rest(self, array: Array) -> Array:
        """What is left of an expression inside the loop."""
        if not self._depends(array):
            return self._load(array) if _costs(array) else array
        if array not in self.known:
            self.known[array] = self._rest_of_sum(array) if isinstance(array, arrays.Plus) else self._rebuilt(array)
        return self.known[array]

    def _depends(self, array: Array) -> bool:
        return any((load.name, load.role) in self.members for load in arrays.loads(array))

    def _rest_of_sum(self, total: arrays.Plus) -> Array:
        free = [t for t in total.terms if not self._depends(t)]
        bound = [self.rest(t) for t in total.terms if self._depends(t)]
        together = arrays.plus(free) if free else None
        if together is not None and _costs(together) and together.axes == total.axes:
            return arrays.plus([self._load(together), *bound])
        return arrays.plus([*(self.rest(t) for t in free), *bound])

    def _rebuilt(self, array: Array) -> Array:
        return type(array)(*(self._changed(arg) for arg in array.args))

    def _changed(self, arg: Any) -> Any:
        if isinstance(arg, Array):
            return self.rest(arg)
        return tuple(self._changed(a) for a in arg) if isinstance(arg, tuple) else arg

    def _load(self, array: Array) -> Array:
        if array not in self.found:
            count = sum(1 for lifted in self.found.values() if lifted.name == self.variable)
            name = f"{self.variable}_in{count + 1 if count else ''}{OUTSIDE}"
            time = Index.of(self.index) if self.index in array.times else None
            load = arrays.Load(name, Role.COMPUTED, time, array.axes, array.batched)
            self.found[array] = Lifted(load, array, self.variable)
        return self.found[array].load


def _costs(array: Array) -> bool:
    """Whether something is contracted, so that doing it once for all times pays."""
    costly = (arrays.OverTime, arrays.BatchSum, arrays.Linalg)
    return any(
        isinstance(node, costly) or (isinstance(node, arrays.Einsum) and bool(node.summed) and len(node.axes) > 0)
        for node in arrays.postorder(array)
    )
