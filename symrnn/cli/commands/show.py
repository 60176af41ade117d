"""Show a cell: equations, shapes, states, parameter counts, unrolled graph.

--as cell prints a .cell file to start one's own from; --as svg and --as tikz draw the unrolled graph.

  symrnn show lstm --sizes n=128,m=64,K=10
  symrnn show gru --as cell > my.cell
"""

from __future__ import annotations

import argparse
import json

from symrnn.cli import arguments
from symrnn.cli.terminal import WIDTH, Terminal

FORMATS = ("pretty", "cell", "latex", "json", "svg", "tikz")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    parser.add_argument("--as", dest="format", choices=FORMATS, default="pretty", help="default: pretty")
    parser.add_argument("--sizes", metavar="N=3,M=2", help="numbers for the sizes, to count with")
    parser.add_argument("--tau", type=arguments.whole_number(1), default=3, metavar="N", help="steps of the graph (3)")
    arguments.add_style(parser)
    arguments.add_output(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Load, describe, print."""
    terminal.deliver(_shown(options, terminal), options.output)
    return 0


def _shown(options: argparse.Namespace, terminal: Terminal) -> str:
    from symrnn.api.deriving import chosen_style
    from symrnn.api.loading import load

    cell = load(options.cell)
    style = chosen_style(cell, arguments.key_values(options.style))
    if options.format == "cell":
        from symrnn.emitting.cell_text import cell_text

        return cell_text(cell)
    if options.format in ("svg", "tikz"):
        from symrnn.drawing.svg import to_svg
        from symrnn.drawing.tikz import to_tikz
        from symrnn.inquiry.unrolled import unroll

        graph = unroll(cell, options.tau)
        return to_svg(graph, style) if options.format == "svg" else to_tikz(graph, style)
    from symrnn.api import showing

    if options.format == "latex":
        return showing.latex(cell, style)
    found = showing.describe(cell, arguments.numbers(options.sizes), options.tau)
    if options.format == "json":
        return json.dumps(showing.as_dict(found), indent=2) + "\n"
    to_file = options.output not in (None, "-")
    width = WIDTH if to_file else terminal.width()
    return showing.pretty(found, style, width, ascii=not (to_file or terminal.unicode))
