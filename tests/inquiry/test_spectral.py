"""Norm bounds are held against measured norms; facts about matrices against matrices that have them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.errors import DataError, QuestionError
from symrnn.inquiry.norm_bound import block_bounds, step_bound
from symrnn.inquiry.ranges import Ranges
from symrnn.inquiry.spectral import matrix_facts, spectral
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


@pytest.mark.parametrize("name", names())
def test_no_norm_exceeds_its_bound(library, name):
    cell = library(name)
    for state in cell.states:
        for seed in (0, 1):
            found = spectral(cell, state.name, seed=seed, tau=7)
            if found.bound_value is not None:
                assert all(norm <= found.bound_value**d * (1 + 1e-6) + 1e-12 for d, norm in found.measured)


@pytest.mark.parametrize("name", ["lstm", "lstm_exam", "lstm_packed", "slstm", "jordan_context"])
def test_no_block_exceeds_its_bound(library, name):
    cell = library(name)
    found = block_bounds(cell)
    assert found
    evaluator = Evaluator(cell, random_instance(cell, 0, tau=4))
    for block in found:
        if block.bound is not None:
            value = evaluator.evaluate(block.block, {cell.time.index: 3})
            measured = np.linalg.norm(value, 2)

            def size(factor):
                array = np.asarray(evaluator.evaluate(factor.node))
                return np.linalg.norm(array, 2) if factor.kind == "norm" else np.abs(array).max()

            assert measured <= block.bound.value(size) * (1 + 1e-9)


def test_the_bound_of_a_tanh_cell(library):
    bound = step_bound(library("elman"), "h").bound
    (term,) = bound.terms
    assert term.coefficient == 1
    assert [f.kind for f in term.factors] == ["norm"]


def test_a_sigmoid_has_a_quarter_each(library):
    (term,) = step_bound(library("jordan"), "y").bound.terms
    assert term.coefficient == Fraction(1, 16)


def test_nothing_bounds_a_memory_cell(library):
    cell = library("lstm")
    ranges = Ranges(cell)
    assert ranges.of(cell.variable("c", cell.now)) is None
    assert ranges.of(cell.variable("f", cell.now)) == (0, 1)
    assert ranges.of(cell.variable("h", cell.now)) == (-1, 1)


@pytest.mark.parametrize("name", names())
def test_ranges_hold_all_values(library, name):
    cell = library(name)
    evaluator = Evaluator(cell, random_instance(cell, 0, tau=4))
    ranges = Ranges(cell)
    for variable in cell.step_order():
        interval = ranges.of(cell.variable(variable, cell.now))
        for time in evaluator.unrolled.times:
            if interval is not None and (variable, time) in evaluator.values:
                value = evaluator.values[variable, time]
                assert interval[0] - 1e-12 <= value.min()
                assert value.max() <= interval[1] + 1e-12


def test_an_orthogonal_matrix_neither_vanishes_nor_explodes(library):
    found = spectral(library("linear"), assume="orthogonal", tau=30)
    assert all(abs(norm - 1) < 1e-10 for _, norm in found.measured)
    assert {"orthogonal", "neither"} <= {s.key for s in found.statements}
    assert all(abs(abs(value) - 1) < 1e-10 for value in found.matrices[0].eigenvalues)


def test_an_orthogonal_matrix_behind_tanh_only_shrinks(library):
    found = spectral(library("elman"), assume="orthogonal", tau=20)
    assert found.measured[-1][1] < 0.1
    assert {"cannot explode", "only slopes"} <= {s.key for s in found.statements}


def test_powers_of_a_symmetric_matrix_have_the_radius_as_norm(library):
    found = spectral(library("linear"), assume="symmetric", tau=10)
    (facts,) = found.matrices
    assert facts.symmetric
    assert facts.largest == pytest.approx(facts.radius)
    assert all(norm == pytest.approx(facts.radius**d) for d, norm in found.measured)


def test_a_matrix_that_is_not_normal():
    facts = matrix_facts("W", [[0.5, 10.0], [0.0, 0.5]])
    assert facts.radius == pytest.approx(0.5)
    assert facts.largest > 10
    assert not facts.normal


def test_the_gradients_highway_is_named(library):
    found = spectral(library("lstm_exam"))
    highway = [s for s in found.statements if s.key == "highway"]
    assert len(highway) == 1
    assert "∂c_t/∂c_(t−1)" in highway[0].text


def test_bad_questions(library):
    with pytest.raises(QuestionError, match="no state"):
        spectral(library("elman"), "a")
    with pytest.raises(QuestionError, match="no kind of matrix"):
        spectral(library("elman"), assume="unitary")
    with pytest.raises(DataError, match="no square matrix"):
        matrix_facts("W", [[1.0, 2.0]])
