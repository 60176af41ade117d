"""Generated NumPy beside the expert's, PyTorch and JAX over the whole grid: one command, a table of ratios.

Runs ``benchmarks/expert/bench.py`` on the generated functions of ``benchmarks/generated.py`` (every one is checked
against a float64 reference before it is timed) and prints a Markdown table: times over those of the expert's best,
which reuses its workspace, and the allocating function over the expert's allocating one.  Then medians and worst
points.

    python benchmarks/bench_expert.py [--cells rnn lstm gru] [--n 2 16] [--tau 64] [--batch 1] [--quick]
    python benchmarks/bench_expert.py --table FILE.jsonl [FILE.jsonl …]
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
FRAMEWORKS = ("torch_nn", "torch_eager", "jax")
COLUMNS = ("generated", "allocating", "readable", *FRAMEWORKS)

Point = tuple[str, str, int, int, int]


def commands(given: argparse.Namespace, out: str) -> list[list[str]]:
    """One run for each cell, with its generated functions beside the expert's."""
    found = []
    for cell in given.cells:
        extra = [
            f"{HERE / 'generated.py'}:{cell}:{cell}",
            f"{HERE / 'generated.py'}:{cell}_allocating:{cell}",
            f"{HERE / 'expert' / 'allocating.py'}:{cell}_fresh:{cell}",
        ]
        grid = ["--n", *map(str, given.n), "--tau", *map(str, given.tau), "--batch", *map(str, given.batch)]
        frameworks = [] if given.quick else list(FRAMEWORKS)
        command = [sys.executable, "bench.py", "--cells", cell, *grid, "--dtypes", *given.dtypes]
        command += ["--impls", "best", "readable", *frameworks, "--extra", *extra, "--out", out]
        found.append([*command, "--budget", str(given.budget), "--rounds", str(given.rounds)])
    return found


def points(rows: Iterable[dict[str, Any]]) -> dict[Point, dict[str, float]]:
    """Ratios to the expert by point of the grid and column."""
    found: dict[Point, dict[str, float]] = {}
    for row in rows:
        point = (row["cell"], row["dtype"], row["n"], row["tau"], row["B"])
        if "error" in row:
            print(f"{point}: {row['impl']} failed: {row['error']}", file=sys.stderr)
            continue
        column = {row["cell"]: "generated", f"{row['cell']}_allocating": "allocating", f"{row['cell']}_fresh": "fresh"}
        found.setdefault(point, {})[column.get(row["impl"], row["impl"])] = row["ratio_cpu"]
    for ratios in found.values():
        if "allocating" in ratios and "fresh" in ratios:
            ratios["allocating"] /= ratios["fresh"]
    return found


def table(found: dict[Point, dict[str, float]]) -> str:
    """The points as a Markdown table, all numbers of steps in one cell, then medians and worst points."""
    columns = [c for c in COLUMNS if any(c in ratios for ratios in found.values())]
    steps = sorted({tau for _, _, _, tau, _ in found})
    places = list(dict.fromkeys((cell, dtype, n, batch) for cell, dtype, n, _, batch in found))
    lines = [f"Ratios at τ = {', '.join(map(str, steps))}", ""]
    lines += ["| cell | type | n | batch | " + " | ".join(columns) + " |", "|---" * (4 + len(columns)) + "|"]
    for cell, dtype, n, batch in places:
        here = [found.get((cell, dtype, n, tau, batch), {}) for tau in steps]
        values = [", ".join(f"{r[c]:.2f}" if c in r else "–" for r in here) for c in columns]
        lines.append("| " + " | ".join([cell, dtype, str(n), str(batch), *values]) + " |")
    lines.append("")
    for column in ("generated", "allocating"):
        values = {point: ratios[column] for point, ratios in found.items() if column in ratios}
        if values:
            worst = max(values, key=values.__getitem__)
            median = statistics.median(values.values())
            lines.append(f"{column}: median {median:.2f}, at most {values[worst]:.2f} at {' '.join(map(str, worst))}")
    for column in FRAMEWORKS:
        faster = {p: r[column] / r["generated"] for p, r in found.items() if column in r and "generated" in r}
        if faster:
            worst = min(faster, key=faster.__getitem__)
            median = statistics.median(faster.values())
            where = " ".join(map(str, worst))
            lines.append(f"{column} / generated: median {median:.2f}, at least {faster[worst]:.2f} at {where}")
    return "\n".join(lines)


def main() -> None:
    """Run the grid, or read what an earlier run left, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--n", nargs="+", type=int, default=[2, 16, 64, 256])
    parser.add_argument("--tau", nargs="+", type=int, default=[8, 64, 512])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"], help="float32 runs from n = 64 on")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of timing at each point")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="without PyTorch and JAX")
    parser.add_argument("--out", help="keep the measurements in this file, line by line")
    parser.add_argument("--table", nargs="+", help="make the table of these files and measure nothing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(given.out).resolve()) if given.out else str(Path(folder) / "rows.jsonl")
        for command in [] if given.table else commands(given, out):
            subprocess.run(command, check=True, cwd=HERE / "expert")
        files = given.table or [out]
        rows = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    print(table(points(rows)))


if __name__ == "__main__":
    main()
