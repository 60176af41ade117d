"""Kinds of claims and answers, each with a print that is right, one that is wrong, and one that can't be judged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from symrnn.errors import CheckFailedError, SymrnnError
from symrnn.sheets.answers_numbers import bigram_entries, bigram_likelihood
from symrnn.sheets.content import Answered
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet

SHEET = """
title = "One question"
cell = "cell.cell"

[[section]]
id = "1"

[[question]]
id = "q"
section = "1"
text = "What?"
"""

CELL = """
cell   small
size   n, m
param  W[n,n], U[n,m]
input  x[m]
target y[n]
state  h[n]

h[t]   = tanh(W @ h[t-1] + U @ x[t])
L[t]   = norm2(h[t] - y[t])
loss L = sum(L[t], t)
"""

TEXT = '[[question.answer]]\nkind = "text"\ntext = "This."\n'


def question(folder: Path, blocks: str) -> Answered:
    """The one question of a sheet, solved."""
    (folder / "sheet.toml").write_text(SHEET + blocks, encoding="utf-8")
    (folder / "cell.cell").write_text(CELL, encoding="utf-8")
    return solve(read_sheet(folder)).questions[0]


def verdict(folder: Path, claim: str) -> str:
    """The verdict on one claim."""
    block = f'[[question.claim]]\nid = "c"\nprinted = "it"\n{claim}\n'
    return question(folder, TEXT + block).claims[0].verdict


CLAIMS = [
    ('shapes = { W = "2x2", U = "2×3" }\nsizes = { n = 2, m = 3 }', "correct"),
    ('shapes = { W = "2×2", U = "3×2" }\nsizes = { n = 2, m = 3 }', "wrong"),
    ('depends = true\nof = "L"\nwrt = "x[t]"\non = "U"', "correct"),
    ('depends = false\nof = "L"\nwrt = "x[t]"\non = "U"', "wrong"),
    ('terms = 6\nof = "L"\nwrt = "W"\ntau = 3', "correct"),
    ('terms = 3\nof = "L"\nwrt = "W"\ntau = 3', "wrong"),
    ('text = "a b"\nbigrams = [["0.33", "0.66"], ["0.5", "0.5"]]\ndigits = 2', "correct"),
    ('text = "a b"\nbigrams = [["0.33", "0.5"], ["0.66", "0.5"]]\ndigits = 2', "transposed"),
    ('text = "a b"\nbigrams = [["0", "1"], ["0.5", "0.5"]]\ndigits = 2', "wrong"),
    ('text = "a b"\nlikelihood = "b a"\nresult = "1/2"', "correct"),
    ('text = "a b"\nlikelihood = "b a"\nresult = "1/4"', "wrong"),
]


@pytest.mark.parametrize(("claim", "right"), CLAIMS)
def test_claims_are_judged(tmp_path: Path, claim: str, right: str) -> None:
    assert verdict(tmp_path, claim) == right


READINGS = """of = "h[t]"
wrt = "W"
readings = [
  {{ name = "total", formula = "sum(D(h[t], h[k]) @ D(h[k], W), k, 1, t)" }},
  {{ name = "other", formula = "sum(D(h[t], h[k]) @ {}(h[k], W), k, 1, t)" }},
]"""


@pytest.mark.parametrize(("last", "right"), [("Dplus", "assumption"), ("D", "wrong")])
def test_a_print_with_two_readings(tmp_path: Path, last: str, right: str) -> None:
    assert verdict(tmp_path, READINGS.format(last)) == right


LINE = '[[question.answer]]\nkind = "indices"\ntable = true\nlines = [["{}", "{}", "{}"]]\n'


def test_a_line_in_index_notation_shows_its_letters(tmp_path: Path) -> None:
    line = LINE.format("L[t]", "h[t-1][j]", "D(L[t], h[t][i]) * (1 - h[t][i]**2) * W[i,j]")
    table = question(tmp_path, line).answer[-1]
    assert [span.text for prose in table.rows[0][1:3] for span in prose] == ["j", "i"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("D(L[t], h[t][i]) * (1 - h[t][i]**2) * W[i,k]", "j"),
        ("2 * D(L[t], h[t][i]) * (1 - h[t][i]**2) * W[i,j]", "is scaled"),
        ("D(L[t], h[t][i]) * (1 - h[t][i]**2) * W[j,i]", "is assumption"),
    ],
)
def test_a_line_that_does_not_hold(tmp_path: Path, formula: str, told: str) -> None:
    with pytest.raises(SymrnnError, match=told):
        question(tmp_path, LINE.format("L[t]", "h[t-1][j]", formula))


@pytest.mark.parametrize("formula", ["W[i,j] * h[t-1][j] + h[t-1][k]", "W[i,j] * h[t-1][k]"])
def test_a_letter_that_stands_alone_is_found_by_counting(tmp_path: Path, formula: str) -> None:
    with pytest.raises(CheckFailedError, match=r"index \w"):
        question(tmp_path, LINE.format("L[t]", "h[t][i]", formula))


def test_an_equality_with_a_missing_slope_fails(tmp_path: Path) -> None:
    """The unit is on with some numbers and off with others, so the slope cannot hide."""
    cell = CELL.replace("tanh", "relu")
    (tmp_path / "relu.cell").write_text(cell, encoding="utf-8")
    line = (
        '[[question.answer]]\nkind = "equalities"\ncell = "relu.cell"\nlines = [["D(h[t], h[t-1]) = W", "No slope."]]\n'
    )
    with pytest.raises(CheckFailedError, match="does not hold"):
        question(tmp_path, line)


def test_bigram_tables_have_distributions_as_rows() -> None:
    entries = bigram_entries(["the", "cat", "saw", "the", "dog"])
    assert all(sum(row) == 1 for row in entries)
    assert entries[0] == [Fraction(1, 6), Fraction(1, 3), Fraction(1, 6), Fraction(1, 3)]
    assert bigram_likelihood(["the", "cat"], ["the", "cat", "saw", "the", "dog"]) == Fraction(1, 3)
