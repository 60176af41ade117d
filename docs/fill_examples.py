"""Run the commands on the documentation's pages and put what they print below them.

In a page, a fenced block of ``console`` holds commands (``$ symrnn …``), each followed by its output; a fenced block
that begins ``cell NAME`` is the file NAME.cell, and one of ``json`` is numbers.json.

    python docs/fill_examples.py docs/getting-started.md
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path
from unittest import mock

from symrnn.cli import main as symrnn

CONSOLE = re.compile(r"```console\n(.*?)```", re.S)
CELL = re.compile(r"```\n(cell +(\w+).*?)```", re.S)
NUMBERS = re.compile(r"```json\n(.*?)```", re.S)
COLUMNS = "100"


def filled(text: str) -> str:
    """The page with every command's output as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        for cell in CELL.finditer(text):
            Path(folder, f"{cell[2]}.cell").write_text(cell[1], encoding="utf-8")
        for numbers in NUMBERS.finditer(text):
            Path(folder, "numbers.json").write_text(numbers[1], encoding="utf-8")
        with contextlib.chdir(folder), mock.patch.dict(os.environ, COLUMNS=COLUMNS):
            return CONSOLE.sub(_block, text)


def _block(found: re.Match[str]) -> str:
    commands = [line[2:] for line in found[1].splitlines() if line.startswith("$ ")]
    told = "\n\n".join(f"$ {command}\n{printed(command)}" for command in commands)
    return f"```console\n{told}\n```"


def printed(command: str) -> str:
    """What a command prints, to standard output and to standard error."""
    program, *argv = shlex.split(command)
    if program != "symrnn":
        raise ValueError(f"only symrnn is run here, not {program}")
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        symrnn(argv)
    return out.getvalue().rstrip()


def main(paths: list[str]) -> None:
    """Fill the pages in place."""
    for path in map(Path, paths):
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
