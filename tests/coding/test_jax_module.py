"""JAX modules against the oracle: every library cell and head, and under jit, vmap and jax.grad of the forward pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.cells import head_names, names
from symrnn.coding.tensor.jax_module import emit_jax
from symrnn.errors import QuestionError, UnsupportedError
from symrnn.reading.cellfile import read_cell

from .support import library_cell, module, problem, worst_error

jax = pytest.importorskip("jax")
HEADS = [h for h in head_names() if h not in ("track_matrix", "upstream_matrix")]


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    with jax.disable_jit():
        yield
    jax.config.update("jax_enable_x64", before)


def tolerance(name: str) -> float:
    # Next to a kink, or where states grow without bound, the oracle itself has fewer digits.
    return 1e-7 if name in ("indrnn", "inclass", "scalar_relu") else 1e-10


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [None, 3])
def test_every_gradient_of_every_cell(name: str, batch: int | None) -> None:
    cell = library_cell(name)
    code = module(emit_jax(cell))
    given = problem(cell, seed=1, tau=4, batch=batch)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tau", [1, 2, 5])
def test_every_head(head: str, tau: int) -> None:
    if tau == 1 and head in ("softmax_truncated", "next_input", "next_word"):
        pytest.skip("the loss of one step is empty there")
    cell = library_cell("rnn_torch", f"{head}(h)")
    code = module(emit_jax(cell))
    given = problem(cell, seed=2, tau=tau, batch=2)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


@pytest.mark.parametrize("name", ["elman", "bidirectional", "lag2", "delta_rule", "minibatch_rows", "rnn_notes"])
def test_forward_gives_all_variables(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=3, tau=4)
    variables, final = module(emit_jax(cell)).forward(given.params, given.inputs, given.initial)
    assert variables
    for key, array in variables.items():
        expected = np.stack([given.variables[key][t] for t in sorted(given.variables[key])])
        assert np.allclose(np.reshape(array, -1), expected.reshape(-1), rtol=1e-12, atol=1e-14), key
    assert set(final) == {key for _, _, key in cell.initial_keys()}


@pytest.mark.parametrize("name", ["elman", "lstm", "lag2"])
def test_a_long_sequence_in_two_pieces(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=4, tau=6, batch=2)
    code = module(emit_jax(cell))
    whole, _ = code.forward(given.params, given.inputs, given.initial)
    _, middle = code.forward(given.params, {k: v[:3] for k, v in given.inputs.items()}, given.initial)
    rest, _ = code.forward(given.params, {k: v[3:] for k, v in given.inputs.items()}, middle)
    for key, array in rest.items():
        assert np.allclose(array, whole[key][3:])


@pytest.mark.parametrize("name", ["elman", "lstm", "bidirectional", "slstm"])
def test_jit_and_automatic_differentiation_agree(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=5, tau=6, batch=2)
    code = module(emit_jax(cell))
    arguments = (given.params, given.inputs, given.targets, given.initial)

    def loss_of(params: Any, initial: Any) -> Any:
        data = code._unpack(params, given.inputs, given.targets, initial)
        return code._loss(data, code._forward(data))[0]

    with jax.disable_jit(False):
        loss, gradients = jax.jit(code.loss_and_gradients)(*arguments)
        params, initial = jax.jit(jax.grad(loss_of, (0, 1)))(given.params, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10
    for key, array in {**params, **initial}.items():
        assert np.allclose(gradients[key], array, rtol=1e-10, atol=1e-13), key


def test_vmap_gives_every_example_its_own_gradients() -> None:
    cell = library_cell("gru")
    given = problem(cell, seed=6, tau=5, batch=3)
    code = module(emit_jax(cell))
    mapped = jax.vmap(code.loss_and_gradients, in_axes=(None, 1, 1, 0))
    losses, gradients = mapped(given.params, given.inputs, given.targets, given.initial)
    assert losses.shape == (3,)
    assert float(losses.sum()) == pytest.approx(given.loss)
    for key in given.params:
        assert gradients[key].shape == (3, *given.params[key].shape)
        assert np.allclose(gradients[key].sum(0), given.gradients[key], rtol=1e-10, atol=1e-13), key


SHARDED = """
import sys
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
sys.path.insert(0, sys.argv[1])
import generated
mesh = Mesh(np.array(jax.devices()), ("batch",))
given = np.load(sys.argv[2], allow_pickle=True).item()
def put(group, spec):
    return {k: jax.device_put(v, NamedSharding(mesh, spec)) for k, v in group.items()}
arguments = put(given["params"], P()), put(given["inputs"], P(None, "batch")), put(given["targets"], P(None, "batch"))
loss, gradients = jax.jit(generated.loss_and_gradients)(*arguments, put(given["initial"], P("batch")))
assert len(jax.devices()) == 2
assert not gradients["x"].sharding.is_fully_replicated
for key, expected in given["gradients"].items():
    np.testing.assert_allclose(gradients[key], expected, rtol=1e-4, atol=1e-5)
"""


def test_a_batch_is_sharded_over_devices(tmp_path: Path) -> None:
    cell = library_cell("gru")
    given = problem(cell, seed=6, tau=4, batch=4)
    (tmp_path / "generated.py").write_text(emit_jax(cell), encoding="utf-8")
    np.save(tmp_path / "given.npy", np.array(vars(given), dtype=object), allow_pickle=True)
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    command = [sys.executable, "-c", SHARDED, str(tmp_path), str(tmp_path / "given.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["lag2", "cornn", "bidirectional", "inclass"])
def test_a_single_step(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=8, tau=1, batch=2)
    loss, gradients = module(emit_jax(cell)).loss_and_gradients(
        given.params, given.inputs, given.targets, given.initial
    )
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < tolerance(name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_what_is_given_is_kept(dtype: type) -> None:
    cell = library_cell("lstm")
    given = problem(cell, batch=2)
    groups = [{k: np.asarray(v, dtype) for k, v in g.items()} for g in (given.params, given.inputs, given.initial)]
    targets = {k: v.argmax(-1) for k, v in given.targets.items()}
    loss, gradients = module(emit_jax(cell)).loss_and_gradients(groups[0], groups[1], targets, groups[2])
    assert {np.asarray(g).dtype for g in [loss, *gradients.values()]} == {np.dtype(dtype)}
    assert worst_error(gradients, given.gradients) < (1e-4 if dtype is np.float32 else 1e-10)


def test_an_initial_value_for_the_whole_batch() -> None:
    cell = library_cell("elman")
    given = problem(cell, batch=3)
    code = module(emit_jax(cell))
    shared = given.initial["h[0]"][0]
    spread = np.broadcast_to(shared, given.initial["h[0]"].shape)
    _, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h": shared})
    _, each = code.loss_and_gradients(given.params, given.inputs, given.targets, {"h[0]": spread})
    assert np.allclose(gradients["h[0]"], each["h[0]"].sum(0))


BAD = [
    (lambda a: a["params"].update(W=np.zeros((4, 3))), r"W has shape \(4, 3\), expected \(n, n\)"),
    (lambda a: a["params"].pop("b"), "params lacks 'b'"),
    (lambda a: a["inputs"].update(z=1.0), "inputs has the unknown key 'z'"),
    (lambda a: a["targets"].update(y=np.full(5, 99)), "y has the label 99, expected labels from 0 to"),
    (lambda a: a["targets"].update(y=np.zeros(4, int)), r"y has shape \(4,\), expected"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_bad_input_is_named(spoil: Any, message: str) -> None:
    cell = library_cell("elman")
    given = problem(cell)
    arguments = {
        "params": {k: np.array(v) for k, v in given.params.items()},
        "inputs": {k: np.array(v) for k, v in given.inputs.items()},
        "targets": dict(given.targets),
        "initial": dict(given.initial),
    }
    spoil(arguments)
    with pytest.raises(ValueError, match=message):
        module(emit_jax(cell)).loss_and_gradients(**arguments)


def test_only_what_is_asked_for_is_computed() -> None:
    cell = library_cell("elman")
    source = emit_jax(cell, ("c",))
    assert "lam_h" not in source
    given = problem(cell)
    _, gradients = module(source).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert set(gradients) == {"c"}
    with pytest.raises(QuestionError, match="Wx"):
        emit_jax(cell, ("Wx",))


def test_names_that_python_or_the_module_needs() -> None:
    cell = read_cell(
        "size n\nparam lambda_[n,n], l[n]\ninput jnp[n]\nstate range[n]\n"
        "range[t] = tanh(lambda_ @ range[t-1] + l + jnp[t])\nloss L = sum(norm2(range[t]), t)\n"
    )
    given = problem(cell, batch=2)
    _, gradients = module(emit_jax(cell)).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert worst_error(gradients, given.gradients) < 1e-10


def test_a_function_without_a_rule_of_its_own_is_refused() -> None:
    cell = read_cell(
        "size n\nfunction f\nparam W[n,n]\ninput x[n]\nstate h[n]\nh[t] = f(W @ h[t-1] + x[t])\n"
        "loss L = sum(norm2(h[t]), t)\n"
    )
    with pytest.raises(UnsupportedError, match="generic function"):
        emit_jax(cell)


def test_generated_modules_pass_ruff(tmp_path: Path) -> None:
    for name in names():
        (tmp_path / f"{name}_generated.py").write_text(emit_jax(library_cell(name)), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,W", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
