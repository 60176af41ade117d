"""What a user may ask of generated code."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.errors import QuestionError

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class CodeOptions:
    """``wrt``: the names whose gradients are wanted, None for all.  ``relu0``: the slope of relu and the like at 0.

    ``dtype``: compute in ``float32`` or ``float64`` whatever is given; None keeps the type of what is given.
    ``numerator``: gradients of matrices transposed, as numerator layout has them.
    ``window``: gradients truncated to so many steps back from each step.
    ``lengths``: sequences of different lengths in one batch, told by ``inputs["lengths"]``.
    ``checkpoint``: keep the first state of each of about √τ segments, and compute the others again on the way back.
    """

    wrt: tuple[str, ...] | None = None
    relu0: float = 0.0
    dtype: str | None = None
    numerator: bool = False
    window: int | None = None
    lengths: bool = False
    checkpoint: bool = False

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise QuestionError(f'there is no code in "{self.dtype}"', hint=f"Ask for {' or '.join(DTYPES)}.")
        if self.window is not None and self.window < 0:
            raise QuestionError(f"a window of {self.window} steps", hint="0 is the same step only, 1 one step back.")
        if self.window is not None and self.checkpoint:
            raise QuestionError("a truncated gradient needs no checkpoints", hint="Ask for one of the two.")


DEFAULTS = CodeOptions()
