"""Finding a cell: by its name in the library, by a path, or as it is."""

from __future__ import annotations

from pathlib import Path

from symrnn import cells
from symrnn.errors import ReadingError, UnknownNameError, did_you_mean
from symrnn.language import Cell
from symrnn.reading import cellfile

SUFFIX = ".cell"


def load(source: str | Path | Cell) -> Cell:
    """The cell of a name (``elman``), a name with a head (``gru+squared_last``), or a ``.cell`` file.

    A head may follow a path as well, and may name what it stands on: ``my.cell+softmax(h)``.

    >>> load("elman").name, load("lstm+squared").targets[0].name
    ('elman', 'y')

    Raises UnknownNameError for a name that the library doesn't have, ReadingError where a file cannot be read, and
    what reading a cell raises.
    """
    if isinstance(source, Cell):
        return source
    text = str(source)
    if not text.strip():
        raise ReadingError("no cell was named", hint="Name one of `symrnn list`, or give the path of a .cell file.")
    name, plus, head = text.rpartition("+")
    if isinstance(source, Path) or text.endswith(SUFFIX) or not plus:
        return _with_head(text, None)
    return _with_head(name, head)


def read_cell(text: str, name: str = "cell") -> Cell:
    r"""The cell that a text in the language of ``.cell`` files describes.

    >>> read_cell("param a\nstate h\nh[t] = a * h[t-1]\nloss L = sum(h[t]**2, t)").states[0].name
    'h'
    """
    return cellfile.read_cell(text, name, cells.head_text)


def _with_head(name: str, head: str | None) -> Cell:
    return cellfile.load_cell_file(name, cells.head_text, head) if _is_path(name) else _library(name, head)


def _is_path(text: str) -> bool:
    # A name is never looked for in the working folder: a file there called "lstm" must not hide the library's.
    return text.endswith(SUFFIX) or "/" in text or "\\" in text


def _library(name: str, head: str | None) -> Cell:
    if name not in cells.names():
        stray = name if Path(name).is_file() else f"{name}{SUFFIX}" if Path(f"{name}{SUFFIX}").is_file() else None
        hint = f"For the file, write ./{stray}." if stray else did_you_mean(name, cells.names())
        raise UnknownNameError(f'the library has no cell "{name}"', hint=_short(hint))
    if head is not None:
        wanted = head.partition("(")[0]
        if wanted not in cells.head_names():
            raise UnknownNameError(
                f'the library has no head "{wanted}"', hint=_short(did_you_mean(wanted, cells.head_names()))
            )
    return cellfile.read_cell(cells.source_text(name), f"{name}{SUFFIX}", cells.head_text, head)


def _short(hint: str | None) -> str | None:
    """A suggestion as it is; instead of a long list of everything there is, the command that prints it."""
    return "See `symrnn list`." if hint is not None and hint.startswith("Known: ") and len(hint) > 120 else hint
