"""The JAX module of a cell: a scan forward, a reversed scan with the adjoint recursion, gradients after it.

``loss_and_gradients`` is a pure function of arrays: it can be jit-compiled, vmapped and sharded.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding.numpy_source.helpers import HELPERS
from symrnn.coding.tensor.kept import keep_functions
from symrnn.coding.tensor.module import TensorModule
from symrnn.coding.tensor.names import Dialect
from symrnn.language import Cell
from symrnn.planning.system import build_system

_OWN_HELPERS = {
    "_spread": '''
def _spread(value, shape, dtype):
    """A value in a full shape."""
    return jnp.broadcast_to(jnp.asarray(value, dtype), shape)
''',
    "_padded": '''
def _padded(array, before, after, edge):
    """More rows before and after: copies of the first and last one where nothing depends on them, else zeros."""
    rows = array if edge and len(array) else jnp.full((1, *array.shape[1:]), 1.0 if edge else 0.0, array.dtype)
    return jnp.concatenate([*[rows[:1]] * before, array, *[rows[-1:]] * after])
''',
    "_row": '''
def _row(array, place, outside):
    """A row, or the same number throughout where there is no such row."""
    return array[place] if 0 <= place < len(array) else jnp.full(array.shape[1:], outside, array.dtype)
''',
    "_before": '''
def _before(array, count, value):
    """The array with rows for the times before the first."""
    return jnp.concatenate([jnp.broadcast_to(jnp.asarray(value, array.dtype), (count, *array.shape[1:])), array])
''',
    "_number": '''
def _number(times, dtype):
    """Times as numbers."""
    return jnp.asarray(times, dtype)
''',
    "_between": '''
def _between(times, first, last, dtype):
    """1 from the first to the last time, else 0."""
    return jnp.asarray((first <= times) & (times <= last), dtype)
''',
    "_at": '''
def _at(now, exception, value):
    """The exception where it is time for it, else the value."""
    return jnp.where(jnp.reshape(now, jnp.shape(now) + (1,) * (value.ndim - jnp.ndim(now))), exception, value)
''',
}

SUPPORT = '''
def _array(key, value):
    array = jnp.asarray(value)
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        raise ValueError(f"{key} holds {array.dtype}, expected numbers")
    return array


def _is_whole(array):
    return jnp.issubdtype(array.dtype, jnp.integer)


def _common(arrays):
    """The type in which all is computed: the widest of the given floating-point ones, unless the module has one."""
    if DTYPE is not None:
        return jnp.dtype(DTYPE)
    kinds = [a.dtype if jnp.issubdtype(a.dtype, jnp.inexact) else jnp.result_type(float) for a in arrays]
    return jnp.result_type(*kinds) if kinds else jnp.result_type(float)


def _device(given):
    """Where new arrays are made: left to JAX."""
    return None


def _spread_like(number, given):
    return jnp.broadcast_to(number, given.shape)


def _cast(array, dtype):
    return array.astype(dtype)


def _classes(key, labels, classes):
    """Integer labels as one-hot vectors along a new last axis; inside jit a label out of range cannot be seen."""
    if labels.size and not isinstance(labels, jax.core.Tracer):
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= classes:
            worst = low if low < 0 else high
            raise ValueError(f"{key} has the label {worst}, expected labels from 0 to {classes - 1}")
    return labels[..., None] == jnp.arange(classes)
'''

NOTES = """
Both are pure: jax.jit(loss_and_gradients) compiles them, jax.vmap maps them over a further axis, and arrays that are
sharded over the batch stay so.  Numbers are float32 unless jax_enable_x64 is set.
"""


class _Jax(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name("jnp", node.ctx) if node.id == "np" else node


def _translate(value: ast.expr) -> ast.expr:
    translated: ast.expr = _Jax().visit(value)
    return translated


JAX = Dialect(
    title="JAX",
    imports=("import math", "", "import jax", "import jax.numpy as jnp"),
    taken=("jax", "jnp", "found"),
    scan="jax.lax.scan",
    helpers={**{name: text.replace("np.", "jnp.") for name, text in HELPERS.items()}, **_OWN_HELPERS},
    support=SUPPORT,
    translate=_translate,
    notes=NOTES,
)


def emit_jax(cell: Cell, wrt: Sequence[str] | None = None, relu0: float = 0.0, dtype: str | None = None) -> str:
    r"""The source of a JAX module with ``forward`` and ``loss_and_gradients``.

    >>> from symrnn.reading.cellfile import read_cell
    >>> cell = read_cell("size n\ninput x[n]\nstate h[n]\nh[t] = x[t] * h[t-1]\nloss L = norm2(h[tau])")
    >>> "jax.lax.scan" in emit_jax(cell)
    True

    Raises UnsupportedError for a recursion that no scan can run, QuestionError for an unknown name in ``wrt``.
    """
    return TensorModule(keep_functions(build_system(cell, wrt)), JAX, relu0, dtype).text()
