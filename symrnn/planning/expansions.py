"""Primitives of a whole vector in terms of smaller steps, so that these can be shared and computed in place.

softmax(x)      e / Σe       with s = x − max x, e = exp(s)
log_softmax(x)  s − log Σe
layernorm(x, ε) c / sqrt(Σc²/n + ε)   with c = x − mean x
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symrnn.planning import arrays
from symrnn.planning.arrays import Array


def sum_of_entries(vector: Array) -> Array:
    """Σ x."""
    return arrays.einsum([(vector, (0,))], ())


def _exponentials(vector: Array) -> tuple[Array, Array]:
    shifted = arrays.plus([vector, arrays.scale(arrays.Largest(vector), -1)])
    return shifted, arrays.Apply("exp", (shifted,), 0)


def _softmax(vector: Array) -> Array:
    _, exponentials = _exponentials(vector)
    return arrays.times(exponentials, arrays.reciprocal(sum_of_entries(exponentials)))


def _log_softmax(vector: Array) -> Array:
    shifted, exponentials = _exponentials(vector)
    return arrays.plus([shifted, arrays.scale(arrays.Apply("log", (sum_of_entries(exponentials),), 0), -1)])


def _layernorm(vector: Array, epsilon: Array) -> Array:
    count = arrays.Count(vector.axes[0])
    mean = arrays.times(sum_of_entries(vector), arrays.reciprocal(count))
    centred = arrays.plus([vector, arrays.scale(mean, -1)])
    variance = arrays.times(arrays.einsum([(centred, (0,))] * 2, ()), arrays.reciprocal(count))
    spread = arrays.Apply("sqrt", (arrays.plus([variance, epsilon]),), 0)
    return arrays.times(centred, arrays.reciprocal(spread))


EXPANSIONS: Mapping[str, Callable[..., Array]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "layernorm": _layernorm,
}
