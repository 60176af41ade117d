"""The library: one ``.cell`` file per cell, one ``.head`` file per head, found by name.

Data only.  A cell's equations are those of its source, which the file names; a head reads one variable of
a cell, makes a prediction of it and scores it.  Adding a file adds the cell or the head: nothing else lists
them.

A head file begins ``head NAME(s[d])``: *s* stands for the variable that it reads, *d* for its size.  A cell
file may end ``head NAME(h)``, which names its default head; a second argument is an input that the head reads
too, ``head next_input(s[d], x[m])``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from symrnn.errors import UnknownNameError, did_you_mean

__all__ = ["head_names", "head_text", "names", "source_text"]

_CELL_SUFFIX = ".cell"
_HEAD_SUFFIX = ".head"


def _cell_folder() -> Traversable:
    return files(__name__)


def _head_folder() -> Traversable:
    return files(__name__) / "heads"


def _names_in(folder: Traversable, suffix: str) -> tuple[str, ...]:
    return tuple(
        sorted(entry.name.removesuffix(suffix) for entry in folder.iterdir() if entry.name.endswith(suffix))
    )


@cache
def names() -> tuple[str, ...]:
    """The names of all library cells, sorted.

    >>> "elman" in names() and "lstm" in names()
    True
    """
    return _names_in(_cell_folder(), _CELL_SUFFIX)


@cache
def head_names() -> tuple[str, ...]:
    """The names of all heads, sorted.

    >>> "softmax" in head_names() and "squared" in head_names()
    True
    """
    return _names_in(_head_folder(), _HEAD_SUFFIX)


def source_text(name: str) -> str:
    """The text of the library cell *name*, as it stands in its file.

    Raises UnknownNameError, with the nearest known name, where the library has no such cell.

    >>> source_text("elman").splitlines()[0].split()[:2]
    ['cell', 'elman']
    """
    return _text(_cell_folder(), name, names(), _CELL_SUFFIX, "cell")


def head_text(name: str) -> str:
    """The text of the head *name*, as it stands in its file.

    Raises UnknownNameError, with the nearest known name, where the library has no such head.

    >>> [line for line in head_text("upstream").splitlines() if line.startswith("head")]
    ['head   upstream(s[d])']
    """
    return _text(_head_folder(), name, head_names(), _HEAD_SUFFIX, "head")


def _text(folder: Traversable, name: str, known: tuple[str, ...], suffix: str, kind: str) -> str:
    # Only names from the listing are opened, so that no name can lead out of the folder.
    if name not in known:
        raise UnknownNameError(f'The library has no {kind} named "{name}".', hint=did_you_mean(name, known))
    return (folder / f"{name}{suffix}").read_text(encoding="utf-8")
