"""What a stack holds that its loop does not compute, multiplied for all steps at once where vectors are longer.

before → after, where ``apart``
    A (h[t-1]; x[t]; 1)      → A_h h[t-1] + known[t],   known = (x[t]; 1) A_x'   one product before the loop

One call more for every step, and less than half of the work where inputs are as long as states.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.numpy_narrow.places import Places, by_columns
from symrnn.planning.schedule import Stage
from symrnn.planning.stacks import Pack, Stack

SHORT = 16
"""From this length on a product costs more than a call."""


@dataclass
class KnownParts:
    """The known parts of the packs of one loop."""

    places: Places
    work: Workspace
    stage: Stage
    lines: list[str] = field(default_factory=list)

    def own(self, stack: Stack) -> tuple[str, str] | None:
        """The features that products of the loop read of it, and those that are known; None where these are none."""
        mine = [op for op in stack.operands if op in stack.made]
        used = [op for op in mine if op in stack.multiplied]
        if not used or (len(mine) == len(stack.operands) and not stack.bias):
            return None
        first, last, known = stack.start(used[0]), stack.stop(used[-1]), stack.stop(mine[-1])
        begin = self.work.index(first) if first.constant != 0 else ""
        return f"{begin}:{self.work.index(last)}", f"{self.work.index(known)}:"

    def product(self, pack: Pack, rows: str) -> tuple[str, str, str] | None:
        """The function, the rows that it multiplies, and the known rows to be added; None where nothing is known."""
        own = self.own(pack.stack) if self.test(self.work, [pack]) else None
        if own is None:
            return None
        work, matrix = self.work, self.places.matrix(pack)
        apart = self.places.apart = work.make("apart", self.test(work, [pack]) or "")
        (mine, rest), height = own, work.index(pack.height)
        held = self.places.stack_name(pack.stack)
        part = work.make(f"{matrix}_part", f"{matrix}[:, {mine}] if {apart} else None")
        # A product wants its matrix in one piece, which columns of a matrix kept row by row are not.
        copied = not by_columns(pack)
        mine_alone = f"np.empty({part}.shape, dtype)" if copied else part
        left = work.make(f"{matrix}_own", f"{mine_alone} if {apart} else {matrix}")
        dot = work.make(f"{matrix}_dot", f"{left}.dot")
        read = work.make(f"{held}_own", f"{rows}[:, {mine}] if {apart} else {rows}")
        right = work.make(f"{matrix}_known", f"{matrix}[:, {rest}].T if {apart} else None")
        given = work.make(f"{held}_known", f"{rows}[:, {rest}, 0] if {apart} else None")
        known = work.names.give(f"{matrix}_times_known")
        work.setup.append(f"{known} = np.empty((steps, {height}), dtype) if {apart} else None")
        copy = [f"    {left}[...] = {part}"] if copied else []
        self.lines += [f"if {apart}:", *copy, f"    {given}.dot({right}, {known})"]
        return dot, read, work.make("known", f"{known}[:, :, None] if {apart} else None")

    @staticmethod
    def test(work: Workspace, packs: list[Pack]) -> str | None:
        """When the known parts are multiplied apart; None where the schedule is for short vectors only."""
        if max(len(pack.forms) for pack in packs) == 1 and not any(op.adjoint for op in packs[0].stage.ops):
            return None
        sizes = dict.fromkeys(work.index(op.axes[0]) for p in packs for op in p.stage.ops if op.axes)
        longest = next(iter(sizes)) if len(sizes) == 1 else f"max({', '.join(sizes)})"
        return f"batch == 1 and {longest} > {SHORT}"
