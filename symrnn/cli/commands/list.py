"""List the library's cells and heads.

A head scores a cell that has no loss of its own, or another than its own: gru+softmax.
"""

from __future__ import annotations

import argparse
import textwrap

from symrnn import cells
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--heads", action="store_true", help="the heads instead of the cells")
    parser.add_argument("--names", action="store_true", help="the names alone, one a line")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Print the table."""
    names = cells.head_names() if options.heads else cells.names()
    text = cells.head_text if options.heads else cells.source_text
    if options.names:
        terminal.write("".join(f"{name}\n" for name in names))
        return 0
    width = max(map(len, names))
    room = terminal.width() - width - 2 if terminal.interactive else None
    terminal.write("".join(f"{name:<{width}}  {_cut(_origin(text(name)), room)}\n" for name in names))
    return 0


def _cut(text: str, room: int | None) -> str:
    """At most one line on a terminal; whole where somebody reads it from a pipe."""
    return text if room is None else textwrap.shorten(text, room, placeholder=" …")


def _origin(text: str) -> str:
    """The first comment of a file, where it says what the cell is and where it comes from."""
    comments: list[str] = []
    for line in text.splitlines():
        _, mark, comment = line.partition("#")
        if mark:
            comments.append(comment.strip())
        elif comments:
            break
        if comments and comments[-1].endswith("."):
            break
    return " ".join(comments)
