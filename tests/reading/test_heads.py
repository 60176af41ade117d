"""Heads: composed with cells of other names, sizes and times."""

from __future__ import annotations

import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import CellError, ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import Cell, Index, Role
from symrnn.language.node import format_shape
from symrnn.reading import read_cell

from .conftest import CELLS, head_text

HEADS = {
    "softmax": """
head   softmax(s[d])
size   K
param  W_y[K,d], b_y[K]
target y[K] onehot
z_y[t]  = b_y + W_y @ s[t]
yhat[t] = softmax(z_y[t])
L[t]    = -y[t].T @ log(yhat[t])
loss L  = mean(L[t], t)
""",
    "next": """
head   next(s[d], x[m])
param  V[m,d]
L[t]   = norm2(V @ s[t] - x[t+1])
loss L = sum(L[t], t, 1, tau-1) + norm2(V @ s[0]) / (tau - 1) + t0
const  t0
""",
    "trace": """
head   trace(s[p,p])
loss L = trace(s[tau]) + sum(s[k][0,0] * k, k, 2, tau) + sum(s[1][j,j], j, 0, p-1)
""",
    "none": "param W\nloss L = W",
    "smooth": "head smooth(s[d])\nstate m[d] = 0\nm[t] = 0.9*m[t-1] + 0.1*s[t]\nloss L = norm2(m[tau])",
}

CELL = """
size n, m
param W[n,n], U[n,m]
input x[m]
state h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
"""


def heads(name: str) -> str:
    if name not in HEADS:
        raise UnknownNameError(f'there is no head "{name}"')
    return HEADS[name]


def read(text: str, head: str | None = None) -> Cell:
    return read_cell(text, "cell.cell", heads, head)


def equations(cell: Cell) -> dict[str, str]:
    return {e.name: to_text(e.expression) for e in cell.equations}


def loss(cell: Cell) -> str:
    assert cell.loss is not None
    return to_text(cell.loss)


def test_a_head_takes_the_cells_variable_and_size() -> None:
    cell = read(CELL + "head softmax(h)")
    assert equations(cell)["z_y"] == "b_y + W_y @ h[t]"
    assert format_shape(cell.declaration["W_y"].shape) == "K×n"
    assert cell.sizes == ("n", "m", "K")
    assert loss(cell) == "1 / tau * sum(L[t], t, 1, tau)"
    assert cell.declaration["y"].attributes == {"onehot"}
    assert cell.variable("h", cell.now).role is Role.COMPUTED


def test_a_composed_cell_is_the_cell_written_out() -> None:
    written = read(
        CELL
        + "size K\nparam W_y[K,n], b_y[K]\ntarget y[K] onehot\nz_y[t] = b_y + W_y @ h[t]\nyhat[t] = softmax(z_y[t])\n"
        + "L[t] = -y[t].T @ log(yhat[t])\nloss L = mean(L[t], t)"
    )
    composed = read(CELL + "head softmax(h)")
    assert composed.loss is written.loss
    assert [e.expression for e in composed.equations] == [e.expression for e in written.equations]
    assert {d.name: d.shape for d in composed.declarations} == {d.name: d.shape for d in written.declarations}


def test_clashing_names_get_a_readable_addition() -> None:
    text = CELL.replace("h[", "y[").replace("size n", "size K, L, n").replace("h,", "y,")
    cell = read(text + "yhat[t] = y[t]\nhead softmax(y)")
    assert equations(cell) == {
        "y": "tanh(W @ y[t-1] + U @ x[t])",
        "yhat": "y[t]",
        "z_y": "b_y + W_y @ y[t]",
        "yhat_out": "softmax(z_y[t])",
        "L_out": "-y_target[t].T @ log(yhat_out[t])",
    }
    assert format_shape(cell.declaration["W_y"].shape) == "K_out×n"
    assert cell.loss_name == "L_out"


def test_times_are_the_cells() -> None:
    text = CELL.replace("[t", "[k") + "time k = 0..N-1\n"
    cell = read(text + "head next(h)")
    assert loss(cell) == "sum(L[k], k, 0, N-2) + norm2(V @ h[-1]) / (N - 1) + t0"
    assert equations(cell)["L"] == "norm2(V @ h[k] - x[k+1])"
    matrix = read("size n\nparam A[n,n]\ntime t = 3..T\nS[t] = A @ S[t-1]\nhead trace(S)\nstate S[n,n]")
    assert loss(matrix) == (
        "trace(S[T]) + sum(S[k][0,0] * (k - 2), k, 4, T) + sum(S[3][j,j], j, 0, n-1)"
    )  # fmt: skip


def test_a_second_formal_variable_is_found_or_named() -> None:
    two = CELL.replace("input x[m]", "input x[m], q[n]").replace("+ U", "+ q[t] + U")
    assert "x[t+1]" in equations(read(two + "head next(h)"))["L"]
    assert "q[t+1]" in equations(read(two + "head next(h, q)"))["L"]
    with pytest.raises(CellError, match="also takes x"):
        read(two.replace("x[", "u[") + "head next(h)")


def test_another_head_than_the_files_own() -> None:
    text = CELL + "head softmax(h)"
    assert "V" in read(text, "next").declaration
    assert "W_y" not in read(text, "next(h)").declaration
    own = CELL + "target y[n]\nL[t] = norm2(h[t] - y[t])\nloss L = sum(L[t], t)"
    replaced = read(own, "softmax(h)")
    # The own summand goes with its loss, and the target that nothing else reads.
    assert format_shape(replaced.declaration["y"].shape) == "K×1"
    assert loss(replaced) == "1 / tau * sum(L[t], t, 1, tau)"


def test_a_head_may_have_a_state() -> None:
    cell = read(
        CELL.replace("size n, m", "size n, M").replace("x[m]", "x[M]").replace("n,m]", "n,M]") + "head smooth(h)"
    )
    assert [s.name for s in cell.states] == ["h", "m"]
    assert format_shape(cell.state["m"].shape) == "n×1"


@pytest.mark.parametrize("path", sorted((CELLS / "heads").glob("*.head")), ids=lambda p: p.stem)
@pytest.mark.parametrize("name", ["lstm", "rnn_notes", "gru_reset_after", "inclass"])
def test_every_head_of_the_library_fits_every_vector(name: str, path: object) -> None:
    variable = "s" if name == "rnn_notes" else "h"
    text = (CELLS / f"{name}.cell").read_text("utf-8")
    cell = read_cell(text, name, head_text, f"{path.stem}({variable})")  # type: ignore[attr-defined]
    assert cell.loss is not None
    symbols = {axis for d in cell.declarations for axis in d.shape}
    assert {n for s in symbols for n in s.names()} <= set(cell.sizes)
    assert Index.of("tau") not in symbols


WRONG: list[tuple[str, str | None, type[SymrnnError], str]] = [
    (CELL + "head softmx(h)", None, UnknownNameError, "no head"),
    (CELL + "head softmax(g)", None, CellError, '"g", which is no variable'),
    (CELL + "head softmax", None, CellError, r"Write softmax\(h\)"),
    (CELL, "softmax", CellError, r"Write softmax\(h\)"),
    (CELL, "softmax(h", ReadingError, "expected"),
    (CELL, "softmax(h) x", ReadingError, "expected the end"),
    (CELL + "head none(h)", None, CellError, "is no head"),
    (CELL + "head trace(h)", None, ShapeError, "takes s as p×p, but h is n×1"),
    (CELL + "loss L = norm2(h[1])\nhead softmax(h)", None, CellError, "a loss and a head"),
    ("state h\nparam w\nh[t] = w*h[t-1]\nhead softmax(h)", None, ShapeError, "takes s as d×1, but h is scalar"),
]


@pytest.mark.parametrize(("text", "head", "kind", "message"), WRONG)
def test_heads_that_do_not_fit(text: str, head: str | None, kind: type[SymrnnError], message: str) -> None:
    with pytest.raises(kind, match=message):
        read(text, head)
