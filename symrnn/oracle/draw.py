"""Random numbers for a cell, kept where a wrong formula shows: no tails, no kinks, no singularities."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symrnn.errors import DataError
from symrnn.language.cell import Cell, Declaration, Start
from symrnn.language.leaf import Role
from symrnn.oracle.frame import Array, Slot, Slots
from symrnn.oracle.instance import Instance
from symrnn.oracle.simulate import Unrolled
from symrnn.oracle.sizes import choose_sizes

REACH = {
    "tanh": 1.6,
    "sigmoid": 2.6,
    "softplus": 3.0,
    "exp": 2.5,
    "sin": 4.0,
    "cos": 4.0,
    "softmax": 3.5,
    "log_softmax": 3.5,
}
"""How far from 0 an argument may lie before the function is in its tail."""

POSITIVE = {"log": 0.02, "sqrt": 0.05, "**": 0.05}
"""How far above 0 an argument must lie."""

AWAY = {"relu": 0.02, "leaky_relu": 0.02, "abs": 0.02, "/": 0.08}
"""How far from 0 an argument must lie, on whichever side."""

WORST_CONDITION = 60.0
LARGEST_STATE = 30.0
LARGEST_VALUE = 1e4
LEAST_ACTIVE = 0.4
"""The fraction of a ReLU's arguments that should be positive, so that something gets through."""

TRIALS = 60


@dataclass
class Watcher:
    """Adds up how badly the arguments of the functions lie; 0 is perfect."""

    penalties: dict[str, float] = field(default_factory=dict)
    positive: list[float] = field(default_factory=list)

    def __call__(self, name: str, value: Array) -> None:
        self._add(name, self._penalty(name, np.asarray(value, dtype=float)))

    def _add(self, name: str, penalty: float) -> None:
        if not penalty <= 0.0:  # nan included
            bad = penalty if np.isfinite(penalty) else 1e6
            self.penalties[name] = max(self.penalties.get(name, 0.0), bad)

    def _penalty(self, name: str, value: Array) -> float:
        if name in REACH:
            return float(np.abs(value).max()) - REACH[name]
        if name in POSITIVE:
            return POSITIVE[name] - float(value.min())
        if name in AWAY:
            if name == "relu":
                self.positive.append(float((value > 0).mean()))
            return AWAY[name] - float(np.abs(value).min())
        if name == "layernorm":
            return 0.05 - float(value.std(axis=(-2, -1)).min())
        if name == "inv":
            return (float(np.linalg.cond(value).max()) - WORST_CONDITION) / WORST_CONDITION
        return 0.0

    def finish(self, values: Slots, states: Collection[Slot]) -> None:
        """Look at all values of the run, and at how many units were active."""
        for slot, value in values.items():
            limit = LARGEST_STATE if slot in states else LARGEST_VALUE
            self._add(f"the size of {slot[0]}", (float(np.abs(value).max()) - limit) / limit)
        if self.positive:
            self._add("relu", LEAST_ACTIVE - float(np.mean(self.positive)))

    @property
    def total(self) -> float:
        """The whole penalty."""
        return sum(self.penalties.values())


@dataclass(frozen=True)
class Manner:
    """How numbers are drawn: their scale, and which roles are positive throughout."""

    scale: float = 1.0
    positive: frozenset[Role] = frozenset()


DATA = frozenset({Role.INPUT, Role.TARGET})
MANNERS = (
    Manner(),
    Manner(),
    Manner(0.6),
    Manner(1.3),
    Manner(positive=DATA),
    Manner(positive=frozenset({Role.PARAMETER})),
    Manner(positive=DATA | {Role.PARAMETER}),
    Manner(positive=DATA | {Role.PARAMETER, Role.COMPUTED}),
    Manner(0.4),
    Manner(0.4, DATA | {Role.PARAMETER, Role.COMPUTED}),
)
"""Tried in turn, the plain one first: a cell with log(x) needs positive inputs, and gets them by the fifth.
"""


def random_instance(cell: Cell, seed: int, sizes: Mapping[str, int] | None = None, tau: int = 5) -> Instance:
    """Generic unsaturated numbers for a cell: the same for the same seed, whatever else happened before.

    Sizes differ pairwise, weights have no symmetry (unless declared), initial states are not zero (unless the
    cell says so), targets are one-hot or distributions where declared.  Numbers at which a function is in its
    tail, near a kink or a singularity are drawn anew; where that cannot be had, ``remarks`` says so.
    """
    numbers = choose_sizes(cell, sizes, tau)
    best: tuple[float, Instance] | None = None
    order = None
    for trial in range(TRIALS):
        watcher = Watcher()
        unrolled = Unrolled(cell, numbers, watch=watcher)
        unrolled.order = order
        instance = _draw(cell, numbers, seed, trial, unrolled)
        watcher.finish(unrolled.run(instance), unrolled.state_slots())
        order = unrolled.order
        if best is None or watcher.total < best[0]:
            best = (watcher.total, replace(instance, remarks=_remarks(watcher)))
        if watcher.total == 0.0:
            break
    assert best is not None
    return best[1]


def _remarks(watcher: Watcher) -> tuple[str, ...]:
    return tuple(
        f"{name} could not be kept in its generic range (off by {off:.2g})"
        for name, off in sorted(watcher.penalties.items())
    )


def _draw(cell: Cell, numbers: Mapping[str, int], seed: int, trial: int, unrolled: Unrolled) -> Instance:
    manner = MANNERS[trial % len(MANNERS)]
    values: dict[str, Any] = {}
    for declaration in cell.declarations:
        if declaration.value is not None:
            continue
        source = _source(seed, trial, declaration.name)
        shape = unrolled.compiler.shape(declaration.shape)
        drawn = _declared(declaration, shape, manner, source)
        values[declaration.name] = {t: next(drawn) for t in unrolled.times} if declaration.timed else next(drawn)
    return Instance(dict(numbers), values, _initial(cell, seed, trial, manner, unrolled), seed)


def _initial(cell: Cell, seed: int, trial: int, manner: Manner, unrolled: Unrolled) -> dict[str, Array]:
    found = {}
    for state, _, key in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            shape = unrolled.compiler.shape(state.shape)
            found[key] = _numbers(
                shape, 0.7 * manner.scale, Role.COMPUTED in manner.positive, _source(seed, trial, key)
            )
    return found


def _source(seed: int, trial: int, name: str) -> np.random.Generator:
    """A generator of its own for every name: no order of declarations or sets matters."""
    return np.random.default_rng([seed, trial, zlib.crc32(name.encode())])


def _declared(
    declaration: Declaration, shape: tuple[int, ...], manner: Manner, source: np.random.Generator
) -> Iterator[Array]:
    """Values for a declaration, one after the other: one per time, or only the first is used."""
    while True:
        if "onehot" in declaration.attributes:
            yield _one_hot(shape, source)
        elif "distribution" in declaration.attributes:
            yield _distribution(shape, source)
        else:
            positive = declaration.role in manner.positive or declaration.role is Role.CONSTANT
            value = _numbers(shape, _scale(declaration, shape) * manner.scale, positive, source)
            yield (value + value.T) / 2 if "symmetric" in declaration.attributes else value


def _scale(declaration: Declaration, shape: tuple[int, ...]) -> float:
    """Weights shrink with the number of terms they are summed over; data is of order one."""
    if declaration.role is not Role.PARAMETER:
        return 0.9
    fan_in = shape[1] if len(shape) == 2 and min(shape) > 1 else 1
    return 1.1 / np.sqrt(fan_in) if fan_in > 1 else 0.8


def _numbers(shape: tuple[int, ...], scale: float, positive: bool, source: np.random.Generator) -> Array:
    """Numbers of size between a quarter of the scale and the scale, so that none is lost."""
    size = source.uniform(0.25 * scale, scale, shape)
    return size if positive else size * source.choice([-1.0, 1.0], shape)


def _axis_of_sum(shape: tuple[int, ...]) -> int:
    """Along which axis a distribution sums to one: down the columns (1ᵀy = 1), along a single row."""
    return 1 if shape[0] == 1 else 0


def _one_hot(shape: tuple[int, ...], source: np.random.Generator) -> Array:
    if len(shape) != 2:
        raise DataError("a one-hot value is a column or a row")
    axis = _axis_of_sum(shape)
    hot = source.integers(shape[axis], size=shape[1 - axis])
    rows = np.eye(shape[axis])[hot]
    return rows if axis == 1 else rows.T


def _distribution(shape: tuple[int, ...], source: np.random.Generator) -> Array:
    if len(shape) != 2:
        raise DataError("a distribution is a column or a row")
    weights = source.uniform(0.3, 1.0, shape)
    return weights / weights.sum(axis=_axis_of_sum(shape), keepdims=True)
