"""Generated compiled functions with the signature of the expert's benchmark: Numba, and JAX under ``jit``.

Each takes ``(params, X, Y, h0)`` and gives ``(loss, gradients)``.  What is made or compiled for given sizes is kept,
and so are JAX's own arrays while it is called with the same ones, as the benchmark's other JAX functions hold theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symrnn.coding.backends import emit_for

# The benchmark loads this file by its path.
sys.path.insert(0, str(Path(__file__).parent))

from generated import arguments, loaded, renamed, trained

Answer = tuple[float, dict[str, Any]]


@cache
def module(cell: str, backend: str) -> ModuleType:
    """The generated module of ``benchmarks/cells/CELL.cell``: gradients of parameters and initial states."""
    read, wanted = trained(cell)
    return loaded(f"{cell} {backend}", emit_for(backend, read, wanted))


@lru_cache(maxsize=1)
def made(cell: str, n: int, m: int, K: int, steps: int, batch: int, dtype: Any) -> Callable[..., Answer]:
    """The Numba function that owns its buffers, kept for the last shapes only."""
    function: Callable[..., Answer] = module(cell, "numba").make_loss_and_gradients(n, m, K, steps, batch, dtype)
    return function


def numba(cell: str, params: dict[str, Any], X: Any, Y: Any, h0: Any) -> Answer:
    """Loss and gradients by the Numba module."""
    function = made(cell, h0.shape[1], X.shape[2], len(params["V"]), len(X), len(h0), X.dtype)
    loss, gradients = function(*arguments(params, X, Y, h0))
    return loss, renamed(gradients)


_HELD: dict[str, tuple[Any, Any, Any]] = {}


def jax(cell: str, params: dict[str, Any], X: Any, Y: Any, h0: Any) -> Answer:
    """Loss and gradients by the JAX module; the results are read as NumPy arrays, which copies nothing on a CPU."""
    import jax

    if cell not in _HELD or _HELD[cell][0] is not X:
        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(module(cell, "jax").loss_and_gradients)
        _HELD[cell] = (X, compiled, jax.tree.map(jax.numpy.asarray, arguments(params, X, Y, h0)))
    _, compiled, held = _HELD[cell]
    loss, gradients = jax.block_until_ready(compiled(*held))
    return float(loss), {key: np.asarray(value) for key, value in renamed(gradients).items()}


def contestant(function: Callable[..., Answer], cell: str) -> Callable[..., Answer]:
    """The function to time."""
    return lambda params, X, Y, h0: function(cell, params, X, Y, h0)


rnn_numba, lstm_numba, gru_numba = (contestant(numba, cell) for cell in ("rnn", "lstm", "gru"))
rnn_jax, lstm_jax, gru_jax = (contestant(jax, cell) for cell in ("rnn", "lstm", "gru"))
