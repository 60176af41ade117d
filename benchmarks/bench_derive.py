"""What a derivation costs, start to end, against a bare ``python -c "import sympy, numpy"``.

Processes are run in turn, several rounds, and the ratios of medians are printed with the bound that each is held to.
Then the time for deriving all gradients of a stack of L layers, L = 1, 2, … 32, with the exponent of its growth.

    python benchmarks/bench_derive.py [--rounds 7] [--check]
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from symrnn.api import read_cell
from symrnn.calculus.recursion import adjoint_system
from symrnn.language import Cell

BASE = ["-c", "import sympy, numpy"]
DERIVE = ["-m", "symrnn", "derive"]

COMMANDS: dict[str, tuple[list[str], float | None]] = {
    "python -c 'import numpy'": (["-c", "import numpy"], None),
    "symrnn --help": (["-m", "symrnn", "--help"], None),
    "symrnn list": (["-m", "symrnn", "list"], None),
    "derive elman --of L --wrt W --form all --steps": (
        [*DERIVE, "elman", "--of", "L", "--wrt", "W", "--form", "all", "--steps"],
        2.5,
    ),
    "derive elman … --form all --steps --as latex": (
        [*DERIVE, "elman", "--of", "L", "--wrt", "W", "--form", "all", "--steps", "--as", "latex"],
        2.5,
    ),
    "derive lstm --of L --wrt W_f --form closed": (
        [*DERIVE, "lstm", "--of", "L", "--wrt", "W_f", "--form", "closed"],
        3.0,
    ),
    "code lstm": (["-m", "symrnn", "code", "lstm"], None),
    "verify elman": (["-m", "symrnn", "verify", "elman"], None),
}
"""What is run, and at most how many times as long as the bare import it may take."""

LAYERS = (1, 2, 4, 8, 16, 32)
STEEPEST = 1.1
"""The exponent that linear growth is held to."""


def seconds(arguments: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def in_turn(rounds: int) -> dict[str, list[float]]:
    """The times of every command, one after the other in each round, so that a slow minute hits all alike."""
    found: dict[str, list[float]] = {"python -c 'import sympy, numpy'": [], **{name: [] for name in COMMANDS}}
    for _ in range(rounds + 1):
        for name, times in found.items():
            times.append(seconds(COMMANDS[name][0] if name in COMMANDS else BASE))
    return {name: times[1:] for name, times in found.items()}  # the first round fills the caches


def stacked_lstm(layers: int) -> Cell:
    """An LSTM of so many layers, each reading the state of the one below."""
    gates = "fiog"
    lines = ["cell stack", "size n, m, K", "input x[m]", "target y[K] onehot", "param V[K,n], c_o[K]"]
    for layer in range(1, layers + 1):
        below, width = (f"h{layer - 1}[t]", "n") if layer > 1 else ("x[t]", "m")
        lines.append("param " + ", ".join(f"W{g}{layer}[n,{width}], U{g}{layer}[n,n], b{g}{layer}[n]" for g in gates))
        lines.append(f"state h{layer}[n], s{layer}[n]")
        for g in gates:
            function = "tanh" if g == "g" else "sigmoid"
            inner = f"W{g}{layer} @ {below} + U{g}{layer} @ h{layer}[t-1] + b{g}{layer}"
            lines.append(f"{g}{layer}[t] = {function}({inner})")
        lines.append(f"s{layer}[t] = f{layer}[t] * s{layer}[t-1] + i{layer}[t] * g{layer}[t]")
        lines.append(f"h{layer}[t] = o{layer}[t] * tanh(s{layer}[t])")
    lines += [f"yhat[t] = softmax(c_o + V @ h{layers}[t])", "L[t] = -y[t].T @ log(yhat[t])", "loss L = sum(L[t], t)"]
    return read_cell("\n".join(lines), f"stack of {layers}")


def stacked_rnn(layers: int) -> Cell:
    """A plain RNN of so many layers."""
    lines = ["cell stack", "size n, m, K", "input x[m]", "target y[K] onehot", "param V[K,n]"]
    for layer in range(1, layers + 1):
        below, width = (f"h{layer - 1}[t]", "n") if layer > 1 else ("x[t]", "m")
        lines.append(f"param U{layer}[n,{width}], W{layer}[n,n], b{layer}[n]")
        lines.append(f"state h{layer}[n]")
        lines.append(f"h{layer}[t] = tanh(U{layer} @ {below} + W{layer} @ h{layer}[t-1] + b{layer})")
    lines += [f"yhat[t] = softmax(V @ h{layers}[t])", "L[t] = -y[t].T @ log(yhat[t])", "loss L = sum(L[t], t)"]
    return read_cell("\n".join(lines), f"stack of {layers}")


def fresh(make: Callable[[int], Cell], layers: int, rounds: int) -> float:
    """The median time for all gradients in recursion form; every round reads its cell anew."""
    times = []
    for _ in range(rounds):
        cell = make(layers)
        started = time.perf_counter()
        adjoint_system(cell)
        times.append(time.perf_counter() - started)
        del cell
    return statistics.median(times)


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The slope of the least-squares line through the logarithms."""
    xs, ys = [math.log(s) for s in sizes], [math.log(t) for t in times]
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - mean_x) ** 2 for x in xs)


def report_commands(rounds: int) -> bool:
    times = in_turn(rounds)
    base = statistics.median(next(iter(times.values())))
    print(f"{'command':<52}{'seconds':>9}{'ratio':>8}   bound")
    kept = True
    for name, found in times.items():
        median = statistics.median(found)
        bound = COMMANDS[name][1] if name in COMMANDS else None
        kept = kept and (bound is None or median <= bound * base)
        print(f"{name:<52}{median:>9.3f}{median / base:>8.2f}   {'' if bound is None else f'<= {bound}'}")
    return kept


def report_growth(rounds: int) -> bool:
    kept = True
    for name, make in (("plain RNN", stacked_rnn), ("LSTM", stacked_lstm)):
        times = [fresh(make, layers, rounds) for layers in LAYERS]
        slope = exponent(LAYERS, times)
        shown = "  ".join(f"{layers}: {1000 * t:.1f}" for layers, t in zip(LAYERS, times, strict=True))
        print(f"\nall gradients of a stacked {name}, milliseconds by layers: {shown}")
        print(f"exponent {slope:.2f} (<= {STEEPEST})")
        kept = kept and slope <= STEEPEST
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound isn't kept")
    options = parser.parse_args()
    kept = [report_commands(options.rounds), report_growth(options.rounds)]
    return int(options.check and not all(kept))


if __name__ == "__main__":
    sys.exit(main())
