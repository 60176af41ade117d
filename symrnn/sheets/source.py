"""A sheet file: TOML with texts, questions, answers to be computed and the claims of the source.

Every mistake in it is a ReadingError with the file, the line and the way out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symrnn.errors import Location, ReadingError, did_you_mean

FILE_NAME = "sheet.toml"

SHEET_KEYS = {"title", "source", "cell", "layout", "style", "preface", "section", "question"}
SECTION_KEYS = {"id", "title", "text", "cell", "reconstructed"}
QUESTION_KEYS = {"id", "section", "title", "text", "cell", "answer", "claim", "space", "points", "values", "keep"}
CLAIM_KEYS = {
    "id", "printed", "note", "expect", "cell", "values", "relu0",
    "formula", "latex", "of", "wrt", "layout", "names", "entries_from",
    "equality", "result", "digits", "show", "derivative", "count", "shape", "sizes", "verdict",
    "right", "readings", "shapes", "depends", "every", "on", "bigrams", "text", "likelihood", "terms", "tau",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One table of the file with the line on which it stands."""

    data: Mapping[str, Any]
    line: int | None
    path: Path

    def get(self, key: str, default: Any = None) -> Any:
        """A value, or the default."""
        return self.data.get(key, default)

    def need(self, key: str, what: str) -> Any:
        """A value that must be there."""
        if key not in self.data:
            raise self.error(f"{what} has no {key}", hint=f'Add a line such as: {key} = "…"')
        return self.data[key]

    def error(self, message: str, hint: str | None = None) -> ReadingError:
        """A message at this item's place."""
        return ReadingError(message, location=Location(str(self.path), self.line), hint=hint)


@dataclass(frozen=True)
class SheetFile:
    """The file's content, its tables sorted out but nothing computed."""

    name: str
    folder: Path
    head: Item
    sections: tuple[Item, ...]
    questions: tuple[Item, ...]


def read_sheet(folder: Path) -> SheetFile:
    """The sheet in a folder.  Raises ReadingError where it is no sheet."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReadingError(
            f'there is no file "{FILE_NAME}" in {folder}', hint="Start one: symrnn new sheet NAME."
        ) from None
    except UnicodeDecodeError as error:
        raise ReadingError(f"the file is not text in UTF-8: {error.reason}", location=Location(str(path))) from None
    try:
        data = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise ReadingError(f"this is not TOML: {error}", location=_toml_place(path, str(error))) from None
    return _sorted_out(path, data, text)


def _toml_place(path: Path, message: str) -> Location:
    found = re.search(r"line (\d+), column (\d+)", message)
    return Location(str(path), int(found[1]), int(found[2])) if found else Location(str(path))


def _sorted_out(path: Path, data: dict[str, Any], text: str) -> SheetFile:
    head = Item(data, 1, path)
    _known(head, SHEET_KEYS, "a sheet")
    head.need("title", "the sheet")
    sections = tuple(Item(s, _line(text, "section", n), path) for n, s in enumerate(data.get("section", [])))
    questions = tuple(Item(q, _line(text, "question", n), path) for n, q in enumerate(data.get("question", [])))
    for section in sections:
        _known(section, SECTION_KEYS, "a section")
        section.need("id", "a section")
    ids: set[str] = set()
    names = {s.data["id"] for s in sections}
    for question in questions:
        _known(question, QUESTION_KEYS, "a question")
        identity = question.need("id", "a question")
        if identity in ids:
            raise question.error(f'the question "{identity}" stands twice')
        ids.add(identity)
        where = question.need("section", f'the question "{identity}"')
        if where not in names:
            raise question.error(f'there is no section "{where}"', hint=did_you_mean(where, names))
        for claim in question.get("claim", []):
            _known(Item(claim, question.line, path), CLAIM_KEYS, "a claim")
    return SheetFile(path.parent.name, path.parent, head, sections, questions)


def _known(item: Item, keys: set[str], what: str) -> None:
    for key in item.data:
        if key not in keys:
            raise item.error(f'{what} has no "{key}"', hint=did_you_mean(key, keys))


def _line(text: str, table: str, number: int) -> int | None:
    places = [m.start() for m in re.finditer(rf"^\[\[{table}\]\]", text, re.MULTILINE)]
    return text.count("\n", 0, places[number]) + 1 if number < len(places) else None
