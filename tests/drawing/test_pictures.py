"""SVG and TikZ: well formed, complete, compiled, shown."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from symrnn.cells import head_text, names
from symrnn.drawing.svg import css, to_svg
from symrnn.drawing.terminal import to_terminal
from symrnn.drawing.tikz import document, to_tikz
from symrnn.emitting.style import Style
from symrnn.emitting.unicode_text import to_unicode
from symrnn.inquiry.unrolled import unroll
from symrnn.reading.cellfile import read_cell

SVG = "{http://www.w3.org/2000/svg}"
SHOWN = ["elman", "lstm", "bidirectional", "stack2"]


@pytest.mark.parametrize("name", names())
def test_svg_is_complete(library, name):
    graph = unroll(library(name), 3)
    root = ET.fromstring(to_svg(graph, prefix="g7"))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert {e.get("data-edge") for e in root.iter() if e.get("data-edge")} == {e.id for e in graph.edges}
    assert {e.get("data-node") for e in root.iter() if e.get("data-node")} == {n.id for n in graph.nodes}
    assert all(i == "g7" or i.startswith("g7-") for i in ids)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent.parent / "cells/kinds").glob("*.cell")), ids=lambda p: p.stem
)
def test_every_kind_of_cell_can_be_drawn(path):
    graph = unroll(read_cell(path.read_text("utf-8"), path.stem, head_text), 3)
    root = ET.fromstring(to_svg(graph))
    assert {e.get("data-node") for e in root.iter() if e.get("data-node")} == {n.id for n in graph.nodes}
    assert to_tikz(graph).count("\\node[box") == len(graph.nodes)
    assert to_terminal(graph)


def test_what_is_lit_is_marked(library):
    graph = unroll(library("elman"), 3)
    lit = {e.id for e in graph.between("h-1", "h-3")} | {"h-1"}
    root = ET.fromstring(to_svg(graph, lit=lit))
    marked = {e.get("data-edge") or e.get("data-node") for e in root.iter() if "lit" in e.get("class", "").split()}
    assert marked - {None} == lit


def test_standing_alone_it_has_colours_for_light_and_dark():
    assert "prefers-color-scheme:dark" in css(True)
    assert "prefers-color-scheme" not in css(False)
    assert "var(--graph-ink,#" in css(False)


def test_names_are_set_as_mathematics(library):
    text = to_svg(unroll(library("stack2"), 2), Style(letters="bold"))
    assert 'font-weight="bold"' in text
    assert "ŷ".encode() not in text.encode() or "y\u0302" in text
    assert ">y\u0302</tspan>" in text


@pytest.mark.parametrize("name", names())
def test_the_terminal_shows_every_variable(library, name):
    graph = unroll(library(name), 3)
    text = to_terminal(graph, lambda node: to_unicode(node, linear=True))
    assert len({line for line in text.splitlines() if line}) == len(text.splitlines())
    ascii_text = to_terminal(graph, lambda node: to_unicode(node, linear=True, ascii=True), "<-")
    assert ascii_text.isascii()


def test_the_terminals_rows(library):
    lines = to_terminal(unroll(library("elman"), 2)).splitlines()
    assert lines[0].split() == ["t=0", "t=1", "t=2"]
    assert lines[-2] == "a[t]           a[1]     a[2]     ← W h[t-1], U x[t]"


@pytest.mark.tex
def test_tikz_compiles(library, pdflatex, tmp_path):
    pictures = "\n\\clearpage\n".join(to_tikz(unroll(library(name), 3), lit={"h-1"}) for name in names())
    (tmp_path / "all.tex").write_text(document(pictures, "All"), encoding="utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout


@pytest.mark.browser
def test_a_browser_shows_the_labels(library, chromium, tmp_path):
    """The picture inside a page, its text read back from the rendered document."""
    page = tmp_path / "page.html"
    body = "".join(to_svg(unroll(library(name), 3), prefix=name, standalone=False) for name in SHOWN)
    script = (
        "<script>document.title=[...document.querySelectorAll('.node text')].map(e=>e.textContent+':'"
        "+(e.getBBox().width<=e.parentNode.querySelector('rect').getBBox().width-4)).join(' ')</script>"
    )
    page.write_text(f"<!doctype html><meta charset='utf-8'><body>{body}{script}", encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        encoding="utf-8",
    )
    title = done.stdout.partition("<title>")[2].partition("</title>")[0]
    # Every label fits into its box.
    assert "h0:true" in title.replace("\u200b", "")
    assert ":false" not in title
