from __future__ import annotations

from math import inf, log10

import numpy as np
import pytest

from symrnn.errors import QuestionError
from symrnn.inquiry.flow import flow, recurrent_parameters
from symrnn.inquiry.unrolled import unroll
from symrnn.oracle.draw import random_instance


def test_a_linear_cell_has_powers_of_its_matrix(library):
    """‖W^d‖₂ whatever t and k: known without any derivative."""
    cell = library("linear")
    found = flow(cell, 8, sizes={"n": 4}, seed=3)

    w = random_instance(cell, 3, {"n": 4}, 8).values["W"]
    (state,) = found.states
    for i, row in enumerate(state.logs):
        for j, value in enumerate(row):
            if i < j:
                assert value is None
            else:
                assert value == pytest.approx(log10(np.linalg.norm(np.linalg.matrix_power(w, i - j), 2)), abs=1e-9)


def test_a_backward_state_flows_the_other_way(library):
    found = {s.state: s for s in flow(library("bidirectional"), 6).states}
    forward, backward = found["hf"].logs, found["hb"].logs
    assert forward[5][0] is not None
    assert forward[0][5] is None
    assert backward[0][5] is not None
    assert backward[5][0] is None


def test_a_dead_relu_is_no_number(library):
    found = flow(library("scalar_relu"), 20)
    assert any(value == -inf for row in found.states[0].logs for value in row)


def test_sigma_is_the_largest_singular_value(library):
    small, large = (flow(library("elman"), 15, sigma=sigma).states[0].rate for sigma in (0.5, 1.5))
    assert small <= 0.5
    assert small < large


def test_recurrent_parameters_multiply_an_earlier_state(library):
    assert recurrent_parameters(unroll(library("elman"), 3)) == ("W",)
    assert recurrent_parameters(unroll(library("lstm"), 3)) == ("U_f", "U_i", "U_c", "U_o")
    assert recurrent_parameters(unroll(library("transposed"), 3)) == ("W_hh",)


def test_bad_questions(library):
    with pytest.raises(QuestionError, match="Did you mean"):
        flow(library("stack2"), states=["h11"])
    with pytest.raises(QuestionError, match="tau = 0"):
        flow(library("elman"), 0)
    with pytest.raises(QuestionError, match="no positive number"):
        flow(library("elman"), sigma=-1.0)


def test_a_cell_without_state_has_no_flow(written):
    with pytest.raises(QuestionError, match="nothing flows"):
        flow(written("param W[n,n]\nsize n\ninput x[n]\ny[t] = W @ x[t]"))
