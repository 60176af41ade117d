"""Cell files: text or a path in, a Cell out."""

from __future__ import annotations

from pathlib import Path

from symrnn.errors import CellError, Location, ReadingError
from symrnn.language import Cell
from symrnn.reading.cell_checks import build_cell
from symrnn.reading.definitions import read_pieces
from symrnn.reading.heads import Heads, with_head
from symrnn.reading.statements import read_statements
from symrnn.reading.tokens import MAX_CHARACTERS, Source


def read_cell(text: str, source_name: str = "cell", heads: Heads | None = None, head: str | None = None) -> Cell:
    r"""The cell that a text describes.

    ``head`` names another head than the file's own, as ``squared_last`` or ``squared_last(h)``; ``heads``
    finds it.

    >>> cell = read_cell("param W[n,n]\nsize n\nstate h[n]\nh[t] = tanh(W @ h[t-1])", "tiny")
    >>> cell.name, cell.states[0].lags
    ('tiny', (1,))

    Raises CellError, ShapeError, UnknownNameError or ReadingError, with the line and the way out.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = Source.of(text, name=source_name)
    draft = read_statements(text, source)
    if not (draft.declared or draft.equations or draft.loss or draft.name or draft.time):
        raise CellError(
            "the file is empty",
            location=Location(source_name),
            hint="A cell has declarations and equations; see `symrnn show elman --as cell`.",
        )
    pieces = read_pieces(draft, Path(source_name).stem)
    if draft.head is not None or head is not None:
        pieces = with_head(pieces, draft.head, heads, head)
    return build_cell(pieces)


def load_cell_file(path: str | Path, heads: Heads | None = None, head: str | None = None) -> Cell:
    """The cell in a file.

    Raises ReadingError where the file can't be read or is not text in UTF-8, and what :func:`read_cell`
    raises.
    """
    shown = str(path)
    return read_cell(read_text(Path(path), shown), shown, heads, head)


def read_text(path: Path, shown: str) -> str:
    """A file's text.  Raises ReadingError with the way out where it has none."""
    where = Location(shown)
    try:
        if path.stat().st_size > 4 * MAX_CHARACTERS:
            raise ReadingError("the file is too large for a formula or a cell", location=where)
        data = path.read_bytes()
    except FileNotFoundError:
        raise ReadingError("there is no such file", location=where) from None
    except IsADirectoryError:
        raise ReadingError("this is a folder, not a file", location=where) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReadingError(f"the file cannot be read: {reason}", location=where) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadingError(
            f"the file is not text in UTF-8: byte {data[error.start]:#04x}",
            location=Location(shown, line, error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1),
            hint="Save it as UTF-8.",
        ) from None
