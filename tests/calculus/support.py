"""Small helpers for the calculus' tests: cells from text, questions, and the oracle's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from symrnn import cells
from symrnn.calculus.derive import derive
from symrnn.calculus.steps import Derived, Form, Step, TimeSpan
from symrnn.language import Cell, Layout, Node, Vec
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell
from symrnn.reading.question import read_question

TOLERANCE = 1e-11


@lru_cache(maxsize=64)
def library_cell(name: str) -> Cell:
    return read_cell(cells.source_text(name), name, heads=cells.head_text)


@lru_cache(maxsize=64)
def evaluator(cell: Cell, seed: int = 3, tau: int = 4) -> Evaluator:
    return Evaluator(cell, random_instance(cell, seed, tau=tau))


def ask(
    cell: Cell,
    of: str,
    by: str,
    forms: Sequence[str] | None = None,
    layout: Layout = Layout.NUMERATOR,
    **options: object,
) -> Derived:
    of_node, by_node = read_question(of, by, cell)
    return derive(cell, of_node, by_node, layout, forms, **options)  # type: ignore[arg-type]


def times(spans: Sequence[TimeSpan], numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """All values of the free times."""
    if not spans:
        yield {}
        return
    first, *rest = spans
    for value in range(first.lower.value(numbers), first.upper.value(numbers) + 1):
        for others in times(rest, {**numbers, first.index: value}):
            yield {first.index: value, **others}


def relative(got: np.ndarray, wanted: np.ndarray) -> float:
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.size == wanted.size == 1:
        got, wanted = got.reshape(()), wanted.reshape(())
    assert got.shape == wanted.shape
    difference = np.abs(got - wanted).max(initial=0.0)
    scale = np.abs(wanted).max(initial=0.0)
    return 0.0 if difference < 1e-14 else float(difference / scale) if scale else float(difference)


def form_error(found: Derived, form: Form, judge: Evaluator) -> float:
    """The largest relative error of a form against the oracle over all admissible times."""
    return max(_form_error_at(found, form, judge, at) for at in times(found.spans, judge.instance.sizes))


def _form_error_at(found: Derived, form: Form, judge: Evaluator, at: dict[str, int]) -> float:
    of, by = found.question.of, found.question.by
    if form.name == "index":
        wanted = by_letters(of, by, np.asarray(judge.total(of, by, at)))
        sizes = dict(zip(form.free, wanted.shape, strict=True))
        return relative(judge.evaluate_index_form(form.formula, form.free, at, sizes), wanted)
    carried = form.name in ("recursion", "forward") and not of.is_single
    matrix = len(by.shape) == 2 and not by.is_column
    wanted = np.asarray(judge.total(of, Vec(by) if matrix and (form.name == "vec" or carried) else by, at))
    shown = wanted.T if found.question.layout is Layout.DENOMINATOR else wanted
    return relative(judge.evaluate(form.formula, at), shown)


def by_letters(of: Node, by: Node, numerator: np.ndarray) -> np.ndarray:
    """The oracle's numerator-layout array with its axes in the order of the letters: of, then by as written."""
    if of.is_single:
        array = numerator.T if len(by.shape) == 2 else numerator
        return array.reshape(tuple(n for n, axis in zip(array.shape, by.shape, strict=False) if axis.constant != 1))
    return numerator.transpose(0, 2, 1) if numerator.ndim == 3 else numerator


def step_error(step: Step, judge: Evaluator, most: int = 12) -> float:
    """The largest relative difference of a step's two sides over admissible times."""
    worst = 0.0
    for count, at in enumerate(times(step.spans, judge.instance.sizes)):
        if count == most:
            break
        if step.free:
            left = judge.evaluate_index_form(step.before, step.free, at)
            sizes = dict(zip(step.free, left.shape, strict=True))
            right = judge.evaluate_index_form(step.after, step.free, at, sizes)
        else:
            left, right = judge.evaluate(step.before, at), judge.evaluate(step.after, at)
        worst = max(worst, relative(right, left))
    return worst
