"""Cells and scopes that the tests of the readers share."""

from __future__ import annotations

from pathlib import Path

import pytest

import symrnn
from symrnn.errors import UnknownNameError
from symrnn.language import Cell
from symrnn.reading import Scope, read_cell

CELLS = Path(symrnn.__file__).parent / "cells"
PUBLISHED = Path(__file__).parents[1] / "published" / "cases"

ELMAN = """
cell   elman
size   n, m, K
param  U[n,m], W[n,n], V[K,n], b[n], c[K], alpha, r[1,n], D[n,n], E[K,n]
input  x[m]
target y[K] onehot
const  beta = 1
function f
state  h[n]
time   t = 1..tau

a[t]    = b + W @ h[t-1] + U @ x[t]
h[t]    = tanh(a[t])
k[t]    = f(a[t])
o[t]    = c + V @ h[t]
yhat[t] = softmax(o[t])
L[t]    = -y[t].T @ log(yhat[t])
loss L  = sum(L[t], t)
"""


def head_text(name: str) -> str:
    path = CELLS / "heads" / f"{name}.head"
    if not path.is_file():
        raise UnknownNameError(f'there is no head "{name}"')
    return path.read_text("utf-8")


@pytest.fixture(scope="session")
def elman() -> Cell:
    return read_cell(ELMAN, "elman.cell")


@pytest.fixture(scope="session")
def scope(elman: Cell) -> Scope:
    return Scope.of(elman)
