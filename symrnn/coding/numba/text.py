"""The fixed text of Numba modules."""

from __future__ import annotations

from collections.abc import Mapping

MODULE_NOTES = """
forward(params, inputs, initial=None) -> (variables, final_state)
loss_and_gradients(params, inputs, targets, initial=None) -> (loss, gradients)

All are dicts of arrays by the names above.  Sequences are time-major, (steps, n) or (steps, batch, n); a column is
an (n,) array.  The loss is summed over the batch.  The first call compiles; later ones with the same types do not.
"""

MAKER_NOTES = """
make_loss_and_gradients(sizes, steps, batch, dtype) -> loss_and_gradients with buffers of its own, for many calls
"""

HELPERS: Mapping[str, str] = {
    "exp": '''
@exactly
def exp(x):
    """e**x as 2**k * e**r with |r| < 0.35; unlike math.exp, compilers can do several entries at once."""
    x = np.float64(x)
    shifted = min(max(x, -708.0), 709.0) * 1.4426950408889634 + ROUND
    k = shifted - ROUND
    r = (min(max(x, -708.0), 709.0) - k * LN2_HIGH) - k * LN2_LOW
    power = two_to(shifted)
    grown = power + power * grown_less_one(r)
    return np.inf if x > 709.78 else 0.0 if x < -708.0 else grown if x == x else x
''',
    "tanh": '''
@exactly
def tanh(x):
    """(e**2x - 1) / (e**2x + 1), to the last digits for small x, too, since e**2x - 1 is computed as such."""
    x = np.float64(x)
    twice = min(2.0 * abs(x), 40.0)
    shifted = twice * 1.4426950408889634 + ROUND
    k = shifted - ROUND
    r = (twice - k * LN2_HIGH) - k * LN2_LOW
    power = two_to(shifted)
    grown = power * grown_less_one(r) + (power - 1.0)
    return math.copysign(grown / (grown + 2.0), x) if x == x else x
''',
    "sigmoid": '''
@exactly
def sigmoid(x):
    """1 / (1 + e**-x)."""
    return 1.0 / (1.0 + exp(-x))
''',
    "log": '''
@exactly
def log(x):
    """log(2**k * m) = k log 2 + 2 atanh((m - 1) / (m + 1)), for m from sqrt(1/2) to sqrt(2)."""
    x = np.float64(x)
    lifted = x * 18014398509481984.0 if x < 3e-308 else x
    bits = np.float64(lifted).view(np.int64)
    k = float(((bits - HALF_ROOT) >> 52)) - (54.0 if x < 3e-308 else 0.0)
    m = np.int64(bits - (((bits - HALF_ROOT) >> 52) << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = 1.0 / 21.0
    p = p * q + 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    found = k * LN2_HIGH + (k * LN2_LOW + 2.0 * s + 2.0 * s * q * p)
    return x if x != x or x == np.inf else found if x > 0.0 else -np.inf if x == 0.0 else np.nan
''',
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
    "multiply": '''
@compiled
def multiply_matrices(rows, weights, out):
    """out = rows @ weights.T, by BLAS."""
    if rows.shape[0] == 1:
        np.dot(weights, rows[0], out[0])
    else:
        np.dot(rows, weights.T, out)


@inlined
def multiply(rows, weights, out):
    """out = rows @ weights.T, by loops where a call of BLAS costs more than its work."""
    if weights.size > (FEW_FOR_ONE if rows.shape[0] == 1 else FEW):
        multiply_matrices(rows, weights, out)
    else:
        for b in range(rows.shape[0]):
            for i in range(weights.shape[0]):
                total = 0.0
                for j in range(weights.shape[1]):
                    total += weights[i, j] * rows[b, j]
                out[b, i] = total
''',
    "multiply_at": '''
@inlined
def multiply_at(array, t, weights, out):
    """out = array[t] @ weights.T, the same for one row of an array with times."""
    if weights.size > (FEW_FOR_ONE if array.shape[1] == 1 else FEW):
        multiply_matrices(array[t], weights, out)
    else:
        for b in range(array.shape[1]):
            for i in range(weights.shape[0]):
                total = 0.0
                for j in range(weights.shape[1]):
                    total += weights[i, j] * array[t, b, j]
                out[b, i] = total
''',
    "turned": '''
@compiled
def turned(matrix, batch):
    """The transpose with its rows in one piece, where loops will read it; BLAS turns matrices itself."""
    if matrix.size > (FEW_FOR_ONE if batch == 1 else FEW):
        return np.empty((0, 0), matrix.dtype)
    return np.ascontiguousarray(matrix.T)
''',
    "multiply_back": '''
@compiled
def multiply_matrices_back(rows, matrix, out):
    """out = rows @ matrix, by BLAS."""
    if rows.shape[0] == 1:
        np.dot(matrix.T, rows[0], out[0])
    else:
        np.dot(rows, matrix, out)


@inlined
def multiply_back(rows, matrix, transpose, out):
    """out = rows @ matrix; small matrices have been turned, so that loops go along their rows."""
    if transpose.size == 0:
        multiply_matrices_back(rows, matrix, out)
    else:
        multiply(rows, transpose, out)
''',
    "multiply_back_at": '''
@inlined
def multiply_back_at(array, t, matrix, transpose, out):
    """out = array[t] @ matrix, the same for one row of an array with times."""
    if transpose.size == 0:
        multiply_matrices_back(array[t], matrix, out)
    else:
        multiply_at(array, t, transpose, out)
''',
    "multiply_columns": '''
@compiled
def multiply_columns(left, right, out):
    """out = left.T @ right, the sum of the outer products of their rows."""
    if left.shape[1] * right.shape[1] > FEW or left.size * right.shape[1] > FEW_FOR_ONE:
        np.dot(left.T, right, out)
    else:
        out[:, :] = 0.0
        for b in range(left.shape[0]):
            for i in range(left.shape[1]):
                for j in range(right.shape[1]):
                    out[i, j] += left[b, i] * right[b, j]
''',
    "sum_rows": '''
@compiled
def sum_rows(rows, out):
    """out = rows.sum(0)."""
    out[:] = 0.0
    for b in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            out[i] += rows[b, i]
''',
    "in_range": '''
@compiled
def in_range(labels, classes):
    """Whether all labels are those of classes."""
    fine = True
    for label in labels:
        fine = fine and 0 <= label < classes
    return fine
''',
    "mark": '''
@compiled
def mark(array, labels, value):
    """Set one entry for each label."""
    rows = array.reshape(len(labels), array.shape[-1])
    for b in range(len(labels)):
        rows[b, labels[b]] = value
''',
}

POWERS = '''
# 1.5 * 2**52: what is added to it is rounded to a whole number, which then stands in its last bits.
ROUND = 6755399441055744.0
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
HALF_ROOT = 4604544271217802189  # the bits of sqrt(1/2)


@exactly
def two_to(shifted):
    """2.0**k for ROUND + k, by writing k where the exponent stands."""
    return np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)


@exactly
def grown_less_one(r):
    """e**r - 1 for |r| < 0.35: r + r**2 (1/2! + r/3! + ...)."""
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return r + r * r * p
'''

LIMITS = """
# Matrices with so few entries are multiplied by loops, for a batch and for a single example; measured.
FEW, FEW_FOR_ONE = 128, 8192
"""

INLINED = """
inlined = numba.njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", forceinline=True)
"""

READY = '''
def _ready(array, shape, dtype):
    """An array as the compiled function takes it."""
    return np.array(np.broadcast_to(array, shape), dtype, order="C")
'''

COMPILED = """
# Sums may be reordered, so that they run on several lanes at once; what is not a number stays that.
compiled = numba.njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
"""

EXACTLY = """
# Here the order of operations matters.
exactly = numba.njit(fastmath={"contract"}, error_model="numpy", forceinline=True)
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
    """The type in which all is computed: the widest of the given floating-point ones, unless the module has one."""
    if DTYPE is not None:
        return np.dtype(DTYPE)
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
