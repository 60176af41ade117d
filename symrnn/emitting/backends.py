"""The libraries other than NumPy that code is generated for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symrnn.doctor import find
from symrnn.emitting.jax_module import emit_jax
from symrnn.emitting.numba_module import emit_numba
from symrnn.emitting.torch_module import emit_torch
from symrnn.errors import UnknownNameError, did_you_mean
from symrnn.language import Cell


@dataclass(frozen=True)
class Backend:
    """A library: what `symrnn doctor` calls it, and the function that writes a module for it."""

    extra: str
    emit: Callable[[Cell, Sequence[str] | None, float], str]


BACKENDS: Mapping[str, Backend] = {
    "numba": Backend("numba", emit_numba),
    "jax": Backend("JAX", emit_jax),
    "torch": Backend("PyTorch", emit_torch),
}


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise UnknownNameError(f'there is no backend "{name}"', hint=did_you_mean(name, BACKENDS))
    return BACKENDS[name]


def require(name: str) -> str:
    """The version of a backend's library; MissingExtraError with the command that installs it where it is missing."""
    return find(_backend(name).extra).require()


def emit_for(name: str, cell: Cell, wrt: Sequence[str] | None = None, relu0: float = 0.0) -> str:
    """The source of a module for this backend.

    Raises UnsupportedError for a recursion that it cannot run, and QuestionError for an unknown name in ``wrt``.
    """
    return _backend(name).emit(cell, wrt, relu0)
