"""A printed cell reads back to the same cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from symrnn.cells import head_text, names, source_text
from symrnn.emitting.cell_text import cell_text
from symrnn.language import Cell
from symrnn.reading.cellfile import read_cell

HERE = Path(__file__).parent.parent
FILES = sorted([*HERE.glob("cells/kinds/*.cell"), *HERE.glob("published/cases/*.cell")])


def bare(cell: Cell) -> Cell:
    """Without what a reading back cannot know: line numbers, and comments that a printer puts elsewhere."""
    return replace(
        cell,
        declarations=tuple(replace(d, line=None) for d in cell.declarations),
        equations=tuple(replace(e, line=None) for e in cell.equations),
        comments=(),
    )


def round_trip(cell: Cell) -> Cell:
    return read_cell(cell_text(cell), cell.name)


@pytest.mark.parametrize("name", names())
def test_library_cells_come_back(name):
    cell = read_cell(source_text(name), name, head_text)
    assert bare(round_trip(cell)) == bare(cell)
    assert round_trip(cell).comments == cell.comments


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_other_files_come_back(path):
    cell = read_cell(path.read_text("utf-8"), path.stem, head_text)
    assert bare(round_trip(cell)) == bare(cell)


def test_a_copy_has_its_own_name():
    cell = read_cell(source_text("elman"), "elman")
    assert read_cell(cell_text(cell, "mine"), "x").name == "mine"


def test_the_text_looks_like_a_cell_file():
    text = cell_text(read_cell(source_text("elman"), "elman"))
    assert "size   n, m, K\n" in text
    assert "\nh[t]    = tanh(a[t])\n" in text
