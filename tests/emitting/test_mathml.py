"""MathML: well-formed, of the core elements alone, shown by a browser without errors or overlaps."""

from __future__ import annotations

import html
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.emitting.boxes import Mark
from symrnn.emitting.mathml import NAMESPACE, to_mathml, to_mathml_flow
from symrnn.emitting.style import PRESETS, Style
from symrnn.language import (
    SCALAR,
    Formula,
    Index,
    Jacobian,
    Layout,
    Node,
    Part,
    Role,
    Sum,
    Variable,
    build,
)

CORE = set("math mrow mi mn mo msub msup msubsup mover munderover mfrac msqrt mtable mtr mtd".split())  # noqa: SIM905
ARITY = {"msub": 2, "msup": 2, "msubsup": 3, "mover": 2, "munderover": 3, "mfrac": 2}

n, t, tau, ONE = Index.of("n"), Index.of("t"), Index.of("tau"), Index.of(1)
W = Variable("W", Role.PARAMETER, (n, n))
L = Variable("L", Role.LOSS, SCALAR)
h = Variable("h", Role.COMPUTED, (n, ONE), t)


def check_core(markup: str) -> None:
    """Namespaces, element names and the number of children that each demands."""
    root = ElementTree.fromstring(markup)
    for element in root.iter():
        namespace, _, name = element.tag[1:].partition("}")
        assert namespace == NAMESPACE
        assert name in CORE
        assert name not in ARITY or len(element) == ARITY[name], markup
        if name in ("mi", "mn", "mo"):
            assert len(element) == 0
            assert element.text


@pytest.mark.parametrize("style", [*PRESETS.values(), Style(immediate="bar", hats="wide", total="d")], ids=str)
def test_every_formula_is_of_the_core_set(style: Style, bank: dict[str, Node]) -> None:
    for node in bank.values():
        check_core(to_mathml(node, style))
        for part in to_mathml_flow(node, style).replace("<br>", "<wbr>").split("<wbr>"):
            check_core(part)


@given(data=st.data())
def test_random_formulas_are_of_the_core_set(data: st.DataObject, expressions: st.SearchStrategy[Node]) -> None:
    check_core(to_mathml(data.draw(expressions)))


def recursion(bank: dict[str, Node]) -> Formula:
    lam = Variable("lam", Role.PART, (ONE, n), t)
    return Formula(Sum(build.matmul(h, lam), "t", ONE, tau), (Part("lam", t, build.matmul(lam.at(t + 1), W)),), L, W)


def test_a_formula_is_a_table(bank: dict[str, Node]) -> None:
    markup = to_mathml(recursion(bank))
    check_core(markup)
    assert markup.count("<mtr>") == 2


def test_the_hook_marks_derivatives_and_terms() -> None:
    first, second = Jacobian(L, h, Layout.NUMERATOR), Jacobian(L, W, Layout.NUMERATOR)
    terms = build.add(build.matmul(first, h), build.matmul(first, W, h))

    def attributes(mark: Mark) -> Mapping[str, str] | None:
        if mark.kind == "derivative":
            return {"class": "derivative", "data-by": mark.node.args[1].name}
        return {"id": f"term-{mark.position}", "data-x": '"<&'} if mark.node in terms.args[0] else None

    markup = to_mathml(terms, attributes=attributes)
    root = ElementTree.fromstring(markup)
    assert [e.get("id") for e in root.iter() if e.get("id")] == ["term-0", "term-1"]
    assert [e.get("data-by") for e in root.iter() if e.get("class") == "derivative"] == ["h", "h"]
    assert {e.get("data-x") for e in root.iter()} == {None, '"<&'}
    assert "data" not in to_mathml(second)


def test_a_long_formula_flows_in_pieces_that_keep_their_marks(bank: dict[str, Node]) -> None:
    long = build.add(*[bank["closed"].body.body] * 3)  # type: ignore[attr-defined]
    markup = to_mathml_flow(long, attributes=lambda mark: {"data-term": str(mark.position)})
    parts = markup.split("<wbr>")
    assert len(parts) >= 3
    for position in range(3):
        assert any(f'data-term="{position}"' in part for part in parts)


PROBE = """
<script>
addEventListener("load", () => {
  const boxes = e => [...e.querySelectorAll("mi,mn,mo")]
    .filter(x => x.textContent.trim() && !"\\u2061\\u2062".includes(x.textContent))
    .map(x => [x.textContent, x.getBoundingClientRect()]);
  const report = [...document.querySelectorAll("section")].map(section => {
    const found = boxes(section), overlaps = [];
    for (let i = 0; i < found.length; i++) for (let j = i + 1; j < found.length; j++) {
      const [a, b] = [found[i][1], found[j][1]];
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const small = Math.min(a.width * a.height, b.width * b.height);
      if (x > 1 && y > 1 && x * y > 0.5 * small) overlaps.push(found[i][0] + " " + found[j][0]);
    }
    return {name: section.id, text: section.textContent, overlaps,
      errors: section.querySelectorAll("merror").length,
      empty: found.filter(f => f[1].width <= 0 || f[1].height <= 0).map(f => f[0]),
      wide: Math.max(...found.map(f => f[1].right)), page: document.documentElement.clientWidth};
  });
  document.title = JSON.stringify(report);
});
</script>
"""


def look(chromium: str, sections: Mapping[str, str], folder: Path, width: int = 1000) -> list[dict[str, object]]:
    """What a browser says about each section of a page."""
    body = "".join(f'<section id="{html.escape(name)}">{markup}</section>' for name, markup in sections.items())
    page = folder / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><title>-</title>{body}{PROBE}', "utf-8")
    run = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},800", "--dump-dom",
         f"--user-data-dir={folder / 'profile'}", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(.*?)</title>", run.stdout, re.S)
    assert found, run.stdout[:500]
    return json.loads(html.unescape(found[1]))


@pytest.mark.browser
def test_a_browser_shows_every_formula(chromium: str, tmp_path: Path, bank: dict[str, Node]) -> None:
    sections = {
        f"{name} ({style})": to_mathml(node, style)
        for style in (Style(), PRESETS["goodfellow"])
        for name, node in bank.items()
    }
    sections["formula"] = to_mathml(recursion(bank))
    report = look(chromium, sections, tmp_path)
    assert len(report) == len(sections)
    for seen in report:
        assert not seen["errors"], seen
        assert not seen["overlaps"], seen
        assert not seen["empty"], seen
    texts = {str(seen["name"]): str(seen["text"]) for seen in report}
    assert texts["cell (plain)"].replace("\u2062", "") == "b+Wht−1+Uxt"


@pytest.mark.browser
def test_a_narrow_page_breaks_long_formulas(chromium: str, tmp_path: Path, bank: dict[str, Node]) -> None:
    long = build.add(*[bank["closed"].body.body] * 3)  # type: ignore[attr-defined]
    factors = build.matmul(*[build.subtract(build.diag(bank["gates"]), bank["slope"])] * 5)
    # A headless window is at least 500 pixels wide, so the phone's width is an element's.
    sections = {
        name: f'<div style="width:340px;font-size:16px">{to_mathml_flow(node)}</div>'
        for name, node in {"long": long, "factors": factors, "chain": bank["chain"]}.items()
    }
    for seen in look(chromium, sections, tmp_path):
        assert not seen["overlaps"], seen
        assert isinstance(seen["wide"], float | int)
        assert seen["wide"] <= 340 + 8 + 1, seen
