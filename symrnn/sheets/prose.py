"""Markdown-like text with formulas in backticks, as paragraphs and lists of a sheet's content.

Between backticks stands the formula language; `` `a = b` `` is a chain of equal expressions.  A span that begins with
an exclamation mark is shown as it is: `` `!lstm.cell` ``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from symrnn.calculus.transposition import flip
from symrnn.errors import Location, SymrnnError
from symrnn.language import Cell, ImmediateJacobian, Jacobian, Layout, Node
from symrnn.language.traversal import find
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope
from symrnn.sheets.content import Block, Formulas, Items, Paragraph, Prose, Span, Words

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink", "html_inline", "code"])


@dataclass(frozen=True)
class Reader:
    """Reads the texts of one sheet about one cell; derivatives in them are in the sheet's own layout."""

    cell: Cell | None
    location: Location
    layout: Layout = Layout.NUMERATOR

    def prose(self, text: str) -> tuple[Block, ...]:
        """The paragraphs and lists of a text."""
        return tuple(self._blocks(_MARKDOWN.parse(text)))

    def line(self, text: str) -> Prose:
        """A text of one paragraph, as the entry of a table."""
        found = self.prose(text)
        return found[0].prose if found and isinstance(found[0], Paragraph) else ()

    def chain(self, text: str) -> tuple[Node, ...]:
        """The expressions of ``a = b = c``; an error in one is told with the sheet's place."""
        scope = Scope() if self.cell is None else Scope.of(self.cell)
        try:
            return tuple(read_expression(link, scope, self.layout) for link in split_equalities(text))
        except SymrnnError as error:
            message = f"the formula `{text}` cannot be read: {error.message}"
            raise type(error)(message, location=self.location, hint=error.hint) from None

    def _blocks(self, tokens: list[Token]) -> Iterator[Block]:
        depth, numbered = 0, False
        items: list[Prose] = []
        for token in tokens:
            if token.type in ("bullet_list_open", "ordered_list_open"):
                depth, numbered = depth + 1, token.type.startswith("ordered")
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                depth -= 1
                if depth == 0:
                    yield Items(tuple(items), numbered)
                    items = []
            elif token.type == "inline":
                prose = tuple(self._spans(token.children or []))
                if depth:
                    items.append(prose)
                else:
                    yield Paragraph(prose)

    def _spans(self, tokens: list[Token]) -> Iterator[Span]:
        mark: str | None = None
        for token in tokens:
            if token.type in ("strong_open", "em_open"):
                mark = "strong" if token.type == "strong_open" else "emphasis"
            elif token.type in ("strong_close", "em_close"):
                mark = None
            elif token.type == "code_inline":
                yield self._formula(token.content)
            elif token.type in ("softbreak", "hardbreak"):
                yield Words(" ")
            elif token.content:
                yield Words(token.content, mark)

    def _formula(self, text: str) -> Span:
        if text.startswith("!"):
            return Words(text[1:], "code")
        links = self.chain(text)
        return Formulas(links, turned(links))


def turned(links: tuple[Node, ...]) -> tuple[Node, ...] | None:
    """A chain in the other layout: derivatives turned over, products with them; None where nothing changes.

    A chain of equal things keeps saying the same: where one link is a derivative, all of them are transposed.
    """
    if not any(find(link, (Jacobian, ImmediateJacobian)) for link in links):
        return None
    return tuple(flip(link) for link in links)


def split_equalities(text: str) -> list[str]:
    """Split at equals signs outside brackets.

    >>> split_equalities("y[t] = softmax(o[t])")
    ['y[t]', 'softmax(o[t])']
    """
    links, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "=" and depth == 0:
            links.append(text[start:place].strip())
            start = place + 1
    return [*links, text[start:].strip()]
