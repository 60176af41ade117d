"""Array expressions: what a formula of the language becomes once it is to be computed.

Orientation is gone: a column and its row are the same array of one axis, an axis of constant size 1 has none, and
``@``, ``*``, ``.T``, ``diag`` and ``trace`` all are one form, the :class:`Einsum`.  Besides its own axes an array may
have a batch axis (``batched``) and depend on running times (``times``); both are known and not written.

Nodes are interned like those of the language, so that equal expressions are one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from symrnn.language import Index, Role

Axes = tuple[Index, ...]
Labels = tuple[int, ...]
Factor = tuple["Array", Labels]


class Array:
    """One array expression; ``axes`` are its own axes, without batch and time."""

    __slots__ = ("__weakref__", "args", "axes", "batched", "children", "times")

    args: tuple[Any, ...]
    children: tuple[Array, ...]
    axes: Axes
    batched: bool
    times: frozenset[str]

    _interned: ClassVar[WeakValueDictionary[tuple[Any, ...], Array]] = WeakValueDictionary()

    def __new__(cls, *args: Any) -> Self:
        key = (cls, *args)
        known = Array._interned.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
        node = super().__new__(cls)
        node.args = args
        node.children = tuple(_children(args))
        node.batched = any(c.batched for c in node.children)
        node.times = frozenset().union(*(c.times for c in node.children))
        node._infer()
        Array._interned[key] = node
        return node

    def _infer(self) -> None:
        """Set ``axes``, and correct ``batched`` and ``times`` where they are not the children's."""
        raise NotImplementedError(type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.args))})"


def _children(args: Iterable[Any]) -> Iterator[Array]:
    for arg in args:
        if isinstance(arg, Array):
            yield arg
        elif isinstance(arg, tuple):
            yield from _children(arg)


class Load(Array):
    """A named array, ``Load(name, role, time, axes, batched)``; ``time`` is None where it has none."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.batched = self.args[3], self.args[4]
        self.times = self.time.names() if self.time is not None else frozenset()

    @property
    def name(self) -> str:
        """The name in the cell, or a part's."""
        return self.args[0]

    @property
    def role(self) -> Role:
        """What it is in the cell."""
        return self.args[1]

    @property
    def time(self) -> Index | None:
        """When it is read."""
        return self.args[2]


class Literal(Array):
    """An exact number, ``Literal(value)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()

    @property
    def value(self) -> Fraction:
        """The number."""
        return self.args[0]


class Count(Array):
    """A size, a length or a time used as a number, ``Count(index)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.times = (), self.args[0].names()


class BatchCount(Array):
    """How many examples there are; 1 without a batch."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()


class Full(Array):
    """A constant array, ``Full(axes, value)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[0]


class Identity(Array):
    """The identity matrix, ``Identity(size)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = (self.args[0], self.args[0])


class Einsum(Array):
    """A product, ``Einsum(coefficient, factors, out, extents)``: coefficient · Σ over labels that are not in ``out``.

    Each factor is an array with one label per own axis.  ``extents`` gives the size of labels in ``out`` that no factor
    has (the result is constant along these).
    """

    __slots__ = ()

    def _infer(self) -> None:
        sizes = self.sizes()
        self.axes = tuple(sizes[label] for label in self.out)

    @property
    def coefficient(self) -> Fraction:
        """The exact number in front."""
        return self.args[0]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Arrays with their labels."""
        return self.args[1]

    @property
    def out(self) -> Labels:
        """The labels of the result, in order."""
        return self.args[2]

    def sizes(self) -> dict[int, Index]:
        """The size of every label."""
        found = dict(self.args[3])
        for array, labels in self.factors:
            found.update(zip(labels, array.axes, strict=True))
        return found

    @property
    def summed(self) -> Labels:
        """The labels that are summed over, in order of appearance."""
        seen = dict.fromkeys(label for _, labels in self.factors for label in labels)
        return tuple(label for label in seen if label not in self.out)


class Plus(Array):
    """A sum, ``Plus(terms)``: all of the same axes, or scalar."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = next((t.axes for t in self.terms if t.axes), ())

    @property
    def terms(self) -> tuple[Array, ...]:
        """What is added."""
        return self.args[0]


class Apply(Array):
    """An elementwise or vector primitive, ``Apply(name, arguments, order)``, of the first argument's axes.

    Besides the primitives of :mod:`symrnn.primitives`: ``reciprocal``, ``power`` (with a scalar exponent) and
    ``kinked`` ones with ``order`` 1, which the emitters know.
    """

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[1][0].axes

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.args[0]

    @property
    def arguments(self) -> tuple[Array, ...]:
        """What it is applied to."""
        return self.args[1]

    @property
    def order(self) -> int:
        """How many primes."""
        return self.args[2]


class Largest(Array):
    """The largest entry of a vector, ``Largest(operand)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = ()


class Cut(Array):
    """A block along one axis, ``Cut(operand, axis, start, stop)``."""

    __slots__ = ()

    def _infer(self) -> None:
        operand, axis, start, stop = self.args
        self.axes = (*operand.axes[:axis], stop - start, *operand.axes[axis + 1 :])


class Element(Array):
    """One place along an axis, which goes: ``Element(operand, axis, index)``."""

    __slots__ = ()

    def _infer(self) -> None:
        operand, axis, index = self.args
        self.axes = operand.axes[:axis] + operand.axes[axis + 1 :]
        self.times = operand.times | index.names()


class Join(Array):
    """Stacking along one axis, ``Join(parts, axis, axes)``; a part without that axis is one line of it."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[2]

    @property
    def parts(self) -> tuple[Array, ...]:
        """What is stacked."""
        return self.args[0]


class Reshape(Array):
    """The same numbers in row-major order over other axes, ``Reshape(operand, axes)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes = self.args[1]


class Linalg(Array):
    """``Linalg(kind, operand, exponent)``: ``inv``, ``det`` or ``matrix_power`` of a square matrix."""

    __slots__ = ()

    def _infer(self) -> None:
        kind, operand, exponent = self.args
        self.axes = () if kind == "det" else operand.axes
        if exponent is not None:
            self.times = operand.times | exponent.names()


class Between(Array):
    """1 where ``lower <= index <= upper`` and else 0: ``Between(index, lower, upper)``."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.times = (), frozenset().union(*(i.names() for i in self.args))


class OverTime(Array):
    """A sum over a running index, ``OverTime(body, index, lower, upper)``, both bounds included."""

    __slots__ = ()

    def _infer(self) -> None:
        body, index, lower, upper = self.args
        self.axes = body.axes
        self.times = (body.times - {index}) | lower.names() | upper.names()


class BatchSum(Array):
    """The sum over the batch axis; what has none counts once per example."""

    __slots__ = ()

    def _infer(self) -> None:
        self.axes, self.batched = self.args[0].axes, False


ZERO = Literal(Fraction(0))
ONE = Literal(Fraction(1))


def literal(value: int | Fraction) -> Literal:
    """An exact number."""
    return Literal(Fraction(value))


def is_zero(array: Array) -> bool:
    """Whether it is zero by its form."""
    return (isinstance(array, Literal) and array.value == 0) or (isinstance(array, Full) and array.args[1] == 0)


def zeros(axes: Axes) -> Array:
    """The zero of these axes."""
    return Full(axes, Fraction(0)) if axes else ZERO


def einsum(
    factors: Iterable[Factor], out: Labels, coefficient: Fraction | int = 1, extents: dict[int, Index] | None = None
) -> Array:
    """The product, with elementwise factors that are products themselves taken in and numbers collected in front.

    A factor that sums over an axis stays one factor: it is computed by itself, and perhaps shared.
    """
    factors = list(factors)
    carried = _into_sum(factors, out, coefficient, extents)
    if carried is not None:
        return carried
    if len(factors) == 1 and isinstance(factors[0][0], Plus) and _permutes(factors[0][1], out):
        total, labels = factors[0]
        return plus([einsum([(t, labels)], out, coefficient) for t in _spread(total)])  # type: ignore[arg-type]
    if len(factors) == 1 and isinstance(factors[0][0], BatchSum) and _permutes(factors[0][1], out):
        return BatchSum(einsum([(factors[0][0].args[0], factors[0][1])], out, coefficient))
    product, labels = factors[0] if len(factors) == 1 else (None, ())
    if isinstance(product, Einsum) and sorted(labels) == sorted(out):
        names = dict(zip(labels, product.out, strict=True))
        if len(set(labels)) == len(labels):
            shown = tuple(names[label] for label in out)
            return _canonical(
                product.coefficient * Fraction(coefficient), list(product.factors), shown, product.sizes()
            )
    number = Fraction(coefficient)
    flat: list[Factor] = []
    sizes: dict[int, Index] = dict(extents or {})
    for array, labels in factors:
        for inner, inner_labels, scale in _inline(array, labels):
            number *= scale
            if inner is not None:
                flat.append((inner, inner_labels))
        sizes.update(zip(labels, array.axes, strict=True))
    if number == 0 or any(is_zero(a) for a, _ in flat):
        return zeros(tuple(sizes[label] for label in out))
    return _canonical(number, flat, out, sizes)


def _permutes(labels: Labels, out: Labels) -> bool:
    return labels != out and sorted(labels) == sorted(out) and len(set(out)) == len(out)


def _into_sum(
    factors: list[Factor], out: Labels, coefficient: Fraction | int, extents: dict[int, Index] | None
) -> Array | None:
    """A sum over time with nothing but numbers and scalars beside it: these go inside."""
    sums = [(a, labels) for a, labels in factors if isinstance(a, OverTime)]
    if len(sums) != 1 or any(a.axes for a, _ in factors if not isinstance(a, OverTime)):
        return None
    ((total, _),) = sums
    body, index, lower, upper = total.args
    if any(index in a.times for a, _ in factors if a is not total):
        return None
    inner = [(body if a is total else a, names) for a, names in factors]
    return OverTime(einsum(inner, out, coefficient, extents), index, lower, upper)


def _inline(array: Array, labels: Labels) -> Iterator[tuple[Array | None, Labels, Fraction]]:
    if isinstance(array, Literal):
        yield None, (), array.value
    elif isinstance(array, Full):
        yield None, (), array.args[1]
    elif isinstance(array, Einsum) and not array.summed:
        names = dict(zip(array.out, labels, strict=True))
        yield None, (), array.coefficient
        for inner, inner_labels in array.factors:
            yield inner, tuple(names[label] for label in inner_labels), Fraction(1)
    else:
        yield array, labels, Fraction(1)


def _canonical(number: Fraction, factors: list[Factor], out: Labels, sizes: dict[int, Index]) -> Array:
    used = {label for _, labels in factors for label in labels}
    lost = [label for label in sizes if label not in used and label not in out]
    for label in lost:
        # A sum over an axis along which nothing changes: the axis' length.
        size = sizes[label]
        if size.constant is not None:
            number *= size.constant
        else:
            factors = [*factors, (Count(size), ())]
    order = dict.fromkeys(label for _, labels in factors for label in labels)
    order.update(dict.fromkeys(out))
    names = {label: place for place, label in enumerate(order)}
    renamed = tuple((a, tuple(names[label] for label in labels)) for a, labels in factors)
    shown = tuple(names[label] for label in out)
    if number == 1 and len(renamed) == 1 and renamed[0][1] == shown:
        return renamed[0][0]
    if not renamed and not shown:
        return Literal(number)
    extents = tuple((names[label], sizes[label]) for label in dict.fromkeys(out) if label not in used)
    if not renamed:
        return Full(tuple(size for _, size in extents), number)
    return Einsum(number, renamed, shown, extents)


def scale(array: Array, number: Fraction | int) -> Array:
    """The array times an exact number."""
    labels = tuple(range(len(array.axes)))
    return einsum([(array, labels)], labels, number)


def times(*arrays: Array) -> Array:
    """The elementwise product; arrays without own axes multiply anything."""
    widest = max((len(a.axes) for a in arrays), default=0)
    labels = tuple(range(widest))
    axes = next((a.axes for a in arrays if len(a.axes) == widest), ())
    return einsum([(a, labels if a.axes else ()) for a in arrays], labels, 1, dict(zip(labels, axes, strict=True)))


def terms(array: Array) -> tuple[Array, ...]:
    """What is added up in a sum; anything else alone."""
    return array.terms if isinstance(array, Plus) else (array,)


def plus(terms: Iterable[Array]) -> Array:
    """The flat sum without zeros; numbers are added up."""
    flat = [inner for t in terms for inner in (t.terms if isinstance(t, Plus) else (t,))]
    axes = next((t.axes for t in flat if t.axes), ())
    kept: list[Array] = []
    number = Fraction(0)
    for term in flat:
        if isinstance(term, Literal):
            number += term.value
        elif not is_zero(term):
            kept.append(term)
    if number:
        place = next(i for i, t in enumerate(flat) if isinstance(t, Literal))
        kept.insert(min(place, len(kept)), Literal(number))
    if not kept:
        return zeros(axes)
    total = kept[0] if len(kept) == 1 else Plus(tuple(kept))
    return total if total.axes == axes else Plus((*kept, zeros(axes)))


def transpose(array: Array) -> Array:
    """All own axes reversed."""
    if len(array.axes) < 2:
        return array
    if isinstance(array, Plus):
        return plus([transpose(t) for t in array.terms])
    labels = tuple(range(len(array.axes)))
    return einsum([(array, labels)], labels[::-1])


def reciprocal(array: Array) -> Array:
    """One over it, elementwise."""
    if isinstance(array, Literal) and array.value:
        return Literal(1 / array.value)
    if isinstance(array, Apply) and array.name == "reciprocal":
        return array.arguments[0]
    return Apply("reciprocal", (array,), 0)


def power(base: Array, exponent: Array) -> Array:
    """The elementwise power by a scalar."""
    if isinstance(exponent, Literal):
        if exponent.value == 1:
            return base
        if exponent.value == -1:
            return reciprocal(base)
    return Apply("power", (base, exponent), 0)


def batch_sum(array: Array) -> Array:
    """The sum over the examples, term by term."""
    if is_zero(array):
        return array
    if isinstance(array, Plus):
        terms = list(_spread(array))
        together = [t for t in terms if t.batched and not isinstance(t, OverTime) and len(t.axes) < 2]
        apart = [t for t in terms if t not in together]
        return plus([*([BatchSum(plus(together))] if together else []), *(batch_sum(t) for t in apart)])
    if isinstance(array, OverTime):
        body, index, lower, upper = array.args
        return OverTime(batch_sum(body), index, lower, upper)
    if array.batched:
        return BatchSum(array)
    labels = tuple(range(len(array.axes)))
    return einsum([(BatchCount(), ()), (array, labels)], labels)


def _spread(total: Plus) -> Iterator[Array]:
    """The terms, scalars among them brought to the sum's axes."""
    labels = tuple(range(len(total.axes)))
    for term in total.terms:
        if term.axes == total.axes:
            yield term
        else:
            yield einsum([(term, ())], labels, 1, dict(zip(labels, total.axes, strict=True)))


def postorder(*roots: Array) -> Iterator[Array]:
    """Every distinct array below and including the roots, children first."""
    seen: set[Array] = set()
    stack: list[tuple[Array, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))


def loads(*roots: Array) -> list[Load]:
    """All named arrays in the expressions."""
    return [node for node in postorder(*roots) if isinstance(node, Load)]
