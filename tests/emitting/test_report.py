"""Derivations told in every format: whole documents compile, pages show, ranges and left sides are right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from symrnn.api import Derivation, derive
from symrnn.calculus.steps import TimeSpan
from symrnn.emitting import report_html, report_latex, report_pretty, report_text
from symrnn.emitting.report import asked, chains, continues
from symrnn.emitting.report_latex import prose
from symrnn.language import Entry, Index, Layout, Vec

QUESTIONS = [
    ("elman", "L", "W"),
    ("elman", "h[t]", "W"),
    ("lstm", "L", "W_f"),
    ("lstm", "concat(h[t], c[t])", "concat(h[t-1], c[t-1])"),
    ("bidirectional", "L", "U_b"),
    ("delta_rule", "L", "W_k"),
    ("counter", "L", "w2"),
]


def derivation(cell: str, of: str, wrt: str, layout: Layout = Layout.NUMERATOR) -> Derivation:
    return derive(cell, of, wrt, form="all", tau=2, layout=layout)


@pytest.mark.tex
@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.value)
@pytest.mark.parametrize(("cell", "of", "wrt"), QUESTIONS, ids=lambda text: text)
def test_a_whole_derivation_compiles_and_stays_on_the_page(
    pdflatex: str, tmp_path: Path, cell: str, of: str, wrt: str, layout: Layout
) -> None:
    source = tmp_path / "derivation.tex"
    source.write_text(derivation(cell, of, wrt, layout).latex_report(whole=True), "utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=tmp_path, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    log = done.stdout.decode("latin-1")
    assert done.returncode == 0, log[-2000:]
    assert source.with_suffix(".pdf").exists()
    too_wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(too_wide, default=0.0) < 12.0
    assert "Missing character" not in log


@pytest.mark.browser
def test_a_page_opens_and_its_formulas_are_mathematics(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(derivation("elman", "L", "W").html(whole=True), "utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    dom = done.stdout.decode()
    assert dom.count("<math") > 20
    assert "parsererror" not in dom


@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.value)
@pytest.mark.parametrize(("cell", "of", "wrt"), QUESTIONS, ids=lambda text: text)
def test_every_format_tells_every_step_and_form(cell: str, of: str, wrt: str, layout: Layout) -> None:
    found = derivation(cell, of, wrt, layout)
    report = found.report(steps=True)
    for told in (report_pretty.text(report), report_text.text(report), report_html.text(report)):
        for step in found.steps:
            assert step.rule in told
        for form in found.forms:
            assert form in told
    latex = report_latex.text(report)
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}") == len(found.steps) + len(found.forms)
    assert latex.count(r"\paragraph{") == len(found.steps)


def test_a_form_is_claimed_of_what_it_is_the_derivative_of() -> None:
    found = derivation("elman", "h[t]", "U")
    derived = found.derived
    of, by = asked(derived, found.form("index"))
    assert isinstance(of, Entry)
    assert isinstance(by, Entry)
    assert len(by.args[1]) == 2
    assert isinstance(asked(derived, found.form("vec"))[1], Vec)
    assert isinstance(asked(derived, found.form("recursion"))[1], Vec)
    assert asked(derived, found.form("chain")) == (found.of, found.wrt)


def test_steps_that_go_on_do_not_repeat_their_left_side() -> None:
    found = derivation("elman", "L", "W")
    pairs = list(zip(found.steps, found.steps[1:], strict=False))
    going_on = [later for earlier, later in pairs if continues(later, earlier)]
    assert going_on
    text = report_text.text(found.report(steps=True))
    for step in going_on:
        block = next(b for b in text.split("\n\n") if f", {step.rule} (" in b and step.reason in b)
        assert block.count("#     ") == 0


def test_ranges_are_joined_where_one_ends_at_the_other() -> None:
    one, two, t, tau = Index.of(1), Index.of(2), Index.of("t"), Index.of("tau")
    joined = chains([TimeSpan("k", one, t), TimeSpan("t", one, tau)])
    assert [str(index) for index in joined[0]] == ["1", "k", "t", "tau"]
    apart = chains([TimeSpan("k", one, t), TimeSpan("t", two, tau)])
    assert len(apart) == 2
    assert chains([]) == ()


@pytest.mark.parametrize(
    ("sentence", "latex"),
    [
        ("1ᵀy = 1", r"1$^{\top}$y = 1"),
        ("by s_{t−1} and s_t", "by $s_{t-1}$ and $s_{t}$"),
        ("dθ ≤ τ", r"d$\theta$ $\le$ $\tau$"),
        ("50% of W_hh", r"50\% of $W_{hh}$"),
        ("ŷ² ⊗ ∂⁺L", r"$\hat{y}$$^{2}$ $\otimes$ $\partial^{+}$L"),
        ("ρ(J) < 1 — “so” … it’s", r"$\rho$(J) < 1 --- ``so'' \dots{} it's"),
    ],
)
def test_sentences_are_set_in_latex(sentence: str, latex: str) -> None:
    assert prose(sentence) == latex
    assert prose(sentence).isascii()
