"""The library's cells and heads, and the cells in ``kinds/``, each showing one thing the language can do.

A test that takes ``library`` runs for every library cell, one that takes ``head`` for every head, one that
takes ``kind`` for every file in ``kinds/``, and one that takes ``any_cell`` for the library and the kinds.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from symrnn import cells
from symrnn.language import Cell
from symrnn.reading import load_cell_file, read_cell

KINDS = Path(__file__).parent / "kinds"
KIND_NAMES = tuple(sorted(path.stem for path in KINDS.glob("*.cell")))


@cache
def library_cell(name: str, head: str | None = None) -> Cell:
    return read_cell(cells.source_text(name), name, heads=cells.head_text, head=head)


@cache
def kind_cell(name: str) -> Cell:
    return load_cell_file(KINDS / f"{name}.cell")


def any_cell(name: str) -> Cell:
    return kind_cell(name.removeprefix("kinds/")) if name.startswith("kinds/") else library_cell(name)


FOUND_BY = {
    "library": (cells.names(), library_cell),
    "kind": (KIND_NAMES, kind_cell),
    "any_cell": ((*cells.names(), *(f"kinds/{name}" for name in KIND_NAMES)), any_cell),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, (known, _) in FOUND_BY.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, known, indirect=True)
    if "head" in metafunc.fixturenames:
        metafunc.parametrize("head", cells.head_names())


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Cell:
    return library_cell(request.param)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Cell:
    return kind_cell(request.param)


@pytest.fixture(name="any_cell")
def any_cell_fixture(request: pytest.FixtureRequest) -> Cell:
    return any_cell(request.param)


@pytest.fixture
def put():
    """A library cell under a head: ``put("lstm", "squared")``."""
    return library_cell
