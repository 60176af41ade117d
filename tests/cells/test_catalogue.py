"""The catalogue in the documentation says what the library's files say."""

from __future__ import annotations

import runpy
from pathlib import Path

from symrnn import cells

DOCS = Path(__file__).parents[2] / "docs"


def test_the_catalogue_is_up_to_date():
    script = runpy.run_path(str(DOCS / "make_cells.py"))
    assert (DOCS / "cells.md").read_text(encoding="utf-8") == script["page"](), "run python docs/make_cells.py"


def test_the_catalogue_has_every_cell_and_head():
    text = (DOCS / "cells.md").read_text(encoding="utf-8")
    assert all(f"### `{name}`" in text for name in (*cells.names(), *cells.head_names()))
