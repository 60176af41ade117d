"""Lines in index notation, each checked by numbers and by its indices.

On the left stands a derivative whose component indices are free.  Every term on the right must have each of them, and
may have other letters only in pairs, which are summed over; letters that a sum binds are neither.
"""

from __future__ import annotations

from collections import Counter
from functools import singledispatch

from symrnn.api.checking import check
from symrnn.checking.asked import Asked
from symrnn.errors import CheckFailedError
from symrnn.language import Add, Cell, Delta, Entry, Index, Jacobian, Layout, Node, Product, Sum
from symrnn.reading.expression import read_expression
from symrnn.reading.question import read_question
from symrnn.reading.scope import Scope
from symrnn.sheets.answers_structure import cell_of, plain
from symrnn.sheets.content import Block, Equalities, Formulas, Prose, Table, Words
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item

Letters = Counter[str]


def indices(setting: Setting, question: Item, item: Item) -> list[Block]:
    """Lines of ``lines``, each ``[of, wrt, formula]`` with a reason as a fourth text where one is wanted.

    With ``table = true`` the indices of every line are listed as well, with ``lines_shown = false`` they are alone.
    """
    cell = cell_of(setting, question, item)
    reader = setting.reader(cell, question)
    blocks: list[Block] = []
    rows: list[tuple[Prose, ...]] = []
    for of, wrt, formula, *reason in item.need("lines", "an answer in index notation"):
        left, right, free = _sides(cell, of, wrt, formula)
        summed, terms = _balance(right, free)
        error = _checked(setting, cell, (of, wrt, formula))
        blocks.append(Equalities((left, right), reader.line(reason[0]) if reason else (), error))
        rows.append(((Formulas((left, right)),), _names(free), _names(summed), plain(str(terms))))
    if not item.get("lines_shown", True):
        blocks.clear()
    if item.get("table"):
        head = (plain("line"), plain("free on both sides"), plain("summed over"), plain("terms"))
        blocks.append(Table(head, tuple(rows)))
    return blocks


def _checked(setting: Setting, cell: Cell, line: tuple[str, str, str]) -> float | None:
    """The error of a line; one that an earlier answer has shown is not computed again."""
    key = (cell.name, *line)
    if key not in setting.checked:
        of, wrt, formula = line
        found = check(cell, formula, of, wrt, seed=setting.seed)
        if not found.correct:
            raise CheckFailedError(f"the line `{formula}` is {found.verdict}")
        setting.record([] if found.error is None else [found.error])
        setting.checked[key] = found.error
    return setting.checked[key]


def _sides(cell: Cell, of: str, wrt: str, formula: str) -> tuple[Node, Node, frozenset[str]]:
    left, by = read_question(of, wrt, cell)
    asked = Asked(cell, left, by)
    right = read_expression(formula, Scope.of(cell).with_indices(*asked.free))
    total = Jacobian(left, by, Layout.NUMERATOR)
    return total, right, frozenset(name for term in letters(total) for name in term)


def _balance(right: Node, free: frozenset[str]) -> tuple[frozenset[str], int]:
    """The letters that the right side sums over, and how many terms it has; raises where a term doesn't balance."""
    terms = letters(right)
    summed: set[str] = set()
    for term in terms:
        missing = sorted(name for name in free if not term[name])
        if missing:
            raise CheckFailedError(f"the index {missing[0]} is free on the left and missing in a term on the right")
        others = {name for name in term if name not in free}
        single = sorted(name for name in others if term[name] == 1)
        if single:
            raise CheckFailedError(f"the index {single[0]} stands once in a term on the right and not on the left")
        summed |= others
    return frozenset(summed), len(terms)


def _names(names: frozenset[str]) -> Prose:
    spans: list[Words] = []
    for name in sorted(names):
        spans += [Words(", ")] if spans else []
        spans.append(Words(name, "emphasis"))
    return tuple(spans) or plain("none")


@singledispatch
def letters(node: Node) -> list[Letters]:
    """For every additive term, how often each component index stands in it.

    A function's arguments count as they are: f(x_i) has the index of x_i.
    """
    found = [Counter[str]()]
    for inner in _operands(node):
        if isinstance(inner, Node):
            found = _times(found, letters(inner))
    return found


def _times(first: list[Letters], second: list[Letters]) -> list[Letters]:
    return [a + b for a in first for b in second]


@letters.register
def _add(node: Add) -> list[Letters]:
    return [term for inner in _operands(node) if isinstance(inner, Node) for term in letters(inner)]


@letters.register(Entry)
@letters.register(Delta)
def _entry(node: Entry | Delta) -> list[Letters]:
    parts = _operands(node)
    found = [Counter(name for part in parts if isinstance(part, Index) for name in part.names())]
    for part in parts:
        if isinstance(part, Node):
            found = _times(found, letters(part))
    return found


@letters.register(Sum)
@letters.register(Product)
def _binder(node: Sum | Product) -> list[Letters]:
    inside = letters(node.body)
    for term in inside:
        term.pop(node.index, None)
    return inside


def _operands(node: Node) -> tuple[object, ...]:
    """What a node is made of, one after the other, however it keeps it."""
    return tuple(part for arg in node.args for part in (arg if isinstance(arg, tuple) else (arg,)))
