"""What is told about a derivation, in whatever format: the answer's forms, its steps, its range, how it was checked.

The formats are the modules ``report_*`` beside this one, found by their name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symrnn.calculus.steps import Derived, Form, Step, TimeSpan
from symrnn.emitting.style import PLAIN, Style
from symrnn.language import Entry, Formula, ImmediateJacobian, Index, Jacobian, Node, Vec, derivative_shape
from symrnn.language.node import format_shape


@dataclass(frozen=True)
class Checked:
    """How a derivation was checked: the numbers' seed and sizes, the largest error, and that of every step."""

    seed: int
    sizes: Mapping[str, int]
    tau: int
    max_error: float
    method: str
    errors: tuple[float, ...]
    remarks: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Seed, sizes, method and error in one line."""
        sizes = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        return f"seed {self.seed}, {sizes}, {self.method}, largest relative error {self.max_error:.1e}"


@dataclass(frozen=True)
class Report:
    """A derivation as it is told.  ``steps``: whether the steps are told, or the forms alone."""

    derived: Derived
    checked: Checked | None = None
    style: Style = PLAIN
    steps: bool = False

    @property
    def title(self) -> str:
        """The cell's name."""
        return self.derived.cell.name

    def claim(self, form: Form) -> Formula:
        """A form as an equation, the inert derivative on its left; of an index form, that of the entries."""
        return Formula(form.formula.expression, form.formula.parts, *asked(self.derived, form))

    def error(self, number: int) -> float | None:
        """The error of a step, counted from 0."""
        return None if self.checked is None else self.checked.errors[number]

    @property
    def notes(self) -> tuple[str, ...]:
        """What else belongs to the answer: forms that do not exist, what it assumes."""
        absent = [f"There is no {name} form: {why}." for name, why in self.derived.absent]
        return (*absent, *(f"Assumed: {assumption}." for assumption in self.derived.assumptions))


def asked(derived: Derived, form: Form) -> tuple[Node, Node]:
    """Of what and by what a form is the derivative.

    An index form is that of the entries which its free indices name, in the order of, then by; a vec form (and a
    recursion that carries one) is by the vec.
    """
    of, by = derived.question.of, derived.question.by
    if form.free:
        names = iter(form.free)
        return _entry(of, names), _entry(by, names)
    recorded = next((s.before.expression for s in derived.steps if s.after == form.formula), None)
    if isinstance(recorded, Jacobian):
        of, by = recorded.of, recorded.by
    flat = len(form.formula.expression.shape) == 2 and len(derivative_shape(of.shape, by.shape)) == 3
    return of, Vec(by) if flat else by


def _entry(node: Node, names: Iterator[str]) -> Node:
    wanted = [axis for axis in node.shape if axis.constant != 1]
    if not wanted:
        return node
    return Entry(node, tuple(Index.of(next(names)) for _ in wanted))


def shape_text(derived: Derived, form: Form | None = None) -> str:
    """The answer's shape as ``n×m``."""
    return format_shape(answer_shape(derived) if form is None else form.formula.expression.shape)


def answer_shape(derived: Derived) -> tuple[Index, ...]:
    """The shape of the derivative that is asked for, in the layout asked for."""
    question = derived.question
    return Jacobian(question.of, question.by, question.layout).shape


def ranges(derived: Derived) -> tuple[tuple[Index, ...], ...]:
    """Where the free times may stand, each chain to be read with ≤ between: ``(1, k, t, tau)``."""
    return chains(derived.spans)


def chains(spans: Sequence[TimeSpan]) -> tuple[tuple[Index, ...], ...]:
    """The spans as chains of ≤; one that ends at another's symbol, with the same start, continues there.

    >>> one, t = Index.of(1), Index.of("t")
    >>> [[str(i) for i in chain] for chain in chains([TimeSpan("t", one, Index.of("tau")), TimeSpan("k", one, t)])]
    [['1', 'k', 't', 'tau']]
    """
    by_name = {span.index: span for span in spans}
    found: list[tuple[Index, ...]] = []
    continued: set[str] = set()
    for span in sorted(spans, key=lambda s: s.upper.name in by_name, reverse=True):
        if span.index in continued:
            continue
        chain = [span.lower, Index.of(span.index), span.upper]
        while (outer := by_name.get(chain[-1].name or "")) is not None and outer.lower == span.lower:
            continued.add(outer.index)
            chain.append(outer.upper)
        found.append(tuple(chain))
    return tuple(found)


def stands_left(step: Step) -> bool:
    """Whether a step's left side is short enough to stand on one line with the right one: an inert derivative."""
    inner = step.before.expression
    if isinstance(inner, Entry):
        inner = inner.args[0]
    return not step.before.parts and isinstance(inner, (Jacobian, ImmediateJacobian))


def continues(step: Step, previous: Step | None) -> bool:
    """Whether a step goes on where the one before it ended, so that its left side need not be told again."""
    return previous is not None and previous.after == step.before and previous.spans == step.spans
