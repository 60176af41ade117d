"""Things in delimiters: parentheses and brackets, bars, norms and angles."""

from __future__ import annotations

from symrnn.reading.latex_cursor import Cursor
from symrnn.reading.latex_tree import Group, Span, Tree

_CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "|": "|", "‖": "‖", "⟨": "⟩"}
_CLOSING_COMMANDS = {"\\}": "}", "‖": "|", "⟩": "rangle"}


def read_group(cursor: Cursor, kind: str) -> Tree:
    """What stands up to the delimiter that closes this kind: rows between semicolons, cells between commas."""
    start = cursor.offset
    cursor.at += 1
    cursor.enter(kind)
    rows: list[tuple[Tree, ...]] = []
    cells: list[Tree] = [cursor.relation(slices=kind == "[")]
    while (separator := cursor.sign(",", ";")) is not None:
        if separator.text == ";":
            rows.append(tuple(cells))
            cells = []
        cells.append(cursor.relation(slices=kind == "["))
    rows.append(tuple(cells))
    _close(cursor, kind, start)
    cursor.leave()
    return Group(Span(start, cursor.behind), kind, tuple(rows))


def _close(cursor: Cursor, kind: str, start: int) -> None:
    closing, token = _CLOSING[kind], cursor.token
    if token is not None and (token.is_sign(closing) or token.is_command(_CLOSING_COMMANDS.get(closing, " "))):
        cursor.at += 1
        return
    where = cursor.source.location(start)
    raise cursor.expected(f"“{closing}” for the “{kind}” of line {where.line}, column {where.column}")
