from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from symrnn import doctor
from symrnn.errors import MissingExtraError, UnknownNameError


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH, to put programs on."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, script: str = "exit 0") -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_every_extra_says_what_it_is_for_and_how_to_get_it() -> None:
    for finding in doctor.report():
        assert finding.purpose
        assert "install" in finding.install


@pytest.mark.parametrize("name", ["pdflatex", "Chromium", "LaTeX packages", "TikZ"])
def test_a_program_that_is_not_on_the_path_is_missing(path: Path, name: str) -> None:
    assert not doctor.find(name).present


@pytest.mark.parametrize(
    ("name", "program"), [("pdflatex", "pdflatex"), ("Chromium", "chromium"), ("Chromium", "google-chrome")]
)
def test_a_program_on_the_path_is_found_where_it_is(path: Path, name: str, program: str) -> None:
    put(path, program)
    assert doctor.find(name).found == str(path / program)


def test_latex_packages_are_complete_or_named(path: Path) -> None:
    have = [name for name in doctor.LATEX_PACKAGES if name != "mathtools"]
    put(path, "kpsewhich", "\n".join(f"echo /tex/{name}.sty" for name in have))
    finding = doctor.find("LaTeX packages")
    assert (finding.found, finding.note) == (None, "missing: mathtools")
    put(path, "kpsewhich", "\n".join(f"echo /tex/{name}.sty" for name in doctor.LATEX_PACKAGES))
    assert doctor.find("LaTeX packages").present


def test_a_kpsewhich_that_cannot_run_is_no_crash(path: Path) -> None:
    put(path, "kpsewhich").write_text("#!/no/such/interpreter\n")
    assert doctor.find("TikZ").note == "TeX's kpsewhich gave no answer"


def test_a_library_is_found_with_its_version() -> None:
    extra = doctor.Extra("NumPy", "", doctor._module("numpy", "numpy"), {"pip": "numpy"})
    assert extra.examine().found == numpy.__version__


def test_a_library_that_is_absent_is_missing() -> None:
    extra = doctor.Extra("x", "", doctor._module("no_such_module_anywhere", "x"), {"pip": "x"})
    assert extra.examine() == doctor.Finding("x", "", f"{sys.executable} -m pip install x", None)


@pytest.mark.parametrize(
    ("managers", "command"),
    [
        ([], "apt-get install chromium"),
        (["dnf"], "dnf install chromium"),
        (["brew"], "brew install --cask chromium"),
        (["brew", "apt-get"], "apt-get install chromium"),
    ],
)
def test_the_command_is_for_the_package_manager_that_is_here(path: Path, managers: list[str], command: str) -> None:
    for manager in managers:
        put(path, manager)
    assert doctor.find("Chromium").install == command


def test_requiring_what_is_missing_names_it_with_its_command(path: Path) -> None:
    with pytest.raises(MissingExtraError) as caught:
        doctor.find("pdflatex").require()
    message = str(caught.value)
    assert "pdflatex is not installed; it is needed to make PDF" in message
    assert "apt-get install texlive-latex-recommended lmodern" in message


def test_requiring_what_is_there_gives_its_path(path: Path) -> None:
    put(path, "pdflatex")
    assert doctor.find("PdfLaTeX").require() == str(path / "pdflatex")


def test_an_unknown_extra_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "PyTorch"'):
        doctor.find("pytorhc")


def test_the_text_shows_every_finding_and_only_missing_ones_have_commands(path: Path) -> None:
    put(path, "chromium")
    findings = [doctor.find("Chromium"), doctor.find("pdflatex")]
    shown = doctor.text(findings)
    assert f"found: {path / 'chromium'}" in shown
    assert "get it: apt-get install texlive" in shown
    assert "install chromium" not in shown
    assert "1 of 2 are there" in shown
    assert doctor.text(findings[:1]).endswith("All 1 are there.")


def test_looking_imports_none_of_the_libraries() -> None:
    script = (
        "import sys, symrnn.doctor as d; d.report();"
        "print([m for m in ('numpy', 'sympy', 'matplotlib', 'jax', 'torch', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
