"""Formulas that would never end, or fill the memory, are stopped with a sentence."""

from __future__ import annotations

import contextlib
import time
import tracemalloc

import pytest

from symrnn.errors import DataError
from symrnn.language import Formula, Index, Inverse, Kron, MatrixPower, Neg, Part, Role, Sum, Variable, number
from symrnn.language import build as b
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell


@pytest.fixture(scope="module")
def evaluator():
    lines = ["size n", "param A[n,n], v[n]", "input x[n]", "state h[n]", "h[t] = tanh(A @ h[t-1] + x[t])"]
    cell = read_cell("\n".join([*lines, "loss L = sum(v.T @ h[t], t)"]), "cell")
    return Evaluator(cell, random_instance(cell, 0))


def big_kron(A):
    for _ in range(4):
        A = Kron(A, A)
    return A


def nested(node, wrap, times):
    for _ in range(times):
        node = wrap(node)
    return node


def endless_sum(v, upper):
    return b.sum_over(b.times(b.index_number("k"), v), "k", 1, upper)


HOSTILE = {
    "long sum": lambda A, v: endless_sum(v, 10**7),
    "sum of sums": lambda A, v: b.sum_over(Sum(v, "j", Index.of("k"), Index.of("k") + 3000), "k", 1, 3000),
    "long product": lambda A, v: b.product_over(b.times(b.index_number("k"), A), "k", 1, 10**8, 1),
    "giant kron": lambda A, v: big_kron(A),
    "deep nesting": lambda A, v: nested(v, Neg, 5000),
    "deep functions": lambda A, v: nested(v, lambda x: b.apply("sin", x), 500),
    "giant power": lambda A, v: MatrixPower(A, Index.of(10**12)),
    "giant number": lambda A, v: b.times(number(10**400), v),
    "singular": lambda A, v: Inverse(b.matmul(v, b.transpose(v))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_bounded_in_time_and_memory(evaluator, kind):
    A, v = evaluator.cell.variable("A"), evaluator.cell.variable("v")
    node = HOSTILE[kind](A, v)
    tracemalloc.start()
    start = time.perf_counter()
    if kind == "singular":  # v vᵀ may be off singular by rounding
        with contextlib.suppress(DataError):
            assert abs(evaluator.evaluate(node)).max() > 1e10
    else:
        with pytest.raises(DataError):
            evaluator.evaluate(node)
    spent, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 20
    assert peak < 300e6


def test_a_budget_can_be_chosen(evaluator):
    v = evaluator.cell.variable("v")
    small = Evaluator(evaluator.cell, evaluator.instance, budget=1000)
    assert small.evaluate(endless_sum(v, 100)).shape == (3, 1)
    with pytest.raises(DataError, match="too many operations"):
        small.evaluate(endless_sum(v, 1000))
    assert evaluator.evaluate(endless_sum(v, 1000)).shape == (3, 1)


def test_a_recursive_part_with_many_indices_is_stopped(evaluator):
    P = lambda t: Variable("P", Role.PART, (), Index.of(t))  # noqa: E731
    line = b.add(b.index_number("k"), P(Index.of("j") - 1))
    formula = Formula(b.sum_over(P(5), "k", 1, 10**7), (Part("P", Index.of("j"), line),))
    with pytest.raises(DataError, match="too many operations"):
        evaluator.evaluate(formula)


def test_shared_subexpressions_cost_once(evaluator):
    """A graph of 60 nodes that would be 2^60 terms if it were written out."""
    node = evaluator.cell.variable("v")
    for _ in range(60):
        node = b.add(b.times(number("1/2"), node), b.times(number("1/2"), node))
    start = time.perf_counter()
    value = evaluator.evaluate(node)
    assert abs(value - evaluator.value("v")).max() < 1e-12
    assert time.perf_counter() - start < 1


def test_deep_but_reasonable_expressions_are_evaluated(evaluator):
    """Also inside parts that call each other at every step."""
    v = evaluator.cell.variable("v")
    deep = nested(v, lambda x: b.apply("sin", x), 100)
    P = lambda t: Variable("P", Role.PART, v.shape, Index.of(t))  # noqa: E731
    line = nested(b.add(v, P(Index.of("t") + 1)), lambda x: b.apply("sin", x), 60)
    formula = Formula(b.add(nested(P(1), lambda x: b.apply("sin", x), 100), deep), (Part("P", Index.of("t"), line),))
    assert evaluator.evaluate(formula).shape == (3, 1)
