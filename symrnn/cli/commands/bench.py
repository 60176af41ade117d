"""Time a cell's generated code beside automatic differentiation in JAX and PyTorch.

The loss with all gradients, at every combination of the sizes, lengths and batches given; times, ratios to the
generated NumPy code, and how far the gradients are apart. What is not installed is left out.

  symrnn bench lstm --n 16 64 --tau 64 --batch 1 32
  symrnn bench elman --only "torch autodiff,jax autodiff" --plot elman.svg
"""

from __future__ import annotations

import argparse

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    count = arguments.whole_number(1)
    arguments.add_cell(parser)
    parser.add_argument("--n", type=count, nargs="+", default=[16], metavar="N", help="every size (default 16)")
    parser.add_argument("--tau", type=count, nargs="+", default=[64], metavar="T", help="steps (default 64)")
    parser.add_argument("--batch", type=count, nargs="+", default=[1], metavar="B", help="examples (default 1)")
    parser.add_argument("--sizes", metavar="NAMES", help="sizes that are not n: K=10,m=4")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64", help="default: float64")
    parser.add_argument("--only", metavar="NAMES", help="besides NumPy only these: jax, numba, torch autodiff, ...")
    parser.add_argument("--rounds", type=count, default=7, help="how often each is timed (default 7)")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios (needs matplotlib)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Time, print, draw."""
    from tqdm import tqdm

    from symrnn import doctor
    from symrnn.api import benching

    if options.plot:
        doctor.find("matplotlib").require()
    names = [name.strip() for name in options.only.split(",")] if options.only else None
    points = len(options.n) * len(options.tau) * len(options.batch)
    total = benching.pieces(points, len(benching.contestants(names)), options.rounds)
    with tqdm(total=total, file=terminal.err, unit="", disable=options.quiet or None, leave=False) as bar:

        def progress(done: str) -> None:
            bar.set_description(done)
            bar.update()

        report = benching.bench(
            options.cell,
            options.n,
            options.tau,
            options.batch,
            names,
            options.dtype,
            options.rounds,
            arguments.numbers(options.sizes),
            progress,
        )
    terminal.write(f"{report}\n")
    if options.plot:
        benching.plot(report, options.plot)
    return 0
