"""The NumPy module of a cell: the entry point for ``symrnn code`` with the NumPy backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symrnn.emitting.numpy_assembly import assemble
from symrnn.emitting.numpy_plain import emit_plain
from symrnn.errors import UnsupportedError
from symrnn.language import Cell
from symrnn.planning.system import build_system


@dataclass(frozen=True)
class CodeOptions:
    """What a user may ask of generated code.

    ``wrt``: the names whose gradients are wanted, None for all.  ``relu0``: the slope of relu and the like at 0.
    """

    wrt: tuple[str, ...] | None = None
    relu0: float = 0.0


def emit(cell: Cell, plain: bool = False, options: CodeOptions | None = None) -> str:
    """The source of a module with ``forward`` and ``loss_and_gradients``, which imports NumPy alone.

    ``plain`` asks for the recursion line by line.  A recursion that the planner cannot run step by step comes out
    plain in any case.  Raises UnsupportedError for a form that arrays cannot compute, and QuestionError for an unknown
    name in ``options.wrt``.
    """
    chosen = options or CodeOptions()
    wrt: Sequence[str] | None = chosen.wrt
    if not plain and cell.loss is not None:
        try:
            return assemble(cell, wrt, chosen.relu0)
        except UnsupportedError:
            pass
    return emit_plain(build_system(cell, wrt), chosen.relu0)
