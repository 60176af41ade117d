"""Show where gradients go with time: the norms of the derivatives of a state by earlier ones.

The numbers are printed; -o writes a picture of log10 of the norm over t and k (needs matplotlib). --spectral tells what
the Jacobian of one step says: a bound, the spectral radius, what an orthogonal or a symmetric matrix means.

  symrnn flow elman --sigma 1.2 -o flow.png
  symrnn flow linear --spectral --assume orthogonal
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal

if TYPE_CHECKING:
    from symrnn.language import Cell
    from symrnn.oracle.instance import Instance

KINDS = ("orthogonal", "symmetric")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    parser.add_argument("--state", metavar="H", action="append", help="of this state alone (may be repeated)")
    parser.add_argument("--tau", type=arguments.whole_number(1), default=20, metavar="N", help="steps (20)")
    parser.add_argument(
        "--sigma", type=float, metavar="S", help="scale recurrent matrices to this largest singular value"
    )
    parser.add_argument("--sizes", metavar="n=12,m=3", help="numbers for the sizes")
    parser.add_argument("--values", metavar="FILE.json", help="numbers of your own instead of drawn ones")
    parser.add_argument("--spectral", action="store_true", help="what the Jacobian of one step says, instead")
    parser.add_argument("--assume", choices=KINDS, help="with --spectral: draw recurrent matrices of this kind")
    arguments.add_seed(parser)
    parser.add_argument("--as", dest="format", choices=("pretty", "json"), default="pretty", help="default: pretty")
    arguments.add_output(parser, "FILE.png")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Measure, print, draw."""
    if options.assume and not options.spectral:
        raise arguments.UsageError("--assume goes with --spectral")
    if options.spectral and options.output:
        raise arguments.UsageError("--spectral prints and draws nothing")
    terminal.write(_spectral(options, terminal) if options.spectral else _flow(options, terminal))
    return 0


def _numbers(options: argparse.Namespace, cell: Cell) -> Instance | None:
    if options.values is None:
        return None
    from symrnn.inquiry.evaluate import read_values
    from symrnn.oracle.data import instance_from_values

    return instance_from_values(cell, read_values(options.values))


def _flow(options: argparse.Namespace, terminal: Terminal) -> str:
    from symrnn.api.loading import load
    from symrnn.drawing.flow_text import flow_dict, flow_text
    from symrnn.inquiry.flow import flow

    cell = load(options.cell)
    found = flow(
        cell,
        options.tau,
        states=options.state,
        seed=options.seed,
        sizes=arguments.numbers(options.sizes) or None,
        instance=_numbers(options, cell),
        sigma=options.sigma,
    )
    if options.output:
        from symrnn.drawing.flow_picture import save_picture

        save_picture(found, options.output)
    if options.format == "json":
        return json.dumps(flow_dict(found), indent=2) + "\n"
    return flow_text(found, ascii=not terminal.unicode)


def _spectral(options: argparse.Namespace, terminal: Terminal) -> str:
    from symrnn.api.loading import load
    from symrnn.drawing.spectral_text import spectral_text
    from symrnn.inquiry.spectral import spectral

    cell = load(options.cell)
    names = options.state or [None]
    found = [
        spectral(
            cell,
            name,
            instance=_numbers(options, cell),
            assume=options.assume,
            tau=options.tau,
            seed=options.seed,
            sizes=arguments.numbers(options.sizes) or None,
        )
        for name in names
    ]
    return "\n".join(spectral_text(facts) for facts in found)
