"""Values live where others died: few vectors for each step, and never more than without looking for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from symrnn.api import load
from symrnn.cells import names
from symrnn.errors import SymrnnError
from symrnn.language import Cell
from symrnn.planning.graph_builder import build_program
from symrnn.planning.packing import packed_storage
from symrnn.planning.planner import plan_schedule
from symrnn.planning.schedule import Schedule, operands
from symrnn.planning.storage import assign_storage
from symrnn.planning.system import build_system

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cells"


def schedule_of(cell: Cell, wrt: tuple[str, ...] | None = None) -> Schedule:
    return plan_schedule(build_program(build_system(cell, wrt)))


def trained(cell: Cell) -> tuple[str, ...]:
    return (*(d.name for d in cell.parameters), *(key for _, _, key in cell.initial_keys()))


@pytest.mark.parametrize(("name", "most"), [("rnn", 3), ("lstm", 9), ("gru", 8)])
def test_vectors_per_step(name: str, most: int) -> None:
    cell = load(BENCHMARK / f"{name}.cell")
    kept = packed_storage(schedule_of(cell, trained(cell))).buffers()
    assert 0 < len([slot for slot in kept if slot.batched]) <= most


@pytest.mark.parametrize("name", names())
def test_packing_never_costs_and_keeps_the_order(name: str) -> None:
    cell = load(name)
    try:
        schedule = schedule_of(cell)
    except SymrnnError:
        pytest.skip("no schedule for this cell")
    storage = packed_storage(schedule)
    assert len(storage.buffers()) <= len(assign_storage(schedule).buffers())
    for before, after in zip(schedule.stages, storage.schedule.stages, strict=True):
        assert set(before.ops) == set(after.ops)
        place = {op: i for i, op in enumerate(after.ops)}
        late = [op for op in after.ops for a in operands(op, schedule.fused) if place.get(a.op, -1) > place[op]]
        assert after.kind == "loop" or not late
