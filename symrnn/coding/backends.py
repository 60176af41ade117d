"""The libraries other than NumPy that code is generated for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symrnn.coding.numba.module import emit_numba
from symrnn.coding.options import CodeOptions
from symrnn.coding.tensor.jax_module import emit_jax
from symrnn.coding.tensor.torch_module import emit_torch
from symrnn.doctor import find
from symrnn.errors import UnknownNameError, did_you_mean
from symrnn.language import Cell


@dataclass(frozen=True)
class Backend:
    """A library: what `symrnn doctor` calls it, and the function that writes a module for it."""

    extra: str
    emit: Callable[[Cell, CodeOptions], str]


BACKENDS: Mapping[str, Backend] = {
    "numba": Backend("numba", lambda cell, asked: emit_numba(cell, asked.wrt, asked.relu0, asked.dtype)),
    "jax": Backend("JAX", lambda cell, asked: emit_jax(cell, asked.wrt, asked.relu0, asked.dtype)),
    "torch": Backend("PyTorch", lambda cell, asked: emit_torch(cell, asked.wrt, asked.relu0, asked.dtype)),
}


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise UnknownNameError(f'there is no backend "{name}"', hint=did_you_mean(name, BACKENDS))
    return BACKENDS[name]


def require(name: str) -> str:
    """The version of a backend's library; MissingExtraError with the command that installs it where it is missing."""
    return find(_backend(name).extra).require()


def emit_for(
    name: str, cell: Cell, wrt: Sequence[str] | None = None, relu0: float = 0.0, dtype: str | None = None
) -> str:
    """The source of a module for this backend; ``dtype``: what is computed in, whatever is given.

    Raises UnsupportedError for a recursion that it cannot run, and QuestionError for an unknown name in ``wrt``.
    """
    options = CodeOptions(wrt=None if wrt is None else tuple(wrt), relu0=relu0, dtype=dtype)
    return _backend(name).emit(cell, options)
