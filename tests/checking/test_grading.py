"""Grading: the report, its independence of order and workers, and answers that mean harm."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from symrnn.api.grading import grade
from symrnn.checking.grading import answer_files, read_graded_question, report_csv, summary
from symrnn.checking.workers import STOPPED, Limits, work
from symrnn.errors import ReadingError

QUESTION = """
cell = "elman"
of = "L"
wrt = "c"
layout = "denominator"
[points]
correct = 4
transposed = 3
negated = 2
"""
ANSWERS = {
    "ada.txt": "sum(yhat[t] - y[t], t)",
    "bob.txt": "sum(y[t] - yhat[t], t)",
    "cy.tex": r"\frac{\partial L}{\partial c} = \sum_{t=1}^{\tau} (\hat y_t - y_t)^\top",
    "dan.txt": "sum(yhat[t] + y[t], t)",
    "eve.txt": "__import__('os').system('touch owned')",
}
HOSTILE = {
    "h1.txt": "(" * 20_000,
    "h2.txt": "sum(sum(sum((i+j+k)*c, i, 1, 2000), j, 1, 2000), k, 1, 2000)",
    "h3.txt": "sum(c, i, 1, 1000000)",
    "h4.txt": "1+" * 15_000 + "1",
    "h5.txt": "matrix_power(W, 1000000000) @ c",
    "h6.txt": "c**1000000000**1000000000",
    "h7.txt": r"\frac{" * 5_000,
    "h8.txt": "kron(kron(kron(W, W), kron(W, W)), kron(kron(W, W), kron(W, W)))",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "question.toml").write_text(QUESTION, encoding="utf-8")
    answers = tmp_path / "answers"
    answers.mkdir()
    for name, text in ANSWERS.items():
        (answers / name).write_text(text, encoding="utf-8")
    return tmp_path


def rows(folder: Path, **how: object) -> list[dict[str, str]]:
    lines = grade(folder / "question.toml", folder / "answers", **how)
    return list(csv.DictReader(io.StringIO(report_csv(lines))))


def test_points_per_verdict(folder: Path) -> None:
    found = {row["file"]: (row["verdict"], row["points"]) for row in rows(folder)}
    assert found == {
        "ada.txt": ("correct", "4"),
        "bob.txt": ("negated", "2"),
        "cy.tex": ("transposed", "3"),
        "dan.txt": ("wrong", "0"),
        "eve.txt": ("unreadable", "0"),
    }


def test_the_report_does_not_depend_on_the_number_of_workers(folder: Path) -> None:
    assert rows(folder, jobs=1) == rows(folder, jobs=3)


def test_hostile_answers_hurt_nobody(folder: Path) -> None:
    alone = {row["file"]: row for row in rows(folder)}
    for name, text in HOSTILE.items():
        (folder / "answers" / name).write_text(text, encoding="utf-8")
    (folder / "answers" / "h9.txt").write_bytes(bytes(range(256)))
    (folder / "answers" / "big.txt").write_text("c" * 300_000, encoding="utf-8")
    found = {row["file"]: row for row in rows(folder, limits=Limits(seconds=15))}
    assert {name: found[name] for name in ANSWERS} == alone
    assert all(found[name]["verdict"] in ("wrong", "unreadable", "nonconformable") for name in HOSTILE)


def test_an_endless_worker_is_stopped_and_replaced() -> None:
    sleepy = {"file": str(Path(__file__).with_name("sleepy_answer.py")), "function": "answer"}
    groups = {name: {} for name in ("params", "inputs", "targets", "initial")}
    messages = [{"groups": groups, "times": {"t": t}, "sizes": {}, "key": ""} for t in (1, 0, 2)]
    found = work("symrnn.checking.function_runner", sleepy, messages, 2, Limits(seconds=2))
    assert STOPPED in found[1]
    assert [found[0], found[2]] == [{"value": 1.0}, {"value": 2.0}]


def test_a_worker_with_too_much_memory_is_stopped() -> None:
    greedy = {"file": str(Path(__file__).with_name("sleepy_answer.py")), "function": "greedy"}
    groups = {name: {} for name in ("params", "inputs", "targets", "initial")}
    (found,) = work(
        "symrnn.checking.function_runner",
        greedy,
        [{"groups": groups, "times": {}, "sizes": {}, "key": ""}],
        1,
        Limits(20, 1000),
    )
    assert "MemoryError" in found.get("problem", "MemoryError")
    assert "value" not in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell = ", "not TOML"),
        ('cell = "elman"', '"wrt" is missing'),
        (QUESTION + "corect = 1", "no verdict"),
        ('cel = "elman"\nwrt = "c"', "unknown key"),
        ('cell = 3\nwrt = "c"', "wrong kind"),
        ('cell = "elman"\nwrt = "c"\n[points]\ncorrect = "many"', "no number"),
    ],
)
def test_a_bad_question_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "q.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReadingError, match=message):
        read_graded_question(path)


def test_answers_are_in_the_order_people_count(tmp_path: Path) -> None:
    for name in ("a10.txt", "a2.txt", "A1.txt", ".hidden"):
        (tmp_path / name).write_text("1", encoding="utf-8")
    assert [path.name for path in answer_files(tmp_path)] == ["A1.txt", "a2.txt", "a10.txt"]
    with pytest.raises(ReadingError):
        answer_files(tmp_path / "nowhere")


def test_a_spreadsheet_computes_nothing(folder: Path) -> None:
    (folder / "answers" / "=cmd.txt").write_text("-sum(yhat[t] - y[t], t)", encoding="utf-8")
    lines = grade(folder / "question.toml", folder / "answers", jobs=1)
    assert "'=cmd.txt" in report_csv(lines)
    assert summary(lines).startswith("6 answers: ")
