"""Generated code beside automatic differentiation over a grid of sizes, lengths and batches.

For the RNN, the LSTM and the GRU of ``benchmarks/cells`` the generated modules and the autodiff libraries that are
installed run in turns, one thread, and ratios of medians are printed: time over that of the generated NumPy code.

    python benchmarks/bench_code.py [--cells rnn lstm gru] [--n 2 16 64] [--tau 8 64] [--batch 1 32] [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from symrnn.api.benching import bench  # noqa: E402 - the libraries read these variables when they are loaded

CELLS = Path(__file__).parent / "cells"
NAMES = ("numpy", "numpy plain", "jax", "torch", "jax autodiff", "torch autodiff")


def main() -> None:
    """Run the grid and print one report for each cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["rnn", "lstm", "gru"])
    parser.add_argument("--n", nargs="+", type=int, default=[2, 16, 64])
    parser.add_argument("--tau", nargs="+", type=int, default=[8, 64])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=None, help="some contestants: " + ", ".join(NAMES))
    given = parser.parse_args()
    for name in given.cells:
        print(bench(CELLS / f"{name}.cell", given.n, given.tau, given.batch, given.only, rounds=given.rounds), "\n")


if __name__ == "__main__":
    main()
