"""What a finished sheet consists of, whatever format it is shown in.

Every block is plain data with nodes and numbers in it; :mod:`html_blocks`, :mod:`latex_blocks` and
:mod:`text_blocks` have one rule for each.
"""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.api.derivation import Derivation
from symrnn.emitting.style import Style
from symrnn.inquiry.graph import UnrolledGraph
from symrnn.language import Layout, Node


@dataclass(frozen=True)
class Words:
    """A run of text, perhaps emphasised (``strong``, ``emphasis``) or as code."""

    text: str
    mark: str | None = None


@dataclass(frozen=True)
class Formulas:
    """A chain ``a = b = c`` inside a sentence; one link is an expression alone.

    ``turned`` is the same in the sheet's other layout, None where that looks alike.
    """

    links: tuple[Node, ...]
    turned: tuple[Node, ...] | None = None


Span = Words | Formulas
Prose = tuple[Span, ...]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    prose: Prose


@dataclass(frozen=True)
class Items:
    """A list of short texts."""

    items: tuple[Prose, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Equalities:
    """A displayed chain of equal expressions, with why it holds; ``turned`` as in :class:`Formulas`.

    ``definition`` tells a line that gives a name from one that was checked.
    """

    links: tuple[Node, ...]
    reason: Prose = ()
    error: float | None = None
    turned: tuple[Node, ...] | None = None
    definition: bool = False


@dataclass(frozen=True)
class Derived:
    """A derivation with its steps, one for each layout that the sheet shows.

    ``known`` has, for every derivation and step, the id of the earlier question that showed the step, or None.
    """

    derivations: tuple[Derivation, ...]
    known: tuple[tuple[str | None, ...], ...] = ()


@dataclass(frozen=True)
class LitTerm:
    """One term of an unrolled sum and the ids of what it runs along in the graph."""

    term: Node
    ids: frozenset[str]


@dataclass(frozen=True)
class LitSum:
    """An unrolled derivative in one layout: its left side and its terms."""

    left: Node
    terms: tuple[LitTerm, ...]
    layout: Layout


@dataclass(frozen=True)
class Paths:
    """An unrolled sum over the graph through which its terms run: pointing at a term lights its path up."""

    graph: UnrolledGraph
    sums: tuple[LitSum, ...]


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """Curves over whole numbers; ``logarithmic`` is about the upright axis."""

    lines: tuple[Line, ...]
    across: str
    upward: str
    logarithmic: bool = False
    caption: Prose = ()


@dataclass(frozen=True)
class Table:
    """A table of short texts; the first row is its head."""

    head: tuple[Prose, ...]
    rows: tuple[tuple[Prose, ...], ...]
    caption: Prose = ()


@dataclass(frozen=True)
class Picture:
    """An unrolled computation graph."""

    graph: UnrolledGraph
    caption: Prose = ()


@dataclass(frozen=True)
class Notice:
    """A framed remark, such as what was reconstructed."""

    kind: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Space:
    """Room for a student's answer, in lines."""

    lines: int


Block = Paragraph | Items | Equalities | Derived | Paths | Chart | Table | Picture | Notice | Space


@dataclass(frozen=True)
class Answered:
    """A question with its statement and its answer."""

    id: str
    title: str
    statement: tuple[Block, ...]
    answer: tuple[Block, ...]
    claims: tuple[Claimed, ...] = ()
    points: float | None = None
    space: int | None = None

    @property
    def points_text(self) -> str:
        """The points in words, nothing where the sheet gives none."""
        if self.points is None:
            return ""
        return f"{self.points:g} point" if self.points == 1 else f"{self.points:g} points"


@dataclass(frozen=True)
class Claimed:
    """A claim of the source: what was printed, the verdict on it, and why."""

    id: str
    printed: Prose
    verdict: str
    blocks: tuple[Block, ...]

    @property
    def right(self) -> bool:
        """Whether nothing needs to be added to what is printed."""
        return self.verdict == "correct"


@dataclass(frozen=True)
class Part:
    """A section: its text, then its questions."""

    id: str
    title: str
    text: tuple[Block, ...]
    questions: tuple[Answered, ...]

    @property
    def label(self) -> str:
        """The title after the id, where that is a number or letter and not a word of its own."""
        return f"{self.id} {self.title}".strip() if len(self.id) <= 3 else self.title or self.id


@dataclass(frozen=True)
class Solution:
    """A whole sheet, ready to be shown; the first of its layouts is the one it is written in."""

    name: str
    title: str
    source: str
    layouts: tuple[Layout, ...]
    style: Style
    preface: tuple[Block, ...]
    parts: tuple[Part, ...]
    footer: tuple[Block, ...]
    student: bool = False
    variant: int | None = None

    @property
    def questions(self) -> tuple[Answered, ...]:
        """All questions in their order."""
        return tuple(question for part in self.parts for question in part.questions)
