"""Derive a gradient on paper, step by step, every line checked.

The forms: chain (inert derivatives only), closed (sums and ordered products, tau symbolic), recursion (what code should
run), unrolled (every path written out; needs --tau), index (Einstein summation), vec, or all that exist. Without --form
it is the closed form where there is one, else the recursion.

  symrnn derive elman --of L --wrt W --steps
  symrnn derive lstm --of 'concat(h[t], c[t])' --wrt 'concat(h[t-1], c[t-1])' --layout denominator
  symrnn derive elman --of L --wrt W --form closed --as latex --style letters=bold
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from symrnn.cli import arguments
from symrnn.cli.terminal import WIDTH, Terminal

if TYPE_CHECKING:
    from symrnn.api import Derivation

FORMS = ("chain", "closed", "recursion", "unrolled", "index", "vec", "forward", "all")
FORMATS = ("pretty", "text", "latex", "html", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    arguments.add_question(parser)
    arguments.add_layout(parser)
    parser.add_argument("--form", choices=FORMS, help="which form of the answer")
    parser.add_argument("--tau", type=int, metavar="N", help="the number of steps of the unrolled form")
    parser.add_argument("--window", type=int, metavar="W", help="truncate: at most W steps back")
    parser.add_argument("--vec-order", choices=("column", "row"), default="column", help="of the vec form")
    parser.add_argument("--steps", action="store_true", help="the steps with their reasons, too")
    parser.add_argument("--as", dest="format", choices=FORMATS, default="pretty", help="default: pretty")
    parser.add_argument("--standalone", action="store_true", help="a whole LaTeX document or HTML page")
    arguments.add_style(parser)
    arguments.add_seed(parser)
    arguments.add_kink(parser)
    arguments.add_output(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Derive, check, print."""
    if options.standalone and options.format not in ("latex", "html"):
        raise arguments.UsageError("--standalone goes with --as latex or --as html")
    from symrnn.api.deriving import derive

    derivation = derive(
        options.cell,
        options.of,
        options.wrt,
        layout=options.layout,
        form=options.form,
        tau=options.tau,
        window=options.window,
        vec_order=options.vec_order,
        style=arguments.key_values(options.style),
        seed=options.seed,
        relu0=float(options.relu0),
    )
    terminal.deliver(_shown(derivation, options, terminal), options.output)
    return 0


def _shown(derivation: Derivation, options: argparse.Namespace, terminal: Terminal) -> str:
    match options.format:
        case "json":
            return json.dumps(derivation.to_dict(), indent=2, allow_nan=False) + "\n"
        case "latex":
            return derivation.latex_report(options.steps, options.standalone)
        case "html":
            return derivation.html(options.steps, options.standalone)
        case "text":
            return derivation.text_report(options.steps)
        case _:
            to_file = options.output not in (None, "-")
            width = WIDTH if to_file else terminal.width()
            return derivation.pretty(options.steps, width, ascii=not (to_file or terminal.unicode))
