"""The kinds of answers by name: what a sheet file's ``kind = "…"`` means.

To add a kind, write its function in one of the modules ``answers_*`` and name it in :data:`KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from symrnn.errors import SymrnnError, did_you_mean
from symrnn.sheets import answers_derivations, answers_indices, answers_numbers, answers_structure
from symrnn.sheets.content import Block
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item

Kind = Callable[[Setting, Item, Item], list[Block]]

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "text": answers_structure.text,
        "table": answers_structure.table,
        "graph": answers_structure.graph,
        "shapes": answers_structure.shapes,
        "count": answers_structure.count,
        "dimensions": answers_structure.dimensions,
        "dependence": answers_structure.dependence,
        "derivation": answers_derivations.derivation,
        "equalities": answers_derivations.equalities,
        "paths": answers_derivations.paths,
        "terms": answers_derivations.terms,
        "indices": answers_indices.indices,
        "exact": answers_numbers.exact,
        "solutions": answers_numbers.solutions,
        "bigrams": answers_numbers.bigrams,
        "spectral": answers_numbers.spectral,
        "flow": answers_numbers.flow,
    }
)


def answer_blocks(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The content of one answer block; every error is told with the place of its question."""
    kind = item.need("kind", f'an answer of question "{question.data["id"]}"')
    if kind not in KINDS:
        raise question.error(f'there is no kind of answer "{kind}"', hint=did_you_mean(kind, KINDS))
    try:
        return KINDS[kind](setting, question, item)
    except SymrnnError as error:
        if error.location is not None and error.location.source == str(question.path):
            raise
        where = f'question "{question.data["id"]}", {kind}: {error.message}'
        raise type(error)(where, location=setting.place(question), hint=error.hint) from None
