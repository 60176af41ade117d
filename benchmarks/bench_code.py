"""Generated code beside automatic differentiation over a grid of sizes, lengths and batches.

For the cells of ``benchmarks/cells`` the generated modules and the autodiff libraries that are installed run in turns,
on one processor, and ratios of medians are printed: time over that of the generated NumPy code, and, over all points,
the median over that of JAX's automatic differentiation under ``jit``.

    python benchmarks/bench_code.py [--cells rnn lstm gru] [--n 2 16 64] [--tau 8 64] [--batch 1 32] [--rounds 7]
    python benchmarks/bench_code.py --untuned    # three cells that nobody tuned, against eager PyTorch
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
if hasattr(os, "sched_setaffinity"):
    # The only way to keep JAX to one thread.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from symrnn.api.bench_contestants import CONTESTANTS  # noqa: E402 - libraries read the variables when they are loaded
from symrnn.api.benching import Report, bench  # noqa: E402

CELLS = Path(__file__).parent / "cells"
UNTUNED = ("peephole_lstm2", "delta_rule", "bidirectional_gru")
GOAL = 1.5
"""How many times as fast as eager PyTorch generated NumPy code is to be for a cell that nobody tuned."""

BASE = "jax autodiff"


def main() -> int:
    """Run the grid and print one report for each cell; 1 where an untuned cell misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["rnn", "lstm", "gru"])
    parser.add_argument("--n", nargs="+", type=int, default=[2, 16, 64])
    parser.add_argument("--tau", nargs="+", type=int, default=[8, 64])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=None, help="some contestants: " + ", ".join(CONTESTANTS))
    parser.add_argument("--untuned", action="store_true", help="cells that nobody tuned, at n = tau = 64, one example")
    given = parser.parse_args()
    if given.untuned:
        return untuned(given.only or ["numba", "jax", "torch autodiff", BASE], given.rounds)
    reports = []
    for name in given.cells:
        path = CELLS / f"{name}.cell"
        reports.append(bench(path, given.n, given.tau, given.batch, given.only, rounds=given.rounds))
        print(reports[-1], "\n")
        print(summary(reports[-1:], name), "\n")
    if len(reports) > 1:
        print(summary(reports, "all cells"))
    return 0


def untuned(only: list[str], rounds: int) -> int:
    """The cells that nobody tuned: generated NumPy code against eager PyTorch."""
    missed = 0
    for name in UNTUNED:
        report = bench(CELLS / f"{name}.cell", [64], [64], [1], only, rounds=rounds)
        eager = next(t for t in report.timings if t.name == "torch autodiff")
        worst = max(t.error for t in report.timings)
        print(report, f"\n\n{report.ratio(eager):.1f} times as fast as eager PyTorch, errors at most {worst:.0e}\n")
        missed += report.ratio(eager) < GOAL or worst > 1e-10
    return int(missed > 0)


def summary(reports: list[Report], what: str) -> str:
    """Medians over the points of a contestant's time over that of JAX's automatic differentiation."""
    ratios: dict[str, list[float]] = {}
    for report in reports:
        base = {t.point: t.seconds for t in report.timings if t.name == BASE}
        for t in report.timings:
            if t.point in base:
                ratios.setdefault(t.name, []).append(t.seconds / base[t.point])
    if not ratios:
        return ""
    medians = ", ".join(f"{name} {statistics.median(found):.2f}" for name, found in ratios.items() if name != BASE)
    return f"{what}, median over the points of the time over that of {BASE}: {medians}"


if __name__ == "__main__":
    sys.exit(main())
