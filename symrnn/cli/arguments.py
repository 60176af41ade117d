"""The options that several commands share, and a parser whose errors are symrnn's own."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from symrnn.cli.terminal import Terminal
from symrnn.errors import SymrnnError, did_you_mean

NEGATIVE_FORMULA = re.compile(r"-[^-].*[\\()\[\]{}@*^]|-\\")
"""A minus and something that no option has in it; a space before it keeps argparse from taking it for one."""


class UsageError(SymrnnError):
    """A command line that isn't one: an unknown command or option, a missing or wrong value."""


class CommandParser(argparse.ArgumentParser):
    """Argparse, with errors that are raised and help that goes through the terminal."""

    def __init__(self, *, prog: str, description: str | None, terminal: Terminal | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.terminal = terminal

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; a formula that begins with a minus is no option."""
        return super().parse_args([f" {a}" if NEGATIVE_FORMULA.match(a) else a for a in args], namespace)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(message, hint=self._hint(message) or f"See {self.prog} --help.")

    def _hint(self, message: str) -> str | None:
        unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown is None:
            return None
        options = [option for action in self._actions for option in action.option_strings]
        hint = did_you_mean(unknown.group(1), options)
        return hint if hint and hint.startswith("Did") else None

    def _print_message(self, message: str, file: Any = None) -> None:
        if self.terminal is not None:
            self.terminal.write(message)
        else:
            super()._print_message(message, file)


def whole_number(least: int) -> Callable[[str], int]:
    """A converter to integers not below a bound."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f'"{text}" is not a whole number') from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is below {least}")
        return value

    return convert


def key_values(pairs: list[str] | None) -> str:
    """The style text of repeated ``--style`` options."""
    return " ".join(pairs or [])


def add_cell(parser: argparse.ArgumentParser) -> None:
    """The cell that a command is about."""
    parser.add_argument(
        "cell", metavar="CELL", help="a library cell (see symrnn list), CELL+HEAD, or the path of a .cell file"
    )


def add_question(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Of what and by what."""
    parser.add_argument("--of", metavar="Y", help="what is differentiated: L, L[t], h[t], o[2] (default: the loss)")
    parser.add_argument(
        "--wrt", metavar="X", required=required, help="by what: W, h[k], x[t], h[0], W[i,j], W[:, n:n+m]"
    )


def add_layout(parser: argparse.ArgumentParser) -> None:
    """The layout of derivatives."""
    parser.add_argument(
        "--layout",
        choices=("numerator", "denominator"),
        help="of derivatives (default: the cell file's own, else numerator)",
    )


def add_seed(parser: argparse.ArgumentParser, default: int = 0) -> None:
    """The seed of the random numbers that lines are checked at."""
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        default=default,
        metavar="S",
        help=f"of the numbers for checking (default {default})",
    )


def add_kink(parser: argparse.ArgumentParser) -> None:
    """The slope of relu and its like at 0."""
    parser.add_argument("--relu0", choices=("0", "0.5", "1"), default="0", help="the slope of relu at 0 (default 0)")


def add_style(parser: argparse.ArgumentParser) -> None:
    """The author's notation."""
    parser.add_argument(
        "--style",
        nargs="+",
        action="extend",
        metavar="KEY=VALUE",
        help="notation, as in letters=bold transpose=prime, or a preset such as goodfellow",
    )


def add_output(parser: argparse.ArgumentParser, what: str = "FILE") -> None:
    """Where the result goes."""
    parser.add_argument("-o", "--output", metavar=what, help="write to this file instead of standard output")


def numbers(text: str | None) -> dict[str, int]:
    """Names with whole numbers, ``n=3,m=2``.

    >>> numbers("n=3, tau=10")
    {'n': 3, 'tau': 10}
    """
    found: dict[str, int] = {}
    for pair in (text or "").replace(",", " ").split():
        name, equals, value = pair.partition("=")
        if not name or not equals or not value.lstrip("-").isdigit():
            raise UsageError(f'"{pair}" is not of the form name=number', hint="As in n=3,m=2.")
        found[name] = int(value)
    return found
