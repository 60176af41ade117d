"""The sweeps of a truncated gradient around the pieces of all times."""

from __future__ import annotations

from symrnn.coding.numpy_fast.blocks import Block
from symrnn.coding.numpy_fast.values import Workspace, buffer_slice
from symrnn.planning.fission import reads
from symrnn.planning.schedule import Stage


def again(work: Workspace, stage: Stage, block: Block) -> None:
    """A sweep for every step of the window: what is read of the sweep before begins at 0.

    Pieces come in the order in which none is read after it was computed anew.  Adjoints of fixed times are taken out
    as many sweeps before the last as they lie back.
    """
    if stage.direction > 0:
        block.header += "[::-1]"
    more = work.schedule.depth - 1
    limit = "steps" if not more else f"steps {'+' if more > 0 else '-'} {abs(more)}"
    ages = work.make("ages", f"min(WINDOW, {limit})")
    inside = set(stage.ops)
    block.outer = f"for age in range({ages} + 1)"
    across = {a.op for op in stage.ops for a in reads(op) if a.shift and a.op in inside}
    slots = {work.storage.slot[op]: None for op in stage.ops if op in across}
    block.before += [f"{work.slot_name(slot)}.fill(0)" for slot in slots]
    for at, back in work.schedule.captured.items():
        source = reads(at)[0].op
        if source not in inside:
            continue
        name, time = work.name_of(at), at.data[0]
        lead = ["batch"] if at.batched else []
        shape = ", ".join([*lead, *(work.index(a) for a in at.axes)])
        work.setup.append(f"{name} = np.empty(({shape}{',' if len(lead) + len(at.axes) == 1 else ''}), dtype)")
        block.before.append(f"{name}.fill(0)")
        block.inner_after.append(f"if age == {ages} - {back}:")
        block.inner_after.append(f"    {name}[...] = {buffer_slice(work, source, time, time)}[0]")
