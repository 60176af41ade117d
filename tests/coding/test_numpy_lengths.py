"""``--lengths``: a padded batch against its sequences run one by one, with no numbers at all behind their ends."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from symrnn.api.loading import load
from symrnn.cells import names
from symrnn.checking.generated import Problem, batched, ragged
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import UnsupportedError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell

from .support import module, worst_error

OPTIONS = CodeOptions(lengths=True)


@cache
def given(name: str) -> Problem:
    return ragged(Evaluator(load(name), random_instance(load(name), 4, tau=6)))


@cache
def code(name: str, plain: bool) -> Any:
    return module(emit(load(name), plain, OPTIONS), f"ragged_{name}")


WITH_INPUTS = [name for name in names() if load(name).inputs]


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", WITH_INPUTS)
def test_every_sequence_counts_as_it_would_alone(name: str, plain: bool) -> None:
    """Forward and backward states, losses of every step and of the last; and without a batch, one shorter sequence."""
    errors = given(name).errors(code(name, plain))
    assert max(errors.values()) < 1e-8, errors
    alone = ragged(Evaluator(load(name), random_instance(load(name), 4, tau=6)), shorter=(0,))
    one = {"params": alone.arguments["params"]}
    for group in ("inputs", "targets", "initial"):
        one[group] = {
            key: value[:, 0] if key in code(name, plain).TIMED else value if np.ndim(value) == 0 else value[0]
            for key, value in alone.arguments[group].items()
        }
    for key in code(name, plain).START - code(name, plain).PER_EXAMPLE:
        one["initial"][key] = alone.arguments["initial"][key]
    loss, _ = code(name, plain).loss_and_gradients(**one)
    assert loss == pytest.approx(alone.loss, rel=1e-9)


@pytest.mark.parametrize("name", WITH_INPUTS)
def test_the_fast_schedule_serves_every_cell(name: str) -> None:
    assert "def _all_at_once(" in emit(load(name), options=OPTIONS)


@pytest.mark.parametrize("plain", [True, False])
def test_labels_behind_the_end_are_not_looked_at(plain: bool) -> None:
    arguments = {group: dict(arrays) for group, arrays in given("lstm").arguments.items()}
    (key,) = code("lstm", plain).LABELS
    known = np.nan_to_num(arguments["targets"][key], nan=-1.0)
    arguments["targets"][key] = np.where((known < 0).any(-1), -100, known.argmax(-1))
    loss, gradients = code("lstm", plain).loss_and_gradients(**arguments)
    assert loss == pytest.approx(given("lstm").loss, rel=1e-10)
    assert worst_error(gradients, given("lstm").gradients) < 1e-9


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", ["elman", "lag2", "bidirectional"])
def test_final_states_are_those_of_each_sequences_own_end(name: str, plain: bool) -> None:
    """Going on from them is going on from where each sequence stopped."""
    arguments = given(name).arguments
    lengths = arguments["inputs"]["lengths"]
    _, final = code(name, plain).forward(arguments["params"], arguments["inputs"], arguments["initial"])
    ordinary = module(emit(load(name), plain))
    for place, length in enumerate(lengths):
        inputs = {k: v[:length, place] for k, v in arguments["inputs"].items() if k != "lengths"}
        initial = {k: v[place] for k, v in arguments["initial"].items()}
        _, alone = ordinary.forward(arguments["params"], inputs, initial)
        for key, value in alone.items():
            np.testing.assert_allclose(final[key][place], value, rtol=1e-12)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("window", [0, 2])
@pytest.mark.parametrize("name", ["elman", "gru", "lag2", "learned_start", "cornn"])
def test_truncated_gradients_of_sequences_of_different_lengths(name: str, window: int, plain: bool) -> None:
    evaluator = Evaluator(load(name), random_instance(load(name), 4, tau=6))
    source = emit(load(name), plain, CodeOptions(lengths=True, window=window))
    errors = ragged(evaluator, window=window).errors(module(source))
    assert max(errors.values()) < 1e-8, errors


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([6, 0, 3], "lengths has 0, expected numbers of steps from 1 to 6"),
        ([6, 7, 3], "lengths has 7"),
        ([6.0, 5.0, 3.0], "expected whole numbers"),
        ([6, 5], "expected whole numbers"),
        ([[6, 5, 3]], "expected whole numbers"),
    ],
)
def test_bad_lengths_are_told(plain: bool, lengths: list, message: str) -> None:
    arguments = {group: dict(arrays) for group, arrays in given("gru").arguments.items()}
    arguments["inputs"]["lengths"] = np.array(lengths)
    with pytest.raises(ValueError, match=message):
        code("gru", plain).loss_and_gradients(**arguments)


@pytest.mark.parametrize("plain", [True, False])
def test_missing_lengths_are_told(plain: bool) -> None:
    arguments = {group: dict(arrays) for group, arrays in given("gru").arguments.items()}
    del arguments["inputs"]["lengths"]
    with pytest.raises(ValueError, match=r"expected a dict with the keys \['x', 'lengths'\]"):
        code("gru", plain).loss_and_gradients(**arguments)


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="runs backward"):
        emit(load("bidirectional"), options=CodeOptions(lengths=True, window=1))
    with pytest.raises(UnsupportedError, match="no input"):
        emit(load("autoregressive"), options=OPTIONS)


SCALAR_GATE = """
cell   gated
size   n, m
param  U[n,m], W[n,n]
input  x[m], z
state  h[n]
a[t] = tanh(U @ x[t] + W @ h[t-1])
h[t] = z[t] * a[t] + (1 - z[t]) * h[t-1]
loss L = sum(norm2(h[t]), t)
"""


def test_a_gate_of_one_number_for_a_whole_vector() -> None:
    """With a batch as large as the vector is long a wrong axis would go unnoticed."""
    cell = read_cell(SCALAR_GATE, "gated")
    evaluator = Evaluator(cell, random_instance(cell, 0))
    size = evaluator.instance.sizes["n"]
    errors = batched(evaluator, size).errors(module(emit(cell)))
    assert max(errors.values()) < 1e-9, errors
