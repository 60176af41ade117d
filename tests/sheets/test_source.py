"""Mistakes in a sheet file: each gives the file, the line and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from symrnn.cli import BAD_INPUT, FINE, main
from symrnn.errors import CheckFailedError, SymrnnError
from symrnn.sheets.building import build_all
from symrnn.sheets.solving import solve
from symrnn.sheets.source import read_sheet
from symrnn.sheets.starting import start_sheet

MISTAKES = {
    "unknown cell": ('cell = "my_cell.cell"', 'cell = "elmann"', "elman"),
    "formula that does not parse": ("`D(L, W)`", "`D(L, W`", "cannot be read"),
    "formula of unknown names": ("`D(L, W)`", "`D(L, Q)`", "Q"),
    "question without wrt": ('wrt = "W"\n', "", "wrt"),
    "unknown kind": ('kind = "derivation"', 'kind = "derivatoin"', "derivation"),
    "unknown key of a question": ('title = "One step back"', 'titel = "One step back"', "title"),
    "unknown section": ('section = "1"\ntitle = "The', 'section = "2"\ntitle = "The', "section"),
    "unknown layout": ('layout = "numerator"', 'layout = "numeratr"', "numerator"),
    "question twice": ('id = "1b"', 'id = "1a"', "twice"),
    "unknown style": ('style = ""', 'style = "letters=bald"', "bold"),
    "unknown form": ('forms = ["closed", "recursion"]', 'forms = ["closd"]', "closed"),
    "not TOML": ("[[section]]", "[[section", "TOML"),
    "sizes that do not fit": ("diag(1 - h[t]**2) @ W", "diag(1 - h[t]**2) @ U", "n"),
    "question without an answer": ('[[question.answer]]\nkind = "equalities"', "[[question.note]]", "note"),
    "claim with nothing to judge": ('formula = "diag(1 - h[t-1]**2) @ W"\n', "", "judge"),
    "unknown key of a claim": ('expect = "wrong"', 'expects = "wrong"', "expect"),
}


def change(folder: Path, before: str, after: str) -> None:
    path = folder / "sheet.toml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def failure(folder: Path) -> SymrnnError:
    with pytest.raises(SymrnnError) as caught:
        solve(read_sheet(folder))
    return caught.value


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place(started: Path, mistake: str) -> None:
    before, after, told = MISTAKES[mistake]
    change(started, before, after)
    message = str(failure(started))
    assert told in message
    assert "sheet.toml" in message
    assert "line" in message


def test_the_line_is_that_of_the_question(started: Path) -> None:
    change(started, 'wrt = "W"\n', "")
    line = failure(started).location.line
    text = (started / "sheet.toml").read_text(encoding="utf-8").splitlines()
    assert text[line - 1] == "[[question]]"
    assert text[line] == 'id = "1a"'


def test_a_false_equality_fails_loudly(started: Path) -> None:
    change(started, "diag(1 - h[t]**2) @ W", "W @ diag(1 - h[t]**2)")
    with pytest.raises(CheckFailedError, match="does not hold"):
        solve(read_sheet(started))


def test_a_verdict_that_nobody_expected_fails_loudly(started: Path) -> None:
    change(started, 'expect = "wrong"', 'expect = "correct"')
    with pytest.raises(CheckFailedError, match="expected to be correct and is wrong"):
        solve(read_sheet(started))


def test_a_bad_sheet_does_not_keep_the_others_from_being_built(tmp_path: Path) -> None:
    for name in ("bad", "fine"):
        start_sheet(name, tmp_path / "sheets")
    change(tmp_path / "sheets" / "bad", 'wrt = "W"\n', "")
    built, errors = build_all(tmp_path / "made", tmp_path / "sheets", workers=1)
    assert built == ["fine"]
    assert len(errors) == 1
    assert "bad" in str(errors[0])
    assert (tmp_path / "made" / "fine.html").is_file()


def test_the_command_says_what_is_wrong(started: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(started, "`D(L, W)`", "`D(L, W`")
    assert main(["sheet", str(started)]) == BAD_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert "sheet.toml, line" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["sheet"], "which sheet"),
        (["sheet", "ethh"], '"eth"'),
        (["sheet", "eth", "-o", "eth.docx"], ".html"),
        (["sheet", "--all"], "folder"),
        (["sheet", "eth", "--layout", "sideways"], "layout"),
        (["new", "sheet", "../there"], "called"),
    ],
)
def test_bad_command_lines(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == BAD_INPUT
    assert told in capsys.readouterr().err


def test_a_new_sheet_is_started_and_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "sheet", "week-3", "--into", str(tmp_path)]) == FINE
    assert main(["new", "sheet", "week-3", "--into", str(tmp_path)]) == BAD_INPUT
    assert "already" in capsys.readouterr().err
    assert main(["sheet", str(tmp_path / "week-3"), "-o", str(tmp_path / "a.html")]) == FINE
    assert "week-3" in (tmp_path / "a.html").read_text(encoding="utf-8")
