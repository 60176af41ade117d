"""Answers about what a cell is: texts, tables, shapes, counts, graphs, dependence."""

from __future__ import annotations

from collections.abc import Mapping

from symrnn.api.asking import dependence as ask_dependence
from symrnn.api.asking import standing
from symrnn.errors import SymrnnError
from symrnn.inquiry.counts import count_parameters, entries
from symrnn.inquiry.shapes import dimension_check
from symrnn.inquiry.shapes import shapes as cell_shapes
from symrnn.inquiry.unrolled import unroll
from symrnn.language import Cell, IndexNumber, Variable
from symrnn.language.node import format_shape
from symrnn.sheets.content import Block, Equalities, Formulas, Paragraph, Picture, Prose, Table, Words
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item


def cell_of(setting: Setting, question: Item, item: Item) -> Cell:
    """The cell of an answer: its own, the question's, or the sheet's."""
    name = item.get("cell")
    found = setting.named_cell(name, question) if name else setting.cell(question)
    if found is None:
        raise question.error(f'the question "{question.data["id"]}" has no cell', hint='Add: cell = "elman"')
    return found


def plain(text: str) -> Prose:
    """A text as it is."""
    return (Words(text),)


def text(setting: Setting, question: Item, item: Item) -> list[Block]:
    """Curated text: ``text``."""
    cell = setting.named_cell(item.data["cell"], question) if item.get("cell") else setting.cell(question)
    return list(setting.reader(cell, question).prose(item.need("text", "a text answer")))


def table(setting: Setting, question: Item, item: Item) -> list[Block]:
    """A table of texts: ``head`` and ``rows``."""
    cell = setting.named_cell(item.data["cell"], question) if item.get("cell") else setting.cell(question)
    reader = setting.reader(cell, question)
    head = tuple(reader.line(entry) for entry in item.need("head", "a table"))
    rows = tuple(tuple(reader.line(entry) for entry in row) for row in item.need("rows", "a table"))
    return [Table(head, rows)]


def graph(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The unrolled computation graph over ``tau`` steps."""
    return [Picture(unroll(cell_of(setting, question, item), int(item.get("tau", 3))))]


def shapes(setting: Setting, question: Item, item: Item) -> list[Block]:
    """Shapes of parameters and variables, in the cell's sizes and for given ``sizes``; ``names`` picks some."""
    cell = cell_of(setting, question, item)
    sizes, wanted = item.get("sizes"), item.get("names")
    head = (plain("quantity"), plain("shape"), *((plain(sizes_text(sizes)),) if sizes else ()))
    rows = []
    for named in cell_shapes(cell, sizes):
        if wanted and named.name not in wanted:
            continue
        numbers = (plain("×".join(str(a.value(sizes)) for a in named.shape) or "1"),) if sizes else ()
        rows.append((_symbol(cell, named.name), plain(format_shape(named.shape)), *numbers))
    return [Table(head, tuple(rows))]


def _symbol(cell: Cell, name: str) -> Prose:
    """A name as it stands in formulas, with its time where it has one."""
    declared = cell.declaration.get(name)
    timed = name in cell.state or (declared is not None and declared.timed)
    if name in cell.equation:
        timed = cell.equation[name].timed
    try:
        return (Formulas((cell.variable(name, cell.now if timed else None),)),)
    except SymrnnError:
        return plain(name)


def count(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The number of parameters, as a formula and for given ``sizes``."""
    cell = cell_of(setting, question, item)
    sizes = item.get("sizes")
    found = count_parameters(cell)
    head = (plain("parameter"), plain("shape"), plain("entries"), *((plain("number"),) if sizes else ()))
    rows = []
    for declaration in cell.parameters:
        number = entries(declaration.shape)
        shown = (plain(str(number.value(sizes))),) if sizes else ()
        symbol: Prose = (Formulas((Variable(declaration.name, declaration.role, declaration.shape, None),)),)
        rows.append((symbol, plain(format_shape(declaration.shape)), (Formulas((IndexNumber(number),)),), *shown))
    total: Prose = (Words("Together "), Formulas((IndexNumber(found.total),)))
    told = f" = {found.value(sizes)} for {sizes_text(sizes)}." if sizes else "."
    return [Table(head, tuple(rows)), Paragraph((*total, Words(told)))]


def sizes_text(sizes: Mapping[str, int] | None) -> str:
    """Sizes as ``n = 5, m = 3``."""
    return ", ".join(f"{name} = {value}" for name, value in (sizes or {}).items())


def dimensions(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The dimension check of a formula: ``formula``."""
    cell = cell_of(setting, question, item)
    (node,) = setting.reader(cell, question).chain(item.need("formula", "a dimension check"))
    return [Equalities((node,), definition=True), Paragraph(plain(f"Dimensions: {dimension_check(node)}."))]


def dependence(setting: Setting, question: Item, item: Item) -> list[Block]:
    """On which blocks of a parameter a derivative depends, and in which way: ``of``, ``wrt``, ``on``."""
    cell = cell_of(setting, question, item)
    what = "an answer about dependence"
    found = ask_dependence(
        cell,
        item.need("of", what),
        item.need("wrt", what),
        item.need("on", what),
        given=item.get("given"),
        times=item.get("times"),
        entries=False,
    )
    asked = found.answer.question
    head = (plain("block"), plain("multiplies"), *(plain(r.text) for r in asked.readings), plain("where it stands"))
    rows = []
    for verdict in found.answer.blocks:
        block = verdict.block
        multiplied: Prose = plain("") if block.multiplies is None else (Formulas((block.multiplies,)),)
        answers = (plain("yes" if verdict.depends(r.key) else "no") for r in asked.readings)
        where = plain("; ".join(standing(verdict)) or "nowhere")
        rows.append(((Formulas((block.node,)),), multiplied, *answers, where))
    return [Table(head, tuple(rows))]
