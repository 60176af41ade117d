"""Generated Numba and JAX code beside hand-written JAX under automatic differentiation, over the whole grid.

Runs ``benchmarks/expert/bench.py`` (every contestant is checked against a float64 reference before it is timed) and
prints a Markdown table: times over those of ``jax.jit(jax.value_and_grad(...))`` of a hand-written scan with stacked
gates.  Compilation is apart for all.

    python benchmarks/bench_compiled.py [--cells rnn lstm gru] [--n 2 16] [--tau 64] [--batch 1]
    python benchmarks/bench_compiled.py --table FILE.jsonl
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CELLS = ("rnn", "lstm", "gru")
BACKENDS = ("numba", "jax")
BASE = "jax"
"""The expert benchmark's name of hand-written JAX."""

Point = tuple[str, int, int, int]


def points(rows: Iterable[dict[str, Any]]) -> dict[Point, dict[str, float]]:
    """Times over hand-written JAX's by point of the grid and backend."""
    times: dict[Point, dict[str, float]] = {}
    for row in rows:
        if "error" in row:
            print(f"{row['impl']} failed: {row['error']}", file=sys.stderr)
            continue
        times.setdefault((row["cell"], row["n"], row["tau"], row["B"]), {})[row["impl"]] = row["ratio_cpu"]
    return {
        point: {name: found[f"{point[0]}_{name}"] / found[BASE] for name in BACKENDS if f"{point[0]}_{name}" in found}
        for point, found in times.items()
        if BASE in found
    }


def table(found: dict[Point, dict[str, float]]) -> str:
    """The points as a Markdown table, the medians, and the worst for small vectors and a single example."""
    lines = ["| cell | n | τ | batch | " + " | ".join(BACKENDS) + " |", "|---" * (4 + len(BACKENDS)) + "|"]
    for point, ratios in found.items():
        values = [f"{ratios[name]:.2f}" if name in ratios else "" for name in BACKENDS]
        lines.append("| " + " | ".join([*map(str, point), *values]) + " |")
    lines.append("")
    for name in BACKENDS:
        values_of = {point: ratios[name] for point, ratios in found.items() if name in ratios}
        small = [value for (_, n, _, batch), value in values_of.items() if n <= 16 and batch == 1]
        if values_of:
            median = statistics.median(values_of.values())
            rest = f", at most {max(small):.2f} at n <= 16 with one example" if small else ""
            lines.append(f"{name}: median {median:.2f}, at most {max(values_of.values()):.2f}{rest}")
    return "\n".join(lines)


def main() -> None:
    """Run the grid, or read what an earlier run left, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--n", nargs="+", type=int, default=[2, 16, 64, 256])
    parser.add_argument("--tau", nargs="+", type=int, default=[8, 64, 512])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of timing at each point")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", help="keep the measurements in this file, line by line")
    parser.add_argument("--table", help="make the table of this file and measure nothing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(given.out).resolve()) if given.out else str(Path(folder) / "rows.jsonl")
        for cell in [] if given.table else given.cells:
            extra = [f"{HERE / 'generated_compiled.py'}:{cell}_{name}:{cell}" for name in BACKENDS]
            grid = ["--n", *map(str, given.n), "--tau", *map(str, given.tau), "--batch", *map(str, given.batch)]
            command = [sys.executable, "bench.py", "--cells", cell, *grid, "--dtypes", "float64", "--out", out]
            command += ["--impls", "best", BASE, "--extra", *extra, "--rounds", str(given.rounds)]
            subprocess.run([*command, "--budget", str(given.budget)], check=True, cwd=HERE / "expert")
        rows = [json.loads(line) for line in Path(given.table or out).read_text().splitlines()]
    print(table(points(rows)))


if __name__ == "__main__":
    main()
