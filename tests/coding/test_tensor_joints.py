"""Products that steps of JAX and PyTorch modules share, and what goes from one step of the adjoints to the next."""

from __future__ import annotations

import re

import numpy as np
import pytest

from symrnn.coding.tensor.jax_module import emit_jax
from symrnn.coding.tensor.torch_module import emit_torch
from symrnn.reading.cellfile import read_cell

from .support import library_cell, module, problem, worst_error


def steps(source: str) -> list[str]:
    """The bodies of the step functions, without comments."""
    code = re.sub(r"#.*", "", source)
    return [part.split("return (")[0] for part in re.split(r"def step_\w+\(carry, now\):", code)[1:]]


@pytest.mark.parametrize(("name", "products"), [("lstm", [1, 1]), ("gru", [2, 2]), ("elman", [1, 1])])
def test_a_step_multiplies_once_with_the_same_vector(name: str, products: list[int]) -> None:
    for emit in (emit_jax, emit_torch):
        assert [body.count(" @ ") for body in steps(emit(library_cell(name)))] == products


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "bidirectional"])
def test_no_step_turns_a_matrix(name: str) -> None:
    assert not any(".T" in body for body in steps(emit_jax(library_cell(name))))


def test_nothing_is_read_one_time_ahead() -> None:
    source = emit_jax(library_cell("lstm"))
    assert "_padded" not in source
    assert "carry\n" in source
    assert "o_after" not in source


ODD = """
size n, m, p
param A[n,n], B[p,n], C[n,n], D[n,p], E[n,m], a[n]
input x[m]
state h[n], s[p]
u[t] = tanh(A @ h[t-1] + D @ s[t-1] + E @ x[t])
v[t] = sigmoid(C @ h[t-1] + a)
h[t] = u[t] * v[t] + A @ h[t-1]
s[t] = tanh(B @ h[t-1] + B @ u[t])
loss L = sum(norm2(h[t]), t) + norm2(s[tau])
"""


@pytest.mark.parametrize("batch", [None, 3])
def test_matrices_that_stand_in_several_places(batch: int | None) -> None:
    cell = read_cell(ODD)
    given = problem(cell, seed=3, tau=5, batch=batch)
    for emit, library in ((emit_jax, "jax"), (emit_torch, "torch")):
        pytest.importorskip(library)
        code = module(emit(cell))
        loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
        tolerance = 1e-4 if library == "jax" and not _wide() else 1e-10
        assert float(loss) == pytest.approx(given.loss, rel=tolerance)
        assert worst_error({k: np.asarray(v) for k, v in gradients.items()}, given.gradients) < tolerance


def _wide() -> bool:
    """Whether JAX computes in double precision here."""
    import jax

    return bool(jax.config.values["jax_enable_x64"])
