"""What `symrnn bench` times: generated code, and automatic differentiation of the same equations where it is installed.

Each contestant takes its arguments in its library's own arrays beforehand; only the loss with its gradients is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn import doctor
from symrnn.api.bench_data import Arguments
from symrnn.checking.generated import run_module
from symrnn.coding.backends import emit_for
from symrnn.coding.numpy_module import emit
from symrnn.language import Cell
from symrnn.planning.interface import build_interface
from symrnn.planning.system import build_system

Run = Callable[[], tuple[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Contestant:
    """A way to a cell's gradients: ``prepare(cell)`` gives what turns arguments into a call to be timed."""

    name: str
    extra: str | None
    automatic: bool
    prepare: Callable[[Cell], Callable[[Arguments], Run]]


def _numpy(cell: Cell) -> Callable[[Arguments], Run]:
    return _made(cell, run_module(emit(cell)))


def _made(cell: Cell, module: Any) -> Callable[[Arguments], Run]:
    """The function that a module makes for given sizes, where it makes one: JAX compiles for given sizes, too."""
    sizes = [rule.size for rule in build_interface(build_system(cell, ())).sizes]

    def bind(given: Arguments) -> Run:
        function = module.loss_and_gradients
        if hasattr(module, "make_loss_and_gradients"):
            data = module._unpack(*given)
            batch = data["batch"] if data["has_batch"] else None
            arguments = (*(data[size] for size in sizes), data["steps"], batch, data["dtype"])
            function = module.make_loss_and_gradients(*arguments)
        return lambda: function(*given)

    return bind


def _numpy_plain(cell: Cell) -> Callable[[Arguments], Run]:
    module = run_module(emit(cell, plain=True))
    return lambda given: lambda: module.loss_and_gradients(*given)


def _numba(cell: Cell) -> Callable[[Arguments], Run]:
    return _made(cell, run_module(emit_for("numba", cell)))


def _jax(cell: Cell) -> Callable[[Arguments], Run]:
    import jax

    compiled = jax.jit(run_module(emit_for("jax", cell)).loss_and_gradients)

    def bind(given: Arguments) -> Run:
        arrays = jax.tree.map(jax.numpy.asarray, given)
        return lambda: jax.block_until_ready(compiled(*arrays))

    return bind


def _jax_automatic(cell: Cell) -> Callable[[Arguments], Run]:
    """Reverse mode through a scan of the cell's own equations."""
    import jax

    module = run_module(emit_for("jax", cell))

    def loss_of(wanted: tuple[Any, ...], targets: Any) -> Any:
        params, inputs, initial = wanted
        data = module._unpack(params, inputs, targets, initial)
        return module._loss(data, module._forward(data))[0]

    compiled = jax.jit(jax.value_and_grad(loss_of))

    def bind(given: Arguments) -> Run:
        params, inputs, targets, initial = jax.tree.map(jax.numpy.asarray, given)

        def call() -> tuple[Any, dict[str, Any]]:
            loss, parts = jax.block_until_ready(compiled((params, inputs, initial), targets))
            return loss, {key: value for part in parts for key, value in part.items()}

        return call

    return bind


def _torch(cell: Cell) -> Callable[[Arguments], Run]:
    import torch

    module = run_module(emit_for("torch", cell))

    def bind(given: Arguments) -> Run:
        arrays = [{key: torch.tensor(value) for key, value in group.items()} for group in given]
        return lambda: module.loss_and_gradients(*arrays)

    return bind


def _torch_automatic(cell: Cell) -> Callable[[Arguments], Run]:
    """Eager autograd through the cell's own equations."""
    import torch

    module = run_module(emit_for("torch", cell))

    def bind(given: Arguments) -> Run:
        params, inputs, targets, initial = (
            {key: torch.tensor(value, requires_grad=place != 2) for key, value in group.items()}
            for place, group in enumerate(given)
        )
        leaves = {**params, **inputs, **initial}

        def call() -> tuple[Any, dict[str, Any]]:
            data = module._unpack(params, inputs, targets, initial)
            loss, _ = module._loss(data, module._forward(data))
            found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
            return loss, {key: g for key, g in zip(leaves, found, strict=True) if g is not None}

        return call

    return bind


CONTESTANTS: Mapping[str, Contestant] = {
    c.name: c
    for c in (
        Contestant("numpy", None, False, _numpy),
        Contestant("numpy plain", None, False, _numpy_plain),
        Contestant("numba", "numba", False, _numba),
        Contestant("jax", "JAX", False, _jax),
        Contestant("torch", "PyTorch", False, _torch),
        Contestant("jax autodiff", "JAX", True, _jax_automatic),
        Contestant("torch autodiff", "PyTorch", True, _torch_automatic),
    )
}
"""Generated code by backend, and the libraries' own differentiation of the same equations."""


def installed() -> list[Contestant]:
    """Those whose library is here."""
    return [c for c in CONTESTANTS.values() if c.extra is None or doctor.find(c.extra).present]


def error_between(found: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    """The largest relative error over the gradients that both have, max|a-b| / max|b|."""
    worst = 0.0
    for key in found.keys() & expected.keys():
        got, right = (plain(value) for value in (found[key], expected[key]))
        if got.shape != right.shape:
            return float("inf")
        scale = float(np.max(np.abs(right), initial=0.0)) or 1.0
        error = float(np.max(np.abs(got - right), initial=0.0)) / scale
        worst = max(worst, error) if np.isfinite(error) else float("inf")
    return worst


def plain(value: Any) -> Any:
    """Numbers of any library as a NumPy array."""
    detached = value.detach() if hasattr(value, "detach") else value
    return np.asarray(detached, dtype=float)
