"""The header of a loop over the steps: one tuple of views for every step, made before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symrnn.coding.numpy_fast.blocks import Block
from symrnn.coding.numpy_fast.values import StageContext, Workspace
from symrnn.planning.schedule import Stage

WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
"""A name that is no attribute."""


def open_loop(work: Workspace, stage: Stage, context: StageContext, block: Block) -> None:
    """Give a block its header: it walks over the views that its lines read, and over what was given in this call."""
    turn = "[::-1]" if stage.direction < 0 else ""
    walked = _walked(context.sequences, block)
    names = list(walked.values()) or ["_"]
    views = work.make("steps_of_loop", f"list(zip({', '.join(walked) or 'range(steps)'})){turn}")
    inner = ", ".join(names) + ("," if len(names) == 1 else "")
    if not context.given:
        block.header = f"for {inner} in {views}"
        return
    given = ", ".join(name for name, _ in context.given)
    rows = ", ".join(f"{sequence}{turn}" for _, sequence in context.given)
    block.header = f"for ({inner}), {given} in zip({views}, {rows})"


def _walked(sequences: Sequence[tuple[str, str]], block: Block) -> dict[str, str]:
    """The sequences that the lines of a loop read, and one name for each: the last one given to the same memory."""
    used = {word for line in block.lines if not line.lstrip().startswith("#") for word in WORD.findall(line)}
    walked = {sequence: name for name, sequence in sequences if name in used}
    other = {name: walked[sequence] for name, sequence in sequences if name in used}
    block.lines[:] = [
        line if line.lstrip().startswith("#") else WORD.sub(lambda found: other.get(found[0], found[0]), line)
        for line in block.lines
    ]
    return walked
