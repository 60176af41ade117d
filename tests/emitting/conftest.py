"""Random expressions over one cell, built the way the readers and the calculus build them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import strategies as st

from symrnn.language import (
    Call,
    Delta,
    Determinant,
    Entry,
    Eye,
    HadamardProduct,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Jacobian,
    Kron,
    Layout,
    Node,
    Number,
    Ones,
    Role,
    Shape,
    Trace,
    Variable,
    Vec,
    build,
)

CELL = """
cell   tree
size   n, m, K
param  U[n,m], W[n,n], W_hh[n,n], V[K,n], b[n], c[K], lam, theta_c, r[1,n]
input  x[m]
target y[K] onehot
function f
state  h[n]
a[t]    = b + W @ h[t-1] + U @ x[t]
h[t]    = tanh(a[t])
o[t]    = c + V @ h[t]
yhat[t] = softmax(o[t])
s[t]    = lam * norm2(h[t])
L[t]    = -y[t].T @ log(yhat[t])
loss L  = sum(L[t], t)
"""

ONE = Index.of(1)
n, m, K, t, k, tau = (Index.of(name) for name in ("n", "m", "K", "t", "k", "tau"))
SIZES = (n, m, K)
TIMES = (t, t - 1, t + 1, k, tau, Index.of(0), Index.of(2))


def _timed(name: str, shape: Shape, role: Role = Role.COMPUTED) -> st.SearchStrategy[Node]:
    return st.sampled_from(TIMES).map(lambda time: Variable(name, role, shape, time))


VARIABLES: dict[Shape, list[st.SearchStrategy[Node]]] = {
    (): [
        st.just(Variable("lam", Role.PARAMETER, ())),
        st.just(Variable("theta_c", Role.PARAMETER, ())),
        _timed("s", ()),
    ],
    (n, ONE): [
        st.just(Variable("b", Role.PARAMETER, (n, ONE))),
        _timed("h", (n, ONE)),
        _timed("a", (n, ONE)),
    ],
    (m, ONE): [_timed("x", (m, ONE), Role.INPUT)],
    (K, ONE): [
        st.just(Variable("c", Role.PARAMETER, (K, ONE))),
        _timed("y", (K, ONE), Role.TARGET),
        _timed("yhat", (K, ONE)),
    ],
    (ONE, n): [st.just(Variable("r", Role.PARAMETER, (ONE, n)))],
    (n, m): [st.just(Variable("U", Role.PARAMETER, (n, m)))],
    (n, n): [st.just(Variable(name, Role.PARAMETER, (n, n))) for name in ("W", "W_hh")],
    (K, n): [st.just(Variable("V", Role.PARAMETER, (K, n)))],
}

NUMBERS = st.one_of(
    st.integers(2, 12).map(lambda value: Number(Fraction(value))),
    st.fractions(-3, 3, max_denominator=12).filter(lambda value: value not in (0, 1)).map(Number),
    st.sampled_from((n, K, tau)).map(IndexNumber),
)


@st.composite
def _leaf(draw: st.DrawFn, shape: Shape) -> Node:
    choices = list(VARIABLES.get(shape, []))
    if not shape:
        choices += [NUMBERS, st.just(Delta(Index.of("i"), Index.of("j")))]
    elif shape[0] == shape[1]:
        choices.append(st.just(Eye(shape[0])))
    if shape and not choices:
        choices.append(st.just(Ones(*shape)))
    return draw(st.one_of(choices))


@st.composite
def _tree(draw: st.DrawFn, shape: Shape, depth: int) -> Node:
    if depth == 0:
        return draw(_leaf(shape))

    def inner(wanted: Shape) -> Node:
        return draw(_tree(wanted, depth - 1))

    rules: list[Callable[[], Node]] = [*_everywhere(draw, shape, inner)]
    if not shape:
        rules += _scalars(draw, inner)
    else:
        rules += _matrices(draw, shape, inner)
    return draw(st.sampled_from(rules))()


def _everywhere(draw: st.DrawFn, shape: Shape, inner: Callable[[Shape], Node]) -> list[Callable[[], Node]]:
    function = draw(st.sampled_from(("tanh", "sigmoid", "exp", "f")))
    return [
        lambda: draw(_leaf(shape)),
        lambda: build.add(inner(shape), inner(shape)),
        lambda: build.subtract(inner(shape), inner(shape)),
        lambda: build.add(inner(()), inner(shape), inner(shape)),
        lambda: build.neg(inner(shape)),
        lambda: build.times(inner(shape), inner(shape)),
        lambda: build.times(inner(()), inner(shape)),
        lambda: build.divide(inner(shape), inner(())),
        lambda: build.divide(inner(shape), inner(shape)),
        lambda: build.power(inner(shape), draw(st.sampled_from((2, 3, -1, Fraction(1, 2))))),
        lambda: Call(function, (inner(shape),), draw(st.integers(0, 2))),
        lambda: build.sum_over(inner(shape), "t", 1, draw(st.sampled_from((tau, t, tau - 1)))),
        lambda: HadamardProduct(inner(shape), "j", k + 1, t, 1),
    ]


def _scalars(draw: st.DrawFn, inner: Callable[[Shape], Node]) -> list[Callable[[], Node]]:
    return [
        lambda: Call("norm2", (inner((n, n)),)),
        lambda: Call("dot", (inner((n, ONE)), inner((n, ONE)))),
        lambda: Trace(inner((n, n))),
        lambda: Determinant(inner((n, n))),
        lambda: Entry(inner((n, ONE)), (Index.of("i"),)),
        lambda: Entry(inner((n, m)), (Index.of("i"), Index.of("j") + 1)),
    ]


def _matrices(draw: st.DrawFn, shape: Shape, inner: Callable[[Shape], Node]) -> list[Callable[[], Node]]:
    middle = draw(st.sampled_from(SIZES))
    rules: list[Callable[[], Node]] = [
        lambda: build.matmul(inner((shape[0], middle)), inner((middle, shape[1]))),
        lambda: build.transpose(inner(shape[::-1])),
    ]
    if shape[0] == shape[1]:
        rules += [
            lambda: build.diag(inner((shape[0], ONE))),
            lambda: build.matrix_power(inner(shape), t - k),
            lambda: build.inverse(inner(shape)),
            lambda: build.product_over(inner(shape), "j", t, k + 1, -1),
            lambda: build.concat(
                build.hcat(Entry(inner(shape), (Index.of(0), Index.of(0))), Ones(ONE, shape[1] - 1)),
                Ones(shape[1] - 1, shape[1]),
            ),
        ]
    if shape[1] == ONE and shape != (ONE, ONE):
        rules += [
            lambda: Call("softmax", (inner(shape),)),
            lambda: build.take(build.concat(inner(shape), inner((m, ONE))), (Index.of(0), shape[0]), None),
        ]
    if shape == (n, n):
        time = draw(st.sampled_from(TIMES[:4]))
        h, now = Variable("h", Role.COMPUTED, (n, ONE), time), Variable("h", Role.COMPUTED, (n, ONE), k)
        rules += [
            lambda: Jacobian(h, now, Layout.NUMERATOR),
            lambda: ImmediateJacobian(build.add(h, inner((n, ONE))), now, Layout.NUMERATOR),
            lambda: build.take(build.hcat(inner((n, m)), inner(shape)), None, (m, n + m)),
        ]
    if shape == (n * m, ONE):
        rules.append(lambda: Vec(inner((n, m))))
    if shape == (n * n, K * m):
        rules.append(lambda: Kron(inner((n, K)), inner((n, m))))
    return rules


@pytest.fixture(scope="session")
def expressions() -> st.SearchStrategy[Node]:
    """Expressions of many shapes, as deep as people write them."""
    shapes: list[Shape] = [(), (n, ONE), (K, ONE), (ONE, n), (n, n), (n, m), (n * m, ONE), (n * n, K * m)]
    return st.sampled_from(shapes).flatmap(lambda shape: _tree(shape, 3))


@pytest.fixture(scope="session")
def cell_text() -> str:
    """The cell whose names the random expressions use."""
    return CELL
