"""Styles are read from key=value with clear errors; each has what it says."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from symrnn.emitting.style import CHOICES, PLAIN, PRESETS, Style, parse_style, style_from_pairs
from symrnn.errors import ReadingError, UnknownNameError


def test_every_key_is_a_field_and_every_default_a_value() -> None:
    assert [f.name for f in fields(Style)] == list(CHOICES)
    assert all(f.default in CHOICES[f.name] for f in fields(Style))


@pytest.mark.parametrize(
    ("key", "spelling", "value"),
    [(key, s, value) for key, values in CHOICES.items() for value, more in values.items() for s in (value, *more)],
)
def test_every_spelling_means_its_value(key: str, spelling: str, value: str) -> None:
    assert getattr(parse_style(f"{key}={spelling}"), key) == value


def test_a_preset_is_a_starting_point() -> None:
    assert parse_style("goodfellow, transpose='") == style_from_pairs(
        [("preset", "goodfellow"), ("transpose", "prime")]
    )
    assert parse_style("letters=bold", PRESETS["magnus"]).transpose == "prime"
    assert parse_style("") == PLAIN


@pytest.mark.parametrize(
    ("text", "error", "expected"),
    [
        ("transpos=T", UnknownNameError, 'Did you mean "transpose"?'),
        ("transpose=topp", UnknownNameError, 'Did you mean "top"?'),
        ("time=0", UnknownNameError, "Choose one of: subscript, superscript."),
        ("goodfelow", UnknownNameError, 'Did you mean "goodfellow"?'),
        ("letters=", ReadingError, "key=value"),
        ("=bold", ReadingError, "key=value"),
    ],
)
def test_a_mistake_names_the_way_out(text: str, error: type[Exception], expected: str) -> None:
    with pytest.raises(error) as caught:
        parse_style(text)
    assert expected in str(caught.value)


def test_a_style_is_a_value() -> None:
    assert Style(transpose="⊤") == Style()
    with pytest.raises(FrozenInstanceError):
        Style().letters = "bold"  # type: ignore[misc]
    with pytest.raises(UnknownNameError):
        Style(letters="loud")


def test_a_style_says_what_it_changes() -> None:
    for style in PRESETS.values():
        assert parse_style(str(style)) == style


def test_the_page_about_notation_names_every_key_value_and_preset() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notation.md").read_text("utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert list(rows) == list(CHOICES)
    assert all(f"`{value}`" in rows[key] for key, values in CHOICES.items() for value in values)
    assert all(f"`{name}`" in page for name in PRESETS)
