"""Stages of a computation: what is done once, what for all times at once, what step by step; and for which times.

A stage of kind ``sweep`` is a loop of truncated adjoints, all times at once several times over.
A stage of kind ``all`` runs over its times in pieces that fit the cache, so its operations read each other at the
present time only; sums over time whose operands it computes are accumulated piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning.fission import Component, Fission, reads
from symrnn.planning.graph import Arg, Op, Program, deref
from symrnn.planning.simplify import sums_to_one, users

SOURCES = frozenset({"data", "number", "batch", "full", "identity"})
"""What needs no statement of its own."""


def is_source(op: Op) -> bool:
    """Whether an operation is there without a statement."""
    return op.kind in SOURCES or (op.kind == "count" and not op.timed)


Domain = tuple[Index, Index]


@dataclass(eq=False)
class Stage:
    """Operations in order.  ``kind`` is ``once``, ``all``, ``loop`` or ``sweep``; ``domain``: of all but once."""

    kind: str
    ops: list[Op]
    domain: Domain | None = None
    direction: int = 0


@dataclass
class Schedule:
    """The stages of a program, with the times at which each timed operation is computed."""

    program: Program
    stages: list[Stage]
    domains: dict[Op, Domain]
    fused: set[Op]
    readers: dict[Op, list[Op]]
    captured: dict[Op, int] = field(default_factory=dict)
    depth: int = 0
    stage_of: dict[Op, Stage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stage in self.stages:
            for op in stage.ops:
                self.stage_of[op] = stage


def build_schedule(fission: Fission) -> Schedule:
    """Stages in an order in which everything is computed before it is read."""
    program = fission.program
    readers = users(program)
    fused = _fused(program, readers)
    domains = _domains(fission)
    stages = _Stages(fission, domains, fused).build()
    return Schedule(program, stages, domains, fused, readers, fission.captured, fission.depth)


def _fused(program: Program, readers: dict[Op, list[Op]]) -> set[Op]:
    """Products that only totals read: they are never formed, the total is one matrix product of their factors."""
    found = set()
    for op in program.ops():
        only_totals = op.kind == "product" and op.timed and all(r.kind == "total" for r in readers.get(op, ()))
        # The entry of a target that may come as a label is picked, not multiplied out.
        picked = op.kind == "product" and not op.data[2] and any(sums_to_one(a.op, program) for a in reads(op))
        if only_totals and not picked:
            found.add(op)
    return found


def operands(op: Op, fused: set[Op]) -> list[Arg]:
    """What an operation reads, with products that are never formed seen through."""
    found: list[Arg] = []
    for arg in reads(op):
        if arg.op in fused:
            found.extend(Arg(a.op, a.shift + arg.shift) for a in reads(arg.op))
        else:
            found.append(arg)
    return found


class _Stages:
    """Fills one group of operations for all times after the other."""

    def __init__(self, fission: Fission, domains: dict[Op, Domain], fused: set[Op]) -> None:
        self.fission, self.domains, self.fused = fission, domains, fused
        self.stages: list[Stage] = []
        self.placed: set[Op] = set()
        self.totals = self._totals()
        self._begin()

    def _begin(self) -> None:
        self.once: list[Op] = []
        self.group: list[Op] = []
        self.after: list[Op] = []
        self.inside: set[Op] = set()

    def _totals(self) -> dict[Op, list[Op]]:
        """The sums over time that read an operation, through products that are never formed."""
        found: dict[Op, list[Op]] = {}
        for component in self.fission.components:
            for op in component.ops:
                if op.kind == "total":
                    for arg in operands(op, self.fused):
                        found.setdefault(arg.op, []).append(op)
        return found

    def build(self) -> list[Stage]:
        for component in self._late():
            if component.is_loop:
                self._flush()
                time = self.fission.program.system.time
                kind = "sweep" if component.sweeps else "loop"
                self.stages.append(Stage(kind, component.ops, (time.first, time.last), component.direction))
                self.placed.update(component.ops)
            else:
                self._place(component.ops[0])
        self._flush()
        return self.stages

    def _late(self) -> list[Component]:
        """The components, with what begins from a loop's values moved behind the loops that do not need it."""
        order = list(self.fission.components)
        loop_ops = {op for c in order if c.is_loop for op in c.ops}
        for component in reversed(self.fission.components):
            op = component.ops[0]
            if component.is_loop or not op.timed or is_source(op):
                continue
            if not all(a.op in loop_ops or is_source(a.op) or not a.op.timed for a in reads(op)):
                continue
            here = order.index(component)
            read = {
                place
                for place, other in enumerate(order)
                if place != here and any(a.op is op for o in other.ops for a in operands(o, self.fused))
            }
            first = min(read, default=here)
            if any(order[place].is_loop for place in range(here + 1, first)):
                order.remove(component)
                order.insert(first - 1, component)
        return order

    def _place(self, op: Op) -> None:
        if is_source(op) or op in self.fused or op in self.placed:
            return
        needed = operands(op, self.fused)
        if op.timed:
            if self._conflicts(op, needed):
                self._flush()
            self._join(op)
            for total in self.totals.get(op, ()):
                self._place_total(total)
        elif op.kind == "total" and any(a.op in self.inside for a in needed) and not self._conflicts(op, needed):
            self._join(op)
        else:
            if op.kind in ("total", "at") and any(a.op in self.inside for a in needed):
                self._flush()
            late = any(a.op in self.inside or a.op in self.after for a in needed)
            (self.after if late else self.once).append(op)
        self.placed.add(op)

    def _place_total(self, total: Op) -> None:
        """A sum over time goes where its last operand is made, so that this need not be kept."""
        needed = operands(total, self.fused)
        if all(a.op in self.placed or a.op in self.inside or is_source(a.op) for a in needed):
            self._place(total)

    def _conflicts(self, op: Op, needed: list[Arg]) -> bool:
        """Whether an operation cannot be one of the group: other times, or it reads across the pieces."""
        if not self.group:
            return False
        domain = (op.data[0], op.data[1]) if op.kind == "total" else self.domains[op]
        across = any(a.shift for a in needed if a.op in self.inside)
        inside = [a for a in needed if a.op in self.inside]
        across = across or any(op.kind == "select" or a.op.kind == "select" for a in inside)
        return (
            across
            or domain != self._domain()
            or any(a.op in self.after for a in needed)
            or (op.kind != "total" and any(a.op in self.inside and not a.op.timed for a in needed))
        )

    def _domain(self) -> Domain:
        return self.domains[next(op for op in self.group if op.timed)]

    def _join(self, op: Op) -> None:
        self.group.append(op)
        self.inside.add(op)

    def _flush(self) -> None:
        if self.once:
            self.stages.append(Stage("once", self.once))
        if self.group:
            self.stages.append(Stage("all", self.group, self._domain()))
        if self.after:
            self.stages.append(Stage("once", self.after))
        self._begin()


def _domains(fission: Fission) -> dict[Op, Domain]:
    """The times at which each timed operation is wanted; those of a loop are all times of the cell."""
    program = fission.program
    time = program.system.time
    whole = (time.first, time.last)
    wanted: dict[Op, Domain] = {}
    for op in program.gradients.values():
        inner = deref(Arg(op)).op
        if inner.timed:
            wanted[inner] = whole
    loop_ops = {op for c in fission.components if c.is_loop for op in c.ops}
    order = [op for c in reversed(fission.components) for op in reversed(c.ops)]
    for op in loop_ops:
        wanted[op] = whole
    for op in order:
        for arg, domain in _demands(op, wanted.get(op)):
            if not arg.op.timed or arg.op in loop_ops:
                continue
            moved = (domain[0] + arg.shift, domain[1] + arg.shift)
            if arg.op.adjoint:
                moved = _intersection(moved, whole)
            known = wanted.get(arg.op)
            wanted[arg.op] = moved if known is None else _hull(known, moved)
    return wanted


def _demands(op: Op, domain: Domain | None) -> Iterable[tuple[Arg, Domain]]:
    """What an operation wants of its operands."""
    if op.kind == "total":
        yield reads(op)[0], (op.data[0], op.data[1])
    elif op.kind == "at":
        yield reads(op)[0], (op.data[0], op.data[0])
    elif op.kind == "select":
        if domain is None:
            return
        base, *others = reads(op)
        yield base, shrunk(domain, op.data)
        for arg, time in zip(others, op.data, strict=True):
            yield arg, (time, time)
    elif domain is not None:
        for arg in reads(op):
            yield arg, domain


def shrunk(domain: Domain, excepted: tuple[Index, ...]) -> Domain:
    """The times of a domain without exceptions at its ends."""
    low, high = domain
    while low in excepted:
        low = low + 1
    while high in excepted:
        high = high - 1
    return low, high


def _hull(a: Domain, b: Domain) -> Domain:
    return _lower(a[0], b[0]), _upper(a[1], b[1])


def _intersection(a: Domain, b: Domain) -> Domain:
    low = b[0] if _lower(a[0], b[0]) == a[0] else a[0]
    high = b[1] if _upper(a[1], b[1]) == a[1] else a[1]
    return low, high


def _lower(a: Index, b: Index) -> Index:
    distance = (a - b).constant
    if distance is not None:
        return a if distance <= 0 else b
    # One counts from the first time and one from the last; the one without the length is the earlier.
    return a if len(a.names()) <= len(b.names()) else b


def _upper(a: Index, b: Index) -> Index:
    distance = (a - b).constant
    if distance is not None:
        return a if distance >= 0 else b
    return a if len(a.names()) >= len(b.names()) else b


def margins(schedule: Schedule, op: Op) -> Domain:
    """The first and last times for which a timed operation's storage has rows: read or written."""
    low, high = schedule.domains[op]
    for reader in schedule.readers.get(op, []):
        for arg, domain in _demands(reader, schedule.domains.get(reader)):
            if arg.op is op:
                low, high = _hull((low, high), (domain[0] + arg.shift, domain[1] + arg.shift))
    return low, high


def check_margins(schedule: Schedule) -> None:
    """Values beyond the times of an operation exist for states (initial values) and adjoints (zero) alone."""
    program = schedule.program
    states = {
        deref(Arg(v)).op: program.system.cell.state[name]
        for (name, role), v in program.variables.items()
        if role is Role.COMPUTED and name in program.system.cell.state
    }
    for stage in schedule.stages:
        if stage.kind != "loop":
            continue
        for op in stage.ops:
            if op.adjoint or (op not in schedule.readers):
                continue
            low, high = margins(schedule, op)
            early, late = (program.system.time.first - low).constant, (high - program.system.time.last).constant
            depth = states[op].depth if op in states else 0
            backward = op in states and states[op].backward
            if (early or 0) > (0 if backward else depth) or (late or 0) > (depth if backward else 0):
                raise UnsupportedError(f"{'/'.join(op.names) or op.kind} is read where a loop does not compute it")
