"""A new sheet: a folder with a small complete sheet file and a cell, to be changed."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from symrnn.errors import DataError, QuestionError
from symrnn.files import write_atomically
from symrnn.sheets.source import FILE_NAME

TEMPLATES = files("symrnn.sheets") / "templates"
CELL_NAME = "my_cell.cell"
GOOD_NAME = re.compile(r"[A-Za-z][\w-]{0,60}")


def start_sheet(name: str, parent: Path) -> tuple[Path, ...]:
    """Write the files of a new sheet; raises QuestionError for a bad name, DataError for a folder that exists."""
    if not GOOD_NAME.fullmatch(name):
        raise QuestionError(
            f'a sheet cannot be called "{name}"', hint="A letter, then letters, digits, _ and -, as in week-3."
        )
    folder = parent / name
    if folder.exists():
        raise DataError(f'there is something at "{folder}" already', hint="Choose another name, or another folder.")
    try:
        folder.mkdir(parents=True)
    except OSError as problem:
        raise DataError(f'the folder "{folder}" cannot be made: {problem.strerror}') from None
    made = []
    for template, target in (("new_sheet.toml", FILE_NAME), ("new_sheet.cell", CELL_NAME)):
        path = folder / target
        write_atomically(path, (TEMPLATES / template).read_text(encoding="utf-8").replace("NAME", name))
        made.append(path)
    return tuple(made)
