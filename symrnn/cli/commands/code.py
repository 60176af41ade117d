"""Write a module with forward and loss_and_gradients for a cell: NumPy, JAX, PyTorch or Numba.

It imports its library alone and runs without symrnn. --plain is the shortest clear NumPy version, the recursion line by
line, for reading beside the formulas; --backend writes the same recursion for another library, which has to be
installed; --step-latex prints the step's own LaTeX, as latexify reads it off the code.

What is computed: --wrt chooses gradients, --dtype the type, --layout numerator turns the gradients of matrices,
--window truncates, --lengths takes sequences of different lengths in one batch, --checkpoint saves memory for time.

  symrnn code elman -o elman.py
  symrnn code lstm --plain --wrt W_f,U_f
  symrnn code lstm --dtype float32 --checkpoint
  symrnn code gru --backend jax -o gru.py
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal

if TYPE_CHECKING:
    from symrnn.coding.options import CodeOptions

BACKENDS = ("numpy", "numba", "jax", "torch")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_cell(parser)
    arguments.add_output(parser)
    parser.add_argument("--plain", action="store_true", help="the recursion line by line instead of the fast schedule")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="numpy", help="the library that the code runs on (default numpy)"
    )
    parser.add_argument("--wrt", metavar="NAMES", help="only these gradients, names with commas: W,b,h[0]")
    arguments.add_kink(parser)
    parser.add_argument(
        "--dtype", choices=("float32", "float64"), help="compute in this type (default: the type of what is given)"
    )
    parser.add_argument(
        "--layout",
        choices=("numerator", "denominator"),
        default="denominator",
        help="of gradients (default denominator, which has a parameter's own shape; numerator turns matrices)",
    )
    parser.add_argument(
        "--window", type=arguments.whole_number(0), metavar="W", help="truncated gradients: at most W steps back"
    )
    parser.add_argument(
        "--lengths", action="store_true", help='sequences of different lengths in a batch, told by inputs["lengths"]'
    )
    parser.add_argument(
        "--checkpoint", action="store_true", help="keep one state in about √τ, and compute the others again"
    )
    parser.add_argument("--step-latex", action="store_true", help="the step's LaTeX instead of the code")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Generate and write."""
    from symrnn.api.loading import load

    if options.backend != "numpy":
        return _other_backend(options, terminal)
    cell = load(options.cell)
    if options.step_latex:
        from symrnn.emitting.latexify_adapter import step_latex

        _refuse_beside_step_latex(options)
        terminal.deliver(step_latex(cell).text() + "\n", options.output)
        return 0
    from symrnn.checking.checked_code import checked_code

    found = checked_code(cell, options.plain, _asked(options))
    if found.remark is not None:
        print(f"symrnn: {found.remark}", file=sys.stderr)
    terminal.deliver(found.source, options.output)
    return 0


def _given(options: argparse.Namespace, *names: str) -> list[str]:
    """Those of some options that were given; a number may be 0."""
    return [name for name in names if getattr(options, name) is not None and getattr(options, name) is not False]


def _refuse_beside_step_latex(options: argparse.Namespace) -> None:
    given = _given(options, "plain", "wrt", "dtype", "window", "lengths", "checkpoint")
    if given:
        raise arguments.UsageError(
            f"--step-latex writes the step's equations, for which --{given[0]} has no meaning",
            hint=f"Leave --{given[0]} out.",
        )


def _asked(options: argparse.Namespace) -> CodeOptions:
    """What the options ask of NumPy code."""
    from symrnn.coding.options import CodeOptions

    return CodeOptions(
        wrt=_names(options.wrt),
        relu0=float(options.relu0),
        dtype=options.dtype,
        numerator=options.layout == "numerator",
        window=options.window,
        lengths=options.lengths,
        checkpoint=options.checkpoint,
    )


def _other_backend(options: argparse.Namespace, terminal: Terminal) -> int:
    from symrnn.api.loading import load
    from symrnn.coding.backends import emit_for, require

    given = _given(options, "plain", "step_latex", "window", "lengths", "checkpoint")
    if given:
        raise arguments.UsageError(f"--{given[0].replace('_', '-')} is for NumPy code", hint="Leave --backend out.")
    if options.layout != "denominator":
        raise arguments.UsageError(f"--layout {options.layout} is for NumPy code", hint="Leave --backend out.")
    require(options.backend)
    source = emit_for(options.backend, load(options.cell), _names(options.wrt), float(options.relu0), options.dtype)
    terminal.deliver(source, options.output)
    return 0


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise arguments.UsageError(f'--wrt "{text}" names nothing between two commas')
    return names
