"""The fixed text of Numba modules."""

from __future__ import annotations

from collections.abc import Mapping

MODULE_NOTES = """
forward(params, inputs, initial=None) -> (variables, final_state)
loss_and_gradients(params, inputs, targets, initial=None) -> (loss, gradients)

All are dicts of arrays by the names above.  Sequences are time-major, (steps, n) or (steps, batch, n); a column is
an (n,) array.  The loss is summed over the batch.  The first call compiles; later ones with the same types do not.
"""

HELPERS: Mapping[str, str] = {
    "softmax": '''
@compiled
def softmax(x, out):
    """The softmax of a vector; the largest entry is taken off first, so that nothing overflows."""
    largest, total = x.max(), 0.0
    for i in range(len(x)):
        out[i] = math.exp(x[i] - largest)
        total += out[i]
    for i in range(len(x)):
        out[i] /= total
''',
    "log_softmax": '''
@compiled
def log_softmax(x, out):
    """The logarithm of the softmax of a vector, without taking the logarithm of a zero."""
    largest, total = x.max(), 0.0
    for i in range(len(x)):
        total += math.exp(x[i] - largest)
    for i in range(len(x)):
        out[i] = x[i] - largest - math.log(total)
''',
    "layernorm": '''
@compiled
def layernorm(x, eps, out):
    """(x - mean) / sqrt(variance + eps)."""
    mean, spread = 0.0, 0.0
    for i in range(len(x)):
        mean += x[i] / len(x)
    for i in range(len(x)):
        spread += (x[i] - mean) ** 2 / len(x)
    for i in range(len(x)):
        out[i] = (x[i] - mean) / math.sqrt(spread + eps)
''',
    "step": '''
@compiled
def step(x, below, above, at_zero):
    """The slope of a function with a kink at 0."""
    return above if x > 0 else below if x < 0 else at_zero
''',
}

COMPILED = """
# Sums may be reordered, so that they run on several lanes at once; what is not a number stays that.
compiled = numba.njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
"""

SUPPORT = '''
def _array(key, value):
    array = np.asarray(value)
    if array.dtype.kind not in "fciub":
        raise ValueError(f"{key} holds {array.dtype}, expected numbers")
    return array


def _is_whole(array):
    return array.dtype.kind in "iu"


def _common(arrays):
    """The type in which all is computed: the widest of the given floating-point ones."""
    kinds = [a.dtype if a.dtype.kind in "fc" else np.dtype(float) for a in arrays]
    return np.result_type(np.float32, *kinds)


def _device(given):
    return None


def _spread_like(number, given):
    return np.broadcast_to(number, given.shape)


def _cast(array, dtype):
    return array.astype(dtype, copy=False)


def _classes(key, labels, classes):
    """Integer labels as one-hot vectors along a new last axis."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        worst = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"{key} has the label {worst}, expected labels from 0 to {classes - 1}")
    return labels[..., None] == np.arange(classes)


def _by_example(data, key):
    """A given array with the examples first, each in one piece."""
    array = data[key]
    if key in TIMED:
        return np.ascontiguousarray(np.moveaxis(array, 1, 0))
    own = sum(letter != "1" for letter in LETTERS[key])
    if key in START and array.ndim == own:
        array = np.broadcast_to(array, (data["batch"], *array.shape))
    return np.ascontiguousarray(array)


def _longer(array, before, after, fill, axis):
    """More rows: before the times their value there, after them what nothing depends on."""
    front, back = list(array.shape), list(array.shape)
    front[axis], back[axis] = before, after
    ends = np.full(front, fill, array.dtype), np.ones(back, array.dtype)
    return np.concatenate([ends[0], array, ends[1]], axis)


def _time_first(array, has_batch, batched, before, after):
    """A variable without the rows around its times, time first."""
    rows = np.moveaxis(array[:, before : array.shape[1] - after], 1, 0)
    return rows if has_batch else rows[:, 0]


def _whole(array, has_batch, batched):
    """A variable without a time."""
    return array if has_batch else array[0]
'''
