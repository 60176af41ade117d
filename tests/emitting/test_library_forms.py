"""Derivations of the library's cells in print: nothing leaves the page, and the text reads back."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

import symrnn.cells as library
from symrnn.calculus.derive import derive
from symrnn.emitting.canvas import columns
from symrnn.emitting.latex import display_formula, standalone
from symrnn.emitting.mathml import to_mathml_flow
from symrnn.emitting.text import to_text
from symrnn.emitting.unicode_text import to_unicode
from symrnn.language import Formula, Layout, Node
from symrnn.reading.cellfile import read_cell
from symrnn.reading.expression import read_expression
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope

QUESTIONS = [
    ("elman", "W"),
    ("elman", "h[0]"),
    ("lstm", "W_f"),
    ("lstm", "h[0]"),
    ("gru", "U_z"),
    ("minibatch_rows", "W_in"),
    ("stack2_lstm", "W_f1"),
    ("cornn", "W"),
]
FORMS = ("chain", "closed", "recursion", "index", "vec")


@cache
def answers(name: str, by: str, layout: Layout) -> tuple[tuple[Formula, tuple[str, ...]], ...]:
    """The forms as claims, each with its free component indices."""
    cell = read_cell(library.source_text(name), name, library.head_text)
    scope = Scope.of(cell)
    of, to = read_expression(cell.loss_name, scope), read_expression(by, scope)
    derived = derive(cell, of, to, layout, forms=FORMS)
    return tuple((Formula(f.formula.expression, f.formula.parts, of, to), f.free) for f in derived.forms)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize(("name", "by"), QUESTIONS)
def test_the_text_reads_back(name: str, by: str, layout: Layout) -> None:
    scope = Scope.of(read_cell(library.source_text(name), name, library.head_text))
    for formula, free in answers(name, by, layout):
        assert read_formula(to_text(formula), scope.with_indices(*free), layout) == formula


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("name", "by"), QUESTIONS)
def test_pictures_fit_the_terminal(name: str, by: str, width: int) -> None:
    for formula, _ in answers(name, by, Layout.NUMERATOR):
        lines = to_unicode(formula, width=width).splitlines()
        assert max(columns(line) for line in lines) <= width
        assert to_unicode(formula, width=width, ascii=True).isascii()


@pytest.mark.tex
def test_everything_stays_on_the_page(pdflatex: str, tmp_path: Path) -> None:
    displays = [
        display_formula(formula, layout=layout)
        for layout in Layout
        for name, by in QUESTIONS
        for formula, _ in answers(name, by, layout)
    ]
    (tmp_path / "all.tex").write_text(standalone("\\section*{All}\n" + "\n".join(displays)), "utf-8")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    assert [line for line in run.stdout.splitlines() if line.startswith("Overfull")] == []


def test_long_entries_of_matrices_get_names(bank: dict[str, Node]) -> None:
    closed = answers("stack2_lstm", "W_f1", Layout.NUMERATOR)[1][0]
    shown = display_formula(closed)
    assert r"J_{11, j} &=" in shown
    assert to_mathml_flow(closed.expression).count("<mi>J</mi>") >= 2
    assert "J_{11,j} =" in to_unicode(closed, width=100)
    assert "J_{" not in display_formula(Formula(bank["blocks"]))
