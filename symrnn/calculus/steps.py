"""What a derivation is made of: recorded equalities with their reasons, and the forms they lead to."""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.language.cell import Cell
from symrnn.language.formula import Formula
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.node import Node, Shape


@dataclass(frozen=True)
class Question:
    """Of what, by what, in which layout; ``window`` truncates: Σ_t Σ_{k=max(first, t−window)}^{t}."""

    of: Node
    by: Node
    layout: Layout = Layout.NUMERATOR
    window: Index | None = None


@dataclass(frozen=True)
class TimeSpan:
    """A free time symbol of an answer and where it may stand, both ends included: k ≤ t ≤ τ."""

    index: str
    lower: Index
    upper: Index


@dataclass(frozen=True)
class Step:
    """One recorded equality ``before = after``.

    ``rule`` names the rule, ``reason`` says in one sentence why it holds, ``form`` is the form that the step leads to.
    ``assumption`` names what it rests on beyond calculus (1ᵀy = 1).  ``spans`` are the times for which it holds.
    ``free`` are the free component indices of an equality in index form, in the order of, then by.
    """

    rule: str
    before: Formula
    after: Formula
    reason: str
    form: str
    spans: tuple[TimeSpan, ...] = ()
    assumption: str | None = None
    free: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """The shape of both sides."""
        return self.after.expression.shape


@dataclass(frozen=True)
class Form:
    """One form of the answer: its formula, and for an unrolled one the number of its terms."""

    name: str
    formula: Formula
    free: tuple[str, ...] = ()
    terms: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Derived:
    """The answer to a question in the forms asked for, with every step between them.

    The last step that leads to a form has that form as its right-hand side.  ``absent`` says of each form that was
    asked for and does not exist why it does not.
    """

    cell: Cell
    question: Question
    forms: tuple[Form, ...]
    steps: tuple[Step, ...]
    spans: tuple[TimeSpan, ...] = ()
    assumptions: tuple[str, ...] = ()
    absent: tuple[tuple[str, str], ...] = field(default=())

    def form(self, name: str) -> Form | None:
        """The form of this name, if it was derived."""
        return next((f for f in self.forms if f.name == name), None)

    @property
    def result(self) -> Formula:
        """The answer: the last form's formula."""
        return self.forms[-1].formula
