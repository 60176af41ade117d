"""What a sheet looks like in every format: complete, self-contained, compiled, without raw markup."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from symrnn.language import Layout
from symrnn.sheets.building import sheet_folders
from symrnn.sheets.content import Solution
from symrnn.sheets.html_page import html_page
from symrnn.sheets.latex_document import latex_document
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet
from symrnn.sheets.text_blocks import TextWriter

VOID = {"meta", "br", "wbr", "input", "line", "img", "hr", "link"}


class Reader(HTMLParser):
    """Collects ids, links and text; notes what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.loads: list[str] = []
        self.unbalanced: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        self.loads += [str(given[key]) for key in ("src", "data") if key in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_page_is_whole_and_needs_nothing_else(solution: Solution) -> None:
    page = html_page(solution)
    found = read(page)
    assert found.unbalanced == []
    assert found.open == []
    assert found.loads == []
    assert "@import" not in page
    assert "url(http" not in page
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", page))
    assert addresses <= {"http://www.w3.org/1998/Math/MathML", "http://www.w3.org/2000/svg"}


def test_every_id_is_there_once_and_every_link_leads_somewhere(solution: Solution) -> None:
    found = read(html_page(solution))
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


@pytest.mark.parametrize("name", sheet_folders())
def test_no_raw_markup_is_left(name: str) -> None:
    solution = solve(read_sheet(sheet_folders()[name]))
    for shown in (" ".join(read(html_page(solution)).words), TextWriter(solution.style).sheet(solution)):
        assert "`" not in shown
        assert "**" not in shown
        assert "@ " not in re.sub(r"The mistake:.*?\n\n", "", shown, flags=re.DOTALL) or "@ of" in shown


def test_every_question_shows_statement_answer_and_claims(solution: Solution) -> None:
    page = html_page(solution)
    for question in solution.questions:
        assert question.statement
        assert question.answer
        for claim in question.claims:
            assert f'id="claim-{claim.id}"' in page


def test_both_layouts_are_in_the_page_and_one_alone_on_request() -> None:
    file = read_sheet(sheet_folders()["eth"])
    page = html_page(solve(file))
    assert 'id="layout-switch"' in page
    assert page.count('class="derivation in-numerator"') == page.count('class="derivation in-denominator"') > 5
    alone = html_page(solve(file, Layout.DENOMINATOR))
    assert 'id="layout-switch"' not in alone
    assert "numerator layout, 1×" not in alone


@pytest.mark.tex
def test_the_document_compiles_and_no_line_is_too_long(solution: Solution, pdflatex: str, tmp_path: Path) -> None:
    (tmp_path / "sheet.tex").write_text(latex_document(solution), encoding="utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    # A quarter of a millimetre is not seen by anybody.
    widths = [float(w) for w in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]
    assert [w for w in widths if w > 0.75] == []
    assert "Missing character" not in done.stdout


def test_the_document_asks_for_the_plain_set_of_packages_only(eth: Solution) -> None:
    asked = set()
    for group in re.findall(r"\\usepackage(?:\[[^]]*\])?\{([^}]*)\}", latex_document(eth)):
        asked |= set(group.split(","))
    assert asked <= {
        "fontenc", "inputenc", "lmodern", "amsmath", "amssymb", "mathtools", "bm", "geometry", "array", "booktabs",
        "xcolor", "microtype", "tikz", "hyperref",
    }  # fmt: skip
    assert "\\IfFileExists{tikz.sty}{\\usepackage{tikz}}{}" in latex_document(eth)


def test_the_text_fits_a_page(solution: Solution) -> None:
    lines = TextWriter(solution.style).sheet(solution).splitlines()
    too_long = [line for line in lines if len(line) > 120]
    assert len(too_long) <= len(lines) // 100, too_long[:5]


def test_the_footer_says_how_everything_was_checked(solution: Solution) -> None:
    text = TextWriter(solution.style).blocks(solution.footer)
    for told in ("seed 0", "τ =", "Largest relative error", "symrnn", "NumPy"):
        assert told.lower() in " ".join(text.split()).lower()
    error = float(re.search(r"Largest relative error: ([\d.e+-]+?)\.? ", " ".join(text.split())).group(1))
    assert error < 1e-6
