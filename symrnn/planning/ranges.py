"""At which times an equation can be evaluated: where everything that it reads exists."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role, TimeRange
from symrnn.planning import arrays
from symrnn.planning.system import Definition, System

Key = tuple[str, Role]


@dataclass(frozen=True)
class Reach:
    """``late`` steps at the beginning and ``early`` at the end are missing; ``before`` are read ahead of the first."""

    late: int = 0
    early: int = 0
    before: int = 0

    def span(self, time: TimeRange) -> tuple[Index, Index]:
        """The first and the last time."""
        return time.first + self.late, time.last - self.early


def reaches(system: System) -> dict[Key, Reach]:
    """The reach of every computed variable, part and given array.

    Raises UnsupportedError for a state whose equation reads what is given beyond the ends of time.
    """
    found: dict[Key, Reach] = {}
    for declaration in system.cell.declarations:
        before = _deepest(system, declaration.name, declaration.role)
        found[declaration.name, declaration.role] = Reach(before=before)
    states = {s.name: s for s in system.cell.states}
    equations = [d for d in system.definitions if d.role is Role.COMPUTED and d.timed]
    for d in system.definitions:
        found.setdefault((d.name, d.role), Reach())
    for d in equations:
        if d.name in states:
            _check_state(system, d)
    for _ in range(len(equations) + 1):
        changed = False
        for d in equations:
            if d.name in states:
                continue
            reach = _reach(system, d, found)
            if reach != found[d.name, d.role]:
                found[d.name, d.role], changed = reach, True
        if not changed:
            break
    return found


def _check_state(system: System, d: Definition) -> None:
    """A state has a value at every time, so everything that is given and read must be there at every time."""
    for load, distance in _distances(system, d.expression):
        if load.role in (Role.INPUT, Role.TARGET) and distance:
            declared = system.cell.declaration[load.name]
            if distance > 0 or declared.before is None:
                end, now = "last" if distance > 0 else "first", system.time.index
                raise UnsupportedError(
                    f"{d.name}[{now}] reads {load.name}[{load.time}], which is not there at the {end} time",
                    hint=f"Shift {load.name} when it is given, so that the equation reads {load.name}[{now}].",
                )


def _distances(system: System, expression: arrays.Array) -> list[tuple[arrays.Load, int]]:
    index = system.time.index
    pairs = []
    for load in arrays.loads(expression):
        if load.time is not None and index in load.time.names() and index in expression.times:
            distance = (load.time - Index.of(index)).constant
            if distance is not None:
                pairs.append((load, distance))
    return pairs


def _deepest(system: System, name: str, role: Role) -> int:
    shifts = [
        -distance
        for d in system.definitions
        for expression in d.expressions()
        for load, distance in _distances(system, expression)
        if (load.name, load.role) == (name, role)
    ]
    return max([0, *shifts])


def _reach(system: System, d: Definition, found: dict[Key, Reach]) -> Reach:
    late = early = 0
    states = {s.name: s for s in system.cell.states}
    for load, distance in _distances(system, d.expression):
        if load.role is Role.PART:
            continue
        other = found.get((load.name, load.role), Reach())
        has_before = load.role in (Role.INPUT, Role.TARGET) and system.cell.declaration[load.name].before is not None
        depth = states[load.name].depth if load.role is Role.COMPUTED and load.name in states else 0
        backward = depth and states[load.name].backward
        allowed_before = depth if depth and not backward else (10**6 if has_before else 0)
        allowed_after = depth if backward else 0
        late = max(late, other.late - distance - allowed_before) if distance <= 0 or other.late else late
        early = max(early, other.early + distance - allowed_after)
    return Reach(max(0, late), max(0, early))
