"""Timing generated code beside automatic differentiation: `symrnn bench`."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from symrnn import doctor
from symrnn.api.bench_contestants import CONTESTANTS, Contestant, Run, error_between, installed, plain
from symrnn.api.bench_data import random_arguments
from symrnn.api.loading import load
from symrnn.errors import DataError, SymrnnError, UnknownNameError, UnsupportedError, did_you_mean
from symrnn.language import Cell

SAMPLE_SECONDS = 0.01
"""A sample repeats the call until it takes about this long."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Point:
    """Where code is timed."""

    n: int
    tau: int
    batch: int

    def __str__(self) -> str:
        return f"n={self.n} tau={self.tau} batch={self.batch}"


@dataclass(frozen=True)
class Timing:
    """One contestant at one point: seconds a call, the error of its gradients, seconds until the first answer."""

    name: str
    point: Point
    seconds: float
    error: float
    first: float


@dataclass(frozen=True)
class Report:
    """All timings of a cell; ``reference`` is whose gradients the errors are taken against."""

    cell: str
    dtype: str
    reference: str
    timings: tuple[Timing, ...]
    left_out: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    def ratio(self, timing: Timing) -> float:
        """Its time over that of the generated NumPy code at the same point."""
        base = next(t for t in self.timings if t.point == timing.point and t.name == "numpy")
        return timing.seconds / base.seconds

    def points(self) -> list[Point]:
        """The points, in order."""
        return list(dict.fromkeys(t.point for t in self.timings))

    def __str__(self) -> str:
        head = f"{self.cell}, {self.dtype}: loss and all gradients; ratios are times over the generated NumPy code's"
        lines = [head, f"gradient errors against {self.reference}"]
        width = max(len(t.name) for t in self.timings)
        for point in self.points():
            lines += ["", str(point), f"  {'':<{width}}  {'time':>10}  {'ratio':>7}  {'error':>8}  {'first call':>10}"]
            for t in self.timings:
                if t.point == point:
                    lines.append(
                        f"  {t.name:<{width}}  {_duration(t.seconds):>10}  {self.ratio(t):>6.2f}x  {t.error:>8.1e}"
                        f"  {_duration(t.first):>10}"
                    )
        lines += ["", *(f"left out: {reason}" for reason in self.left_out)] if self.left_out else []
        lines += ["", ", ".join(f"{name} {version}" for name, version in self.versions.items())]
        return "\n".join(lines)


def bench(
    cell: str | Path | Cell,
    n: Sequence[int] = (16,),
    tau: Sequence[int] = (64,),
    batch: Sequence[int] = (1,),
    names: Sequence[str] | None = None,
    dtype: str = "float64",
    rounds: int = 7,
    sizes: dict[str, int] | None = None,
    progress: Progress = lambda done: None,
) -> Report:
    """Time the generated NumPy code and what is installed, at every combination of sizes, lengths and batches.

    Contestants run in turns, in another order each round; a time is the median over the rounds.  ``progress`` is
    called with a line after each piece of work, ``pieces(...)`` of them in all.

    Raises UnknownNameError for a contestant that does not exist, MissingExtraError for one that is not installed,
    DataError where a loss comes out non-finite.
    """
    loaded = load(cell)
    chosen = contestants(names)
    points = [Point(*sizes_) for sizes_ in itertools.product(n, tau, batch)]
    ready, left_out = _prepared(loaded, chosen)
    timings: list[Timing] = []
    reference = _reference([c.name for c, _ in ready])
    with double_precision(any(c.extra == "JAX" for c, _ in ready)):
        for point in points:
            given = random_arguments(loaded, point.n, point.tau, point.batch, sizes, dtype)
            timings += _timed(ready, reference, point, given, rounds, progress)
    versions = {f.name: f.found for f in doctor.report() if f.found and any(c.extra == f.name for c in chosen)}
    return Report(loaded.name, dtype, reference, tuple(timings), tuple(left_out), versions)


def contestants(names: Sequence[str] | None = None) -> list[Contestant]:
    """The contestants of these names, NumPy among them; without names all that are installed."""
    if names is None:
        return installed()
    for name in names:
        if name not in CONTESTANTS:
            raise UnknownNameError(f'there is nothing called "{name}" to time', hint=did_you_mean(name, CONTESTANTS))
        extra = CONTESTANTS[name].extra
        if extra is not None:
            doctor.find(extra).require()
    return [CONTESTANTS[name] for name in dict.fromkeys(["numpy", *names])]


def pieces(points: int, chosen: int, rounds: int) -> int:
    """How often a run reports progress."""
    return points * (chosen + rounds)


def _reference(names: list[str]) -> str:
    """Whose gradients the others are held against: automatic differentiation wherever there is any."""
    order = ("torch autodiff", "jax autodiff", "numpy plain", "numpy")
    return next(name for name in order if name in names)


def _prepared(cell: Cell, chosen: list[Contestant]) -> tuple[list[tuple[Contestant, Any]], list[str]]:
    ready, left_out = [], []
    for contestant in chosen:
        try:
            ready.append((contestant, contestant.prepare(cell)))
        except UnsupportedError as error:
            if contestant.name == "numpy":
                raise
            left_out.append(f"{contestant.name} ({error.message})")
    return ready, left_out


@contextmanager
def double_precision(wanted: bool) -> Iterator[None]:
    """JAX computes in float64 inside, and as before outside."""
    if not wanted:
        yield
        return
    import jax

    before = jax.config.values["jax_enable_x64"]
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def _timed(
    ready: list[tuple[Contestant, Any]], reference: str, point: Point, given: Any, rounds: int, progress: Progress
) -> list[Timing]:
    runs: dict[str, Run] = {}
    first: dict[str, float] = {}
    answers: dict[str, Any] = {}
    for contestant, bind in ready:
        runs[contestant.name] = bind(given)
        start = time.perf_counter()
        try:
            loss, answers[contestant.name] = runs[contestant.name]()
        except ValueError as error:
            raise DataError(f"{contestant.name} at {point}: {error}") from error
        first[contestant.name] = time.perf_counter() - start
        if not np.isfinite(plain(loss)):
            raise DataError(
                f"the loss is {float(plain(loss))} at {point}: these random numbers are no place to time the cell",
                hint="Take smaller sizes or a shorter sequence.",
            )
        progress(f"{point}: {contestant.name}")
    expected = answers[reference]
    errors = {name: error_between(found, expected) for name, found in answers.items()}
    seconds = _in_turns(runs, rounds, lambda: progress(f"{point}: timing"))
    return [Timing(name, point, seconds[name], errors[name], first[name]) for name in runs]


def _in_turns(runs: dict[str, Run], rounds: int, done: Callable[[], None]) -> dict[str, float]:
    """The median over the rounds of the mean of a few calls in a row."""
    counts = {name: _repeats(run) for name, run in runs.items()}
    samples: dict[str, list[float]] = {name: [] for name in runs}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(runs), len(runs)):
            start = time.perf_counter()
            for _ in range(counts[name]):
                runs[name]()
            samples[name].append((time.perf_counter() - start) / counts[name])
        done()
    return {name: statistics.median(found) for name, found in samples.items()}


def _repeats(run: Run) -> int:
    start = time.perf_counter()
    run()
    return max(1, min(1000, int(SAMPLE_SECONDS / max(1e-7, time.perf_counter() - start))))


def _duration(seconds: float) -> str:
    """A time with a unit.

    >>> _duration(0.00123), _duration(2.5)
    ('1.23 ms', '2.50 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def plot(report: Report, path: str | Path) -> None:
    """Draw the ratios as bars, a group for each point, on a logarithmic axis; the suffix of the path tells the format.

    Raises MissingExtraError where matplotlib is not installed, SymrnnError for a suffix that it cannot write.
    """
    doctor.find("matplotlib").require()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = report.points()
    names = list(dict.fromkeys(t.name for t in report.timings if t.name != "numpy"))
    figure = Figure(figsize=(max(6.0, 1.2 * len(points) * max(1, len(names)) ** 0.5), 4.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    suffix = Path(path).suffix.lstrip(".").lower()
    if suffix not in canvas.get_supported_filetypes():
        raise SymrnnError(f'pictures are not written as "{suffix}"', hint="Take .png, .svg or .pdf.")
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(names))
    for place, name in enumerate(names):
        found = [t for t in report.timings if t.name == name]
        at = [points.index(t.point) + (place + 0.5) * width - 0.4 for t in found]
        axes.bar(at, [report.ratio(t) for t in found], width, label=name)
    axes.axhline(1.0, color="black", linewidth=0.8, label="numpy")
    axes.set_yscale("log")
    axes.set_xticks(range(len(points)), [str(p).replace(" ", "\n") for p in points])
    axes.set_ylabel("time / time of the generated NumPy code")
    axes.set_title(f"{report.cell}, {report.dtype}")
    axes.legend()
    figure.savefig(path)
