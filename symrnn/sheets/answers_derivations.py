"""Answers that derive: derivations with their steps, chains of equalities, sums over paths, counted terms."""

from __future__ import annotations

import numpy as np

from symrnn.api.derivation import Derivation
from symrnn.api.deriving import derive
from symrnn.checking.verification import analytic
from symrnn.errors import CheckFailedError, ShapeError
from symrnn.inquiry.term_paths import term_paths, terms_of
from symrnn.inquiry.unrolled import unroll
from symrnn.language import Cell, Index, Jacobian, Layout, Node
from symrnn.language.node import format_shape
from symrnn.language.traversal import free_indices, substitute_indices, variables
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.sheets.answers_structure import cell_of, plain
from symrnn.sheets.content import Block, Derived, Equalities, LitSum, LitTerm, Paths, Table
from symrnn.sheets.prose import turned
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item

TOLERANCE = 1e-9
"""The relative difference that two sides of an equality may have; central differences, where needed, are this good."""


def derivation(setting: Setting, question: Item, item: Item) -> list[Block]:
    """A derivation with its steps: ``of``, ``wrt``, ``forms``, ``window``, ``tau``, ``layouts``."""
    named = item.get("layouts")
    layouts = tuple(Layout(name) for name in named) if named else setting.layouts
    made = tuple(_derived(setting, question, item, layout) for layout in layouts)
    return [Derived(made, tuple(setting.known_steps(one, question.data["id"]) for one in made))]


def _derived(setting: Setting, question: Item, item: Item, layout: Layout) -> Derivation:
    what = f'the derivation of question "{question.data["id"]}"'
    of, wrt = item.need("of", what), item.need("wrt", what)
    made = derive(
        cell_of(setting, question, item),
        of,
        wrt,
        layout=layout,
        form=item.get("forms"),
        tau=item.get("tau"),
        window=item.get("window"),
        style=setting.style,
        seed=setting.seed,
    )
    setting.record([*(made.errors or ()), made.max_error or 0.0])
    return made


def equalities(setting: Setting, question: Item, item: Item) -> list[Block]:
    """Lines ``a = b = c`` with reasons, each checked at random numbers: ``lines`` of [formula, reason].

    A line whose reason begins with ":" is a definition, which there is nothing to check about.
    """
    cell = cell_of(setting, question, item)
    reader = setting.reader(cell, question)
    blocks: list[Block] = []
    for line in item.need("lines", "an answer of equalities"):
        formula, reason = (line, "") if isinstance(line, str) else line
        links = reader.chain(formula)
        definition = reason.startswith(":") or len(links) < 2
        error = None if definition else chain_error(cell, links, setting.seed)
        if error is not None:
            if not error <= TOLERANCE:
                raise CheckFailedError(f"the line `{formula}` does not hold: relative error {error:.1e}")
            setting.record([error])
        told = reader.line(reason.removeprefix(":").strip()) if reason else ()
        blocks.append(Equalities(links, told, error, turned(links), definition))
    return blocks


def chain_error(cell: Cell, links: tuple[Node, ...], seed: int) -> float:
    """The largest relative difference of a chain's links, at admissible free times and several draws of the numbers.

    Where the first link is zero the difference is taken as it is.  A cell with kinks is drawn more often: a unit that
    is off, or always on, hides what stands behind its slope.
    """
    draws = range(seed, seed + (2 if analytic(cell) else 8))
    return max(_error_at(cell, Evaluator(cell, random_instance(cell, draw)), links) for draw in draws)


def _error_at(cell: Cell, evaluator: Evaluator, links: tuple[Node, ...]) -> float:
    times = _times(cell, evaluator, links)
    values = [np.asarray(evaluator.evaluate(link, times), dtype=float) for link in links]
    if any(value.size != values[0].size for value in values):
        shapes = " and ".join(format_shape(link.shape) for link in links)
        raise ShapeError(f"the sides of the equality are {shapes}", hint="Both sides need the same shape.")
    scale = float(np.abs(values[0]).max(initial=0.0)) or 1.0
    return max(
        float(np.abs(value.reshape(values[0].shape) - values[0]).max(initial=0.0)) / scale for value in values[1:]
    )


def _times(cell: Cell, evaluator: Evaluator, links: tuple[Node, ...]) -> dict[str, int]:
    """Values of the free times and indices: k before j before t, so that ∂h_t/∂h_k exists."""
    sizes = evaluator.instance.sizes
    free = sorted({name for link in links for name in free_indices(link)} - set(sizes) - set(dict(cell.equal_sizes)))
    if not free:
        return {}
    first, last = cell.time.first.value(sizes), cell.time.last.value(sizes)
    timed = {name for link in links for v in variables(link) if v.time is not None for name in v.time.names()}
    order = {cell.time.index: last - 1, "k": first + 1, "j": first + 2, "r": first + 2}
    return {name: order.get(name, first + 1) if name in timed else 1 for name in free}


def paths(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The unrolled sum over ``tau`` steps beside the graph through which its terms run: ``of``, ``wrt``."""
    cell = cell_of(setting, question, item)
    tau = int(item.get("tau", 3))
    sums = tuple(_lit_sum(setting, question, item, layout, tau) for layout in setting.layouts)
    return [Paths(unroll(cell, tau), sums)]


def _lit_sum(setting: Setting, question: Item, item: Item, layout: Layout, tau: int) -> LitSum:
    data = {**item.data, "forms": ["unrolled"], "tau": tau}
    made = _derived(setting, question, Item(data, item.line, item.path), layout)
    terms = terms_of(made.result.expression)
    numbers = dict(unroll(made.cell, tau).numbers)
    of, by = (
        substitute_indices(node, {name: Index.of(n) for name, n in numbers.items()}) for node in (made.of, made.wrt)
    )
    found = term_paths(made.cell, of, by, tau, terms)
    lit = (LitTerm(term, frozenset() if path is None else path.ids) for term, path in zip(terms, found, strict=True))
    return LitSum(Jacobian(made.of, made.wrt, layout), tuple(lit), layout)


def terms(setting: Setting, question: Item, item: Item) -> list[Block]:
    """How many terms the unrolled sum has for each length: ``of``, ``wrt``, ``lengths``."""
    rows = []
    for tau in item.get("lengths", [1, 2, 3, 4]):
        data = {**item.data, "forms": ["unrolled"], "tau": tau}
        made = _derived(setting, question, Item(data, item.line, item.path), setting.layouts[0])
        rows.append((plain(str(tau)), plain(str(made.form("unrolled").terms))))
    return [Table((plain("steps"), plain("terms")), tuple(rows))]
