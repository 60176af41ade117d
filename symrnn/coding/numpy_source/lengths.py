"""Sequences of different lengths: what generated code makes of ``inputs["lengths"]``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Source
from symrnn.errors import UnsupportedError
from symrnn.language import Cell, Role
from symrnn.planning.masking import masked
from symrnn.planning.system import gradient_keys

NOTES = """
inputs["lengths"] says how many steps each sequence of a batch has: whole numbers, (batch,), or one number without a
batch.  The arrays go on to the longest; what stands behind a sequence's end plays no part.  Every sequence counts as it
would alone.
"""

MASKS = '''
def _masked(inputs, targets=None):
    """Inputs with masks instead of lengths: 1 while a sequence lasts, 1 at its last step; and no padding."""
    expected = [*(key for key in KEYS["inputs"] if key not in MASKS), "lengths"]
    if not isinstance(inputs, dict) or set(inputs) != set(expected):
        found = sorted(inputs) if isinstance(inputs, dict) else f"a {type(inputs).__name__}"
        raise ValueError(f"inputs has {found}, expected a dict with the keys {expected}")
    lengths, sequence = np.asarray(inputs["lengths"]), np.asarray(inputs[SEQUENCE])
    if lengths.dtype.kind not in "iu" or lengths.ndim > 1 or lengths.shape != sequence.shape[1 : 1 + lengths.ndim]:
        raise ValueError(f"lengths has shape {lengths.shape}, type {lengths.dtype}, expected whole numbers, (batch,)")
    steps = len(sequence) if sequence.ndim else 0
    if lengths.size and not 1 <= lengths.min() <= lengths.max() <= steps:
        worst = lengths.min() if lengths.min() < 1 else lengths.max()
        raise ValueError(f"lengths has {worst}, expected numbers of steps from 1 to {steps}")
    times = np.arange(1, steps + 1).reshape(-1, *[1] * lengths.ndim)
    dtype = np.dtype(DTYPE or (sequence.dtype if sequence.dtype.kind in "fc" else float))
    rows = (np.minimum(times, lengths) - 1, *([np.arange(len(lengths))] if lengths.ndim else []))

    def filled(key, given):
        """Behind a sequence's end its last value stays."""
        array = np.asarray(given)
        fits = key in TIMED and key in PER_EXAMPLE and array.shape[: 1 + lengths.ndim] == (steps, *lengths.shape)
        return array[rows] if fits and lengths.size and lengths.min() < steps else given

    kept = {key: filled(key, value) for key, value in inputs.items() if key != "lengths"}
    while_it_lasts, at_its_end = ((times <= lengths).astype(dtype), (times == lengths).astype(dtype))
    kept.update(zip(MASKS, (while_it_lasts, at_its_end)))
    if isinstance(targets, dict):
        targets = {key: filled(key, value) for key, value in targets.items()}
    return kept, targets
'''


@dataclass(frozen=True)
class Lengths:
    """The masked cell, its options, and the names of the masks; ``sequence`` is the array that tells the steps."""

    cell: Cell
    options: CodeOptions
    masks: tuple[str, ...] = ()
    sequence: str = ""

    def tables(self, source: Source) -> None:
        """What the function that makes the masks has to know."""
        if self.masks:
            source.raw(f"MASKS = {self.masks!r}  # inputs that are made of the lengths")
            source.raw(f"SEQUENCE = {self.sequence!r}  # its length is the number of steps")


def with_lengths(cell: Cell, options: CodeOptions) -> Lengths:
    """The cell for padded sequences if different lengths are asked for, and with all the gradients that it had.

    Raises UnsupportedError where it speaks of times in a way that has no meaning for padded sequences.
    """
    if not options.lengths:
        return Lengths(cell, options)
    timed = [d.name for d in cell.declarations if d.role is Role.INPUT and d.timed]
    if not timed:
        raise UnsupportedError(
            f'no input of the cell "{cell.name}" has a time axis, so that its sequences have no lengths',
            hint="Leave --lengths out, or declare an input that is used with a time index.",
        )
    if "lengths" in cell.names():
        raise UnsupportedError(
            f'the cell "{cell.name}" has a variable "lengths", which is what the lengths of sequences are called',
            hint="Give it another name.",
        )
    wanted = options.wrt if options.wrt is not None else gradient_keys(cell)
    found = masked(cell, hold=options.window is None)
    return Lengths(found.cell, replace(options, wrt=wanted), (found.mask, found.last), timed[0])
