"""The command line's other backends: refused before anything is written where something is missing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from symrnn import doctor
from symrnn.cli import main
from symrnn.emitting.backends import BACKENDS, emit_for, require
from symrnn.errors import MissingExtraError, UnknownNameError

from .support import library_cell


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
