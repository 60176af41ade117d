"""The pages that show commands and sessions show what they do now."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(p for p in [ROOT / "README.md", *ROOT.glob("docs/*.md")] if "```console" in p.read_text("utf-8"))
SESSIONS = sorted(p for p in [ROOT / "README.md", *ROOT.glob("docs/*.md")] if ">>> " in p.read_text("utf-8"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def fill_examples():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("fill_examples", ROOT / "docs" / "fill_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_rounding(text: str) -> list[str]:
    """The lines with rounding errors, which differ from machine to machine, left out."""
    plain = re.sub(r"\d\.\de[-+]\d\d", "(error)", text)
    return [re.sub(r" +", " ", line) for line in plain.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(page: Path) -> None:
    text = page.read_text("utf-8")
    message = f"run: python docs/fill_examples.py {page.relative_to(ROOT)}"
    assert without_rounding(fill_examples().filled(text)) == without_rounding(text), message


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.name)
def test_sessions_give_what_the_page_shows(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")]), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), target
