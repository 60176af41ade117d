"""The fast NumPy module against the oracle and against the plain one; buffers, pieces, bad input."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.cells import head_names, names
from symrnn.coding.numpy_module import CodeOptions, emit

from .bad_input import NUMPY_BAD_INPUT, mutable_arguments
from .support import library_cell, module, problem, tolerance, worst_error

VECTOR_HEADS = [h for h in head_names() if h not in ("track_matrix", "upstream_matrix", "next_input", "next_word")]


@lru_cache
def source_of(name: str, head: str | None = None) -> str:
    """The fast module of a library cell; a cell that falls back to the plain version fails the test."""
    source = emit(library_cell(name, head))
    assert "def make_loss_and_gradients" in source
    return source


def fast(name: str, head: str | None = None, wide: bool = False) -> Any:
    """The module; ``wide`` takes the schedule for long vectors, which small sizes would not choose."""
    source = source_of(name, head)
    return module(re.sub(r"short = .*", "short = False", source) if wide else source, f"{name}_fast")


def test_which_cells_have_a_schedule_for_short_vectors() -> None:
    narrow = [name for name in names() if "def _few_calls" in source_of(name)]
    assert {"elman", "lstm", "gru", "gru_reset_after", "lstm_peephole", "lstm_packed", "stack2"} <= set(narrow)
    assert len(narrow) > 30


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("wide", [True, False])
def test_every_gradient_of_every_cell(name: str, batch: int | None, wide: bool) -> None:
    code = fast(name, wide=wide)
    given = problem(library_cell(name), seed=1, tau=4, batch=batch)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("head", VECTOR_HEADS)
@pytest.mark.parametrize("tau", [1, 2, 5])
@pytest.mark.parametrize("wide", [True, False])
def test_every_head(head: str, tau: int, wide: bool) -> None:
    cell = library_cell("rnn_torch", f"{head}(h)")
    if head == "softmax_truncated" and tau == 1:
        pytest.skip("the loss of one step is empty there")
    code = fast("rnn_torch", f"{head}(h)", wide)
    given = problem(cell, seed=2, tau=tau, batch=2)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("wide", [True, False])
def test_the_function_with_buffers_may_be_called_again(name: str, wide: bool) -> None:
    cell = library_cell(name)
    code = fast(name, wide=wide)
    first, second = (problem(cell, seed=s, tau=5, batch=2) for s in (3, 4))
    sizes = code._sizes({**first.params, **first.inputs, **first.targets, **first.initial})
    run = code.make_loss_and_gradients(**sizes, steps=5, batch=2)
    run(second.params, second.inputs, second.targets, second.initial)
    loss, gradients = run(first.params, first.inputs, first.targets, first.initial)
    assert loss == pytest.approx(first.loss, rel=1e-11)
    assert worst_error(gradients, first.gradients) < tolerance(name)


@pytest.mark.parametrize("name", names())
def test_pieces_of_a_single_step(name: str) -> None:
    code = fast(name, wide=True)
    code.make_loss_and_gradients.__globals__["PIECE_BYTES"] = 1
    given = problem(library_cell(name), seed=5, tau=6, batch=2)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru_reset_after", "tied_embedding", "teacher_forcing"])
@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("wide", [True, False])
def test_labels(name: str, batch: int | None, wide: bool) -> None:
    given = problem(library_cell(name), seed=6, tau=5, batch=batch)
    targets = {
        key: value.argmax(-1) if library_cell(name).declaration[key].attributes else value
        for key, value in given.targets.items()
    }
    loss, gradients = fast(name, wide=wide).loss_and_gradients(given.params, given.inputs, targets, given.initial)
    assert loss == pytest.approx(given.loss)
    assert worst_error(gradients, given.gradients) < 1e-10


@pytest.mark.parametrize("name", ["elman", "lstm", "stack2", "bidirectional"])
def test_only_what_is_asked_for(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, batch=2)
    key = cell.parameters[0].name
    source = emit(cell, options=CodeOptions(wrt=(key,)))
    loss, gradients = module(source).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss)
    assert worst_error(gradients, {key: given.gradients[key]}) < 1e-10
    others = [p.name for p in cell.parameters if p.name != key]
    assert not any(f"'{name}': gradients" in source for name in others)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "leaky", "layernorm_rnn"])
def test_the_type_of_what_is_given_is_kept(name: str, dtype: type) -> None:
    given = problem(library_cell(name), batch=2)
    groups = [
        {k: np.asarray(v, dtype) for k, v in g.items()}
        for g in (given.params, given.inputs, given.targets, given.initial)
    ]
    _, gradients = fast(name).loss_and_gradients(*groups)
    assert {np.asarray(g).dtype for g in gradients.values()} == {np.dtype(dtype)}
    assert worst_error({k: np.asarray(v, float) for k, v in gradients.items()}, given.gradients) < 1e-3


def test_mixed_types_come_out_in_the_wider_one() -> None:
    given = problem(library_cell("elman"), batch=2)
    params = {k: np.asarray(v, np.float32) for k, v in given.params.items()}
    _, gradients = fast("elman").loss_and_gradients(params, given.inputs, given.targets, given.initial)
    assert {g.dtype for g in gradients.values()} == {np.dtype(np.float64)}


def test_other_sizes_than_it_was_made_for() -> None:
    code = fast("elman")
    given = problem(library_cell("elman"), batch=2)
    run = code.make_loss_and_gradients(n=7, m=2, K=3, steps=5, batch=2)
    with pytest.raises(ValueError, match="was made for"):
        run(given.params, given.inputs, given.targets, given.initial)


BAD = [
    *NUMPY_BAD_INPUT,
    (lambda a: a["inputs"].update(x=np.zeros((0, 2))), "the number of steps is 0"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_bad_input_is_named(spoil: Any, message: str) -> None:
    given = problem(library_cell("elman"))
    arguments = mutable_arguments(given)
    spoil(arguments)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        fast("elman").loss_and_gradients(**arguments)


def test_the_source_does_not_grow_with_the_data_and_passes_ruff(tmp_path: Path) -> None:
    for name in names():
        (tmp_path / f"{name}_generated.py").write_text(emit(library_cell(name)), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,W", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
