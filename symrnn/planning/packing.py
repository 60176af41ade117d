"""The order of a stage's statements that needs the least memory.

A value may live where another one died.  In a stage over all times what is kept for later comes last therefore, in the
places of what nobody reads any more, and what leads up to it stands in scratch as long as a piece:

    i·(1 - g²), g·i·(1 - i)   →   a = 1 - g²,  b = g·i,  c = 1 - i,  then  i·a in the place of g,  b·c in that of i
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heappop, heappush

from symrnn.planning.fission import reads
from symrnn.planning.graph import Op
from symrnn.planning.schedule import Schedule, Stage, operands
from symrnn.planning.storage import VIEWS, Storage, assign_storage


def packed_storage(schedule: Schedule) -> Storage:
    """The storage of a schedule, with those stages in another order for which that saves buffers."""
    best = assign_storage(schedule)
    for place, stage in enumerate(schedule.stages):
        if stage.kind != "all":
            continue
        kept = {op for op in stage.ops if best.kind[op] == "buffer" and best.slot[op].values[0] is op}
        order = _kept_last(schedule, stage, kept)
        if order == stage.ops:
            continue
        other = assign_storage(_with_order(best.schedule, place, order))
        if len(other.buffers()) < len(best.buffers()):
            best = other
    return best


def _with_order(schedule: Schedule, place: int, ops: list[Op]) -> Schedule:
    stages = list(schedule.stages)
    before = stages[place]
    stages[place] = Stage(before.kind, ops, before.domain, before.direction)
    return replace(schedule, stages=stages, stage_of={})


def _kept_last(schedule: Schedule, stage: Stage, kept: set[Op]) -> list[Op]:
    """The operations in an order that obeys who reads whom, with what is kept as late as can be."""
    rank = {op: place for place, op in enumerate(stage.ops)}
    needs = {op: {a.op for a in operands(op, schedule.fused)} & rank.keys() for op in stage.ops}
    readers: dict[Op, list[Op]] = {}
    for op, needed in needs.items():
        for other in needed:
            readers.setdefault(other, []).append(op)
    ready = [(_waits(op, kept), rank[op]) for op in stage.ops if not needs[op]]
    heapify(ready)
    found: list[Op] = []
    while ready:
        op = stage.ops[heappop(ready)[1]]
        found.append(op)
        for reader in readers.get(op, ()):
            needs[reader].discard(op)
            if not needs[reader]:
                heappush(ready, (_waits(reader, kept), rank[reader]))
    return found


def _waits(op: Op, kept: set[Op]) -> bool:
    return op in kept or (op.kind in VIEWS and any(a.op in kept for a in reads(op)))
