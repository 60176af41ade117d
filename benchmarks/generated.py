"""Generated functions with the signature of the expert's benchmark: integer labels and its own names.

Each of ``rnn``, ``lstm`` and ``gru`` takes ``(params, X, Y, h0)`` and gives ``(loss, gradients)``; the buffers of
``make_loss_and_gradients`` are kept while the shapes repeat, as the expert keeps its workspace.  ``…_allocating`` is
the plain function, which keeps nothing, and ``…_checkpoint`` keeps every √τ-th state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from symrnn.api import load
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.language import Cell

CELLS = Path(__file__).parent / "cells"
FIRST_STATES = {"h0": "h[0]", "c0": "s[0]"}
"""The benchmark's names of the initial states, and those of the cell files."""


def trained(cell: str) -> tuple[Cell, list[str]]:
    """The cell ``benchmarks/cells/CELL.cell``, and what its gradients are wanted of: parameters and initial states."""
    read = load(CELLS / f"{cell}.cell")
    return read, [d.name for d in read.parameters] + [key for _, _, key in read.initial_keys()]


def loaded(name: str, source: str) -> ModuleType:
    """A generated source as a module."""
    found = ModuleType(name)
    exec(compile(source, f"<{name}>", "exec"), found.__dict__)
    return found


def arguments(params: dict[str, Any], X: Any, Y: Any, h0: Any) -> tuple[dict[str, Any], ...]:
    """The benchmark's arguments as those of generated code."""
    weights = {key: value for key, value in params.items() if key != "c0"}
    initial = {FIRST_STATES["h0"]: h0} | ({FIRST_STATES["c0"]: params["c0"]} if "c0" in params else {})
    return weights, {"x": X}, {"y": Y}, initial


def renamed(gradients: dict[str, Any]) -> dict[str, Any]:
    """Gradients under the benchmark's names."""
    named = {FIRST_STATES[key]: key for key in FIRST_STATES}
    return {named.get(key, key): value for key, value in gradients.items()}


@cache
def module(cell: str, checkpoint: bool = False) -> ModuleType:
    """The generated module of a cell."""
    read, wanted = trained(cell)
    return loaded(cell, emit(read, options=CodeOptions(wrt=tuple(wanted), checkpoint=checkpoint)))


@lru_cache(maxsize=1)
def made(cell: str, checkpoint: bool, sizes: tuple[tuple[str, int], ...], steps: int, batch: int, dtype: Any) -> Any:
    """The function that owns its buffers, kept for the last shapes only."""
    return module(cell, checkpoint).make_loss_and_gradients(**dict(sizes), steps=steps, batch=batch, dtype=dtype)


def run(cell: str, kind: str, params: dict[str, Any], X: Any, Y: Any, h0: Any) -> tuple[float, dict[str, Any]]:
    """Loss and gradients under the benchmark's names."""
    if kind == "allocating":
        function = module(cell).loss_and_gradients
    else:
        sizes = (("n", h0.shape[1]), ("m", X.shape[2]), ("K", len(params["V"])))
        function = made(cell, kind == "checkpoint", sizes, len(X), len(h0), X.dtype)
    loss, gradients = function(*arguments(params, X, Y, h0))
    return loss, renamed(gradients)


def contestant(cell: str, kind: str) -> Callable[..., tuple[float, dict[str, Any]]]:
    """The function to time."""
    return lambda params, X, Y, h0: run(cell, kind, params, X, Y, h0)


rnn, lstm, gru = (contestant(cell, "reusing") for cell in ("rnn", "lstm", "gru"))
rnn_allocating, lstm_allocating, gru_allocating = (contestant(cell, "allocating") for cell in ("rnn", "lstm", "gru"))
rnn_checkpoint, lstm_checkpoint, gru_checkpoint = (contestant(cell, "checkpoint") for cell in ("rnn", "lstm", "gru"))
