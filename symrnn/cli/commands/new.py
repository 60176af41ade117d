"""Start a new sheet: a folder with a sheet file and a cell to change.

symrnn new sheet week-3
"""

from __future__ import annotations

import argparse
from pathlib import Path

from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=("sheet",), help="what to start")
    parser.add_argument("name", metavar="NAME", help="its name, which is the folder's")
    parser.add_argument("--into", metavar="FOLDER", default=".", help="where the folder is made (default: here)")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Write the files and say what to do with them."""
    from symrnn.sheets.starting import start_sheet

    for path in start_sheet(options.name, Path(options.into)):
        terminal.write(f"{path}\n")
    folder = Path(options.into) / options.name
    terminal.write(f"Build it: symrnn sheet {folder} -o {options.name}.html\n")
    return 0
