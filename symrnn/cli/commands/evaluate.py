"""Evaluate a cell for given numbers, exactly where the numbers and functions are.

The file maps names to nested lists of numbers, which may be texts such as "3/2"; what depends on time has the time
first; an initial value's key is h[0]. Without --of and --wrt every variable is computed, with --of alone that
expression, with both the derivative.

  symrnn evaluate counter --values numbers.json
  symrnn evaluate counter --values numbers.json --of L --wrt w2
  symrnn evaluate elman --values numbers.json --of 'h[t]' --wrt 'h[k]' --times t=3,k=1
"""

from __future__ import annotations

import argparse
import json

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    parser.add_argument("--values", metavar="FILE.json", required=True, help="the numbers")
    arguments.add_question(parser, required=False)
    parser.add_argument("--times", metavar="t=3,k=1", help="numbers for the free times of the question")
    parser.add_argument("--stages", action="store_true", help="what stands between symbol and result, too")
    arguments.add_layout(parser)
    arguments.add_kink(parser)
    parser.add_argument("--as", dest="format", choices=("pretty", "json"), default="pretty", help="default: pretty")
    arguments.add_output(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Read the numbers, evaluate, print."""
    from symrnn.api.asking import evaluate
    from symrnn.api.deriving import chosen_layout
    from symrnn.api.loading import load
    from symrnn.drawing.evaluation_text import evaluation_dict, evaluation_text
    from symrnn.inquiry.evaluate import read_values

    cell = load(options.cell)
    found = evaluate(
        cell,
        read_values(options.values),
        options.of,
        options.wrt,
        arguments.numbers(options.times),
        chosen_layout(cell, options.layout),
        float(options.relu0),
    )
    if options.format == "json":
        terminal.deliver(json.dumps(evaluation_dict(found), indent=2) + "\n", options.output)
    else:
        shown = evaluation_text(found, staged=options.stages, width=terminal.width())
        terminal.deliver(shown, options.output)
    return 0
