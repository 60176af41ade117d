"""SymPy's symbols, matrix expressions and equations give the same nodes and the same cell."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from symrnn.emitting.text import to_text
from symrnn.errors import CellError, ReadingError, ShapeError, SymrnnError, UnknownNameError, UnsupportedError
from symrnn.language import Cell, Start
from symrnn.reading import Scope, read_cell
from symrnn.reading.sympy_reader import apply, at, cell_from_sympy, read_sympy, state

from .conftest import head_text

n, m, K, t, k, tau, i, j = sp.symbols("n m K t k tau i j", integer=True, positive=True)
alpha = sp.Symbol("alpha")
W, D = sp.MatrixSymbol("W", n, n), sp.MatrixSymbol("D", n, n)
U, V = sp.MatrixSymbol("U", n, m), sp.MatrixSymbol("V", K, n)
b, c = sp.MatrixSymbol("b", n, 1), sp.MatrixSymbol("c", K, 1)
x, y, h = sp.MatrixSymbol("x", m, 1), state("y", K), state("h", n)
a, z = sp.symbols("a z")

TABLE: list[tuple[Any, str]] = [
    (W * h[t - 1], "W @ h[t-1]"),
    (W * W * h[t], "matrix_power(W, 2) @ h[t]"),
    (W**k, "matrix_power(W, k)"),
    (W.I, "inv(W)"),
    (W.T * b, "W.T @ b"),
    (2 * W * b, "2 * (W @ b)"),
    (-W * b, "-W @ b"),
    (alpha * W, "alpha * W"),
    (W - D, "-D + W"),
    (h[t] - h[t - 1] / 2, "-(1 / 2 * h[t-1]) + h[t]"),
    (sp.hadamard_product(h[t], b), "b * h[t]"),
    (sp.HadamardPower(h[t], 2), "h[t]**2"),
    (sp.Identity(n), "eye(n)"),
    (sp.ZeroMatrix(n, m), "zeros(n, m)"),
    (sp.OneMatrix(n, 1), "ones(n)"),
    (sp.Trace(W), "trace(W)"),
    (sp.Determinant(W), "det(W)"),
    (sp.diagonalize_vector(h[t]), "diag(h[t])"),
    (sp.BlockMatrix([[W, U]]), "hcat(W, U)"),
    (sp.BlockMatrix([[W], [V]]), "concat(W, V)"),
    (sp.BlockMatrix([[W, D], [D, W]]), "concat(hcat(W, D), hcat(D, W))"),
    (sp.kronecker_product(W, U), "kron(W, U)"),
    (W[0, 1], "W[0,1]"),
    (W[i, j], "W[i,j]"),
    (W[0:2, :], "W[0:2, :]"),
    (W[:, 1:3], "W[:, 1:3]"),
    (h[t].applyfunc(sp.tanh), "tanh(h[t])"),
    (b.applyfunc(sp.Lambda(z, 1 - sp.tanh(z) ** 2)), "1 - tanh(b)**2"),
    (b.applyfunc(lambda v: 1 / (1 + sp.exp(-v))), "1 / (1 + exp(-b))"),
    (b.applyfunc(sp.Function("f")), "f(b)"),
    (apply("softmax", h[t]), "softmax(h[t])"),
    (apply("layernorm", h[t], alpha), "layernorm(h[t], alpha)"),
    (apply("norm2", W), "norm2(W)"),
    (apply("sigmoid", alpha), "sigmoid(alpha)"),
    (apply("tanh", apply("softmax", h[t])), "tanh(softmax(h[t]))"),
    (sp.Sum(at(sp.Symbol("s"), k), (k, 1, t)), "sum(s[k], k, 1, t)"),
    (sp.Sum(at(sp.Symbol("s"), k), (k, sp.Max(1, t - 2), t)), "sum(s[k], k, max(1,t-2), t)"),
    (sp.Product(at(sp.Symbol("s"), k), (k, 1, t)), "prod(s[k], k, 1, t, 1)"),
    (sp.Rational(1, 3), "1 / 3"),
    (sp.Rational(-1, 3) * alpha, "-(1 / 3 * alpha)"),
    (sp.Float("0.1"), "0.1"),
    (sp.Integer(-2), "-2"),
    (3, "3"),
    (0.5, "0.5"),
    (alpha / K, "alpha / K"),
    (sp.sqrt(alpha), "sqrt(alpha)"),
    (1 / sp.sqrt(alpha), "1 / sqrt(alpha)"),
    (alpha**3, "alpha**3"),
    (alpha - 1, "alpha - 1"),
    (sp.exp(-alpha), "exp(-alpha)"),
    (sp.Abs(alpha) + sp.log(alpha), "log(alpha) + abs(alpha)"),
    (sp.KroneckerDelta(i, j), "delta(i, j)"),
]

CELL = """
size n, m, K
param W[n,n], D[n,n], U[n,m], V[K,n], b[n], c[K], alpha
input x[m]
function f
state h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
s[t] = norm2(h[t])
"""


@pytest.fixture(scope="module")
def scope() -> Scope:
    return Scope.of(read_cell(CELL)).with_indices("k", "i", "j")


@pytest.mark.parametrize(("expression", "text"), TABLE, ids=[text for _, text in TABLE])
def test_every_kind_of_expression(expression: Any, text: str, scope: Scope) -> None:
    found = to_text(read_sympy(expression, scope))
    if isinstance(expression, sp.Basic) and isinstance(expression, sp.Add | sp.MatAdd | sp.Sum):
        # The order of a sum is SymPy's, and its own business.
        assert sorted(found.split()) == sorted(text.split()) or found == text
    else:
        assert found == text


def elman(**changes: Any) -> Cell:
    o, loss = state("o", K), state("L", 1, 1)
    given = {
        "equations": [
            sp.Eq(h[t], (b + W * h[t - 1] + U * at(x, t)).applyfunc(sp.tanh)),
            (o[t], c + V * h[t]),
            (loss[t], -y[t].T * apply("softmax", o[t]).applyfunc(sp.log)),
        ],
        "inputs": [x],
        "targets": [y],
        "states": [h],
        "attributes": {"y": "onehot"},
        "loss": "sum(L[t], t)",
        "name": "elman",
    }
    return cell_from_sympy(**{**given, **changes})


def test_a_set_of_equations_is_a_cell() -> None:
    found = elman()
    text = """
    size K, m, n
    param U[n,m], V[K,n], W[n,n], b[n], c[K]
    input x[m]
    target y[K] onehot
    state h[n]
    h[t] = tanh(U @ x[t] + W @ h[t-1] + b)
    o[t] = V @ h[t] + c
    L[t] = -y[t].T @ log(softmax(o[t]))
    loss L = sum(L[t], t)
    """
    written = read_cell(text, "elman")
    assert {e.name: sorted(to_text(e.expression)) for e in found.equations} == {
        e.name: sorted(to_text(e.expression)) for e in written.equations
    }
    assert found.sizes == written.sizes
    assert found.states == written.states
    assert found.loss is written.loss
    declared = {(d.name, d.role, d.shape, d.timed, d.attributes) for d in found.declarations}
    assert declared == {(d.name, d.role, d.shape, d.timed, d.attributes) for d in written.declarations}


def test_a_mapping_of_equations_constants_and_functions() -> None:
    s = state("s")
    found = cell_from_sympy(
        {s[t]: alpha * s[t - 1] + sp.Function("f")(s[t - 1]) * sp.Symbol("beta")},
        states=[state("s", start=0)],
        constants={"beta": sp.Rational(1, 2)},
        functions={"f": "tanh"},
        loss=sp.Sum(s[t], (t, 1, tau)),
    )
    assert found.state["s"].start == Start.EXPRESSION
    assert [d.name for d in found.constants] == ["beta"]
    assert [d.name for d in found.parameters] == ["alpha"]
    assert found.functions == (("f", "tanh"),)
    assert found.loss is not None
    assert to_text(found.loss) == "sum(s[t], t, 1, tau)"


def test_starts_times_and_whole_quantities() -> None:
    g, N = state("g", n, start="learned"), sp.Symbol("N", integer=True)
    S, h0 = state("S", n, n), sp.MatrixSymbol("S0", n, n)
    found = cell_from_sympy(
        [
            (sp.MatrixSymbol("A", n, n), W - W.T),
            (g[k], sp.MatrixSymbol("A", n, n) * g[k - 1]),
            (S[k], W * S[k - 1]),
        ],
        states=[g, state("S", n, n, start=h0)],
        time=(k, 0, N - 1),
        loss=sp.Trace(S[N - 1]) + apply("norm2", g[N - 1]),
    )
    assert found.time.index == "k"
    assert found.state["g"].start == Start.LEARNED
    assert found.state["S"].initial is not None
    assert to_text(found.state["S"].initial) == "S0"
    assert set(found.whole) == {"A"}
    assert [d.name for d in found.parameters] == ["S0", "W"]


def test_a_size_may_be_given_by_its_name() -> None:
    g = state("g", "n")
    found = cell_from_sympy([(g[t], W * g[t - 1])], states=[g])
    assert found.sizes == ("n",)


def test_heads_go_with_it() -> None:
    found = elman(
        equations=[(h[t], (W * h[t - 1]).applyfunc(sp.tanh))], targets=[], loss=None, head="softmax(h)", heads=head_text
    )
    assert found.loss is not None
    assert "W_y" in found.declaration


def test_at_is_the_same_as_state() -> None:
    assert at(sp.MatrixSymbol("h", n, 1), t - 1) == h[t - 1]
    assert at(h, t - 1) == h[t - 1]
    assert h[t] != h[t - 1]


WRONG: list[tuple[Any, type[SymrnnError], str]] = [
    (sp.Integral(alpha, alpha), UnsupportedError, "SymPy Integral"),
    (sp.gamma(alpha), UnsupportedError, "SymPy function gamma"),
    (sp.Symbol("W_{hh}"), ReadingError, "name that cannot be read"),
    (sp.Symbol("a + b"), ReadingError, "not the name of a variable"),
    (sp.Symbol("q"), UnknownNameError, "nothing declares"),
    (sp.MatrixSymbol("h", n, 1), ReadingError, "one value per time"),
    (sp.oo, UnsupportedError, "Infinity"),
    (sp.Sum(alpha, (k, 1, t), (j, 1, t)), ReadingError, "over one index"),
    ("W", UnsupportedError, "str"),
    (sp.MatrixSymbol("V", K, n) + sp.MatrixSymbol("W", K, n), ShapeError, "shapes differ"),
]


@pytest.mark.parametrize(("expression", "kind", "message"), WRONG, ids=[str(w[0])[:20] for w in WRONG])
def test_what_cannot_be_read_is_named(expression: Any, kind: type[SymrnnError], message: str, scope: Scope) -> None:
    with pytest.raises(kind, match=message):
        read_sympy(expression, scope)


def test_wrong_equations_and_times() -> None:
    with pytest.raises(ReadingError, match="has a time already"):
        at(h[t], t)
    with pytest.raises(ReadingError, match="a symbol and a time"):
        at(W * W, t)
    with pytest.raises(ReadingError, match="an equation is"):
        elman(equations=[True])
    with pytest.raises(UnknownNameError, match='nothing declares "x"') as caught:
        elman(inputs=[])
    assert caught.value.location is not None
    assert caught.value.location.text is not None
    assert "tanh" in caught.value.location.text
    with pytest.raises(CellError, match="declared twice"):
        elman(params=[x])
