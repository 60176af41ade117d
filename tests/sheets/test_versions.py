"""Versions of a sheet from one file: for students, with other numbers, as a rubric; and what is built again."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from symrnn.cli import FINE, main
from symrnn.sheets import building
from symrnn.sheets.building import RECORD, build_all, sheet_folders
from symrnn.sheets.content import Derived, Equalities, Notice, Solution, Space
from symrnn.sheets.html_page import html_page
from symrnn.sheets.rubric import rubric
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet
from symrnn.sheets.starting import start_sheet
from symrnn.sheets.student import student_version
from symrnn.sheets.text_blocks import TextWriter
from symrnn.sheets.variants import varied


def test_students_get_questions_and_no_answers(solution: Solution) -> None:
    handed_out = student_version(solution)
    assert [q.id for q in handed_out.questions] == [q.id for q in solution.questions]
    for before, after in zip(solution.questions, handed_out.questions, strict=True):
        assert after.statement == before.statement
        assert all(isinstance(block, Space) for block in after.answer)
        assert after.claims == ()
    page = html_page(handed_out)
    assert 'class="derivation' not in page
    assert 'class="claim' not in page
    assert 'id="errata"' not in page


def test_the_rubric_holds_answers_that_the_checker_calls_correct(eth: Solution) -> None:
    from symrnn.api.checking import check

    folder = sheet_folders()["eth"]
    judged = 0
    for question in rubric(eth)["questions"]:
        for asked in question["formulas"]:
            cell = folder / f"{asked['cell']}.cell"
            answer = asked["answers"].get("closed") or asked["answers"].get("recursion")
            if not cell.is_file() or answer is None:
                continue
            found = check(cell, answer, asked["of"], asked["wrt"], layout=asked["layout"], explain=False)
            assert found.verdict == "correct", (question["id"], answer)
            judged += 1
    assert judged >= 8


def test_the_rubric_is_json(solution: Solution) -> None:
    found = json.loads(json.dumps(rubric(solution)))
    assert [q["id"] for q in found["questions"]] == [q.id for q in solution.questions]
    assert all(q["points"] > 0 for q in found["questions"])


VALUES = {"V": -3, "W": 3, "h[0]": 0, "x": [2, "3/2", 1], "C": [["0.2", "0.1"], ["0.2", "0.5"]], "d": [[0], [1], [0]]}


def flat(value: object) -> list[Fraction]:
    if isinstance(value, dict):
        return [n for v in value.values() for n in flat(v)]
    return [n for v in value for n in flat(v)] if isinstance(value, list) else [Fraction(str(value))]


@pytest.mark.parametrize("seed", range(20))
def test_a_variant_has_other_numbers_of_the_same_kind(seed: int) -> None:
    other = varied(VALUES, seed)
    assert other == varied(VALUES, seed)
    for a, b in zip(flat(VALUES), flat(other), strict=True):
        assert (a > 0) - (a < 0) == (b > 0) - (b < 0)
        assert b.denominator in (a.denominator, 1) or a.denominator % b.denominator == 0
        assert abs(b.numerator) <= max(9, abs(a.numerator))


def test_variants_differ() -> None:
    assert len({str(varied(VALUES, seed)) for seed in range(20)}) > 15
    assert varied(VALUES, 3, keep=("V",))["V"] == -3


def numbers(solution: Solution) -> list[str]:
    writer = TextWriter(solution.style)
    return [writer.block(b) for q in solution.questions for b in (*q.statement, *q.answer) if isinstance(b, Equalities)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_variant_of_a_sheet_is_solved_with_its_own_numbers(seed: int) -> None:
    file = read_sheet(sheet_folders()["tum"])
    original, variant = solve(file), solve(file, variant=seed)
    assert [q.id for q in variant.questions] == [q.id for q in original.questions]
    assert numbers(variant) != numbers(original)
    assert not any(q.claims for q in variant.questions)
    assert "Variant" in TextWriter(variant.style).sheet(variant)


def test_a_second_run_builds_only_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Somebody may be working on the package while the tests run.
    monkeypatch.setattr(building, "_program_files", list)
    sheets, target = tmp_path / "sheets", tmp_path / "made"
    for name in ("one", "two"):
        start_sheet(name, sheets)
    assert sorted(build_all(target, sheets, workers=1)[0]) == ["one", "two"]
    before = (target / "two.html").stat().st_mtime_ns
    assert build_all(target, sheets, workers=1)[0] == []
    changed = sheets / "one" / "sheet.toml"
    changed.write_text(changed.read_text(encoding="utf-8").replace("points = 4", "points = 5"), encoding="utf-8")
    assert build_all(target, sheets, workers=1)[0] == ["one"]
    (target / "two.txt").unlink()
    assert build_all(target, sheets, workers=1)[0] == ["two"]
    assert (target / "two.html").stat().st_mtime_ns > before
    (target / RECORD).write_text("{", encoding="utf-8")
    assert len(build_all(target, sheets, workers=1)[0]) == 2


def test_the_command_makes_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_sheet("one", tmp_path)
    folder = str(tmp_path / "one")
    for ending, begins in (
        ("html", b"<!DOCTYPE html>"),
        ("tex", b"\\documentclass"),
        ("txt", b"one\n==="),
        ("json", b"{"),
    ):
        path = tmp_path / f"one.{ending}"
        assert main(["sheet", folder, "-o", str(path)]) == FINE
        assert path.read_bytes().startswith(begins)
    assert main(["sheet", folder, "--student"]) == FINE
    assert "1a The gradient" in capsys.readouterr().out
    assert main(["sheet", "--list"]) == FINE
    assert "eth" in capsys.readouterr().out


def test_later_answers_quote_earlier_ones(eth: Solution) -> None:
    """As the exercise invites: nothing is derived twice before the reader's eyes."""
    known = [
        earlier
        for question in eth.questions
        for block in question.answer
        if isinstance(block, Derived)
        for steps in block.known
        for earlier in steps
        if earlier is not None
    ]
    assert {"2.4a", "2.4c"} <= set(known)
    first = next(q for q in eth.questions if q.id == "2.4a")
    assert all(e is None for b in first.answer if isinstance(b, Derived) for steps in b.known for e in steps)


def test_what_is_reconstructed_is_marked(eth: Solution) -> None:
    notices = [block for part in eth.parts for block in part.text if isinstance(block, Notice)]
    assert [notice.kind for notice in notices] == ["reconstructed"]
