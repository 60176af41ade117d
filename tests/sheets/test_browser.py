"""A page in a real browser: the layout switch, folding, pointing at a term; at a desk's and at a phone's width."""

from __future__ import annotations

import json
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from symrnn.sheets.content import Solution
from symrnn.sheets.html_page import html_page
from symrnn.sheets.pdf import pdf_of_html

pytestmark = pytest.mark.browser

SCRIPT = """
<pre id="seen"></pre><script>
addEventListener("load", () => {
  const seen = {};
  const shows = (element) => element.getClientRects().length > 0;
  const count = (selector) => [...document.querySelectorAll(selector)].filter(shows).length;
  seen.before = [count(".derivation.in-numerator"), count(".derivation.in-denominator")];
  document.querySelector('#layout-switch input[value="denominator"]').click();
  seen.after = [count(".derivation.in-numerator"), count(".derivation.in-denominator")];
  seen.answer = [...document.querySelectorAll("#q-2-4a .derivation .result")].filter(shows)
    .map((e) => e.textContent).join("");
  document.querySelector('#layout-switch input[value="numerator"]').click();
  const details = [...document.querySelectorAll("details.steps")].find(shows);
  const height = () => details.getBoundingClientRect().height;
  const open = height();
  details.querySelector("summary").click();
  seen.folded = height() < open;
  details.querySelector("summary").click();
  document.getElementById("fold").click();
  seen.folded_all = count("details.steps[open]");
  document.getElementById("fold").click();
  const term = [...document.querySelectorAll(".term")].filter(shows)[1];
  const figure = term.closest("figure");
  const lit = () => [...figure.querySelectorAll(".edge.lit")].map((e) => e.dataset.edge).sort();
  seen.lit_before = lit();
  term.dispatchEvent(new PointerEvent("pointerenter"));
  seen.lit = lit();
  seen.meant = term.dataset.ids.split(" ").filter((id) => id.includes("--")).sort();
  const edge = figure.querySelector(".edge.lit");
  seen.width = parseFloat(getComputedStyle(edge).strokeWidth);
  term.dispatchEvent(new PointerEvent("pointerleave"));
  seen.lit_after = lit();
  seen.dark_before = getComputedStyle(document.body).backgroundColor;
  document.getElementById("theme").click();
  seen.dark = getComputedStyle(document.body).backgroundColor;
  location.hash = document.querySelector(".derivation.in-denominator .steps li").id;
  setTimeout(() => {
    seen.followed = document.documentElement.dataset.layout;
    seen.sideways = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    seen.cut = [...document.querySelectorAll(".formula")].filter(shows)
      .filter((e) => e.scrollWidth > e.clientWidth + 1).length;
    seen.formulas = count(".formula");
    document.getElementById("seen").textContent = JSON.stringify(seen);
  }, 50);
});
</script>
"""


def look(chromium: str, page: str, folder: Path, width: int) -> dict[str, Any]:
    """What a browser of this width sees; narrower than 500 px it is a frame, since windows are not."""
    path = folder / "page.html"
    path.write_text(page.replace("</body>", f"{SCRIPT}</body>"), encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
         f"--user-data-dir={folder}/profile", "--virtual-time-budget=8000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    text = done.stdout.partition('<pre id="seen">')[2].partition("</pre>")[0]
    return dict(json.loads(unescape(text)))


@pytest.fixture(scope="module")
def seen(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from symrnn.sheets.building import sheet_folders
    from symrnn.sheets.solving import solve
    from symrnn.sheets.source import read_sheet

    page = html_page(solve(read_sheet(sheet_folders()["eth"])))
    return look(chromium, page, tmp_path_factory.mktemp("page"), 1280)


def test_the_switch_shows_one_layout_at_a_time(seen: dict[str, Any]) -> None:
    shown, hidden = seen["before"]
    assert shown > 5
    assert hidden == 0
    assert seen["after"] == [0, shown]
    assert "ŷ" in seen["answer"] or "y" in seen["answer"]
    assert "⊤" not in seen["answer"]


def test_steps_fold(seen: dict[str, Any]) -> None:
    assert seen["folded"]
    assert seen["folded_all"] == 0


def test_pointing_at_a_term_lights_its_path(seen: dict[str, Any]) -> None:
    assert seen["lit_before"] == []
    assert len(seen["lit"]) > 2
    assert seen["lit"] == seen["meant"]
    assert seen["width"] > 2
    assert seen["lit_after"] == []


def test_light_and_dark(seen: dict[str, Any]) -> None:
    assert seen["dark_before"] == "rgb(255, 255, 255)"
    assert seen["dark"] != seen["dark_before"]


def test_a_link_to_a_step_shows_the_step(seen: dict[str, Any]) -> None:
    assert seen["followed"] == "denominator"


def test_nothing_is_cut_at_a_desk(seen: dict[str, Any]) -> None:
    assert seen["sideways"] <= 0
    assert seen["cut"] == 0
    assert seen["formulas"] > 50


FRAME = """<!DOCTYPE html><body style="margin:0"><pre id="seen"></pre>
<iframe src="page.html" style="width:390px;height:800px;border:0"></iframe><script>
addEventListener("load", () => setTimeout(() => {
  const inside = document.querySelector("iframe").contentDocument;
  const seen = { sideways: inside.documentElement.scrollWidth - inside.documentElement.clientWidth };
  const shown = [...inside.querySelectorAll(".formula")].filter((e) => e.getClientRects().length);
  seen.cut = shown.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 60));
  seen.formulas = shown.length;
  document.getElementById("seen").textContent = JSON.stringify(seen);
}, 200));
</script></body>"""


def test_nothing_is_cut_on_a_phone(solution: Solution, chromium: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(html_page(solution), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=8000", "--dump-dom",
         (tmp_path / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    text = done.stdout.partition('<pre id="seen">')[2].partition("</pre>")[0]
    found = json.loads(unescape(text))
    assert found["formulas"] > 10
    assert found["sideways"] <= 0
    # What cannot be broken scrolls in its own line; that must be rare.
    assert len(found["cut"]) <= found["formulas"] // 25, found["cut"]


def test_a_browser_makes_the_pdf_where_tex_is_missing(solution: Solution, chromium: str, pdftotext: str) -> None:
    made = pdf_of_html(html_page(solution))
    assert made.startswith(b"%PDF")
    shown = subprocess.run([pdftotext, "-layout", "-", "-"], input=made, capture_output=True, check=True).stdout
    text = " ".join(shown.decode("utf-8", "replace").split())
    assert " ".join(solution.questions[0].title.split()[:2]) in text
    assert "Fold all steps" not in text
