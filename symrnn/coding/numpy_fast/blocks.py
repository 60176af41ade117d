"""One stage of a fast module as text, and small pieces of its statements."""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.planning.fission import reads
from symrnn.planning.graph import Op

AFTER = "@after "
"""Marks the place after a value is made, where views and copies of it are."""


@dataclass
class Block:
    """One stage as text: a comment, the header of its loop and the lines inside.

    ``outer`` is the header of a loop around that one, with ``inner_after`` behind the inner one.
    """

    comment: str
    lines: list[str]
    header: str = ""
    outer: str = ""
    inner_after: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


def is_plain_number(op: Op) -> bool:
    """Whether a value is computed from sizes and numbers alone."""
    if op.kind in ("count", "number", "batch"):
        return not op.timed
    return bool(op.args) and not op.axes and all(is_plain_number(a.op) for a in reads(op))


def assigned(row: str, value: str) -> str:
    """A row of a buffer set; a row that is a single number is no view."""
    return f"{row} = {value}" if row.endswith("]") else f"{row}[...] = {value}"


def into(call: str, target: str) -> str:
    """A call with its result written into memory."""
    return f"{call[:-1]}, {target})"
