"""The truncated adjoints of a plain module: sweeps over the times, each letting in losses one step farther off."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding import python_source as py
from symrnn.coding.numpy_plain.steps import PlainSteps
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.loops import Loop
from symrnn.planning.system import Definition, Gradient
from symrnn.planning.truncating import Sweeps, distance_back, is_fixed, sweeps


class PlainWindow(PlainSteps):
    """Adjoints, truncated where a window is asked for."""

    now: Index | None = None
    gradient: Gradient | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sweeps: Sweeps | None = sweeps(self.system) if self.options.window is not None else None
        depths = self.sweeps.depths if self.sweeps is not None else {}
        self.older = {
            (name, back): self.free.give(f"{name}_before" + (str(back) if back > 1 else ""))
            for name, depth in depths.items()
            for back in range(1, depth + 1)
        }

    def _adjoints(self, backward: Sequence[Definition]) -> None:
        """The adjoint recursion, or sweeps of it."""
        if self.sweeps is None:
            self._equations(backward)
            return
        self._equations(self.sweeps.before)
        names = dict.fromkeys(name for name, _ in self.older)
        for name in names:
            for back in range(1, self.sweeps.depths[name] + 1):
                zeros = py.call("np.zeros_like", py.name(self.computed[name, Role.PART]))
                self.source.assign(self.older[name, back], zeros)
        self.source.comment("Truncated: each sweep lets in the losses of one step more, WINDOW steps in the end.")
        self.source.comment("It goes through the times against the recursion, so that it finds there what the sweep")
        self.source.comment("before has left.")
        more = self.sweeps.depth - 1
        limit = "steps" if not more else f"steps {'+' if more > 0 else '-'} {abs(more)}"
        with self.source.indented(f"for _ in range(min(WINDOW, {limit}) + 1)"):
            for name in names:
                self._keep(name, self.sweeps.depths[name])
            for direction, definitions in self.sweeps.groups:
                with self.source.indented(self._for(Loop(definitions, True, direction < 0))):
                    for d in definitions:
                        self._line(d)
        self._equations(self.sweeps.after)

    def _keep(self, name: str, depth: int) -> None:
        """What the sweeps before have left."""
        left = ", ".join(self.older[name, back] for back in range(depth, 0, -1))
        held = [self.older[name, back] for back in range(depth - 1, 0, -1)]
        right = ", ".join([*held, f"{self.computed[name, Role.PART]}.copy()"])
        self.source.raw(f"{left} = {right}")

    def _assign(self, target: ast.expr, array: Array, d: Definition, at: Index | None = None) -> None:
        now = at if at is not None else Index.of(self.system.time.index)
        self.now = now if d.role is Role.PART else None
        if self.sweeps is not None and d.role is Role.PART:
            terms = [t for t in arrays.terms(array) if not self._vanishes(t) and not arrays.is_zero(t)]
            if terms and all(self._conditions(t, now)[0] for t in terms):
                # What is only added to begins at 0 in every sweep.
                self.source.assign(target, py.constant(0))
        super()._assign(target, array, d, at)
        self.now = None

    def _array_name(self, load: arrays.Load) -> str:
        back = self._sweeps_back(load) if self.sweeps is not None and load.role is Role.PART else 0
        return self.older[load.name, back] if back else super()._array_name(load)

    def _sweeps_back(self, load: arrays.Load) -> int:
        if load.time is None:
            return 0
        if self.now is not None:
            distance = abs((load.time - self.now).constant or 0)
            return distance if distance > 1 else 0
        if self.gradient is not None and is_fixed(load.time, self.system, self.gradient):
            return distance_back(self.system, self.gradient, load.time)
        return 0
