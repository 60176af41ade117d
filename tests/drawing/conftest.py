from __future__ import annotations

from collections.abc import Callable

import pytest

from symrnn.cells import head_text, source_text
from symrnn.language import Cell
from symrnn.reading.cellfile import read_cell


@pytest.fixture
def library() -> Callable[[str], Cell]:
    return lambda name: read_cell(source_text(name), name, head_text)
