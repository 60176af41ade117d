"""Say on which blocks and entries of a parameter a derivative depends.

Told apart: an explicit factor, the values of this step, the upstream gradient, future terms; and both readings, with
the upstream gradient held fixed and with everything expanded.

  symrnn depends augmented --of L --wrt 'h[t]' --on W
"""

from __future__ import annotations

import argparse
import json

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    arguments.add_question(parser)
    parser.add_argument("--on", metavar="P", required=True, help="the parameter")
    parser.add_argument("--given", metavar="U", help="the variable whose gradient counts as the upstream one")
    parser.add_argument("--times", metavar="t=3,k=1", help="numbers for the free times (default: the middle)")
    parser.add_argument("--blocks-only", action="store_true", help="no counting of entries")
    parser.add_argument("--as", dest="format", choices=("pretty", "json"), default="pretty", help="default: pretty")
    arguments.add_output(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Ask and print."""
    from symrnn.api.asking import dependence
    from symrnn.api.loading import load

    found = dependence(
        load(options.cell),
        options.of,
        options.wrt,
        options.on,
        given=options.given,
        times=arguments.numbers(options.times),
        entries=not options.blocks_only,
    )
    shown = json.dumps(found.as_dict(), indent=2) + "\n" if options.format == "json" else found.pretty()
    terminal.deliver(shown, options.output)
    return 0
