"""The plain NumPy module against the oracle: every library cell, with and without a batch, and every head."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.cells import head_names, names
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import QuestionError
from symrnn.reading.cellfile import read_cell

from .bad_input import NUMPY_BAD_INPUT, mutable_arguments
from .support import library_cell, module, problem, tolerance, worst_error

VECTOR_HEADS = [h for h in head_names() if h not in ("track_matrix", "upstream_matrix", "next_input", "next_word")]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [None, 3])
def test_every_gradient_of_every_cell(name: str, batch: int | None) -> None:
    cell = library_cell(name)
    code = module(emit(cell, plain=True))
    given = problem(cell, seed=1, tau=4, batch=batch)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("head", VECTOR_HEADS)
@pytest.mark.parametrize("tau", [1, 2, 5])
def test_every_head(head: str, tau: int) -> None:
    cell = library_cell("rnn_torch", f"{head}(h)")
    if head == "softmax_truncated" and tau == 1:
        pytest.skip("the loss of one step is empty there")
    code = module(emit(cell, plain=True))
    given = problem(cell, seed=2, tau=tau, batch=2)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


@pytest.mark.parametrize("name", ["elman", "bidirectional", "lag2", "delta_rule", "minibatch_rows", "rnn_notes"])
def test_forward_gives_all_variables(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=3, tau=4)
    variables, final = module(emit(cell, plain=True)).forward(given.params, given.inputs, given.initial)
    assert variables
    for key, array in variables.items():
        expected = np.stack([given.variables[key][t] for t in sorted(given.variables[key])])
        assert np.allclose(array.reshape(-1), expected.reshape(-1), rtol=1e-12, atol=1e-14), key
    assert set(final) == {key for _, _, key in cell.initial_keys()}


@pytest.mark.parametrize("name", ["elman", "lstm", "lag2", "rnn_notes"])
def test_a_long_sequence_in_two_pieces(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=4, tau=6, batch=2)
    code = module(emit(cell, plain=True))
    whole, _ = code.forward(given.params, given.inputs, given.initial)
    _, middle = code.forward(given.params, {k: v[:3] for k, v in given.inputs.items()}, given.initial)
    known = given.initial or None
    if known is None:
        return
    rest, _ = code.forward(given.params, {k: v[3:] for k, v in given.inputs.items()}, middle)
    for key, array in rest.items():
        assert np.allclose(array, whole[key][3:])


def test_labels_are_one_hot_vectors() -> None:
    cell = library_cell("elman")
    given = problem(cell, batch=3)
    code = module(emit(cell, plain=True))
    labels = {"y": given.targets["y"].argmax(-1)}
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, labels, given.initial)
    assert loss == pytest.approx(given.loss)
    assert worst_error(gradients, given.gradients) < 1e-12


def test_an_initial_value_for_the_whole_batch() -> None:
    cell = library_cell("elman")
    given = problem(cell, batch=3)
    code = module(emit(cell, plain=True))
    shared = given.initial["h[0]"][0]
    spread = np.broadcast_to(shared, given.initial["h[0]"].shape)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h": shared})
    expected, each = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h[0]": spread})
    assert loss == pytest.approx(expected)
    assert np.allclose(gradients["h[0]"], each["h[0]"].sum(0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_what_is_given_is_kept(dtype: type) -> None:
    cell = library_cell("lstm")
    given = problem(cell, batch=2)
    groups = [{k: np.asarray(v, dtype) for k, v in g.items()} for g in (given.params, given.inputs, given.initial)]
    targets = {k: v.argmax(-1) for k, v in given.targets.items()}
    _, gradients = module(emit(cell, plain=True)).loss_and_gradients(groups[0], groups[1], targets, groups[2])
    assert {np.asarray(g).dtype for g in gradients.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize(("spoil", "message"), NUMPY_BAD_INPUT)
def test_bad_input_is_named(spoil: Any, message: str) -> None:
    cell = library_cell("elman")
    given = problem(cell)
    arguments = mutable_arguments(given)
    spoil(arguments)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        module(emit(cell, plain=True)).loss_and_gradients(**arguments)


def test_an_unknown_name_in_wrt() -> None:
    with pytest.raises(QuestionError, match="Wx"):
        emit(library_cell("elman"), plain=True, options=CodeOptions(wrt=("Wx",)))


def test_only_what_is_asked_for_is_computed() -> None:
    cell = library_cell("elman")
    source = emit(cell, plain=True, options=CodeOptions(wrt=("c",)))
    assert "lam_h" not in source
    given = problem(cell)
    _, gradients = module(source).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert set(gradients) == {"c"}


def test_names_that_python_or_the_module_needs() -> None:
    cell = read_cell(
        "size n\nparam lambda_[n,n], l[n]\ninput np[n]\nstate range[n]\n"
        "range[t] = tanh(lambda_ @ range[t-1] + l + np[t])\nloss L = sum(norm2(range[t]), t)\n"
    )
    given = problem(cell, batch=2)
    _, gradients = module(emit(cell, plain=True)).loss_and_gradients(
        given.params, given.inputs, given.targets, given.initial
    )
    assert worst_error(gradients, given.gradients) < 1e-10


def test_shapes_as_they_were_written() -> None:
    cell = read_cell(
        "size n, m\nparam W[n,1], b[n], q[1,n]\ninput x[1,m], u[1]\nstate h[n,1]\nparam V[m,n]\n"
        "h[t] = tanh(W @ u[t] + b + (x[t] @ V).T * h[t-1])\nloss L = sum(norm2(h[t] * q.T), t)\n"
    )
    given = problem(cell, batch=2)
    assert given.params["W"].shape[1:] == (1,)
    assert given.inputs["x"].shape[2] == 1
    loss, gradients = module(emit(cell, plain=True)).loss_and_gradients(
        given.params, given.inputs, given.targets, given.initial
    )
    assert loss == pytest.approx(given.loss)
    assert worst_error(gradients, given.gradients) < 1e-10


def test_generated_modules_pass_ruff(tmp_path: Path) -> None:
    for name in names():
        (tmp_path / f"{name}_generated.py").write_text(emit(library_cell(name), plain=True), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,W", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
