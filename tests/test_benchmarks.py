"""The benchmarks' own arithmetic, and that the cells in `benchmarks/cells` have code for every backend."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from symrnn.api.benching import Point, Report, Timing
from symrnn.api.loading import load
from symrnn.coding.backends import BACKENDS, emit_for

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no benchmarks beside the tests")


def script(name: str) -> ModuleType:
    """A script of the folder, without running it."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("path", sorted((FOLDER / "cells").glob("*.cell")), ids=lambda p: p.stem)
def test_every_cell_has_code_for_every_backend(path: Path) -> None:
    cell = load(path)
    for name in BACKENDS:
        assert "def loss_and_gradients(" in emit_for(name, cell)


def test_ratios_are_taken_over_hand_written_jax() -> None:
    compiled = script("bench_compiled")
    rows = [
        {"cell": "rnn", "n": n, "tau": 8, "B": batch, "impl": impl, "ratio_cpu": ratio}
        for n, batch, ratios in ((2, 1, (2.0, 1.0, 4.0)), (64, 32, (1.0, 3.0, 1.0)))
        for impl, ratio in zip(("jax", "rnn_numba", "rnn_jax"), ratios, strict=True)
    ]
    rows.append({"cell": "rnn", "n": 4, "tau": 8, "B": 1, "impl": "rnn_numba", "error": "out of memory"})
    found = compiled.points(rows)
    assert found == {("rnn", 2, 8, 1): {"numba": 0.5, "jax": 2.0}, ("rnn", 64, 8, 32): {"numba": 3.0, "jax": 1.0}}
    text = compiled.table(found)
    assert "| rnn | 2 | 8 | 1 | 0.50 | 2.00 |" in text
    assert "numba: median 1.75, at most 3.00, at most 0.50 at n <= 16 with one example" in text


def test_medians_over_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cpus: None, raising=False)
    code = script("bench_code")
    points = [Point(n, 8, 1) for n in (1, 2, 3)]
    timings = [Timing("jax autodiff", p, 2.0, 0.0, 0.0) for p in points]
    timings += [Timing("numba", p, s, 0.0, 0.0) for p, s in zip(points, (1.0, 3.0, 4.0), strict=True)]
    report = Report("elman", "float64", "numpy", tuple(timings))
    assert code.summary([report], "elman").endswith("over that of jax autodiff: numba 1.50")
    assert code.summary([Report("elman", "float64", "numpy", ())], "elman") == ""


def test_the_experts_table_has_all_numbers_of_steps_in_one_cell() -> None:
    expert = script("bench_expert")
    times = {"best": 1.0, "rnn": 0.9, "rnn_allocating": 1.5, "rnn_fresh": 1.2, "torch_nn": 1.8}
    rows = [
        {"cell": "rnn", "dtype": "float64", "n": 2, "tau": tau, "B": 1, "impl": impl, "ratio_cpu": ratio * more}
        for tau, more in ((8, 1.0), (64, 2.0))
        for impl, ratio in times.items()
    ]
    text = expert.table(expert.points(rows))
    assert "| rnn | float64 | 2 | 1 | 0.90, 1.80 | 1.25, 1.25 | 1.80, 3.60 |" in text
    assert "generated: median 1.35, at most 1.80 at rnn float64 2 64 1" in text
    assert "torch_nn / generated: median 2.00, at least 2.00" in text
