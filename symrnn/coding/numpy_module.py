"""The NumPy module of a cell: the entry point for ``symrnn code`` with the NumPy backend."""

from __future__ import annotations

from symrnn.coding.numpy_fast.assembly import assemble
from symrnn.coding.numpy_plain.module import emit_plain
from symrnn.coding.options import CodeOptions
from symrnn.errors import QuestionError, UnsupportedError
from symrnn.language import Cell

__all__ = ["CodeOptions", "emit"]


def emit(cell: Cell, plain: bool = False, options: CodeOptions | None = None) -> str:
    """The source of a module with ``forward`` and ``loss_and_gradients``, which imports NumPy alone.

    ``plain`` asks for the recursion line by line.  A recursion that the planner cannot run step by step comes out
    plain in any case.  Raises UnsupportedError for a form that arrays cannot compute, and QuestionError for an unknown
    name in ``options.wrt``.
    """
    chosen = options or CodeOptions()
    _check(cell, chosen)
    if chosen.checkpoint:
        return _with_checkpoints(cell, plain, chosen)
    if not plain and cell.loss is not None:
        try:
            return assemble(cell, chosen)
        except UnsupportedError:
            pass
    return emit_plain(cell, chosen)


def _check(cell: Cell, options: CodeOptions) -> None:
    """Raise QuestionError for an option that has no meaning for the cell."""
    asked = {"a window": options.window is not None, "checkpoints": options.checkpoint}
    for what, is_asked in asked.items():
        if is_asked and not cell.states:
            raise QuestionError(
                f'{what}: the cell "{cell.name}" has no states, nothing in it is carried from step to step',
                hint="Leave the option out.",
            )
        if is_asked and cell.loss is None:
            raise QuestionError(f'{what}: the cell "{cell.name}" has no loss', hint="Add a line such as: loss L = ...")


def _with_checkpoints(cell: Cell, plain: bool, options: CodeOptions) -> str:
    """The fast module with checkpoints; nothing takes its place where it can't be had."""
    if plain:
        raise QuestionError(
            "the recursion line by line keeps every state",
            hint="Leave out --plain, or --checkpoint: it saves nothing there.",
        )
    return assemble(cell, options)
