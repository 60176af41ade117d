"""Arguments with one mistake each, and what the message has to say about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .support import Arrays, Problem

Spoil = Callable[[dict[str, Arrays]], Any]

BAD_INPUT: list[tuple[Spoil, str]] = [
    (lambda a: a["params"].update(W=np.zeros((4, 3))), r"W has shape \(4, 3\), expected \(n, n\)"),
    (lambda a: a["params"].pop("b"), "params lacks 'b'"),
    (lambda a: a["inputs"].update(z=1.0), "inputs has the unknown key 'z'"),
    (lambda a: a["targets"].update(y=np.full(5, 99)), "y has the label 99, expected labels from 0 to"),
    (lambda a: a["targets"].update(y=np.zeros(4, int)), r"y has shape \(4,\), expected"),
]
"""For the cell elman with five steps, as ``problem(library_cell("elman"))`` has them."""

NUMPY_BAD_INPUT: list[tuple[Spoil, str]] = [
    *BAD_INPUT,
    (lambda a: a["inputs"].update(x=a["inputs"]["x"][..., :1]), "x has shape"),
    (lambda a: a["initial"].clear(), r"initial lacks 'h\[0\]'"),
    (lambda a: a["targets"].update(y=np.full(5, -1)), "y has the label -1"),
    (lambda a: a["inputs"].update(x=np.full(a["inputs"]["x"].shape, "a")), "x holds"),
    (lambda a: a["params"]["U"].__setitem__((0, 0), np.nan), "U of shape .* is not finite"),
    (lambda a: a["inputs"]["x"].__setitem__((2, 0), np.nan), "x of shape .* is not finite, first at time 3"),
]
"""NumPy modules look at the numbers as well when a result is not finite."""


def mutable_arguments(given: Problem) -> dict[str, Arrays]:
    """The four dicts of a problem, which is kept between tests, as copies that may be spoilt."""
    return {
        "params": {k: np.array(v) for k, v in given.params.items()},
        "inputs": {k: np.array(v) for k, v in given.inputs.items()},
        "targets": dict(given.targets),
        "initial": dict(given.initial),
    }
