"""In which layout formulas are, one by one, and whether a text keeps to one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from symrnn.checking.answers import Answer, Reading, claim_question, looks_like_latex, read_answer
from symrnn.checking.asked import Asked
from symrnn.checking.check import check
from symrnn.checking.diagnosis import flipped
from symrnn.checking.judge import Judge
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Verdict
from symrnn.emitting.text import to_text
from symrnn.errors import Location, ReadingError, SymrnnError
from symrnn.language import Cell
from symrnn.language.traversal import fresh_index
from symrnn.reading.cellfile import read_cell

NAME = re.compile(r"[A-Za-z_]\w*")
CLAIM = re.compile(r"^\s*D(plus)?\s*\(")


@dataclass(frozen=True)
class Line:
    """One formula of a text, and what was found of it."""

    number: int
    text: str
    verdict: Verdict

    @property
    def layout(self) -> str | None:
        """The layout in which it is right; None where it isn't right in any."""
        return self.verdict.layout if self.verdict.correct else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        found = self.verdict.to_dict()
        return {"line": self.number, "formula": self.text, **found, "layout": self.layout}


@dataclass(frozen=True)
class Consistency:
    """A text's formulas in order; ``switches`` are the lines that leave the layout of those before."""

    lines: tuple[Line, ...]

    @property
    def layout(self) -> str | None:
        """The one layout that all lines are in, "both" where any would do, None where they aren't in one."""
        found = {line.layout for line in self.lines}
        if None in found:
            return None
        named = found - {"both"}
        return named.pop() if len(named) == 1 else (None if named else "both")

    @property
    def switches(self) -> tuple[tuple[int, str, str], ...]:
        """Line, the layout of the lines before it, and its own."""
        found: list[tuple[int, str, str]] = []
        current: str | None = None
        for line in self.lines:
            if line.layout in (None, "both"):
                continue
            assert line.layout is not None
            if current is not None and line.layout != current:
                found.append((line.number, current, line.layout))
            current = line.layout
        return tuple(found)

    @property
    def consistent(self) -> bool:
        """Whether every line is right, all in one layout."""
        return self.layout is not None


def declared_cell(declarations: str) -> Cell:
    """A cell that only declares: ``A[n,n], x[n]``, the sizes found from the shapes.

    >>> [d.name for d in declared_cell("A[n,n], x[n]").declarations]
    ['A', 'x']

    Raises what reading a cell raises.
    """
    inside = " ".join(re.findall(r"\[([^\]]*)\]", declarations))
    sizes = list(dict.fromkeys(NAME.findall(inside)))
    size_line = f"size {', '.join(sizes)}\n" if sizes else ""
    if not declarations.strip():
        raise ReadingError("nothing is declared", location=Location("--declare"), hint='As in "A[n,n], x[n]".')
    # A cell needs a loss or an equation to be read; this one's is taken away again.
    name = fresh_index("f", frozenset(NAME.findall(declarations)))
    return replace(read_cell(f"{size_line}param {declarations}\nloss {name} = 0", "declarations"), loss=None)


def layout_of(text: str, asked: Asked, bench: Bench | None = None) -> Verdict:
    """The verdict on one formula, whatever its layout."""
    return check(Answer(text), asked, bench or Bench(asked.cell))


def converted(text: str, asked: Asked, bench: Bench | None = None) -> str | None:
    """A right formula in the other layout; None where no reading of it can be turned round."""
    held = bench or Bench(asked.cell)
    judge = Judge(held)
    for reading in read_answer(Answer(text), asked):
        for target in judge.right_targets(reading.formula, reading):
            turned = flipped(reading.formula)
            other = replace(asked, layout=target.layout.other)
            if turned is not None and judge.is_right(Reading(turned, other)):
                return to_text(turned)
    return None


def consistency(text: str, cell: Cell) -> Consistency:
    """The layouts of all claims in a text, ``D(f, x) = …`` a line each; other lines are parts that claims may use.

    Raises ReadingError where a text holds no claim.
    """
    parts: list[str] = []
    lines: list[Line] = []
    bench = Bench(cell)
    for number, line in enumerate(text.splitlines(), 1):
        shown = line.strip()
        if not shown or shown.startswith(("#", "%")):
            continue
        if not CLAIM.match(shown) and not looks_like_latex(shown):
            parts.append(shown)
            continue
        lines.append(Line(number, shown, _of_claim(shown, parts, cell, bench)))
    if not lines:
        raise ReadingError("the text holds no claim", hint="A line each, as in D(x.T @ A @ x, x) = x.T @ (A + A.T)")
    return Consistency(tuple(lines))


def _of_claim(line: str, parts: Sequence[str], cell: Cell, bench: Bench) -> Verdict:
    answer = Answer(line if looks_like_latex(line) else "\n".join([*parts, line]))
    try:
        claimed = claim_question(answer, cell)
    except SymrnnError as error:
        return Verdict("unreadable", mistake=str(error))
    if claimed is None:
        return Verdict("unreadable", mistake="the line claims nothing of a derivative")
    return check(answer, Asked(cell, *claimed), bench)
