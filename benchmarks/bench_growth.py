"""How memory and time of generated NumPy grow with the number of steps, beside the expert's.

Memory: peak resident memory of one process for each point, its slope between two numbers of steps, in vectors of the
state's size for each step and example; the inputs themselves are subtracted.  Time: medians of interleaved rounds at
several numbers of steps and the exponent that fits them.

    python benchmarks/bench_growth.py [--cells rnn lstm gru] [--n 64] [--batch 32] [--kinds generated best]
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
for folder in (HERE, HERE / "expert"):
    sys.path.insert(0, str(folder))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import bench  # noqa: E402 - the libraries read these variables when they are loaded
import generated  # noqa: E402
import impls_numpy  # noqa: E402

KINDS = ("generated", "checkpoint", "best", "fresh", "allocating")
MEMORY_STEPS = (512, 2048)
TIME_STEPS = (64, 128, 256, 512, 1024, 2048, 4096)
TIME_POINTS = (("rnn", 2, 1), ("rnn", 64, 1), ("lstm", 2, 1), ("lstm", 16, 1), ("gru", 2, 1), ("gru", 64, 1))


def function(kind: str, cell: str) -> Callable[..., Any]:
    """What is measured: generated code that reuses buffers, keeps checkpoints, or allocates; or the expert's."""
    if kind in ("best", "fresh"):
        return impls_numpy.Best(cell, reuse=kind == "best")
    return generated.contestant(cell, "reusing" if kind == "generated" else kind)


def peak_bytes(kind: str, cell: str, n: int, batch: int, steps: int) -> int:
    """The peak resident memory of a process that computes this point twice."""
    command = [sys.executable, __file__, "--point", kind, cell, str(n), str(batch), str(steps)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def vectors(kind: str, cell: str, n: int, batch: int) -> float:
    """Vectors of the state's size that each further step and example costs, the inputs apart."""
    few, many = (peak_bytes(kind, cell, n, batch, steps) for steps in MEMORY_STEPS)
    return (many - few) / (MEMORY_STEPS[1] - MEMORY_STEPS[0]) / (batch * n * 8) - 1


def seconds(run: Callable[[], Any], least: float = 0.02) -> float:
    """The mean time of as many calls as fill ``least`` seconds."""
    run()
    calls, started = 0, time.process_time()
    while (spent := time.process_time() - started) < least or calls < 2:
        run()
        calls += 1
    return spent / calls


def exponent(kind: str, cell: str, n: int, batch: int) -> float:
    """The slope of log time over log steps."""
    logs = []
    for steps in TIME_STEPS:
        data = bench.problem(bench.Config(cell, n, steps, batch, "float64"))
        run = function(kind, cell)
        spent = statistics.median(seconds(partial(run, *data)) for _ in range(5))
        logs.append((math.log(steps), math.log(spent)))
    slope, _ = statistics.linear_regression(*zip(*logs, strict=True))
    return slope


def main() -> None:
    """Print both tables, or the peak of one point (``--point``), which is how the first table measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["rnn", "lstm", "gru"])
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--kinds", nargs="+", default=["generated", "checkpoint", "best"], choices=KINDS)
    parser.add_argument("--memory", action="store_true", help="the first table alone")
    parser.add_argument("--point", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.point:
        kind, cell, *numbers = given.point
        n, batch, steps = map(int, numbers)
        run, data = function(kind, cell), bench.problem(bench.Config(cell, n, steps, batch, "float64"))
        run(*data), run(*data)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    print(f"vectors per step and example, n = {given.n}, batch {given.batch}, float64")
    for cell in given.cells:
        found = {kind: vectors(kind, cell, given.n, given.batch) for kind in given.kinds}
        print(f"  {cell:5}" + "".join(f"{kind:>12} {value:5.2f}" for kind, value in found.items()), flush=True)
    if given.memory:
        return
    print(f"exponent of time in the number of steps, {TIME_STEPS[0]} to {TIME_STEPS[-1]}")
    for cell, n, batch in TIME_POINTS:
        if cell in given.cells:
            found = {kind: exponent(kind, cell, n, batch) for kind in given.kinds}
            label = f"{cell} n={n} batch={batch}"
            print(f"  {label:18}" + "".join(f"{k:>12} {v:5.2f}" for k, v in found.items()), flush=True)


if __name__ == "__main__":
    main()
