"""Every sheet, solved once for all tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from symrnn.sheets.building import sheet_folders
from symrnn.sheets.content import Solution
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet
from symrnn.sheets.starting import start_sheet

NAMES = tuple(sheet_folders())


@cache
def solved(name: str) -> Solution:
    return solve(read_sheet(sheet_folders()[name]))


@pytest.fixture(params=NAMES)
def solution(request: pytest.FixtureRequest) -> Solution:
    """Each of the sheets that come along."""
    return solved(request.param)


@pytest.fixture
def eth() -> Solution:
    return solved("eth")


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A new sheet's folder, for tests that change it."""
    start_sheet("week-3", tmp_path)
    return tmp_path / "week-3"
