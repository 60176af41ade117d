"""From a sheet's data to its content: every answer computed, every line of it checked.

What an answer's ``kind`` means stands in :mod:`answers`, how a claim is judged in :mod:`claims`.
"""

from __future__ import annotations

import platform

import numpy as np

from symrnn import __version__
from symrnn.checking.verification import DEFAULT_SETTING
from symrnn.emitting.style import Style, parse_style
from symrnn.errors import QuestionError, SymrnnError, did_you_mean
from symrnn.inquiry.substitute import number_node
from symrnn.language import Index, Layout, Node
from symrnn.oracle.data import instance_from_values
from symrnn.sheets.answers import answer_blocks
from symrnn.sheets.answers_numbers import values_of
from symrnn.sheets.claims import claimed
from symrnn.sheets.content import Answered, Block, Claimed, Formulas, Notice, Paragraph, Part, Solution, Span, Words
from symrnn.sheets.one_layout import in_one_layout
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item, SheetFile


def solve(file: SheetFile, layout: Layout | None = None, variant: int | None = None, seed: int = 0) -> Solution:
    """The whole sheet, solved and checked; in one layout where one is asked for, else in both."""
    own = _layout(file)
    setting = Setting(file, (own, own.other), _style(file), seed, variant)
    parts = tuple(_part(setting, section) for section in file.sections)
    preface = _text(setting, file.head, "preface")
    title, source = file.head.data["title"], file.head.get("source", "")
    footer = _footer(setting)
    found = Solution(file.name, title, source, setting.layouts, setting.style, preface, parts, footer, variant=variant)
    return found if layout is None else in_one_layout(found, layout)


def _style(file: SheetFile) -> Style:
    try:
        return parse_style(file.head.get("style", ""))
    except SymrnnError as error:
        raise file.head.error(f"the style cannot be used: {error.message}", hint=error.hint) from None


def _layout(file: SheetFile) -> Layout:
    named = file.head.get("layout", Layout.NUMERATOR.value)
    known = [layout.value for layout in Layout]
    if named not in known:
        raise file.head.error(f'there is no layout "{named}"', hint=did_you_mean(named, known))
    return Layout(named)


def _part(setting: Setting, section: Item) -> Part:
    identity = section.data["id"]
    questions = tuple(_question(setting, q) for q in setting.file.questions if q.data["section"] == identity)
    text = _text(setting, section, "text")
    if section.get("reconstructed"):
        told = setting.reader(setting.cell(section), section).prose(str(section.data["reconstructed"]))
        text = (*text, Notice("reconstructed", "Reconstructed", told))
    return Part(identity, section.get("title", ""), text, questions)


def _question(setting: Setting, question: Item) -> Answered:
    blocks: list[Block] = []
    for data in question.get("answer", []):
        item = Item(data, question.line, question.path)
        if setting.variant is None or not item.get("original"):
            blocks.extend(answer_blocks(setting, question, item))
    if not blocks:
        raise QuestionError(
            f'the question "{question.data["id"]}" has no answer',
            location=setting.place(question),
            hint="Add: [[question.answer]] with a kind.",
        )
    # What the source prints is about the original numbers.
    claims = () if setting.variant is not None else tuple(_claims(setting, question))
    statement = (*_text(setting, question, "text"), *_given(setting, question))
    points = question.get("points")
    return Answered(
        question.data["id"],
        question.get("title", ""),
        statement,
        tuple(blocks),
        tuple(claims),
        None if points is None else float(points),
        question.get("space"),
    )


def _claims(setting: Setting, question: Item) -> list[Claimed]:
    return [claimed(setting, question, Item(data, question.line, question.path)) for data in question.get("claim", [])]


def _given(setting: Setting, question: Item) -> tuple[Block, ...]:
    """The question's numbers, as they are given."""
    if not question.get("values"):
        return ()
    cell = setting.cell(question)
    if cell is None:
        raise question.error("numbers are given, but there is no cell", hint='Add: cell = "elman"')
    instance = instance_from_values(cell, values_of(setting, question, Item({}, question.line, question.path)))
    chains: list[tuple[Node, ...]] = []
    for name in question.data["values"]:
        if name in instance.initial:
            state, time, _ = next(found for found in cell.initial_keys() if found[2] == name)
            left: Node = cell.variable(state.name, Index.of(time.value(instance.sizes)))
            chains.append((left, number_node(np.asarray(instance.initial[name]))))
        elif name in instance.values:
            value = instance.values[name]
            timed = value.items() if isinstance(value, dict) else [(None, value)]
            for when, entry in timed:
                at = None if when is None else Index.of(when)
                chains.append((cell.variable(name, at), number_node(np.asarray(entry))))
    spans: list[Span] = [Words("Given: ")]
    for place, chain in enumerate(chains):
        spans += [Words(", " if place else ""), Formulas(chain)]
    return (Paragraph((*spans, Words("."))),)


def _text(setting: Setting, item: Item, key: str) -> tuple[Block, ...]:
    text = item.get(key)
    return setting.reader(setting.cell(item), item).prose(text) if text else ()


def _footer(setting: Setting) -> tuple[Block, ...]:
    largest = max(setting.errors, default=0.0)
    text = (
        f"How this was checked: {len(setting.errors)} computed lines and claims, by numbers that share no code with "
        f"the derivations; seed {setting.seed}, sizes that differ pairwise, a non-zero initial state, τ = "
        f"{DEFAULT_SETTING.tau}; complex step, central differences where a function is not analytic, exact fractions "
        f"where numbers are given. Largest relative error: {largest:.1e}. "
        f"symrnn {__version__}, NumPy {np.__version__}, Python {platform.python_version()}."
    )
    return (Paragraph((Words(text),)),)
