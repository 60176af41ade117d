"""Generated compiled functions with the signature of the expert's benchmark: Numba, and JAX under ``jit``.

Each takes ``(params, X, Y, h0)`` and gives ``(loss, gradients)``.  What is made or compiled for given sizes is kept,
and so are JAX's own arrays while it is called with the same ones, as the benchmark's other JAX functions hold theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symrnn.api import load
from symrnn.coding.backends import emit_for

CELLS = Path(__file__).parent / "cells"
FIRST_STATES = {"h0": "h[0]", "c0": "s[0]"}
"""The benchmark's names of the initial states, and those of the cell files."""

Answer = tuple[float, dict[str, Any]]


@cache
def module(cell: str, backend: str) -> ModuleType:
    """The generated module of ``benchmarks/cells/CELL.cell``: gradients of parameters and initial states."""
    read = load(CELLS / f"{cell}.cell")
    wanted = [d.name for d in read.parameters] + [key for _, _, key in read.initial_keys()]
    found = ModuleType(f"{cell}_{backend}")
    exec(compile(emit_for(backend, read, wanted), f"<{cell} {backend}>", "exec"), found.__dict__)
    return found


def groups(params: dict[str, Any], X: Any, Y: Any, h0: Any) -> tuple[dict[str, Any], ...]:
    """The arguments of generated code."""
    weights = {key: value for key, value in params.items() if key != "c0"}
    initial = {FIRST_STATES["h0"]: h0} | ({FIRST_STATES["c0"]: params["c0"]} if "c0" in params else {})
    return weights, {"x": X}, {"y": Y}, initial


def renamed(gradients: dict[str, Any]) -> dict[str, Any]:
    """Gradients under the benchmark's names."""
    named = {FIRST_STATES[key]: key for key in FIRST_STATES}
    return {named.get(key, key): value for key, value in gradients.items()}


@lru_cache(maxsize=1)
def made(cell: str, n: int, m: int, K: int, steps: int, batch: int, dtype: Any) -> Callable[..., Answer]:
    """The Numba function that owns its buffers, kept for the last shapes only."""
    function: Callable[..., Answer] = module(cell, "numba").make_loss_and_gradients(n, m, K, steps, batch, dtype)
    return function


def numba(cell: str, params: dict[str, Any], X: Any, Y: Any, h0: Any) -> Answer:
    """Loss and gradients by the Numba module."""
    function = made(cell, h0.shape[1], X.shape[2], len(params["V"]), len(X), len(h0), X.dtype)
    loss, gradients = function(*groups(params, X, Y, h0))
    return loss, renamed(gradients)


_HELD: dict[str, tuple[Any, Any, Any]] = {}


def jax(cell: str, params: dict[str, Any], X: Any, Y: Any, h0: Any) -> Answer:
    """Loss and gradients by the JAX module; the results are read as NumPy arrays, which copies nothing on a CPU."""
    import jax

    if cell not in _HELD or _HELD[cell][0] is not X:
        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(module(cell, "jax").loss_and_gradients)
        _HELD[cell] = (X, compiled, jax.tree.map(jax.numpy.asarray, groups(params, X, Y, h0)))
    _, compiled, arguments = _HELD[cell]
    loss, gradients = jax.block_until_ready(compiled(*arguments))
    return float(loss), {key: np.asarray(value) for key, value in renamed(gradients).items()}


def contestant(function: Callable[..., Answer], cell: str) -> Callable[..., Answer]:
    """The function to time."""
    return lambda params, X, Y, h0: function(cell, params, X, Y, h0)


rnn_numba, lstm_numba, gru_numba = (contestant(numba, cell) for cell in ("rnn", "lstm", "gru"))
rnn_jax, lstm_jax, gru_jax = (contestant(jax, cell) for cell in ("rnn", "lstm", "gru"))
