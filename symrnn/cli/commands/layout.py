"""Say which layout a formula is in, convert it, and check that a text keeps to one layout.

The names are declared on the command line (or are those of a cell). A file (or - for standard input) with several
claims, one a line, is checked for consistency: which lines are in which layout, and where it switches. The exit code is
1 where a formula isn't right in any layout, or the text isn't consistent.

  symrnn layout 'x.T @ (A + A.T)' --of 'x.T @ A @ x' --wrt x --declare 'A[n,n], x[n]'
  symrnn layout 'A' --of 'A @ x' --wrt x --declare 'A[m,n], x[n]' --convert
  symrnn layout notes.txt --declare 'A[n,n], x[n]'          lines such as  D(x.T @ A @ x, x) = (A + A.T) @ x
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from symrnn.cli import arguments
from symrnn.cli.commands.check import answer_text
from symrnn.cli.terminal import Terminal

if TYPE_CHECKING:
    from symrnn.checking.layouts import Consistency
    from symrnn.checking.verdict import Verdict
    from symrnn.language import Cell


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("formula", metavar="EXPR", help="a formula, a file with claims, or - for standard input")
    parser.add_argument("--of", metavar="Y", help="of what it is the derivative")
    parser.add_argument("--wrt", metavar="X", help="by what")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--declare", metavar="NAMES", help="the names with their shapes, as in 'A[n,n], x[n]'")
    group.add_argument("--cell", help="the cell whose names these are")
    parser.add_argument("--convert", action="store_true", help="give it in the other layout, too")
    parser.add_argument("--json", action="store_true", help="the result as JSON")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Find the layout and print it."""
    from symrnn.api.loading import load
    from symrnn.checking.layouts import consistency, declared_cell

    cell = load(options.cell) if options.cell is not None else declared_cell(options.declare)
    text = answer_text(options.formula)
    if (options.of is None) != (options.wrt is None):
        raise arguments.UsageError("--of and --wrt go together", hint="Or neither, where the lines are claims.")
    if options.of is None:
        found = consistency(text, cell)
        terminal.write(_as_json(_consistency(found)) if options.json else _consistency_text(found))
        return 0 if found.consistent else 1
    return _single(text, cell, options, terminal)


def _single(text: str, cell: Cell, options: argparse.Namespace, terminal: Terminal) -> int:
    from symrnn.checking.asked import Asked
    from symrnn.checking.layouts import converted, layout_of
    from symrnn.checking.report import verdict_text
    from symrnn.reading.question import read_question

    asked = Asked(cell, *read_question(options.of, options.wrt, cell))
    verdict = layout_of(text, asked)
    other = converted(text, asked) if options.convert and verdict.correct else None
    if options.json:
        more = {"converted": other} if options.convert else {}
        terminal.write(_as_json({**verdict.to_dict(), "layout": verdict.layout if verdict.correct else None, **more}))
    elif verdict.correct:
        terminal.write(_named(verdict) + "\n" + ("" if other is None else f"the other layout: {other}\n"))
    else:
        terminal.write(verdict_text(verdict) + "\n")
    return verdict.exit_code


def _named(verdict: Verdict) -> str:
    return "numerator and denominator layout" if verdict.layout == "both" else f"{verdict.layout} layout"


def _consistency(found: Consistency) -> dict[str, Any]:
    return {
        "consistent": found.consistent,
        "layout": found.layout,
        "switches": [{"line": line, "from": before, "to": now} for line, before, now in found.switches],
        "lines": [line.to_dict() for line in found.lines],
    }


def _consistency_text(found: Consistency) -> str:
    shown = []
    for line in found.lines:
        layout = line.layout or line.verdict.verdict
        shown.append(f"line {line.number}: {layout:<14}{line.text}")
        if line.layout is None and line.verdict.mistake:
            shown.append(f"    {line.verdict.mistake}")
    for number, before, now in found.switches:
        shown.append(f"line {number} switches from {before} to {now} layout")
    if found.consistent:
        shown.append(f"consistent: {'any' if found.layout == 'both' else found.layout} layout")
    else:
        shown.append("not consistent")
    return "\n".join(shown) + "\n"


def _as_json(value: dict[str, Any]) -> str:
    from symrnn.emitting.report_json import json_text

    return json_text(value)
