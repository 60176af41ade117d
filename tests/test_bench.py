"""`symrnn bench`: what it times is right, and what it prints, draws and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symrnn import doctor
from symrnn.api import benching
from symrnn.api.bench_contestants import CONTESTANTS, error_between
from symrnn.api.bench_data import random_arguments
from symrnn.api.loading import load, read_cell
from symrnn.cells import names
from symrnn.checking.generated import run_module
from symrnn.cli import main
from symrnn.coding.numpy_module import emit
from symrnn.errors import DataError, MissingExtraError, UnknownNameError

INSTALLED = [c.name for c in CONTESTANTS.values() if c.extra is None or doctor.find(c.extra).present]


@pytest.mark.parametrize("name", [n for n in INSTALLED if n not in ("numpy", "numba")])
def test_every_contestant_finds_the_same_gradients(name: str) -> None:
    report = benching.bench("gru", n=[3], tau=[4], batch=[2], names=[name], rounds=1)
    assert {t.name for t in report.timings} == {"numpy", name}
    assert all(t.error < 1e-10 for t in report.timings)
    assert all(t.seconds > 0 for t in report.timings)


def test_an_error_is_seen() -> None:
    right = {"W": np.ones((2, 2)), "b": np.zeros(2)}
    assert error_between({"W": np.ones((2, 2)), "b": np.zeros(2)}, right) == 0
    assert error_between({"W": np.full((2, 2), 1.5)}, right) == pytest.approx(0.5)
    assert error_between({"W": np.ones(2)}, right) == float("inf")
    assert error_between({"W": np.full((2, 2), np.nan)}, right) == float("inf")


@pytest.mark.parametrize("name", names())
def test_the_numbers_suit_every_cell(name: str) -> None:
    cell = load(name)
    given = random_arguments(cell, n=4, tau=6, batch=2)
    loss, gradients = run_module(emit(cell, plain=True)).loss_and_gradients(*given)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in gradients.values())


def test_sizes_of_their_own() -> None:
    params, inputs, _, _ = random_arguments(load("elman"), 3, 2, 1, {"m": 7}, "float32")
    assert params["U"].shape == (3, 7)
    assert inputs["x"].dtype == np.float32
    with pytest.raises(DataError, match="no size q"):
        random_arguments(load("elman"), 3, 2, 1, {"q": 7})


def test_a_grid_is_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "ratios.svg"
    command = ["bench", "elman", "--n", "2", "3", "--tau", "3", "--only", "numpy plain", "--rounds", "1"]
    assert main([*command, "--plot", str(picture)]) == 0
    shown = capsys.readouterr()
    assert "n=2 tau=3 batch=1" in shown.out
    assert "n=3 tau=3 batch=1" in shown.out
    assert shown.out.count("1.00x") >= 2
    assert picture.read_text("utf-8").lstrip().startswith("<?xml")


def test_what_is_missing_is_named_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="JAX is not installed"):
        benching.bench("elman", names=["jax"])
    assert [c.name for c in benching.contestants()] == ["numpy", "numpy plain"]


def test_an_unknown_contestant_is_named() -> None:
    with pytest.raises(UnknownNameError, match="tensorflow"):
        benching.bench("elman", names=["tensorflow"])


def test_a_loss_that_is_not_finite_is_no_place_to_time() -> None:
    cell = read_cell("param a\ninput x\nstate h\nh[t] = 1000 * h[t-1] + a * x[t]\nloss L = sum(h[t]**2, t)")
    with np.errstate(all="ignore"), pytest.raises(DataError, match=r"not finite|the loss is"):
        benching.bench(cell, tau=[400], names=["numpy plain"], rounds=1)
