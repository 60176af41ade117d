"""What JAX adds: modules under jit, vmap and jax.grad of the forward pass, and sharded over devices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.coding.tensor.jax_module import emit_jax

from .support import double_precision, library_cell, module, problem, worst_error

jax = pytest.importorskip("jax")


@pytest.fixture(autouse=True)
def exactly() -> Iterator[None]:
    """Double precision; compiled only where a test asks for it."""
    with double_precision("jax"), jax.disable_jit():
        yield


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
