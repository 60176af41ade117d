"""A cell that is printed as a file reads back to the same cell, and so does every formula."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.emitting.cell_text import cell_text
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import ZERO, Cell, Declaration, Equation, Zeros
from symrnn.language.traversal import map_nodes
from symrnn.reading import Scope, load_cell_file, read_cell, read_expression, read_formula

from .conftest import CELLS, PUBLISHED, head_text

FILES = sorted(CELLS.glob("*.cell")) + sorted(PUBLISHED.glob("*.cell"))
HEADS = sorted(path.stem for path in (CELLS / "heads").glob("*.head"))


def without_lines(cell: Cell) -> dict[str, object]:
    """Everything that the cell says, but for the numbers of its lines and its comments."""
    found = {f.name: getattr(cell, f.name) for f in fields(Cell) if f.name != "comments"}
    for name, kind in (("declarations", Declaration), ("equations", Equation)):
        values = found[name]
        found[name] = [{f.name: getattr(v, f.name) for f in fields(kind) if f.name != "line"} for v in values]
    found["declarations"] = sorted(found["declarations"], key=lambda d: d["name"])
    return found


def check(cell: Cell) -> None:
    again = read_cell(cell_text(cell), cell.name)
    assert without_lines(again) == without_lines(cell)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_cell_reads_back(path: Path) -> None:
    check(load_cell_file(path, head_text))


def test_what_is_particular_about_a_file_is_kept() -> None:
    text = """
    size n, m
    size K = 2*n
    param W[n,1], b[1], c[1,1], r[1,n], Q[n,1] symmetric, lam[s][n,1]
    const omega[s], eps = 1e-5, g[n] = 2, A[n,n]
    input x[n], G[n,n], u
    target d[n] = 0
    function f = tanh, g2
    state h[n] = 0, S[n,1] learned, q[n]
    time s = 0..N-1
    layout denominator
    style transpose=prime
    h[s] = f(A @ h[s-1] + lam[s] + d[s-1]) + g2(G @ x[s]) + b * c * (r @ W) * g
    S[s] = S[s-1] + Q * u[s] * omega[s]
    q[s] = q[s+1] + h[s]
    z = sum(q[s], s) / K
    loss E = norm2(z) + eps + norm2(S[N-1])
    """
    check(read_cell(text))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["lstm", "bidirectional", "stack2"])
def test_every_head_reads_back(name: str, head: str) -> None:
    if (name, head) == ("bidirectional", "start"):
        pytest.skip("a head that reads s[0] stands on a state")
    variable = {"bidirectional": "u", "stack2": "h2"}.get(name, "h")
    check(load_cell_file(CELLS / f"{name}.cell", head_text, f"{head}({variable})"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_equation_reads_back_as_a_formula(path: Path) -> None:
    cell = load_cell_file(path, head_text)
    scope = Scope.of(cell)
    for equation in cell.equations:
        assert read_expression(to_text(equation.expression), scope) is equation.expression
    if cell.loss is not None:
        assert read_formula(to_text(cell.loss), scope).expression is cell.loss


@given(data=st.data())
def test_random_sums_of_products_read_back(data: st.DataObject, elman: Cell) -> None:
    """The text that we write by hand, printed and read again, stays the same node."""
    scope = Scope.of(elman).with_indices("k", "j")
    vectors = st.sampled_from(["b", "h[t]", "h[t-1]", "W @ h[k]", "U @ x[t]", "V.T @ (yhat[t] - y[t])", "-a[t]", "1"])
    scalars = st.sampled_from(["alpha", "2", "1/2", "n", "t - k", "(t - k)", "-3", "0.1", "norm2(b)", "2*n", "tau/2"])

    def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            pair.map(lambda p: f"{p[0]} + {p[1]}"),
            pair.map(lambda p: f"{p[0]} - ({p[1]})"),
            pair.map(lambda p: f"({p[0]}) * ({p[1]})"),
            st.tuples(scalars, inner).map(lambda p: f"{p[0]} * ({p[1]})"),
            st.tuples(inner, scalars).map(lambda p: f"({p[0]}) / ({p[1]})"),
            inner.map(lambda e: f"tanh({e})"),
            inner.map(lambda e: f"W @ ({e})" if any(c.isalpha() for c in e.replace("tanh", "")) else e),
        )

    text = data.draw(st.recursive(st.one_of(vectors, scalars), combine, max_leaves=8))
    try:
        node = read_expression(text, scope)
    except SymrnnError:  # a scalar where a vector must be: the text was no expression
        return
    # The two zeros among scalars are printed alike.
    node = map_nodes(node, lambda n: ZERO if n is Zeros(()) else n)
    assert read_expression(to_text(node), scope) is node
