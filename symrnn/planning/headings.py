"""What a reader of generated code is told: a heading for every stage, a formula for every operation."""

from __future__ import annotations

from collections.abc import Mapping

from symrnn.language.node import format_shape
from symrnn.planning.describe import Describer
from symrnn.planning.graph import Op
from symrnn.planning.schedule import Schedule, Stage


class Headings:
    """Words for one schedule; ``short`` has names for what is too long for a line, and may still be growing."""

    def __init__(self, schedule: Schedule, short: Mapping[Op, str]) -> None:
        self.schedule = schedule
        self.describer = Describer(schedule.program.system.time.index, short)

    def formula(self, op: Op) -> str:
        """``h[t] = tanh(a[t])    (n)``: the right-hand side alone for what has no name of its own."""
        shape = format_shape(op.axes) if op.axes else "scalar"
        name = f"{op.names[0]} = " if op.names else ""
        return f"{name}{self.describer.formula(op)}    ({shape})"

    def stage(self, stage: Stage) -> str:
        """Which part of the computation a stage is, how it goes through the times, and what it computes.

        What comes before all loops over the steps *projects*, what comes between them is the *head*, what comes after
        them all are *gradients*.
        """
        names = ", ".join(dict.fromkeys(n for op in stage.ops for n in op.names))
        shown = f" ({names})" if names else ""
        if stage.kind == "sweep":
            return f"back: all times at once, losses one step farther off each time{shown}"
        if stage.kind == "loop":
            word = "back" if any(op.adjoint for op in stage.ops) else "step"
            way = "from the last time to the first" if stage.direction < 0 else "from the first time to the last"
            return f"{word}: {way}{shown}"
        word = self._part(stage)
        return f"{word}: once" if stage.kind == "once" else f"{word}: all times at once{shown}"

    def _part(self, stage: Stage) -> str:
        stages = self.schedule.stages
        loops = [s for s in stages if s.kind in ("loop", "sweep")]
        later = [s for s in stages[stages.index(stage) :] if s.kind in ("loop", "sweep")]
        if len(later) == len(loops):
            return "project"
        return "head" if later else "gradients"
