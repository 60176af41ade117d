"""Gradients of recurrent cells through time, derived as formulas whose every line is checked.

``import symrnn`` costs nothing: a name's module is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The public names, and where each one lives.
_HOMES = {
    "Cell": "symrnn.language",
    "Derivation": "symrnn.api",
    "Layout": "symrnn.language",
    "Style": "symrnn.emitting.style",
    "SymrnnError": "symrnn.errors",
    "apply": "symrnn.reading.sympy_reader",
    "at": "symrnn.reading.sympy_reader",
    "cell": "symrnn.api.defining",
    "cell_from_sympy": "symrnn.api.defining",
    "check": "symrnn.api.checking",
    "derive": "symrnn.api",
    "load": "symrnn.api",
    "read_cell": "symrnn.api",
    "state": "symrnn.reading.sympy_reader",
    "verify": "symrnn.api",
}

__all__ = [
    "Cell",
    "Derivation",
    "Layout",
    "Style",
    "SymrnnError",
    "__version__",
    "apply",
    "at",
    "cell",
    "cell_from_sympy",
    "check",
    "derive",
    "load",
    "read_cell",
    "state",
    "verify",
]

if TYPE_CHECKING:
    from symrnn.api import Derivation, derive, load, read_cell, verify
    from symrnn.api.checking import check
    from symrnn.api.defining import cell, cell_from_sympy
    from symrnn.emitting.style import Style
    from symrnn.errors import SymrnnError
    from symrnn.language import Cell, Layout
    from symrnn.reading.sympy_reader import apply, at, state


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'symrnn' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
