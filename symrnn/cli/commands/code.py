"""Write a module with forward and loss_and_gradients for a cell: NumPy, JAX, PyTorch or Numba.

It imports its library alone and runs without symrnn. --plain is the shortest clear NumPy version, the recursion line by
line, for reading beside the formulas; --backend writes the same recursion for another library, which has to be
installed; --step-latex prints the step's own LaTeX, as latexify reads it off the code.

  symrnn code elman -o elman.py
  symrnn code lstm --plain --wrt W_f,U_f
  symrnn code gru --backend jax -o gru.py
"""

from __future__ import annotations

import argparse
import sys

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal

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
    parser.add_argument("--step-latex", action="store_true", help="the step's LaTeX instead of the code")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Generate and write."""
    from symrnn.api.loading import load

    if options.backend != "numpy":
        return _other_backend(options, terminal)
    cell = load(options.cell)
    if options.step_latex:
        from symrnn.emitting.latexify_adapter import step_latex

        terminal.deliver(step_latex(cell).text() + "\n", options.output)
        return 0
    from symrnn.checking.checked_code import checked_code
    from symrnn.emitting.numpy_module import CodeOptions

    found = checked_code(cell, options.plain, CodeOptions(wrt=_names(options.wrt), relu0=float(options.relu0)))
    if found.remark is not None:
        print(f"symrnn: {found.remark}", file=sys.stderr)
    terminal.deliver(found.source, options.output)
    return 0


def _other_backend(options: argparse.Namespace, terminal: Terminal) -> int:
    from symrnn.api.loading import load
    from symrnn.emitting.backends import emit_for, require

    for option, name in ((options.plain, "--plain"), (options.step_latex, "--step-latex")):
        if option:
            raise arguments.UsageError(f"{name} is for NumPy code", hint="Leave --backend out.")
    require(options.backend)
    source = emit_for(options.backend, load(options.cell), _names(options.wrt), float(options.relu0))
    terminal.deliver(source, options.output)
    return 0


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise arguments.UsageError(f'--wrt "{text}" names nothing between two commas')
    return names
