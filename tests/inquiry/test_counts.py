"""Counts are held against counts by hand and against what the arrays of an instance really hold."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.errors import DataError
from symrnn.inquiry.counts import count_parameters
from symrnn.oracle.draw import random_instance

EXAM_A = "size n, m\nparam V[n,n], W[n,m], b[n]\ninput x[m]\nstate h[n]\nh[t] = tanh(V @ h[t-1] + W @ x[t] + b)"
EXAM_C = "size n, m\nparam V[n,n], W[n,m]\ninput x[m]\nstate h[n]\nh[t] = tanh(V @ h[t-1] + W @ x[t])"
TORCH = EXAM_A.replace("b[n]", "b_1[n], b_2[n]").replace("+ b)", "+ b_1 + b_2)")


def test_an_exams_cell(written):
    count = count_parameters(written(EXAM_A))
    assert count.value({"n": 5, "m": 3}) == 45
    assert str(count.total) == "m*n + n*n + n"
    assert count.value({"n": 5, "m": 3}, count.two_biases) == 50
    assert count.value({"n": 5, "m": 3}, count.without_biases) == 40


def test_a_cell_without_bias_stays_without(written):
    count = count_parameters(written(EXAM_C))
    assert count.value({"n": 12, "m": 4}) == 192
    assert count.conventions() == (("as written", count.total),)


def test_two_biases_are_recognised_as_one_too_many(written):
    count = count_parameters(written(TORCH))
    numbers = {"n": 5, "m": 3}
    assert count.value(numbers) == 50
    assert count.value(numbers, count.one_bias) == 45
    assert count.value(numbers, count.two_biases) == 50


def test_an_output_bias_is_never_doubled(library):
    count = count_parameters(library("elman"))
    assert str(count.two_biases - count.total) == "n"


def test_lstm_has_four_of_everything(library):
    count = count_parameters(library("lstm"))
    n, m, k = 7, 5, 3
    assert count.value({"n": n, "m": m, "K": k}) == 4 * (n * n + n * m + n) + k * n + k


def test_a_parameter_of_every_step_counts_for_every_step(library):
    cell = library("time_varying")
    numbers = {"n": 3, "m": 2, "tau": 6}
    lam = next(c for c in count_parameters(cell).counts if c.name == "lam")
    assert lam.formula.value(numbers) == 18


def test_a_learned_start_counts(library):
    counts = count_parameters(library("learned_start")).counts
    assert any(c.kind == "start" and c.name == "h[0]" for c in counts)


@pytest.mark.parametrize("name", names())
def test_the_formula_agrees_with_the_arrays(library, name):
    cell = library(name)
    instance = random_instance(cell, 0, tau=4)
    arrays = [instance.values[d.name] for d in cell.parameters]
    held = sum(sum(np.size(v) for v in a.values()) if isinstance(a, dict) else np.size(a) for a in arrays)
    learned = {key for state, _, key in cell.initial_keys() if state.start == "learned"}
    held += sum(np.size(instance.initial[key]) for key in learned)
    assert count_parameters(cell).value(instance.sizes) == held


def test_a_missing_size_is_named(library):
    count = count_parameters(library("elman"))
    with pytest.raises(DataError, match="needs numbers for K"):
        count.value({"n": 2, "m": 3})


def test_a_misspelt_size_has_a_nearest_name(library):
    with pytest.raises(DataError, match="Did you mean"):
        count_parameters(library("stack2"), {"n_11": 2})


def test_a_size_of_zero_is_refused(library):
    with pytest.raises(DataError, match="not positive"):
        count_parameters(library("elman"), {"n": 0})
