"""The command line's other backends: refused before anything is written where something is missing."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from symrnn import doctor
from symrnn.cli import main
from symrnn.coding.backends import BACKENDS, emit_for, require
from symrnn.errors import MissingExtraError, UnknownNameError

from .support import as_python, double_precision, library_cell, problem, worst_error


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_missing_library_is_named_before_anything_is_written(
    name: str, nothing_installed: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MissingExtraError, match="is not installed"):
        require(name)
    target = tmp_path / "elman.py"
    assert main(["code", "elman", "--backend", name, "-o", str(target)]) == 2
    assert "-m pip install" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("name", BACKENDS)
def test_the_command_writes_one_module_with_its_library_alone(name: str, tmp_path: Path) -> None:
    target = tmp_path / "gru.py"
    assert main(["code", "gru", "--backend", name, "-o", str(target)]) == 0
    tree = ast.parse(target.read_text("utf-8"))
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported <= {"math", "functools", "numpy", name}
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert {"forward", "loss_and_gradients"} <= functions
    assert "lam_h[t] =" in target.read_text("utf-8")


def test_options_of_numpy_code_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["code", "elman", "--backend", "jax", "--plain"]) == 2
    assert "--plain is for NumPy code" in capsys.readouterr().err


def test_an_unknown_backend_is_named() -> None:
    with pytest.raises(UnknownNameError, match="tensorflow"):
        emit_for("tensorflow", library_cell("elman"))


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_that_is_computed_in_can_be_chosen(name: str, dtype: str) -> None:
    pytest.importorskip(name)
    given = problem(library_cell("gru"), tau=3, batch=2)
    other = "float64" if dtype == "float32" else "float32"
    source = emit_for(name, library_cell("gru"), ("W_z", "h[0]"), dtype=dtype)
    groups = [{k: np.asarray(v, other) for k, v in g.items()} for g in (given.params, given.inputs, given.initial)]
    code = as_python(source)
    with double_precision(name):
        loss, gradients = code.loss_and_gradients(groups[0], groups[1], given.targets, groups[2])
        assert {str(np.asarray(x).dtype) for x in (loss, *gradients.values())} == {dtype}
        assert set(gradients) == {"W_z", "h[0]"}
        expected = {key: given.gradients[key] for key in gradients}
        assert worst_error({k: np.asarray(v) for k, v in gradients.items()}, expected) < 1e-4


def test_the_command_passes_the_type_on(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    target = tmp_path / "elman.py"
    assert main(["code", "elman", "--backend", "jax", "--dtype", "float32", "-o", str(target)]) == 0
    assert "DTYPE = 'float32'" in target.read_text("utf-8")


def test_numba_needs_scipy_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "scipy" else object())
    with pytest.raises(MissingExtraError, match="scipy is missing beside it") as caught:
        require("numba")
    assert "pip install numba scipy" in str(caught.value.hint)
    require("jax")
