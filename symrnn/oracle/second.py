"""Second derivatives along a direction: how a first derivative changes when some of the data do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symrnn.errors import DataError, did_you_mean
from symrnn.language.cell import Cell
from symrnn.language.node import Node
from symrnn.oracle.evaluate import NO_TIMES, Evaluator
from symrnn.oracle.frame import Array
from symrnn.oracle.instance import Instance

STEP = 4e-3


def directional(
    cell: Cell,
    instance: Instance,
    of: Node,
    by: Node,
    along: Mapping[str, Any],
    times: Mapping[str, int] = NO_TIMES,
) -> Array:
    """d/dε D(of, by) at ε = 0, where every array named in ``along`` moves by ε times its direction.

    With ``of`` the loss and one parameter for ``by`` and ``along`` this is the Hessian times a vector, in numerator
    layout.  Central differences with one Richardson step over complex-step gradients: about ten digits.  Keys are
    declared names without time, and initial values (``h[0]``).
    """

    def gradient(size: float) -> Array:
        return Evaluator(cell, _moved(instance, along, size)).total(of, by, times)

    wide = (gradient(STEP) - gradient(-STEP)) / (2 * STEP)
    narrow = (gradient(STEP / 2) - gradient(-STEP / 2)) / STEP
    return (4 * narrow - wide) / 3


def _moved(instance: Instance, along: Mapping[str, Any], size: float) -> Instance:
    values, initial = dict(instance.values), dict(instance.initial)
    for name, direction in along.items():
        home = values if name in values else initial
        if name not in home or isinstance(home[name], Mapping):
            known = [*(n for n, v in values.items() if not isinstance(v, Mapping)), *initial]
            raise DataError(f'one cannot move along "{name}"', hint=did_you_mean(name, known))
        base, moves = np.asarray(home[name]), np.asarray(direction)
        if base.shape != moves.shape:
            raise DataError(f"the direction of {name} has the shape {moves.shape}, but {name} has {base.shape}")
        home[name] = base + size * moves
    return Instance(instance.sizes, values, initial, instance.seed, instance.remarks)
