"""Index form against einsum."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn.errors import DataError, ShapeError, SymrnnError, UnsupportedError
from symrnn.language import Delta, Entry, Formula, ImmediateJacobian, Index, Jacobian, Layout, Vec
from symrnn.language import build as b
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope

TEXT = """
size n, m
param A[n,n], B[n,m], C[m,n], v[n], u[m], s
input x[n]
state h[n], S[n,m]
h[t] = tanh(A @ h[t-1] + x[t])
S[t] = tanh(A @ S[t-1] + h[t] @ u.T)
loss L = sum(v.T @ S[t] @ u, t)
"""

EINSUMS = [
    ("A[i,j]", "ij", "A", "ij->ij"),
    ("A[i,j]", "ji", "A", "ij->ji"),
    ("A[i,k]*B[k,j]", "ij", "A B", "ik,kj->ij"),
    ("B[k,j]*A[i,k]*2", "ij", "A B", "ik,kj,->ij"),
    ("A[k,k]", "", "A", "kk->"),
    ("A[i,k]*A[k,l]*B[l,j]", "ij", "A A B", "ik,kl,lj->ij"),
    ("v[i]*u[j]", "ij", "v u", "i,j->ij"),
    ("v[k]*A[k,l]*v[l]", "", "v A v", "k,kl,l->"),
    ("v[k]", "", "v", "k->"),
    ("A[i,k]*v[k]/s", "i", "A v", "ik,k->i"),
    ("-(A[i,k]*v[k])", "i", "A v", "ik,k->i"),
]


@pytest.fixture(scope="module")
def evaluator():
    cell = read_cell(TEXT, "cell")
    return Evaluator(cell, random_instance(cell, 11))


def node(evaluator, text):
    return read_formula(text, Scope.of(evaluator.cell)).expression


def form(evaluator, text, free, **times):
    return evaluator.evaluate_index_form(node(evaluator, text), list(free), times)


def arrays(evaluator, names):
    return [a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for a in map(evaluator.value, names.split())]


@pytest.mark.parametrize("text, free, names, subscripts", EINSUMS)
def test_products(evaluator, text, free, names, subscripts):
    operands = arrays(evaluator, names)
    factor = {"*2": 2.0, "/s": 1 / evaluator.value("s"), "-(": -1.0}.get(
        next((k for k in ("*2", "/s", "-(") if k in text), ""), 1.0
    )
    subscripts = subscripts.replace(",->", "->")
    expected = factor * np.einsum(subscripts, *operands)
    np.testing.assert_allclose(form(evaluator, text, free), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "text, free, by_hand",
    [
        ("A[i,k]*v[k] + v[i]", "i", lambda A, v, u, B: A @ v + v),
        ("2*(A[i,k]*v[k] + v[i])", "i", lambda A, v, u, B: 2 * (A @ v + v)),
        ("v[i]*(A[i,k]*v[k] + 1)", "i", lambda A, v, u, B: v * (A @ v + 1)),
        ("(v[k] - 1)*A[k,i]", "i", lambda A, v, u, B: (v - 1) @ A),
        ("(1 - v[k]**2)*A[k,i]", "i", lambda A, v, u, B: (1 - v**2) @ A),
        ("tanh(A[i,k]*v[k])", "i", lambda A, v, u, B: np.tanh(A @ v)),
        ("tanh(A[i,k]*v[k] + v[i])*u[j]", "ij", lambda A, v, u, B: np.outer(np.tanh(A @ v + v), u)),
        ("v[k]**2", "", lambda A, v, u, B: (v**2).sum()),
        ("(v[k]*v[k])**2", "", lambda A, v, u, B: (v**2).sum() ** 2),
        ("A[i,k]*B[k,j] - v[i]*u[j]", "ij", lambda A, v, u, B: A @ B - np.outer(v, u)),
        ("A[i,k]*v[k] + B[i,l]*u[l]", "i", lambda A, v, u, B: A @ v + B @ u),
        ("v[i]", "ij", None),
        ("(A @ B)[i,j]*u[j]", "i", lambda A, v, u, B: A @ B @ u),
        ("diag(v)[i,k]*A[k,j]", "ij", lambda A, v, u, B: np.diag(v) @ A),
        ("sum(A[i,k]*v[k], k, 0, n-1)", "i", lambda A, v, u, B: A @ v),
        ("sum(A[i,k]*v[k], k, 1, n-1)*v[k]*v[k]", "i", lambda A, v, u, B: A[:, 1:] @ v[1:] * (v @ v)),
        ("sum(A[i,k]*v[k], k, 1, n-1)*u[j]", "ij", lambda A, v, u, B: np.outer(A[:, 1:] @ v[1:], u)),
        ("A[i,0]*v[1]", "i", lambda A, v, u, B: A[:, 0] * v[1]),
        ("concat(v, u)[i]*A[0,k]*v[k]", "i", lambda A, v, u, B: np.concatenate([v, u]) * (A[0] @ v)),
        ("exp(v[i])/(v[k]*v[k])", "i", lambda A, v, u, B: np.exp(v) / (v @ v)),
        ("norm2(A)*v[i]", "i", lambda A, v, u, B: (A**2).sum() * v),
    ],
)
def test_sums_functions_and_scopes(evaluator, text, free, by_hand):
    A, v, u, B = arrays(evaluator, "A v u B")
    if by_hand is None:
        with pytest.raises(DataError, match="over which axis the index j"):
            form(evaluator, text, free)
        found = evaluator.evaluate_index_form(node(evaluator, text), list(free), sizes={"j": 2})
        np.testing.assert_allclose(found, np.outer(v, [1, 1]))
        return
    np.testing.assert_allclose(form(evaluator, text, free), by_hand(A, v, u, B), rtol=1e-12)


def test_deltas(evaluator):
    A, v = arrays(evaluator, "A v")
    i, j, k = map(Index.of, "ijk")
    cell = evaluator.cell
    term = b.times(Delta(i, k), Entry(cell.variable("A"), (j, k)), Entry(cell.variable("v"), (i,)))
    np.testing.assert_allclose(evaluator.evaluate_index_form(term, ["i", "j"]), v[:, None] * A.T)
    shifted = b.times(Delta(i, k), Entry(cell.variable("v"), (k,)))
    np.testing.assert_allclose(evaluator.evaluate_index_form(shifted, ["i"], sizes={"i": 3}), v)
    assert evaluator.evaluate(Delta(i, j), {"i": 2, "j": 2}) == 1
    assert evaluator.evaluate(Delta(i, j), {"i": 2, "j": 1}) == 0


def test_an_offset_walks_inside_a_stack(evaluator):
    (u,) = arrays(evaluator, "u")
    text = "concat(v, u)[n+j]*B[i,j]"
    np.testing.assert_allclose(form(evaluator, text, "ij"), evaluator.value("B") * u)
    with pytest.raises(DataError, match="leaves an axis"):
        form(evaluator, "concat(v, u)[n+i]*v[i]", "i")


def test_times_are_no_components(evaluator):
    h = evaluator.value("h", 4)[:, 0]
    A = evaluator.value("A")
    np.testing.assert_allclose(form(evaluator, "h[t][k]*A[k,i]", "i", t=4), h @ A)
    total = sum(evaluator.value("h", t)[:, 0] @ A for t in range(1, 6))
    np.testing.assert_allclose(form(evaluator, "sum(h[t][k]*A[k,i], t)", "i"), total)


def test_parts_in_index_form(evaluator):
    text = "g[t] = v + A.T @ g[t+1]; sum(g[t][i]*h[t-1][j], t)"
    formula = read_formula(text, Scope.of(evaluator.cell))
    assert isinstance(formula, Formula)
    g, total = np.zeros(3), 0
    A, v = arrays(evaluator, "A v")
    for t in range(5, 0, -1):
        g = v + A.T @ g
        total = total + np.outer(g, evaluator.value("h", t - 1)[:, 0])
    np.testing.assert_allclose(evaluator.evaluate_index_form(formula, ["i", "j"]), total, rtol=1e-13)
    shifted = read_formula("g[t] = v; sum(h[t+1][i]*g[t+1][j], t)", Scope.of(evaluator.cell))
    expected = sum(np.outer(evaluator.value("h", t)[:, 0], v) for t in range(2, 6))
    np.testing.assert_allclose(evaluator.evaluate_index_form(shifted, ["i", "j"]), expected, rtol=1e-13)


def test_derivatives_between_matrices(evaluator):
    """∂S_ij/∂A_kl of a matrix-valued state has four indices, and is what the vec form holds."""
    cell = evaluator.cell
    i, j, k, l = map(Index.of, "ijkl")
    S, A = cell.variable("S", Index.of("t")), cell.variable("A")
    for kind, numbers in (
        (Jacobian, evaluator.derivatives.total),
        (ImmediateJacobian, evaluator.derivatives.immediate),
    ):
        tensor = numbers(S, A, {"t": 3})
        entry = kind(Entry(S, (i, j)), Entry(A, (k, l)), Layout.NUMERATOR)
        np.testing.assert_allclose(evaluator.evaluate_index_form(entry, list("ijkl"), {"t": 3}), tensor)
        np.testing.assert_allclose(
            evaluator.evaluate_index_form(entry, list("klij"), {"t": 3}), tensor.transpose(2, 3, 0, 1)
        )
        vec = (evaluator.total if kind is Jacobian else evaluator.immediate)(Vec(S), Vec(A), {"t": 3})
        np.testing.assert_allclose(vec, tensor.reshape(tensor.shape, order="F").transpose(1, 0, 3, 2).reshape(6, 9))


def test_one_side_opened(evaluator):
    cell = evaluator.cell
    i = Index.of("i")
    h, A = cell.variable("h", Index.of("t")), cell.variable("A")
    tensor = evaluator.derivatives.total(h, A, {"t": 3})[:, 0]
    for layout, expected in ((Layout.NUMERATOR, tensor[1, 2, :]), (Layout.DENOMINATOR, tensor[1, :, 2])):
        one = Jacobian(Entry(h, (Index.of(1),)), A, layout)
        found = evaluator.evaluate_index_form(Entry(one, (i, Index.of(2))), ["i"], {"t": 3})
        np.testing.assert_allclose(found, expected)
        summed = b.times(
            Entry(Jacobian(Entry(h, (Index.of("q"),)), A, layout), (i, Index.of(2))), Entry(h, (Index.of("q"),))
        )
        weights = evaluator.value("h", 3)[:, 0]
        whole = np.einsum("q,qi->i", weights, tensor[:, 2, :] if layout is Layout.NUMERATOR else tensor[:, :, 2])
        np.testing.assert_allclose(evaluator.evaluate_index_form(summed, ["i"], {"t": 3}), whole)


@pytest.mark.parametrize(
    "text, free, error, message",
    [
        ("A[i,j]*B[i,j]", "", ShapeError, "walks along an axis of 2 and one of 3"),
        ("A @ B", "", ShapeError, "scalar expression"),
        ("A[i,j]", "ii", DataError, "name one twice"),
        ("h[t][i]", "i", DataError, "no value was given for t"),
        ("D(A[i,k]*v[k], s)", "i", UnsupportedError, "of and by variables"),
    ],
)
def test_errors(evaluator, text, free, error, message):
    with pytest.raises(SymrnnError, match=message) as caught:
        form(evaluator, text, free)
    assert caught.type is error


def test_a_product_over_many_indices_is_refused(evaluator):
    A = evaluator.cell.variable("A")
    letters = [Index.of(f"i{k}") for k in range(30)]
    product = b.times(*(Entry(A, pair) for pair in zip(letters[::2], letters[1::2], strict=True)))
    with pytest.raises(DataError, match="too large"):
        evaluator.evaluate_index_form(product, [str(letter) for letter in letters])
