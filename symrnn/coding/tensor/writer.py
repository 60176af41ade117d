"""Array expressions as source for libraries that look like NumPy (JAX, PyTorch), also over all times at once.

The axes of an array in the code are time (where the expression runs over times), batch, own axes, as in
:mod:`symrnn.coding.numpy_source.expression`, whose rules for single expressions are used here.  What is added: slices
of rows for a whole range of times, and sums over times as one contraction.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.contractions import BATCH, LETTERS, TIME
from symrnn.coding.numpy_source.expression import NumpyWriter, is_full
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Einsum, Labels
from symrnn.planning.association import pairwise
from symrnn.planning.shifting import shifted

Span = tuple[Index, Index]


def _no_rows(load: arrays.Load) -> Span:
    raise UnsupportedError(f"{load.name} has no rows")


@dataclass
class TensorWriter(NumpyWriter):
    """Writes expressions at one time, or over the times of a span at once.

    ``rows`` gives the first and last time for which a named array has rows, ``current`` the names of values at the
    present time inside a step, ``time`` the whole range of times.
    """

    rows: Callable[[arrays.Load], Span] = _no_rows
    current: Mapping[tuple[str, Role, int], str] = field(default_factory=dict)
    index_name: str = "t"
    span: Span | None = None
    time: Span | None = None

    def over(self, index: str, span: Span) -> TensorWriter:
        """The same writer for expressions over all times of a span, with a leading axis for them."""
        return replace(self, running=frozenset({index}), index_name=index, span=span, current={})

    def inside(self, current: Mapping[tuple[str, Role, int], str]) -> TensorWriter:
        """The same writer for expressions of one step, where some values have names of their own."""
        return replace(self, running=frozenset(), span=None, current=current)

    def single(self) -> TensorWriter:
        """The same writer for expressions of the whole sequence."""
        return replace(self, running=frozenset(), span=None, current={})

    @property
    def length(self) -> ast.expr:
        """How many times there are in the span."""
        assert self.span is not None
        return self.index(self.span[1] - self.span[0] + 1)

    # ---- names and rows

    def _named(self, load: arrays.Load) -> ast.expr:
        if load.time is None:
            return self.load(load)
        shift = (load.time - Index.of(self.index_name)).constant
        if shift is not None and self.span is not None:
            return self._slice(load, self.span[0] + shift, self.span[1] + shift)
        if shift is not None and (load.name, load.role, shift) in self.current:
            return py.name(self.current[load.name, load.role, shift])
        if shift is not None or load.time.names() & self.running:
            raise UnsupportedError(f"{load.name}[{load.time}] is not read at a fixed distance in time")
        low, high = self.rows(load)
        if self._lack(low, load.time) or self._lack(load.time, high):
            raise UnsupportedError(f"{load.name}[{load.time}] is read where it does not exist")
        if self._surely(load.time - low) and self._surely(high - load.time):
            return py.subscript(self.load(load), self.index(load.time - low))
        # A short sequence may end before that time.
        self.helpers["_row"] = None
        outside = py.constant(float(load.role is not Role.PART))
        return py.call("_row", self.load(load), self.index(load.time - low), outside)

    def _slice(self, load: arrays.Load, first: Index, last: Index) -> ast.expr:
        """Rows for the times from first to last; outside its times a part is 0, and what else is there is unused."""
        low, high = self.rows(load)
        value = self.load(load)
        before, after = self._lack(low, first), self._lack(last, high)
        if before or after:
            self.helpers["_padded"] = None
            edge = py.constant(load.role is not Role.PART)
            value = py.call("_padded", value, py.constant(before), py.constant(after), edge)
            low, high = low - before, high + after
        start = None if first == low else self.index(first - low)
        stop = None if last == high else self._stop(last - low + 1)
        return value if start is None and stop is None else py.subscript(value, py.slice_(start, stop))

    def _lack(self, earlier: Index, later: Index) -> int:
        """By how many times ``earlier`` comes after ``later``; 0 where it does not, or where that depends on τ."""
        return max(0, int((earlier - later).constant or 0))

    def _stop(self, index: Index) -> ast.expr:
        """The end of a slice, kept from turning negative in short sequences."""
        written = self.index(index)
        return written if self._surely(index) else py.call("max", written, py.constant(0))

    def _surely(self, distance: Index) -> bool:
        """Whether a distance in time is never negative, however short the sequence."""
        smallest = distance.substitute({name: Index.of(1) for name in distance.names()}).constant
        return smallest is None or smallest >= 0

    # ---- expressions

    def expression(self, array: Array, exact: bool = True) -> ast.expr:
        """The source of an array; ``exact`` asks for its full shape where broadcasting would not do."""
        written = self._write(array)
        if exact and not is_full(array):
            return self.spread(written, self.shape(array, self.has_time(array), array.batched))
        return written

    def shape(self, array: Array, timed: bool, batched: bool) -> ast.expr:
        """The shape of an array with these leading axes."""
        lead = ([self.length] if timed else []) + ([py.name("batch")] if batched else [])
        return py.tuple_([*lead, *(self.index(a) for a in array.axes)])

    def spread(self, value: ast.expr, shape: ast.expr) -> ast.expr:
        """A value in a full shape."""
        self.helpers["_spread"] = None
        return py.call("_spread", value, shape, py.name("dtype"))

    def full(self, array: Array, timed: bool, batched: bool) -> ast.expr:
        """An expression with these leading axes, whether or not it depends on time and example."""
        if self.has_time(array) >= timed and array.batched >= batched:
            return self.expression(array)
        written = self._write(array)
        if timed and not self.has_time(array):
            return self.spread(written, self.shape(array, timed, batched))
        if self.has_time(array) and not array.batched:
            written = py.subscript(written, py.slice_(), ast.Constant(None))
        return self.spread(written, self.shape(array, timed, batched))

    def _write(self, array: Array) -> ast.expr:
        for kind, rule in _RULES.items():
            if isinstance(array, kind):
                return rule(self, array)
        return super()._write(array)

    def _count(self, array: arrays.Count) -> ast.expr:
        written = self.index(array.args[0])
        if not array.times & (self.running | {self.index_name}):
            return written
        self.helpers["_number"] = None
        return py.call("_number", written, py.name("dtype"))

    def _between(self, array: arrays.Between) -> ast.expr:
        self.helpers["_between"] = None
        return py.call("_between", *(self.index(i) for i in array.args), py.name("dtype"))

    def _reshape(self, array: arrays.Reshape) -> ast.expr:
        shape = self.shape(array, self.has_time(array), array.batched)
        return py.call("np.reshape", self.expression(array.args[0]), shape)

    def _join(self, array: arrays.Join) -> ast.expr:
        parts, axis, axes = array.args
        timed, batched = self.has_time(array), array.batched
        values = []
        for part in parts:
            number = isinstance(part, (arrays.Literal, arrays.Count))
            lead = self.shape(part, timed, batched)
            value = self.spread(self._write(part), lead) if number else self.full(part, timed, batched)
            if len(part.axes) < len(axes):
                after = [py.slice_()] * (len(axes) - axis - 1)
                value = py.subscript(value, ast.Constant(...), ast.Constant(None), *after)
            values.append(value)
        return py.call("np.concatenate", py.list_(values), axis=py.constant(axis - len(axes)))

    def _transposed(self, value: ast.expr, order: list[int]) -> ast.expr:
        if order == [1, 0]:
            return py.attribute(value, "T")
        rank = len(order)
        if order == [*range(rank - 2), rank - 1, rank - 2]:
            return py.attribute(value, "mT")
        return py.call("np.transpose", value, py.tuple_(py.constant(place) for place in order))

    # ---- sums over time

    def _over_time(self, array: arrays.OverTime) -> ast.expr:
        picked = _picked(array)
        if picked is not None:
            return self.expression(picked)
        body, index, lower, upper = array.args
        if self.running and body.times & self.running - {index}:
            raise UnsupportedError(
                f"a sum over {index} at every time needs all pairs of times",
                hint="Accumulate it in a state instead: s[t] = s[t-1] + ...",
            )
        if self.index_name in (lower.names() | upper.names()):
            raise UnsupportedError(
                f"a sum over {index} from {lower} to {upper} has bounds that change with {self.index_name}",
                hint="Accumulate it in a state instead: s[t] = s[t-1] + ...",
            )
        terms = body.terms if isinstance(body, arrays.Plus) and self._apart(body) else (body,)
        written = [self._total(term, index, lower, upper) for term in terms]
        return py.chain("+", written)

    def _apart(self, total: arrays.Plus) -> bool:
        """Whether the terms of a sum are contractions by themselves, each with times of its own."""
        return all(t.axes == total.axes for t in total.terms)

    def _total(self, term: Array, index: str, lower: Index, upper: Index) -> ast.expr:
        """Σ over times of one term; the range is cut to the times at which all parts in it exist."""
        for load in arrays.loads(term):
            shift = (load.time - Index.of(index)).constant if load.time is not None else None
            if load.role is Role.PART and shift is not None and self.time is not None:
                first, last = self.time[0] - shift, self.time[1] - shift
                lower = first if self._lack(first, lower) else lower
                upper = last if self._lack(upper, last) else upper
        writer = self.over(index, (lower, upper))
        if index not in term.times:
            length = py.call("max", self.index(upper - lower + 1), py.constant(0))
            return py.binary(length, "*", writer.expression(term))
        inner, batch = (term.args[0], True) if isinstance(term, arrays.BatchSum) else (term, False)
        if isinstance(inner, Einsum):
            return writer.contracted(inner, batch)
        axes = py.tuple_([py.constant(0), py.constant(1)]) if batch and inner.batched else py.constant(0)
        return py.method(writer.expression(inner), "sum", axes)

    def contracted(self, product: Einsum, batch: bool) -> ast.expr:
        """A product summed over times, and perhaps examples, as one einsum of groups of equal axes."""
        split = pairwise(product)
        if not isinstance(split, Einsum) or not split.factors:
            axes = py.tuple_([py.constant(0), py.constant(1)]) if batch else py.constant(0)
            return py.method(self.expression(split), "sum", axes)
        groups: dict[Labels, list[Array]] = {}
        for array, labels in split.factors:
            groups.setdefault(labels, []).append(array)
        scalars = groups.pop((), [])
        if scalars:
            host = next((labels for labels in groups if len(set(labels)) == len(labels)), ())
            groups[host] = [*groups.get(host, []), *scalars]
        sides = [(arrays.times(*members), labels) for labels, members in groups.items()]
        lead = () if batch or not product.batched else (BATCH,)
        letters = {label: LETTERS[label] for label in split.sizes()} | {TIME: "t", BATCH: "b"}
        wide = {label for label, _ in split.args[3]}
        own = tuple(label for label in split.out if label not in wide)
        inputs = ",".join("".join(letters[x] for x in self.labels(a, labels)) for a, labels in sides)
        out = "".join(letters[x] for x in (*lead, *own))
        value = py.call("np.einsum", py.constant(f"{inputs}->{out}"), *(self.expression(a) for a, _ in sides))
        scaled = self._scaled(split.coefficient, value)
        if not wide:
            return scaled
        gaps = [ast.Constant(None) if label in wide else py.slice_() for label in (*lead, *split.out)]
        return self.spread(py.subscript(scaled, *gaps), self.single().shape(product, False, bool(lead)))


def _picked(total: arrays.OverTime) -> Array | None:
    """For a sum over r of δ(t, r) e[r] the one term that is there, e[t] where t is in the range; else None."""
    body, index, lower, upper = total.args
    if not isinstance(body, Einsum):
        return None
    for factor, _ in body.factors:
        if isinstance(factor, arrays.Between) and factor.args[1] == factor.args[2]:
            times = [x for x in factor.args[:2] if x != Index.of(index)]
            if len(times) == 1:
                rest = [f for f in body.factors if f[0] is not factor]
                kept = [(arrays.Between(times[0], lower, upper), ()), *rest]
                return shifted(Einsum(body.coefficient, tuple(kept), body.out, body.args[3]), {index: times[0]})
    return None


_RULES: Mapping[type[Array], Callable[[TensorWriter, Any], ast.expr]] = {
    arrays.Load: TensorWriter._named,
    arrays.Count: TensorWriter._count,
    arrays.Between: TensorWriter._between,
    arrays.Reshape: TensorWriter._reshape,
    arrays.Join: TensorWriter._join,
    arrays.OverTime: TensorWriter._over_time,
}
"""Where these libraries, or times in one go, need other source than NumPy at a single time."""
