"""How fast answers are checked: one right answer against a bare import, one wrong one, and a folder of 500.

    python benchmarks/bench_check.py [--answers 500] [--jobs 2]

The claims: a right answer within 3 times `import sympy, numpy`; a wrong one with its repair in under 5 s; 500 answers
to one question, half of them wrong, in under 60 s on two cores.  On a busy machine the processor's own time tells more
than the clock's, so it is printed too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter

from symrnn.api.grading import grade
from symrnn.checking.grading import GradedQuestion, summary

ADJOINT = "g[t] = V.T @ (yhat[t] - y[t]) + W.T @ diag(1 - h[t+1]**2) @ g[t+1]\n"
RIGHT = ADJOINT + "sum(diag(1 - h[t]**2) @ g[t] @ h[t-1].T, t)"
SPELLINGS = (
    RIGHT,
    ADJOINT + "sum(((1 - h[t]**2) * g[t]) @ h[t-1].T, t)",
    "sum(D(L, a[t]) @ h[t-1].T, t)",
    r"\sum_{t=1}^{\tau} \operatorname{diag}(1 - h_t^2) \frac{\partial L}{\partial h_t}^\top h_{t-1}^\top",
    r"\sum_t \delta_t h_{t-1}^\top, \quad \delta_t = (1 - h_t^2) \odot (V^\top (\hat y_t - y_t) + W^\top \delta_{t+1})",
    RIGHT.replace("h[t-1].T", "h[t].T"),
    RIGHT.replace("W.T", "W"),
    RIGHT.replace("yhat[t] - y[t]", "y[t] - yhat[t]"),
    RIGHT.replace("h[t]**2", "h[t-1]**2"),
    RIGHT.replace(" + W.T @ diag(1 - h[t+1]**2) @ g[t+1]", ""),
    RIGHT.replace("h[t+1]**2", "h[t]**2"),
)


def seconds(command: list[str], repeat: int = 5) -> float:
    """The median wall time of a command."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        times.append(perf_counter() - start)
    return median(times)


def processor_seconds() -> float:
    """The processor time of this process and of all that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def check_command(answer: str) -> list[str]:
    return [sys.executable, "-m", "symrnn", "check", "elman", "--of", "L", "--wrt", "W", answer]


def folder_of(count: int, folder: Path) -> Path:
    for number, text in enumerate(islice(cycle(SPELLINGS), count)):
        (folder / f"answer{number}.txt").write_text(text, encoding="utf-8")
    return folder


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--answers", type=int, default=500)
    options.add_argument("--jobs", type=int, default=2)
    given = options.parse_args()

    bare = seconds([sys.executable, "-c", "import sympy, numpy"])
    right = seconds(check_command(RIGHT))
    wrong = seconds(check_command(RIGHT.replace("h[t-1].T", "h[t].T")), 3)
    hopeless = seconds(check_command("sum(W @ W, t)"), 3)
    print(f"import sympy, numpy             {bare:6.2f} s")
    print(f"check, a right answer           {right:6.2f} s   {right / bare:.2f} times the import")
    print(f"check, a wrong one, repaired    {wrong:6.2f} s")
    print(f"check, a wrong one, no repair   {hopeless:6.2f} s")

    with tempfile.TemporaryDirectory() as name:
        folder = folder_of(given.answers, Path(name))
        start, before = perf_counter(), processor_seconds()
        lines = grade(GradedQuestion("elman", "W", "L", "denominator"), folder, jobs=given.jobs)
        took, busy = perf_counter() - start, processor_seconds() - before
    print(f"grade, {given.answers} answers, {given.jobs} jobs     {took:6.2f} s   {given.answers / took:.0f} a second")
    print(f"       on the processors        {busy:6.2f} s   so {busy / given.jobs:.0f} s on {given.jobs} idle ones")
    print(summary(lines))


if __name__ == "__main__":
    main()
