"""Check a cell: every derivation and all generated code against numbers by another road.

For every parameter, input and initial value: the closed form and the recursion with all their steps, and the gradients
that the generated NumPy code computes (fast and plain, without and with a batch), against the complex step (central
differences where a function isn't analytic). One table; exit code 1 where anything disagrees.

  symrnn verify lstm --seed 3
  symrnn verify gru+squared_last
"""

from __future__ import annotations

import argparse

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
    from symrnn.api.deriving import chosen_layout
    from symrnn.api.loading import load
    from symrnn.checking.cell_check import as_dict, check_cell, table
    from symrnn.emitting.report_json import json_text

    cell = load(options.cell)
    found = check_cell(cell, options.seed, float(options.relu0), layout=chosen_layout(cell, options.layout))
    terminal.write(json_text(as_dict(found)) if options.format == "json" else table(found) + "\n")
    return 0 if found.passed else 1
