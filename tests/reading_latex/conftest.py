"""Cells whose names the LaTeX answers use, and a short way to read one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from symrnn.language import Cell, Formula, Layout
from symrnn.reading.cellfile import read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.latex_reader import Reading, read_latex
from symrnn.reading.scope import Scope

ELMAN = """
cell   elman
size   n, m, K
param  U[n,m], W[n,n], V[K,n], b[n], c[K], theta_c, W_hh[n,n], W_xh[n,m], r[1,n]
input  x[m]
target y[K] onehot
function f
state  h[n]
a[t]    = b + W @ h[t-1] + U @ x[t]
h[t]    = tanh(a[t])
o[t]    = c + V @ h[t]
yhat[t] = softmax(o[t])
L[t]    = -y[t].T @ log(yhat[t])
loss L  = sum(L[t], t)
"""

LSTM = """
cell   lstm
size   n, m
param  W_f[n,m], U_f[n,n], W_i[n,m], U_i[n,n], W_c[n,m], U_c[n,n], W_o[n,m], U_o[n,n], V1[m,n]
input  x[m]
target y[m]
state  h[n], c[n]
f[t]      = sigmoid(W_f @ x[t] + U_f @ h[t-1])
i[t]      = sigmoid(W_i @ x[t] + U_i @ h[t-1])
ctilde[t] = tanh(W_c @ x[t] + U_c @ h[t-1])
c[t]      = f[t] * c[t-1] + i[t] * ctilde[t]
o[t]      = sigmoid(W_o @ x[t] + U_o @ h[t-1])
h[t]      = o[t] * tanh(c[t])
h1[t]     = V1 @ h[t]
L[t]      = 1/2 * norm2(h1[t] - y[t])
loss L    = sum(L[t], t)
"""

SCALAR = """
cell   scalar
param  u, w, v
input  x
state  h
z[t] = u*h[t-1] + w*x[t]
h[t] = relu(z[t])
y[t] = v*h[t]
loss L = sum(y[t], t)
"""

Read = Callable[..., tuple[Reading, ...]]
Text = Callable[..., Formula]


@pytest.fixture(scope="session")
def cells() -> dict[str, Cell]:
    """Three cells by name."""
    return {cell.name: cell for cell in map(read_cell, (ELMAN, LSTM, SCALAR))}


@pytest.fixture(scope="session")
def read(cells: dict[str, Cell]) -> Read:
    """All readings of a LaTeX answer about a cell."""

    def reader(text: str, cell: str = "elman", layout: Layout = Layout.NUMERATOR, **options: object):
        return read_latex(text, Scope.of(cells[cell]), layout, **options)

    return reader


@pytest.fixture(scope="session")
def formula(cells: dict[str, Cell]) -> Text:
    """A formula in the text language, to compare with."""

    def reader(text: str, cell: str = "elman", layout: Layout = Layout.NUMERATOR) -> Formula:
        return read_formula(text, Scope.of(cells[cell]).with_indices("i", "j", "k"), layout)

    return reader
