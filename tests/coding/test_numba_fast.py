"""The planned part of Numba modules: functions of one entry, products, buffers, labels, and what it falls back on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.coding.numba.module import emit_numba
from symrnn.coding.numba.text import COMPILED, EXACTLY, HELPERS, INLINED, LIMITS, POWERS
from symrnn.reading.cellfile import read_cell

from .support import as_python, library_cell, module, problem, worst_error

pytest.importorskip("numba")


@pytest.fixture(scope="module")
def helpers() -> Any:
    """All helper functions, compiled."""
    head = "import math\n\nimport numba\nimport numpy as np\n"
    return module("\n".join([head, COMPILED, EXACTLY, INLINED, LIMITS, POWERS, *HELPERS.values()]))


EXTENDED = np.longdouble


@pytest.mark.parametrize(
    ("name", "exact", "low", "high"),
    [
        ("exp", np.exp, -700.0, 700.0),
        ("tanh", np.tanh, -25.0, 25.0),
        ("tanh", np.tanh, -1e-6, 1e-6),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), -700.0, 40.0),
        ("log", np.log, 1e-300, 1e300),
        ("log", np.log, 0.7, 1.5),
    ],
)
def test_functions_are_right_to_the_last_digits(helpers: Any, name: str, exact: Any, low: float, high: float) -> None:
    if np.finfo(EXTENDED).eps == np.finfo(float).eps:
        pytest.skip("no wider numbers here to compare with")
    values = np.random.default_rng(0).uniform(low, high, 2000)
    found = np.array([getattr(helpers, name)(x) for x in values])
    expected = exact(values.astype(EXTENDED))
    assert float(np.max(np.abs((found - expected) / expected))) < 6e-16


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("exp", {-np.inf: 0.0, -800.0: 0.0, 0.0: 1.0, 710.0: np.inf, np.inf: np.inf}),
        ("tanh", {-np.inf: -1.0, 0.0: 0.0, 1e-310: 1e-310, 50.0: 1.0, np.inf: 1.0}),
        ("sigmoid", {-np.inf: 0.0, 0.0: 0.5, np.inf: 1.0}),
        ("log", {-1.0: np.nan, 0.0: -np.inf, 1.0: 0.0, 5e-324: np.log(5e-324), np.inf: np.inf}),
    ],
)
def test_functions_at_the_ends(helpers: Any, name: str, pairs: dict[float, float]) -> None:
    function = getattr(helpers, name)
    assert np.isnan(function(np.nan))
    for x, expected in pairs.items():
        np.testing.assert_allclose(function(x), expected, rtol=1e-15)


@pytest.mark.parametrize("shape", [(1, 3, 2), (1, 100, 90), (5, 3, 2), (7, 20, 30)])
def test_products_by_loops_and_by_blas(helpers: Any, shape: tuple[int, int, int]) -> None:
    batch, n, m = shape
    random = np.random.default_rng(1)
    rows, weights, out = random.normal(size=(batch, m)), random.normal(size=(n, m)), np.empty((batch, n))
    steps = np.ascontiguousarray(np.stack([rows + 1, rows]))

    helpers.multiply(rows, weights, out)
    np.testing.assert_allclose(out, rows @ weights.T, rtol=1e-12)
    out[:] = 0
    helpers.multiply_at(steps, 1, weights, out)
    np.testing.assert_allclose(out, rows @ weights.T, rtol=1e-12)
    matrix, back = weights.T.copy(), np.empty((batch, n))
    transpose = helpers.turned(matrix, batch)
    assert transpose.size in (0, matrix.size)
    helpers.multiply_back(rows, matrix, transpose, back)
    np.testing.assert_allclose(back, rows @ matrix, rtol=1e-12)
    back[:] = 0
    helpers.multiply_back_at(steps, 1, matrix, transpose, back)
    np.testing.assert_allclose(back, rows @ matrix, rtol=1e-12)
    total = np.empty((n, m))
    helpers.multiply_columns(out, rows, total)
    np.testing.assert_allclose(total, out.T @ rows, rtol=1e-12)
    summed = np.empty(m)
    helpers.sum_rows(rows, summed)
    np.testing.assert_allclose(summed, rows.sum(0), rtol=1e-12)


@pytest.mark.parametrize("name", names())
def test_every_cell_of_the_library_is_planned(name: str) -> None:
    assert "def _all_steps(" in emit_numba(library_cell(name))


def made(cell: Any, given: Any, batch: int | None, dtype: type = np.float64) -> tuple[Any, Any]:
    code = as_python(emit_numba(cell))
    data = code._unpack(given.params, given.inputs, given.targets, given.initial)
    sizes = [data[name] for name in code._sizes(data["given"])]
    return code, code.make_loss_and_gradients(*sizes, data["steps"], batch, dtype)


def test_a_made_function_overwrites_its_gradients() -> None:
    cell = library_cell("gru")
    first, second = (problem(cell, seed=seed, tau=5, batch=3) for seed in (1, 2))
    _, function = made(cell, first, 3)
    _, gradients = function(first.params, first.inputs, first.targets, first.initial)
    kept = {key: np.array(value) for key, value in gradients.items()}
    assert worst_error(gradients, first.gradients) < 1e-10
    loss, later = function(second.params, second.inputs, second.targets, second.initial)
    assert float(loss) == pytest.approx(second.loss)
    assert worst_error(later, second.gradients) < 1e-10
    assert all(np.shares_memory(later[key], gradients[key]) for key in gradients)
    assert worst_error(kept, first.gradients) < 1e-10


def test_a_made_function_refuses_other_sizes() -> None:
    cell = library_cell("elman")
    given, other = problem(cell, tau=5, batch=3), problem(cell, tau=4, batch=3)
    _, function = made(cell, given, 3)
    with pytest.raises(ValueError, match=r"steps, batch\) = .*but this function was made for"):
        function(other.params, other.inputs, other.targets, other.initial)


def test_labels_mark_their_places_and_are_wiped() -> None:
    cell = library_cell("elman")
    given = problem(cell, tau=5, batch=3)
    _, function = made(cell, given, 3)
    classes = given.targets["y"].shape[-1]
    for turn in range(3):
        labels = (given.targets["y"].argmax(-1) + turn) % classes
        loss, gradients = function(given.params, given.inputs, {"y": labels}, given.initial)
        kept = {key: np.array(value) for key, value in gradients.items()}
        expected, right = function(given.params, given.inputs, {"y": np.eye(classes)[labels]}, given.initial)
        assert loss == pytest.approx(expected, rel=1e-13)
        assert worst_error(kept, right) < 1e-13
    wrong = labels.copy()
    wrong[1, 2] = classes
    with pytest.raises(ValueError, match=f"y has the label {classes}"):
        function(given.params, given.inputs, {"y": wrong}, given.initial)
    again, _ = function(given.params, given.inputs, {"y": labels}, given.initial)
    assert again == pytest.approx(loss, rel=1e-13)


@pytest.mark.parametrize("change", [np.asfortranarray, lambda a: a.astype(np.float32), lambda a: a[::-1][::-1]])
def test_arrays_in_any_order_or_type(change: Any) -> None:
    cell = library_cell("lstm")
    given = problem(cell, tau=4, batch=2)
    _, function = made(cell, given, 2)
    params = {key: change(np.asarray(value)) for key, value in given.params.items()}
    loss, gradients = function(params, given.inputs, given.targets, given.initial)
    tolerance = 1e-5 if change(np.ones(1)).dtype == np.float32 else 1e-10
    assert loss == pytest.approx(given.loss, rel=tolerance)
    assert worst_error(gradients, given.gradients) < tolerance


def test_what_is_not_finite_is_named() -> None:
    cell = library_cell("elman")
    given = problem(cell, tau=4, batch=2)
    _, function = made(cell, given, 2)
    spoilt = {key: np.array(value) for key, value in given.inputs.items()}
    spoilt["x"][2, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"x of shape .* is not finite, first at time 3"):
        function(given.params, spoilt, given.targets, given.initial)


SMOOTH = """
size n
param W[n,n]
input x[n]
state h[n]
h[t] = tanh(W @ h[t-1] + x[t])
loss L = sum(norm2(h[t] - h[t-1]), t, 2, tau) + dot(h[tau], h[1])
"""


@pytest.mark.parametrize("tau", [1, 2, 3, 6])
def test_few_steps_have_code_of_their_own(tau: int) -> None:
    cell = read_cell(SMOOTH)
    source = emit_numba(cell)
    assert "return _of_few_steps" in source
    given = problem(cell, tau=tau, batch=2)
    loss, gradients = as_python(source).loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert float(loss) == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


def test_equal_gradients_are_arrays_of_their_own() -> None:
    cell = library_cell("rnn_torch")
    given = problem(cell, tau=3, batch=2)
    _, gradients = as_python(emit_numba(cell)).loss_and_gradients(
        given.params, given.inputs, given.targets, given.initial
    )
    assert np.array_equal(gradients["b_ih"], gradients["b_hh"])
    assert not np.shares_memory(gradients["b_ih"], gradients["b_hh"])
