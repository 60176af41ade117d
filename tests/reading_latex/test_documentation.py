"""The examples on the documentation's page mean what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "latex-input.md"
EXAMPLES = [
    (latex.strip(), text.strip())
    for block in re.findall(r"```latex\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    for latex, _, text in (line.partition("⟶") for line in block.splitlines())
]


@pytest.mark.parametrize(("latex", "text"), EXAMPLES, ids=lambda value: value[:50])
def test_an_example(latex: str, text: str, read, formula) -> None:
    assert read(latex)[0].formula == formula(text)


def test_examples_are_found() -> None:
    assert len(EXAMPLES) > 40


def test_the_python_example_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=True)
    assert "ascending" in done.stdout
    assert "descending" in done.stdout
