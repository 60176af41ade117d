"""A sheet's blocks as HTML with MathML; one rule for each kind of block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import singledispatchmethod
from html import escape

from symrnn.api.derivation import Derivation
from symrnn.drawing.svg import to_svg
from symrnn.emitting.boxes import Box, flat_row
from symrnn.emitting.mathml import to_mathml_flow
from symrnn.emitting.report import shape_text
from symrnn.emitting.rules import EQUALS, MINUS, PLUS
from symrnn.emitting.style import Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.errors import UnsupportedError
from symrnn.language import Layout, Neg, Node
from symrnn.sheets.chart import chart_svg
from symrnn.sheets.claims import HEADLINES
from symrnn.sheets.content import (
    Answered,
    Block,
    Chart,
    Claimed,
    Derived,
    Equalities,
    Formulas,
    Items,
    LitSum,
    Notice,
    Paragraph,
    Paths,
    Picture,
    Prose,
    Space,
    Span,
    Table,
    Words,
)
from symrnn.sheets.notation import FORM_TITLES, Quoted, Told, chain_box, chain_equations, range_boxes, told_steps

PUNCTUATION = tuple(",.;:!?)")
JOINER = "&#8288;"
"""Keeps a line from ending where it stands."""

MARKS = {"strong": "strong", "emphasis": "em", "code": "code"}


@dataclass
class HtmlWriter:
    """Writes the blocks of one sheet; ``layouts`` are the sheet's, the first one shown at first."""

    layouts: tuple[Layout, ...]
    style: Style
    question: str = ""
    counters: dict[str, int] = field(default_factory=dict)

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Several blocks."""
        return "\n".join(self.block(block) for block in blocks)

    def answer(self, question: Answered) -> str:
        """The answer of a question, its links named after it."""
        self.question = question.id
        self.counters = {}
        return self.blocks(question.answer)

    def claim(self, claim: Claimed) -> str:
        """A claim with its verdict."""
        state = "right" if claim.right else "erratum"
        return (
            f'<div class="claim {state}" id="claim-{escape(claim.id)}"><p><span class="verdict">'
            f"{escape(HEADLINES[claim.verdict])}</span> <b>The source prints:</b> {self.prose(claim.printed)}</p>"
            f"{self.blocks(claim.blocks)}</div>"
        )

    def prose(self, prose: Prose) -> str:
        """Words and formulas inside a sentence; punctuation stays with the formula before it."""
        shown = []
        for place, span in enumerate(prose):
            shown.append(self._span(span))
            following = prose[place + 1] if place + 1 < len(prose) else None
            if isinstance(span, Formulas) and isinstance(following, Words) and following.text[:1] in PUNCTUATION:
                shown.append(JOINER)
        return "".join(shown)

    def _span(self, span: Span) -> str:
        if isinstance(span, Words):
            tag = MARKS.get(span.mark or "")
            text = escape(span.text) if span.mark == "code" else words(span.text)
            return f"<{tag}>{text}</{tag}>" if tag else text
        return self._by_layout(span.links, span.turned, self._inline)

    def _by_layout(
        self, links: tuple[Node, ...], turned: tuple[Node, ...] | None, show: object, tag: str = "span"
    ) -> str:
        assert callable(show)
        if turned is None or len(self.layouts) == 1:
            return str(show(links))
        versions = zip(self.layouts, (links, turned), strict=True)
        return "".join(f'<{tag} class="in-{layout.value}">{show(shown)}</{tag}>' for layout, shown in versions)

    def _inline(self, links: tuple[Node, ...]) -> str:
        return f'<span class="m">{to_mathml_flow(chain_box(links, self.style))}</span>'.replace(
            ' displaystyle="true"', ""
        )

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise UnsupportedError(f"HTML has no rule for a block of the kind {type(block).__name__}")

    @block.register
    def _(self, block: Paragraph) -> str:
        return f"<p>{self.prose(block.prose)}</p>"

    @block.register
    def _(self, block: Items) -> str:
        tag = "ol" if block.numbered else "ul"
        return f"<{tag}>{''.join(f'<li>{self.prose(item)}</li>' for item in block.items)}</{tag}>"

    @block.register
    def _(self, block: Equalities) -> str:
        def show(links: tuple[Node, ...]) -> str:
            return self._equations(chain_equations(links, self.style))

        shown = self._by_layout(block.links, block.turned, show, "div")
        reason = f'<p class="reason">{self.prose(block.reason)}</p>' if block.reason else ""
        title = "" if block.error is None else f' title="relative error {block.error:.1e}"'
        return f'<div class="equality"{title}>{reason}{shown}</div>'

    @block.register
    def _(self, block: Table) -> str:
        head = "".join(f"<th>{self.prose(entry)}</th>" for entry in block.head)
        rows = "".join(f"<tr>{''.join(f'<td>{self.prose(e)}</td>' for e in row)}</tr>" for row in block.rows)
        return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

    @block.register
    def _(self, block: Picture) -> str:
        svg = to_svg(block.graph, self.style, prefix=self._name("graph"), standalone=False)
        return f'<figure class="scroll">{svg}</figure>'

    @block.register
    def _(self, block: Chart) -> str:
        return f'<figure class="scroll">{chart_svg(block)}</figure>'

    @block.register
    def _(self, block: Notice) -> str:
        return f'<aside class="notice {block.kind}"><b>{escape(block.title)}.</b> {self.blocks(block.blocks)}</aside>'

    @block.register
    def _(self, block: Space) -> str:
        return f'<div class="space" style="height:{1.9 * block.lines:.1f}em"></div>'

    @block.register
    def _(self, block: Paths) -> str:
        name = self._name("paths")
        svg = to_svg(block.graph, self.style, prefix=name, standalone=False)
        sums = "".join(self._lit_sum(one) for one in block.sums)
        hint = '<p class="hint">Point at a term (or tap it) to see the path it stands for.</p>'
        return f'<figure class="paths" data-graph="{name}">{sums}{hint}<div class="scroll">{svg}</div></figure>'

    def _lit_sum(self, one: LitSum) -> str:
        shown = [to_mathml_flow(flat_row(typeset(one.left, self.style), EQUALS))]
        for place, lit in enumerate(one.terms):
            negative = isinstance(lit.term, Neg)
            lead = None if not place else MINUS if negative else PLUS
            term = lit.term.args[0] if isinstance(lit.term, Neg) and place else lit.term
            math = to_mathml_flow(typeset(term, self.style), lead=lead)
            ids = escape(" ".join(sorted(lit.ids)))
            shown.append(f'<span class="term" tabindex="0" data-ids="{ids}">{math}</span>')
        return f'<div class="formula in-{one.layout.value}">{"<wbr>".join(shown)}</div>'

    @block.register
    def _(self, block: Derived) -> str:
        name = self._name("derivation")
        shown = []
        known = block.known or tuple(() for _ in block.derivations)
        alone = len(block.derivations) == 1
        for derivation, before in zip(block.derivations, known, strict=True):
            shown.append(self._derivation(derivation, before, f"{name}-{derivation.layout.value}", alone))
        return "\n".join(shown)

    def _derivation(self, derivation: Derivation, known: tuple[str | None, ...], name: str, alone: bool) -> str:
        style = derivation.style
        question = self._flow(chain_box((derivation.of,), style)), self._flow(chain_box((derivation.wrt,), style))
        where = ", ".join(self._flow(box) for box in range_boxes(derivation))
        head = (
            f'<p class="asked">{question[0]} by {question[1]}: {derivation.layout.value} layout, '
            f"{escape(shape_text(derivation.derived))}{f', for {where}' if where else ''}</p>"
        )
        steps = "\n".join(self._step(told, name) for told in told_steps(derivation, known))
        count = len(derivation.steps)
        folded = (
            f'<details class="steps" open><summary>{count} step{"s" if count != 1 else ""}</summary>'
            f"<ol>{steps}</ol></details>"
        )
        results = "".join(self._result(derivation, place) for place in range(len(derivation.derived.forms)))
        notes = "".join(f'<p class="note">{words(note)}</p>' for note in derivation.report().notes)
        layout = "" if alone else f" in-{derivation.layout.value}"
        return f'<section class="derivation{layout}" id="{name}">{head}{folded}{results}{notes}</section>'

    def _step(self, told: Told | Quoted, name: str) -> str:
        first = told.first if isinstance(told, Quoted) else told.number
        anchor = f"{name}-{first}"
        link = f'<a class="link" href="#{anchor}" aria-label="link to this step">#</a>'
        shown = self._equations(told.equations)
        if isinstance(told, Quoted):
            where = f'<a href="#{question_anchor(told.question)}">{escape(told.question)}</a>'
            number = _number(told.first, told.last)
            return f'<li id="{anchor}" class="quoted"><p>{number} By {where}. {link}</p>{shown}</li>'
        error = "" if told.error is None else f'<span class="error">error {told.error:.0e}</span>'
        return (
            f'<li id="{anchor}"><p>{_number(told.number, told.number)} '
            f'<b class="rule">{escape(_capital(told.step.rule))}.</b> '
            f"{words(told.step.reason)} {error} {link}</p>{shown}</li>"
        )

    def _result(self, derivation: Derivation, place: int) -> str:
        form = derivation.derived.forms[place]
        count = f", {form.terms} terms" if form.terms is not None else ""
        note = f" ({form.note})" if form.note else ""
        claim = derivation.report().claim(form)
        shown = self._equations(typeset_formula(claim, derivation.style, derivation.layout))
        title = FORM_TITLES.get(form.name, form.name)
        return f'<div class="result"><h4>{escape(title + count + note)}</h4>{shown}</div>'

    def _equations(self, equations: Iterable[Equation]) -> str:
        return "".join(self._lines(equations))

    def _lines(self, equations: Iterable[Equation]) -> Iterator[str]:
        for equation in equations:
            lead: Box | None = None if equation.bare else EQUALS
            if equation.left is not None:
                lead = flat_row(equation.left, EQUALS)
            inner = " goes-on" if equation.left is None and not equation.bare else ""
            yield f'<div class="formula{inner}">{to_mathml_flow(equation.right, lead=lead)}</div>'

    def _flow(self, box: Box) -> str:
        return f'<span class="m">{to_mathml_flow(box)}</span>'

    def _name(self, kind: str) -> str:
        self.counters[kind] = self.counters.get(kind, 0) + 1
        return f"{question_anchor(self.question)}-{kind}-{self.counters[kind]}"


def question_anchor(identity: str) -> str:
    """The id of a question's element.

    >>> question_anchor("2.4 a")
    'q-2-4-a'
    """
    return "q-" + "".join(c if c.isalnum() else "-" for c in identity)


_INDEXED = re.compile(r"([^\W\d_])_(\{[^{}]*\}|\w)")


def words(text: str) -> str:
    """A sentence, letters with an index in it as such: ``s_{t−1}`` has a subscript.

    >>> words("d s_{t−1} & x")
    'd <i>s</i><sub>t−1</sub> &amp; x'
    """
    return _INDEXED.sub(lambda m: f"<i>{m.group(1)}</i><sub>{m.group(2).strip('{}')}</sub>", escape(text))


def _number(first: int, last: int) -> str:
    return f'<span class="number">({first if first == last else f"{first}–{last}"})</span>'


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
