"""What PyTorch adds: a loss that autograd can differentiate, under gradcheck, and gradients that are not autograd's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symrnn.coding.tensor.torch_module import emit_torch

from .support import library_cell, module, problem, worst_error

torch = pytest.importorskip("torch")


def tensors(group: dict[str, Any]) -> dict[str, Any]:
    return {key: torch.tensor(np.asarray(value, float), requires_grad=True) for key, value in group.items()}


@pytest.mark.parametrize("name", ["elman", "gru", "lag2", "bidirectional", "delta_rule", "indrnn", "learned_start"])
def test_gradcheck(name: str) -> None:
    cell = library_cell(name)
    given = problem(cell, seed=5, tau=3, batch=2)
    code = module(emit_torch(cell))
    groups = [tensors(given.params), tensors(given.inputs), tensors(given.initial)]
    keys = [list(group) for group in groups]

    def loss_of(*arrays: Any) -> Any:
        values = iter(arrays)
        params, inputs, initial = ({key: next(values) for key in each} for each in keys)
        return code.loss(params, inputs, given.targets, initial)

    arrays = tuple(array for group in groups for array in group.values())
    assert torch.autograd.gradcheck(loss_of, arrays, eps=1e-6, atol=1e-6, rtol=1e-4)


def test_autograd_gets_what_loss_and_gradients_gives() -> None:
    cell = library_cell("lstm")
    given = problem(cell, seed=6, tau=4, batch=2)
    code = module(emit_torch(cell))
    params, initial = tensors(given.params), tensors(given.initial)
    (3 * code.loss(params, given.inputs, given.targets, initial)).backward()
    found = {key: array.grad / 3 for key, array in {**params, **initial}.items()}
    expected = {key: given.gradients[key] for key in found}
    assert worst_error(found, expected) < 1e-10


def test_gradients_do_not_come_from_autograd() -> None:
    given = problem(library_cell("elman"), batch=2)
    code = module(emit_torch(library_cell("elman")))
    loss, gradients = code.loss_and_gradients(tensors(given.params), given.inputs, given.targets, given.initial)
    assert not loss.requires_grad
    assert not any(g.requires_grad for g in gradients.values())


def test_forward_is_differentiable_as_it_is() -> None:
    given = problem(library_cell("elman"), tau=3)
    params = tensors(given.params)
    variables, _ = module(emit_torch(library_cell("elman"))).forward(params, given.inputs, given.initial)
    targets = torch.as_tensor(given.targets["y"])
    (-(targets * torch.log(variables["yhat"])).sum()).backward()
    assert np.allclose(params["W"].grad, given.gradients["W"], rtol=1e-10, atol=1e-13)
