"""NumPy code for what cells are made of: entries, blocks, powers, single times, no times at all."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from symrnn.coding.numpy_fast.assembly import assemble
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import UnsupportedError
from symrnn.language import Cell
from symrnn.reading.cellfile import read_cell

from .support import module, problem, worst_error

FORMS = {
    "entries": """
        h[t] = tanh(W@h[t-1] + U@x[t] + b)*W[0,1]
        loss L = sum(h[t][0:1].T@b[0:1] + U[0,0]*h[t][0], t)""",
    "blocks of a block matrix": """
        h[t] = tanh(concat(hcat(W, U), hcat(U.T, eye(m)))[0:n, :] @ concat(h[t-1], x[t]) + W.T@h[t-1] + b)
        loss L = sum(dot(h[t], h[t-1]), t)""",
    "packed gates and a packed projection": """
        r[t] = sigmoid(concat(hcat(W, U), hcat(W.T, U)) @ concat(h[t-1], x[t]))
        h[t] = r[t][n:2*n]*h[t-1] + tanh(hcat(W, U, b) @ concat(r[t][0:n]*h[t-1], x[t], 1))
        loss L = sum(h[t][0] * h[t][1], t)""",
    "parameters that change with time": """
        param lam[t][n], a[t], V[t][n,n]
        h[t] = tanh(a[t]*(V[t]@h[t-1]) + lam[t]*(U@x[t]) + W@b)
        loss L = norm2(h[tau]) + sum(a[t]**2, t)""",
    "two normalisations": """
        const eps = 0.01
        z[t] = sigmoid(b*layernorm(W@h[t-1]+U@x[t], eps) + b)
        h[t] = (1-z[t])*h[t-1] + z[t]*tanh(layernorm(W.T@h[t-1], eps) + U@x[t])
        loss L = mean(var(h[t]) + mean(h[t])**2, t)""",
    "differences in time and two single times": """
        h[t] = tanh(W@h[t-1] + U@x[t] + b)
        loss L = sum(norm2(h[t] - h[t-1]), t) + dot(h[tau], h[1])""",
    "a power of the weights": """
        h[t] = matrix_power(W, 3)@h[t-1] + U@x[t] + b
        loss L = norm2(h[tau])""",
    "an inverse of the weights": """
        h[t] = tanh(inv(eye(n) + W@W.T)@h[t-1] + U@x[t] + b)
        loss L = norm2(h[tau])""",
    "a scalar state beside a vector": """
        s[t] = 0.5*s[t-1] + b.T@h[t-1]
        h[t] = tanh(s[t]*(W@h[t-1]) + U@x[t])
        loss L = sum(s[t]**2, t)""",
    "a state that runs backward, two lags": """
        g[t] = tanh(W@g[t+1] + U@x[t])
        h[t] = tanh(W@h[t-1] + diag(b)@h[t-2] + g[t])
        loss L = sum(norm2(h[t]), t)""",
}
STATES = {"s": "s", "h": "h[n]", "g": "g[n]"}


@cache
def form(name: str) -> Cell:
    """A cell with the states that its equations need, and parameters that have a gradient anyway."""
    text = FORMS[name]
    states = [shape for state, shape in STATES.items() if re.search(rf"^\s*{state}\[t\] =", text, re.M)]
    lines = ["cell form", "size n, m", "param W[n,n], U[n,m], b[n]", "input x[m]", f"state {', '.join(states)}"]
    return read_cell("\n".join([*lines, *(line.strip() for line in text.strip().splitlines())]) + "\n", name)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", ["plain", "fast", "wide"])
@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("tau", [1, 2, 5])
def test_forms(name: str, kind: str, batch: int | None, tau: int) -> None:
    cell = form(name)
    source = emit(cell, plain=True) if kind == "plain" else assemble(cell, CodeOptions())
    code = module(re.sub(r"short = .*", "short = False", source) if kind == "wide" else source)
    given = problem(cell, seed=5, tau=tau, batch=batch)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-11)
    assert worst_error(gradients, given.gradients) < 1e-10


AUTONOMOUS = """
cell autonomous
size n
param W[n,n], r[n]
state h[n]
h[t] = sin(W@h[t-1])
loss L = r.T@h[0] + sum(r.T@h[t], t) + h[tau][0]
"""

TIMELESS = """
cell timeless
size n, m
param W[n,m], b[n]
input x[m]
target y[n]
z = tanh(W@x + b)
loss L = norm2(z - y)
"""


@pytest.mark.parametrize("batch", [None, 3])
def test_a_cell_without_any_sequence_is_told_the_last_time(batch: int | None) -> None:
    cell = read_cell(AUTONOMOUS, "autonomous")
    code = module(emit(cell))
    given = problem(cell, tau=4, batch=batch)
    assert given.inputs == {"tau": 4}
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets, given.initial)
    assert loss == pytest.approx(given.loss, rel=1e-12)
    assert worst_error(gradients, given.gradients) < 1e-11
    variables, _ = code.forward(given.params, given.inputs, given.initial)
    assert variables["h"].shape[0] == 4
    with pytest.raises(ValueError, match="number of steps is 0"):
        code.loss_and_gradients(given.params, {"tau": 0}, given.targets, given.initial)
    with pytest.raises(ValueError, match="whole number"):
        code.loss_and_gradients(given.params, {"tau": 2.5}, given.targets, given.initial)


@pytest.mark.parametrize("batch", [None, 3])
def test_a_cell_without_any_time(batch: int | None) -> None:
    cell = read_cell(TIMELESS, "timeless")
    code = module(emit(cell))
    given = problem(cell, batch=batch)
    loss, gradients = code.loss_and_gradients(given.params, given.inputs, given.targets)
    assert loss == pytest.approx(given.loss, rel=1e-12)
    assert worst_error(gradients, given.gradients) < 1e-11
    variables, final = code.forward(given.params, given.inputs)
    assert set(variables) == {"z"}
    assert final == {}


ZERO_START = """
cell fast_weights
size n, m
param W[n,m]
input x[m]
state S[n,n] = 0
S[t] = 0.5*S[t-1] + (W@x[t])@(W@x[t]).T
loss L = trace(S[tau])
"""


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("batch", [None, 2])
def test_a_pass_continues_where_another_stopped(plain: bool, batch: int | None) -> None:
    cell = read_cell(ZERO_START, "fast_weights")
    code = module(emit(cell, plain=plain))
    given = problem(cell, tau=6, batch=batch)
    x = given.inputs["x"]
    whole, last = code.forward(given.params, {"x": x})
    _, middle = code.forward(given.params, {"x": x[:4]})
    rest, end = code.forward(given.params, {"x": x[4:]}, middle)
    np.testing.assert_allclose(rest["S"], whole["S"][4:], rtol=1e-14)
    np.testing.assert_allclose(end["S[0]"], last["S[0]"], rtol=1e-14)
    with pytest.raises(ValueError, match="unknown key"):
        code.loss_and_gradients(given.params, {"x": x}, {}, middle)


AHEAD = """
cell ahead
size n
param W[n,n]
input x[n]
state h[n]
h[t] = tanh(W@h[t-1] + x[t+1])
loss L = sum(norm2(h[t]), t, 1, tau-1)
"""


@pytest.mark.parametrize("plain", [True, False])
def test_a_state_that_reads_ahead_of_what_is_given_is_refused(plain: bool) -> None:
    with pytest.raises(UnsupportedError, match=r"x\[t \+ 1\], which is not there at the last time"):
        emit(read_cell(AHEAD, "ahead"), plain=plain)
