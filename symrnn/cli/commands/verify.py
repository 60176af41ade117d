"""Check a cell: every derivation and all generated code against numbers by another road.

For every parameter, input and initial value: the closed form and the recursion with all their steps, and the gradients
that the generated NumPy code computes (fast and plain, without and with a batch), against the complex step (central
differences where a function isn't analytic). One table; exit code 1 where anything disagrees.

  symrnn verify lstm --seed 3
  symrnn verify gru+squared_last
"""

from __future__ import annotations

import argparse
import json

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    arguments.add_seed(parser)
    arguments.add_kink(parser)
    arguments.add_layout(parser)
    parser.add_argument("--as", dest="format", choices=("pretty", "json"), default="pretty", help="default: pretty")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Check and print the table."""
    from symrnn.api.verifying import verify
    from symrnn.checking.cell_check import as_dict

    found = verify(options.cell, options.seed, float(options.relu0), options.layout)
    terminal.write(json.dumps(as_dict(found), indent=2) + "\n" if options.format == "json" else f"{found}\n")
    return 0 if found.passed else 1
