"""The language's page: every example in it is read, every function in it exists."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import sympy

import symrnn
from symrnn.language import Cell
from symrnn.reading import Scope, read_cell, read_formula
from symrnn.reading.calls import function_names

from .conftest import head_text

PAGE = Path(symrnn.__file__).parents[1] / "docs" / "language.md"
TEXT = PAGE.read_text("utf-8") if PAGE.is_file() else ""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("cell"))
def test_every_cell_on_the_page_is_one(text: str) -> None:
    assert isinstance(read_cell(text), Cell)


@pytest.mark.parametrize("text", blocks("formula"))
def test_every_formula_on_the_page_is_one(text: str) -> None:
    scope = Scope.of(read_cell(blocks("cell")[0]))
    assert read_formula(text, scope).parts


@pytest.mark.parametrize("text", blocks("head"))
def test_every_head_on_the_page_is_one(text: str) -> None:
    cell = read_cell("size n\nparam W[n,n]\nstate h[n]\nh[t] = W @ h[t-1]\nhead squared(h)", "c", lambda name: text)
    assert cell.loss is not None
    assert head_text("squared").split("\n", 1)[1].split() == text.split()


def test_every_function_is_on_the_page() -> None:
    words = set(re.findall(r"\w+", TEXT))
    assert [name for name in function_names() if name not in words] == []


def test_the_step_function(tmp_path: Path) -> None:
    (example,) = [text for text in blocks("python") if "@symrnn" in text]
    module = tmp_path / "example_of_the_page.py"
    module.write_text("import symrnn\n\n" + example, "utf-8")
    spec = spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    assert list(loaded.plain.equation) == ["h", "L"]


def test_the_sympy_example() -> None:
    (example,) = [text for text in blocks("python") if "sympy" in text]
    names: dict[str, object] = {"sympy": sympy, "symrnn": symrnn}
    exec(example, names)
    assert isinstance(names["plain"], Cell)
