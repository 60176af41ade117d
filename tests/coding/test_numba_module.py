"""Numba modules against the oracle: some cells compiled; as Python, the backends' contract runs them all."""

from __future__ import annotations

import pytest

from symrnn.coding.numba.module import emit_numba

from .support import library_cell, module, problem, worst_error

pytest.importorskip("numba")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elman", "gru", "bidirectional", "delta_rule", "layernorm_rnn", "learned_start"])
def test_compiled_it_gives_the_same(name: str) -> None:
    cell = library_cell(name)
    code = module(emit_numba(cell))
    for seed, batch in ((5, 2), (6, None)):
        given = problem(cell, seed=seed, tau=4, batch=batch)
        loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
        assert loss == pytest.approx(given.loss, rel=1e-11)
        assert worst_error(gradients, given.gradients) < 1e-10
