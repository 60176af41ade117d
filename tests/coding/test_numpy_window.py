"""``--window w``: truncated gradients against changed runs of the cell, with what lies too far back held fixed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from symrnn.api.loading import load
from symrnn.cells import names
from symrnn.checking.generated import Problem, batched, single
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import UnsupportedError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell

from .support import module

SPREAD = (
    *("elman", "lstm", "gru", "bidirectional", "lag2", "minibatch_rows", "minibatch_columns", "learned_start", "sru"),
    *("stack2_lstm", "delta_rule", "retention", "inclass", "cornn", "jordan", "time_varying", "linear_attention"),
)


@cache
def right(name: str, window: int, batch: bool) -> Problem:
    evaluator = Evaluator(load(name), random_instance(load(name), 3, tau=6))
    return batched(evaluator, 2, window=window) if batch else single(evaluator, window)


@cache
def code(name: str, window: int, plain: bool) -> Any:
    return module(emit(load(name), plain, CodeOptions(window=window)), f"window_{name}")


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("window", [0, 1, 3])
@pytest.mark.parametrize("name", SPREAD)
def test_truncated_gradients(name: str, window: int, plain: bool) -> None:
    for batch in (False, True):
        errors = right(name, window, batch).errors(code(name, window, plain))
        assert max(errors.values()) < 1e-8, errors


@pytest.mark.parametrize("name", names())
def test_every_cell_of_the_library_has_sweeps_over_all_times_at_once(name: str) -> None:
    """The fast schedule goes through the ages in a loop; its length does not depend on the number of steps."""
    source = emit(load(name), options=CodeOptions(window=2))
    assert "for age in range(ages + 1):" in source
    assert len(emit(load(name), options=CodeOptions(window=200))) - len(source) < 10


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", ["elman", "lag2", "bidirectional"])
def test_a_window_of_all_steps_cuts_nothing(name: str, plain: bool) -> None:
    evaluator = Evaluator(load(name), random_instance(load(name), 3, tau=6))
    errors = single(evaluator).errors(code(name, 100, plain))
    assert max(errors.values()) < 1e-8, errors


@pytest.mark.parametrize("plain", [True, False])
def test_one_step_has_one_sweep_of_losses(plain: bool) -> None:
    given = right("gru", 2, False).arguments
    short = {g: {k: v[:1] if k in ("x", "y") else v for k, v in a.items()} for g, a in given.items()}
    loss, gradients = code("gru", 2, plain).loss_and_gradients(**short)
    expected, full = module(emit(load("gru"))).loss_and_gradients(**short)
    assert loss == pytest.approx(expected, rel=1e-12)
    for key in full:
        np.testing.assert_allclose(gradients[key], full[key], atol=1e-12)


def test_a_way_that_turns_round_in_time_is_refused() -> None:
    text = """
cell   turning
size   n, m
param  U[n,m], W[n,n], V[n,n], R[n,n]
input  x[m]
state  g[n], h[n]
h[t] = tanh(U @ x[t] + W @ h[t-1] + R @ g[t])
g[t] = tanh(x2[t] + V @ g[t+1])
x2[t] = U @ x[t]
loss L = sum(norm2(h[t]), t)
"""
    for plain in (True, False):
        with pytest.raises(UnsupportedError, match="runs both back and forth"):
            emit(read_cell(text, "turning"), plain, CodeOptions(window=2))


def test_a_loss_of_the_initial_value_is_refused() -> None:
    text = """
cell   start
size   n, m
param  U[n,m], W[n,n], r[n]
input  x[m]
state  h[n]
h[t] = tanh(U @ x[t] + W @ h[t-1])
loss L = r.T @ h[0] + sum(norm2(h[t]), t)
"""
    with pytest.raises(UnsupportedError, match="initial value"):
        emit(read_cell(text, "start"), options=CodeOptions(window=2))
