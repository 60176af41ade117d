"""Build a worked sheet: statement, answers with their steps, errata, how it was checked.

NAME is one of the sheets that come along (--list), or the path of a folder with a sheet.toml; symrnn new sheet NAME
starts one. The file's ending says the format: .html, .tex, .pdf, .txt, or .json for the checker's rubric.

  symrnn sheet eth -o eth.html
  symrnn sheet tum --student --variant 7 -o tum-7.pdf
  symrnn sheet --all -o build/sheets
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal
from symrnn.files import write_atomically


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="a sheet's name or folder")
    parser.add_argument("--list", action="store_true", help="the sheets there are")
    parser.add_argument(
        "--all", action="store_true", help="build every sheet in all formats into the folder given by -o"
    )
    parser.add_argument("--student", action="store_true", help="questions with room for answers")
    parser.add_argument("--layout", choices=("numerator", "denominator"), help="show one layout only (default: both)")
    parser.add_argument(
        "--variant", type=arguments.whole_number(0), metavar="SEED", help="other numbers of the same kind"
    )
    parser.add_argument("--rubric", action="store_true", help="the right answers for the checker, as JSON")
    parser.add_argument(
        "--root", metavar="FOLDER", help="where the sheets' folders are (default: those that come along)"
    )
    arguments.add_output(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """List, build one, or build all."""
    if options.list:
        return _list(options, terminal)
    if options.all:
        return _all(options, terminal)
    if options.name is None:
        raise arguments.UsageError("which sheet?", hint="See symrnn sheet --list, or build --all.")
    return _one(options, terminal)


def _root(options: argparse.Namespace) -> Path | None:
    return None if options.root is None else Path(options.root)


def _list(options: argparse.Namespace, terminal: Terminal) -> int:
    from symrnn.errors import SymrnnError
    from symrnn.sheets.building import sheet_folders
    from symrnn.sheets.source import read_sheet

    for name, folder in sheet_folders(_root(options)).items():
        try:
            title = read_sheet(folder).head.data["title"]
        except SymrnnError as error:
            title = f"(cannot be read: {error.message})"
        terminal.write(f"{name:<10} {title}\n")
    return 0


def _one(options: argparse.Namespace, terminal: Terminal) -> int:
    from symrnn.language import Layout
    from symrnn.sheets.building import FORMATS, Wish, find_sheet, rendered, sheet_folders, solved

    folder = sheet_folders(_root(options)).get(options.name) or find_sheet(options.name)
    output = options.output
    ending = (
        "json" if options.rubric else "txt" if output in (None, "-") else Path(output).suffix.removeprefix(".").lower()
    )
    if ending not in FORMATS:
        raise arguments.UsageError(
            f'the format of "{output}" is not known', hint=f"Let it end in .{', .'.join(FORMATS)}."
        )
    layout = None if options.layout is None else Layout(options.layout)
    made = rendered(solved(folder, Wish(options.student, layout, options.variant)), ending)
    if isinstance(made, str):
        terminal.deliver(made, output)
    else:
        write_atomically(Path(output), made)
    return 0


def _all(options: argparse.Namespace, terminal: Terminal) -> int:
    from tqdm import tqdm

    from symrnn.errors import SymrnnError
    from symrnn.sheets.building import build_all, sheet_folders

    if options.output is None:
        raise arguments.UsageError("where to?", hint="Give a folder: -o build/sheets.")
    root = _root(options)
    names = sheet_folders(root)
    errors: list[SymrnnError]
    with tqdm(total=len(names), desc="sheets", unit="sheet", file=sys.stderr) as bar:

        def done(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update()

        built, errors = build_all(Path(options.output), root, max(1, min(4, os.cpu_count() or 1)), done)
    unchanged = len(names) - len(built) - len(errors)
    terminal.write(f"{len(built)} built, {unchanged} unchanged, {len(errors)} failed; in {options.output}\n")
    for error in errors:
        terminal.error(f"symrnn: {error}")
    return 2 if errors else 0
