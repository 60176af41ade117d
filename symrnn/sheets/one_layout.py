"""A sheet in one of its two layouts alone."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

from symrnn.language import Layout, Node
from symrnn.sheets.content import (
    Answered,
    Block,
    Claimed,
    Derived,
    Equalities,
    Formulas,
    Items,
    Notice,
    Paragraph,
    Part,
    Paths,
    Prose,
    Solution,
    Table,
)


def in_one_layout(solution: Solution, layout: Layout) -> Solution:
    """The sheet with everything in this layout; formulas that look alike in both stay as they are."""
    other = layout is not solution.layouts[0]
    return replace(
        solution,
        layouts=(layout,),
        preface=_blocks(solution.preface, layout, other),
        parts=tuple(_part(part, layout, other) for part in solution.parts),
    )


def _part(part: Part, layout: Layout, other: bool) -> Part:
    questions = tuple(_question(question, layout, other) for question in part.questions)
    return replace(part, text=_blocks(part.text, layout, other), questions=questions)


def _question(question: Answered, layout: Layout, other: bool) -> Answered:
    return replace(
        question,
        statement=_blocks(question.statement, layout, other),
        answer=_blocks(question.answer, layout, other),
        claims=tuple(_claim(claim, layout, other) for claim in question.claims),
    )


def _claim(claim: Claimed, layout: Layout, other: bool) -> Claimed:
    return replace(claim, printed=_prose(claim.printed, other), blocks=_blocks(claim.blocks, layout, other))


def _blocks(blocks: tuple[Block, ...], layout: Layout, other: bool) -> tuple[Block, ...]:
    return tuple(_chosen(block, layout, other) for block in blocks)


def _links(links: tuple[Node, ...], turned: tuple[Node, ...] | None, other: bool) -> tuple[Node, ...]:
    return turned if other and turned is not None else links


def _prose(prose: Prose, other: bool) -> Prose:
    return tuple(Formulas(_links(s.links, s.turned, other)) if isinstance(s, Formulas) else s for s in prose)


@singledispatch
def _chosen(block: Block, layout: Layout, other: bool) -> Block:
    """Pictures, charts and room look alike in both layouts."""
    return block


@_chosen.register
def _(block: Paragraph, layout: Layout, other: bool) -> Block:
    return Paragraph(_prose(block.prose, other))


@_chosen.register
def _(block: Items, layout: Layout, other: bool) -> Block:
    return replace(block, items=tuple(_prose(item, other) for item in block.items))


@_chosen.register
def _(block: Table, layout: Layout, other: bool) -> Block:
    rows = tuple(tuple(_prose(entry, other) for entry in row) for row in block.rows)
    return replace(block, head=tuple(_prose(entry, other) for entry in block.head), rows=rows)


@_chosen.register
def _(block: Notice, layout: Layout, other: bool) -> Block:
    return replace(block, blocks=_blocks(block.blocks, layout, other))


@_chosen.register
def _(block: Equalities, layout: Layout, other: bool) -> Block:
    return replace(
        block, links=_links(block.links, block.turned, other), turned=None, reason=_prose(block.reason, other)
    )


@_chosen.register
def _(block: Derived, layout: Layout, other: bool) -> Block:
    """A derivation that was asked for in another layout only stays."""
    places = [n for n, derivation in enumerate(block.derivations) if derivation.layout is layout]
    if not places:
        return block
    return Derived(
        tuple(block.derivations[n] for n in places), tuple(block.known[n] for n in places if n < len(block.known))
    )


@_chosen.register
def _(block: Paths, layout: Layout, other: bool) -> Block:
    return replace(block, sums=tuple(one for one in block.sums if one.layout is layout) or block.sums)
