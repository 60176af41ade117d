"""Second derivatives along a direction: against torch, and symmetric."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn import cells
from symrnn.errors import DataError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.second import directional
from symrnn.reading.cellfile import read_cell

TEXT = """
size n, m
param W[n,n], U[n,m], r[n]
input x[m]
state h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
loss L = sum((r.T @ h[t])**2, t)
"""


@pytest.fixture(scope="module")
def case():
    cell = read_cell(TEXT, "cell")
    return cell, random_instance(cell, 6)


def test_the_hessian_times_a_vector_agrees_with_torch(case):
    torch = pytest.importorskip("torch")
    cell, instance = case
    rng = np.random.default_rng(0)
    v = {"W": rng.normal(size=(3, 3)), "U": rng.normal(size=(3, 2)), "h[0]": rng.normal(size=(3, 1))}
    tensor = {k: torch.tensor(instance.values.get(k, instance.initial.get(k)), requires_grad=True) for k in v}
    h, loss = tensor["h[0]"], 0
    for t in range(1, 6):
        h = torch.tanh(tensor["W"] @ h + tensor["U"] @ torch.tensor(instance.values["x"][t]))
        loss = loss + (torch.tensor(instance.values["r"]).T @ h).pow(2).sum()
    first = torch.autograd.grad(loss, list(tensor.values()), create_graph=True)
    dot = sum((g * torch.tensor(d)).sum() for g, d in zip(first, v.values(), strict=True))
    second = dict(zip(tensor, torch.autograd.grad(dot, list(tensor.values())), strict=True))
    for name in ("W", "U"):
        found = directional(cell, instance, cell.variable("L"), cell.variable(name), v)
        np.testing.assert_allclose(found.T, second[name].numpy(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_the_hessian_is_symmetric(name):
    cell = read_cell(cells.source_text(name), name, heads=cells.head_text)
    instance = random_instance(cell, 1)
    rng = np.random.default_rng(1)
    one, other = (p.name for p in cell.parameters[:2])
    v, w = (rng.normal(size=np.shape(instance.values[p])) for p in (one, other))
    loss = cell.variable(cell.loss_name)
    forth = (directional(cell, instance, loss, cell.variable(other), {one: v}).T * w).sum()
    back = (directional(cell, instance, loss, cell.variable(one), {other: w}).T * v).sum()
    assert forth == pytest.approx(back, rel=1e-8)
    assert abs(forth) > 1e-6


@pytest.mark.parametrize("along, message", [({"x": 1}, 'along "x"'), ({"W": np.ones(3)}, "shape")])
def test_directions_that_are_none(case, along, message):
    cell, instance = case
    with pytest.raises(DataError, match=message):
        directional(cell, instance, cell.variable("L"), cell.variable("U"), along)
