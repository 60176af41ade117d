"""Check whether a formula is right, in which layout, and if not, what went wrong.

ANSWER is a formula (of the formula language or in LaTeX), a file that holds one, or - for standard input. The exit code
is 0 where it is correct, 2 where it can't be read, 1 otherwise. Without --layout either layout is right.

  symrnn check elman --of L --wrt b 'sum(diag(1 - h[t]**2) @ D(L, h[t]), t)'
  symrnn check elman --of 'h[t]' --wrt 'h[k]' --layout numerator answer.tex
  symrnn check elman --wrt W --names 'T=tau,W_{hh}=W' --json - < answer.tex
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal
from symrnn.errors import ReadingError

if TYPE_CHECKING:
    from symrnn.checking.verdict import Verdict

LONGEST_PATH = 255


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    arguments.add_question(parser, required=False)
    answer = parser.add_argument("answer", metavar="ANSWER", help="a formula, a file, or - for standard input")
    parser.add_argument("--layout", choices=("numerator", "denominator"), help="that is asked for (default: either)")
    parser.add_argument("--names", metavar="A=B,…", help="the answer's names for the cell's, as in T=tau,W_{xh}=U")
    parser.add_argument(
        "--entries-from", type=int, choices=(0, 1), default=0, help="the first entry's number (default 0)"
    )
    parser.add_argument("--values", metavar="FILE", help="a numeric exercise: the numbers, as TOML or JSON")
    parser.set_defaults(answer=None)
    parser.add_argument(
        "--code",
        action=Instead,
        instead_of=answer,
        metavar="FILE:FUNCTION",
        help="the answer is what this Python function computes; it is run, in a process with limits",
    )
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")
    arguments.add_seed(parser)
    arguments.add_kink(parser)


class Instead(argparse.Action):
    """An option that stands for a positional argument, which then is not required any more."""

    def __init__(self, *args: Any, instead_of: argparse.Action, **more: Any) -> None:
        super().__init__(*args, **more)
        self.instead_of = instead_of

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        """Keep the value and release the other argument."""
        setattr(namespace, self.dest, values)
        self.instead_of.required = False


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Check and print."""
    from symrnn.checking.report import verdict_text
    from symrnn.emitting.report_json import json_text

    found = _verdict(options)
    shown = json_text(found.to_dict()) if options.json else verdict_text(found) + "\n"
    terminal.write(shown)
    return found.exit_code


def _verdict(options: argparse.Namespace) -> Verdict:
    from symrnn.api import checking

    names = parse_names(options.names)
    if options.code is not None:
        if options.answer is not None:
            raise arguments.UsageError("an answer is either a formula or --code, not both")
        return checking.check_code(
            options.cell, options.code, options.of, options.wrt,
            layout=options.layout, seed=options.seed, relu0=float(options.relu0),
        )  # fmt: skip
    if options.answer is None:
        raise arguments.UsageError("the answer is missing", hint="A formula, a file, - for standard input, or --code.")
    text = answer_text(options.answer)
    if options.values is not None:
        return checking.check_numbers(
            options.cell, text, Path(options.values), options.of, options.wrt, relu0=float(options.relu0)
        )
    return checking.check(
        options.cell,
        text,
        options.of,
        options.wrt,
        layout=options.layout,
        names=names,
        entries_from=options.entries_from,
        seed=options.seed,
        relu0=float(options.relu0),
    )


def answer_text(given: str) -> str:
    """The answer itself: read from standard input or a file where that is what was given."""
    from symrnn.files import decode, read_text

    if given == "-":
        return decode(sys.stdin.buffer.read(), "standard input")
    if len(given) <= LONGEST_PATH and "\n" not in given and "\0" not in given and Path(given).is_file():
        return read_text(Path(given))
    if "\0" in given:
        raise ReadingError("the answer holds a zero byte")
    return given


def parse_names(text: str | None) -> dict[str, str]:
    """``T=tau,W_{xh}=U`` as a mapping.

    >>> parse_names("T=tau, W_{xh}=U")
    {'T': 'tau', 'W_{xh}': 'U'}
    """
    found: dict[str, str] = {}
    for pair in (text or "").split(","):
        if not pair.strip():
            continue
        printed, sign, meant = pair.rpartition("=")
        if not sign or not printed.strip() or not meant.strip():
            raise arguments.UsageError(f'--names has no pair in "{pair.strip()}"', hint="As in T=tau,W_{xh}=U.")
        found[printed.strip()] = meant.strip()
    return found
