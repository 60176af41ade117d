"""The command line: ``symrnn COMMAND …``.

Exit codes: 0 fine, 1 a check failed, 2 bad input; 130 after Ctrl-C, 141 where the reader of a pipe went away, 70 for a
mistake of symrnn's own.  Errors are one message on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType

from symrnn import __version__
from symrnn.cli import commands
from symrnn.cli.arguments import CommandParser, UsageError
from symrnn.cli.terminal import Terminal
from symrnn.errors import SymrnnError, did_you_mean

FINE, BAD_INPUT, OWN_MISTAKE, INTERRUPTED, CLOSED_PIPE = 0, 2, 70, 130, 141

TRACEBACK_VARIABLE = "SYMRNN_TRACEBACK"
"""Set in the environment, it lets a mistake of symrnn's own show where it happened."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the value is the exit code."""
    terminal = Terminal(sys.stdout, sys.stderr)
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv), terminal)
        terminal.flush()
    except BrokenPipeError:
        terminal.abandon()
        code = CLOSED_PIPE
    except KeyboardInterrupt:
        code = _report(terminal, "interrupted", INTERRUPTED)
    except SymrnnError as error:
        code = _report(terminal, str(error), error.exit_code)
    except RecursionError:
        code = _report(terminal, "the input is nested too deeply", BAD_INPUT)
    except MemoryError:
        code = _report(terminal, "this takes more memory than there is", BAD_INPUT)
    except Exception as problem:  # the last line of defence: a user never meets a traceback
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        code = _report(terminal, _own_mistake(problem), OWN_MISTAKE)
    return code


def _report(terminal: Terminal, message: str, code: int) -> int:
    """One message on stderr; what was written before it comes out first."""
    try:
        terminal.flush()
    except BrokenPipeError:
        terminal.abandon()
    terminal.error(f"symrnn: {message}")
    return code


def _own_mistake(problem: Exception) -> str:
    return (
        f"this is a mistake in symrnn itself ({type(problem).__name__}: {problem})\n"
        f"  Please report it with the command; {TRACEBACK_VARIABLE}=1 shows where it happened."
    )


def _run(argv: list[str], terminal: Terminal) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        if argv[1:]:
            return _run([argv[1], "--help"], terminal)
        terminal.write(overview())
        return FINE if argv else BAD_INPUT
    if argv[0] in ("-V", "--version"):
        terminal.write(f"symrnn {__version__}\n")
        return FINE
    command = _command(argv[0])
    parser = CommandParser(prog=f"symrnn {argv[0]}", description=command.__doc__, terminal=terminal)
    command.configure(parser)
    try:
        options = parser.parse_args(argv[1:])
    except SystemExit as leaving:  # argparse leaves this way after --help alone; errors are UsageErrors
        return int(leaving.code or FINE)
    return int(command.run(options, terminal))


def _command(name: str) -> ModuleType:
    if name not in commands.names():
        raise UsageError(
            f'there is no command "{name}"', hint=did_you_mean(name, commands.names()) or "See symrnn --help."
        )
    return commands.load(name)


def overview() -> str:
    """What ``symrnn --help`` prints."""
    known = {name: commands.summary(name) for name in commands.names()}
    width = max(map(len, known))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in known.items()]
    return "\n".join(
        [
            "usage: symrnn COMMAND …",
            "",
            "Gradients of recurrent cells through time, as formulas whose every line is checked.",
            "",
            *lines,
            "",
            "symrnn COMMAND --help says more. Exit codes: 0 fine, 1 a check failed, 2 bad input.",
            "",
        ]
    )
