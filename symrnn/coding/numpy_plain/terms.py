"""When a term of a plain line counts: inside its windows, and where the adjoints that it reads exist."""

from __future__ import annotations

from symrnn.coding import python_source as py
from symrnn.coding.numpy_plain.names import PlainNames
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.windows import is_inside, split_window


class PlainTerms(PlainNames):
    """Conditions on terms."""

    def _vanishes(self, term: Array) -> bool:
        """Whether it is surely 0: outside a window, or with a part at a time outside the range."""
        time = self.system.time
        if any(is_inside(w) is False for w in split_window(term)[0]):
            return True
        for load in arrays.loads(term):
            if load.role is Role.PART and load.time is not None:
                after, before = (load.time - time.last).constant, (time.first - load.time).constant
                if (after or 0) > 0 or (before or 0) > 0:
                    return True
        return False

    def _conditions(self, term: Array, now: Index) -> tuple[tuple[str, ...], Array]:
        """Under which tests a term counts: the windows in it, and all parts that it reads inside the time range."""
        windows, term = split_window(term)
        tests = dict.fromkeys(self._window(w) for w in windows if is_inside(w) is not True)
        time = self.system.time
        index = self.index_names[time.index]
        for load in arrays.loads(term):
            if load.role is not Role.PART or load.time is None:
                continue
            ahead = (load.time - Index.of(time.index)).constant
            if time.index in now.names() and ahead is not None:
                if ahead > 0:
                    limit = py.unparse(self.writer.index(time.last - ahead))
                    tests[
                        f"{index} <= {limit}" if ahead > 1 else f"{index} < {py.unparse(self.writer.index(time.last))}"
                    ] = None
                elif ahead < 0:
                    tests[f"{index} >= {py.unparse(self.writer.index(time.first - ahead))}"] = None
            elif time.index not in load.time.names():
                for distance, low in ((load.time - time.first, True), (time.last - load.time, False)):
                    if distance.constant is None or distance.constant < 0:
                        a, b = (time.first, load.time) if low else (load.time, time.last)
                        if low and (load.time - time.last).constant == 0:
                            continue
                        if not low and (load.time - time.first).constant == 0:
                            continue
                        tests[f"{py.unparse(self.writer.index(a))} <= {py.unparse(self.writer.index(b))}"] = None
        return tuple(tests), term

    def _window(self, window: arrays.Between) -> str:
        """The test for a window, without a bound that holds at all times."""
        at, low, high = window.args
        time = self.system.time
        shown, lower, upper = (py.unparse(self.writer.index(i)) for i in window.args)
        if low == high:
            return f"{shown} == {lower}"
        if time.index in at.names():
            ahead = at - Index.of(time.index)
            before, after = (low - ahead - time.first).constant, (time.last - high + ahead).constant
            if before is not None and before <= 0:
                return f"{shown} <= {upper}"
            if after is not None and after <= 0:
                return f"{shown} >= {lower}"
        return f"{lower} <= {shown} <= {upper}"
