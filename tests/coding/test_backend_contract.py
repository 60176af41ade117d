"""What every backend's module has to keep, against the oracle: all cells and heads, types, bad input, names, style.

What only one library has is in its own file.  Numba modules run as Python here: compiling all cells would take minutes,
and the arithmetic is the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symrnn.cells import head_names, names
from symrnn.coding.backends import BACKENDS, emit_for
from symrnn.errors import QuestionError, UnsupportedError
from symrnn.language import Cell
from symrnn.reading.cellfile import read_cell

from .bad_input import BAD_INPUT, mutable_arguments
from .support import as_python, double_precision, library_cell, problem, tolerance, worst_error

HEADS = [h for h in head_names() if h not in ("track_matrix", "upstream_matrix")]
LIBRARY_NAME = {"jax": "jnp"}
"""What a module calls its library, where that is not the backend's own name."""


@dataclass(frozen=True)
class Writer:
    """Writes and runs the modules of one backend."""

    name: str

    def emit(self, cell: Cell, wrt: Sequence[str] | None = None) -> str:
        return emit_for(self.name, cell, wrt)

    def module(self, cell: Cell, wrt: Sequence[str] | None = None) -> SimpleNamespace:
        return as_python(self.emit(cell, wrt))


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Iterator[Writer]:
    """Each backend that is installed; JAX in double precision and without compiling."""
    library = pytest.importorskip(request.param)
    with double_precision(request.param), library.disable_jit() if request.param == "jax" else nullcontext():
        yield Writer(request.param)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [None, 3])
def test_every_gradient_of_every_cell(backend: Writer, name: str, batch: int | None) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=1, tau=4, batch=batch)
    code = backend.module(cell)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tau", [1, 2, 5])
def test_every_head(backend: Writer, head: str, tau: int) -> None:
    if tau == 1 and head in ("softmax_truncated", "next_input", "next_word"):
        pytest.skip("the loss of one step is empty there")
    cell = library_cell("rnn_torch", f"{head}(h)")
    given = problem(cell, seed=2, tau=tau, batch=2)
    code = backend.module(cell)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


@pytest.mark.parametrize("name", ["elman", "bidirectional", "lag2", "delta_rule", "minibatch_rows", "rnn_notes"])
def test_forward_gives_all_variables(backend: Writer, name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=3, tau=4)
    variables, final = backend.module(cell).forward(given.params, given.inputs, given.initial)
    assert variables
    for key, array in variables.items():
        expected = np.stack([given.variables[key][t] for t in sorted(given.variables[key])])
        assert np.allclose(np.reshape(array, -1), expected.reshape(-1), rtol=1e-12, atol=1e-14), key
    assert set(final) == {key for _, _, key in cell.initial_keys()}


@pytest.mark.parametrize("name", ["elman", "lstm", "lag2"])
def test_a_long_sequence_in_two_pieces(backend: Writer, name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=4, tau=6, batch=2)
    code = backend.module(cell)
    whole, _ = code.forward(given.params, given.inputs, given.initial)
    _, middle = code.forward(given.params, {k: v[:3] for k, v in given.inputs.items()}, given.initial)
    rest, _ = code.forward(given.params, {k: v[3:] for k, v in given.inputs.items()}, middle)
    assert rest
    for key, array in rest.items():
        assert np.allclose(array, whole[key][3:])


@pytest.mark.parametrize("name", ["lag2", "cornn", "bidirectional", "inclass"])
def test_a_single_step(backend: Writer, name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=8, tau=1, batch=2)
    code = backend.module(cell)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_what_is_given_is_kept(backend: Writer, dtype: type) -> None:
    cell = library_cell("lstm")
    given = problem(cell, batch=2)
    groups = [{k: np.asarray(v, dtype) for k, v in g.items()} for g in (given.params, given.inputs, given.initial)]
    targets = {k: v.argmax(-1) for k, v in given.targets.items()}
    loss, gradients = backend.module(cell).loss_and_gradients(groups[0], groups[1], targets, groups[2])
    assert {np.asarray(g).dtype for g in [loss, *gradients.values()]} == {np.dtype(dtype)}
    assert worst_error(gradients, given.gradients) < (1e-4 if dtype is np.float32 else 1e-10)


def test_an_initial_value_for_the_whole_batch(backend: Writer) -> None:
    cell = library_cell("elman")
    given = problem(cell, batch=3)
    code = backend.module(cell)
    shared = given.initial["h[0]"][0]
    spread = np.broadcast_to(shared, given.initial["h[0]"].shape)
    _, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h": shared})
    _, each = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h[0]": spread})
    assert np.allclose(gradients["h[0]"], each["h[0]"].sum(0))


@pytest.mark.parametrize(("spoil", "message"), BAD_INPUT)
def test_bad_input_is_named(backend: Writer, spoil: Any, message: str) -> None:
    cell = library_cell("elman")
    arguments = mutable_arguments(problem(cell))
    spoil(arguments)
    with pytest.raises(ValueError, match=message):
        backend.module(cell).loss_and_gradients(**arguments)


def test_only_what_is_asked_for_is_computed(backend: Writer) -> None:
    cell = library_cell("elman")
    source = backend.emit(cell, ("c",))
    assert "lam_h" not in source
    given = problem(cell)
    _, gradients = as_python(source).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert set(gradients) == {"c"}
    with pytest.raises(QuestionError, match="Wx"):
        backend.emit(cell, ("Wx",))


def test_names_that_python_or_the_module_needs(backend: Writer) -> None:
    library = LIBRARY_NAME.get(backend.name, backend.name)
    cell = read_cell(
        f"size n\nparam lambda_[n,n], l[n]\ninput {library}[n]\nstate range[n]\n"
        f"range[t] = tanh(lambda_ @ range[t-1] + l + {library}[t])\nloss L = sum(norm2(range[t]), t)\n"
    )
    given = problem(cell, batch=2)
    code = backend.module(cell)
    _, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert worst_error(gradients, given.gradients) < 1e-10


def test_a_function_without_a_rule_of_its_own_is_refused(backend: Writer) -> None:
    cell = read_cell(
        "size n\nfunction f\nparam W[n,n]\ninput x[n]\nstate h[n]\nh[t] = f(W @ h[t-1] + x[t])\n"
        "loss L = sum(norm2(h[t]), t)\n"
    )
    with pytest.raises(UnsupportedError, match="generic function"):
        backend.emit(cell)


def test_generated_modules_pass_ruff(backend: Writer, tmp_path: Path) -> None:
    for name in names():
        (tmp_path / f"{name}_generated.py").write_text(backend.emit(library_cell(name)), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,W", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
