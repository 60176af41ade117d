"""The NumPy module of a cell: the entry point for ``symrnn code`` with the NumPy backend."""

from __future__ import annotations

from symrnn.emitting.numpy_assembly import assemble
from symrnn.emitting.numpy_plain import emit_plain
from symrnn.emitting.options import CodeOptions
from symrnn.errors import UnsupportedError
from symrnn.language import Cell
from symrnn.planning.system import build_system

__all__ = ["CodeOptions", "emit"]


def emit(cell: Cell, plain: bool = False, options: CodeOptions | None = None) -> str:
    """The source of a module with ``forward`` and ``loss_and_gradients``, which imports NumPy alone.

    ``plain`` asks for the recursion line by line.  A recursion that the planner cannot run step by step comes out
    plain in any case.  Raises UnsupportedError for a form that arrays cannot compute, and QuestionError for an unknown
    name in ``options.wrt``.
    """
    chosen = options or CodeOptions()
    for name in ("lengths", "checkpoint"):
        if getattr(chosen, name) not in (None, False):
            raise UnsupportedError(f"generated code has no {name} yet")
    if not plain and cell.loss is not None:
        try:
            return assemble(cell, chosen)
        except UnsupportedError:
            pass
    return emit_plain(build_system(cell, chosen.wrt, by_age=chosen.window is not None), chosen)
