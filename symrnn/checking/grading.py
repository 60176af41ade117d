"""A class's answers to one question: points per verdict, and a table that doesn't depend on who came first."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symrnn.checking.verdict import VERDICTS
from symrnn.checking.workers import STOPPED
from symrnn.errors import Location, ReadingError, did_you_mean
from symrnn.files import read_text

COLUMNS = (
    "file", "points", "verdict", "layout", "factor", "window", "assumption", "first_wrong_tau", "error",
    "reading", "mistake", "repair",
)  # fmt: skip

FULL_POINTS = 1.0
KEYS: Mapping[str, type | tuple[type, ...]] = {
    "cell": str,
    "of": str,
    "wrt": str,
    "layout": str,
    "names": dict,
    "entries_from": int,
    "seed": int,
    "relu0": (int, float),
    "points": dict,
}
FORMULA_LIKE = "=+-@\t\r"
"""A spreadsheet would compute a text that begins like this."""


@dataclass(frozen=True)
class GradedQuestion:
    """A question as its TOML file has it: the cell, of what, by what, and the points for each verdict."""

    cell: str
    wrt: str
    of: str | None = None
    layout: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    entries_from: int = 0
    seed: int = 0
    relu0: float = 0.0
    points: Mapping[str, float] = field(default_factory=lambda: {"correct": FULL_POINTS})

    def setup(self) -> dict[str, Any]:
        """What a worker is told before the first answer."""
        return {
            "cell": self.cell,
            "of": self.of,
            "wrt": self.wrt,
            "layout": self.layout,
            "names": dict(self.names),
            "entries_from": self.entries_from,
            "seed": self.seed,
            "relu0": self.relu0,
        }


@dataclass(frozen=True)
class Graded:
    """One answer's line of the report."""

    file: str
    points: float
    verdict: Mapping[str, Any]


def read_graded_question(path: Path) -> GradedQuestion:
    """The question of a TOML file; a cell file is looked for beside it.

    Raises ReadingError where the file isn't such a question: an unknown key or verdict, a value of another kind.
    """
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ReadingError(f"this is not TOML: {problem}", location=Location(str(path))) from None
    for key, value in table.items():
        if key not in KEYS:
            raise ReadingError(f'unknown key "{key}"', location=Location(str(path)), hint=did_you_mean(key, KEYS))
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise ReadingError(f'"{key}" has a value of the wrong kind', location=Location(str(path)))
    for key in ("cell", "wrt"):
        if key not in table:
            raise ReadingError(f'"{key}" is missing', location=Location(str(path)), hint='As in: cell = "elman"')
    if table.get("entries_from", 0) not in (0, 1):
        raise ReadingError('"entries_from" is 0 or 1', location=Location(str(path)))
    points = {"correct": FULL_POINTS} | _points(table.get("points", {}), path)
    return GradedQuestion(**{**table, "cell": _beside(table["cell"], path), "points": points})


def _points(table: Mapping[str, Any], path: Path) -> dict[str, float]:
    found = {}
    for verdict, points in table.items():
        if verdict not in VERDICTS:
            hint = did_you_mean(verdict, VERDICTS)
            raise ReadingError(f'there is no verdict "{verdict}"', location=Location(str(path)), hint=hint)
        if isinstance(points, bool) or not isinstance(points, (int, float)):
            raise ReadingError(f'the points for "{verdict}" are no number', location=Location(str(path)))
        found[verdict] = float(points)
    return found


def _beside(cell: str, path: Path) -> str:
    """A cell's file by its path from the question's own; a library cell's name as it is."""
    file, plus, head = cell.partition("+")
    if not file.endswith(".cell"):
        return cell
    return str((path.parent / file).resolve()) + plus + head


def answer_files(folder: Path) -> list[Path]:
    """The answers in a folder, in the order people count: answer2 before answer10.

    Raises ReadingError where there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise ReadingError(f'there is no folder "{folder}"')
    found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    if not found:
        raise ReadingError(f'the folder "{folder}" holds no answers', hint="One file for each answer.")
    return sorted(found, key=lambda path: (_natural(path.name), path.name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name.casefold()) if p]


def graded(question: GradedQuestion, files: Sequence[str], replies: Sequence[Mapping[str, Any]]) -> list[Graded]:
    """The lines of the report, in the order of the files."""
    lines = []
    for file, reply in zip(files, replies, strict=True):
        verdict = {"verdict": "unreadable", "mistake": reply[STOPPED]} if STOPPED in reply else reply
        lines.append(Graded(file, question.points.get(str(verdict["verdict"]), 0.0), verdict))
    return lines


def report_csv(lines: Sequence[Graded]) -> str:
    """The report as CSV, a line for each answer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        row: dict[str, Any] = {**line.verdict, "file": line.file, "points": f"{line.points:g}"}
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}"
    text = str(value)
    return f"'{text}" if text.startswith(tuple(FORMULA_LIKE)) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", text) is not None


def summary(lines: Sequence[Graded]) -> str:
    """How many answers got which verdict, in a line."""
    counts = Counter(str(line.verdict["verdict"]) for line in lines)
    shown = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    return f"{len(lines)} answers: {shown}"
