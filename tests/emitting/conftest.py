"""Random expressions over one cell, built the way the readers and the calculus build them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import strategies as st

from symrnn.language import (
    Call,
    Commutation,
    Delta,
    Determinant,
    Divide,
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
    Slice,
    Sum,
    Trace,
    Unvec,
    Variable,
    Vec,
    Zeros,
    build,
    index_max,
)
from symrnn.language.traversal import postorder

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
    return st.sampled_from(shapes).flatmap(lambda shape: _tree(shape, 3)).filter(_is_sensible)


def _is_sensible(root: Node) -> bool:
    """Whether nothing in it is divided by zero, and no part of it vanished to a scalar zero (which prints as 0)."""
    parts = list(postorder(root))
    divided = any(isinstance(node, Divide) and build.is_zero(node.args[1]) for node in parts)
    return not divided and Zeros(()) not in parts


@pytest.fixture(scope="session")
def cell_text() -> str:
    """The cell whose names the random expressions use."""
    return CELL


def _variable(name: str, shape: Shape, time: Index | None = None, role: Role = Role.COMPUTED) -> Variable:
    return Variable(name, role, shape, time)


def _formulas() -> dict[str, Node]:
    """What derivations of the plain RNN, gates, stacks and index forms look like."""
    column, classes = (n, ONE), (K, ONE)
    i, j, el, r, w = (Index.of(name) for name in ("i", "j", "l", "r", "w"))
    W, U, V = (
        _variable(name, shape, role=Role.PARAMETER) for name, shape in (("W", (n, n)), ("U", (n, m)), ("V", (K, n)))
    )
    W_hh, alpha = _variable("W_hh", (n, n)), _variable("alpha", ())

    def at(name: str, time: Index, shape: Shape = column) -> Variable:
        return _variable(name, shape, time)

    h, hk, hj, a, x = at("h", t), at("h", k), at("h", j), at("a", t), at("x", t, (m, ONE))
    o, y, yhat = (at(name, t, classes) for name in ("o", "y", "yhat"))
    L, L_t = _variable("L", ()), at("L", t, ())
    c, f, g, ct = at("c", t), at("f", t), at("i", t), at("ctilde", t)
    N = Layout.NUMERATOR
    chain = build.matmul(Jacobian(L_t, o, N), Jacobian(o, h, N), Jacobian(h, hk, N), ImmediateJacobian(hk, W, N))
    factor = build.matmul(build.diag(build.subtract(Number(Fraction(1)), build.power(hj, 2))), W)
    error = build.subtract(build.transpose(yhat), build.transpose(y))
    product = build.product_over(factor, "j", t, k + 1, -1)
    slope = build.diag(build.subtract(Number(Fraction(1)), build.power(hk, 2)))
    closed = build.matmul(hk.at(k - 1), error, V, product, slope)
    o_t, h1 = at("o", t), at("h1", t)
    stack = build.concat(h, c)
    blocks = build.block_matrix(
        [
            [build.matmul(build.diag(build.times(o_t, Call("tanh", (c,), 1))), W), build.diag(f)],
            [build.matmul(build.diag(build.times(c, o_t, f)), W_hh), build.diag(build.times(f, g))],
        ]
    )
    return {
        "cell": build.add(_variable("b", column), build.matmul(W, h.at(t - 1)), build.matmul(U, x)),
        "activation": Call("tanh", (a,)),
        "softmax": Call("softmax", (build.add(_variable("c", classes), build.matmul(V, h)),)),
        "loss": build.neg(build.matmul(build.transpose(y), Call("log", (yhat,)))),
        "mean": build.times(build.divide(Number(Fraction(1)), IndexNumber(K)), Sum(L_t, "t", ONE, tau)),
        "chain": build.sum_over(build.sum_over(chain, "k", 1, t), "t", 1, tau),
        "closed": build.sum_over(build.sum_over(closed, "k", 1, t), "t", 1, tau),
        "window": build.sum_over(chain, "k", index_max(1, t - w), t),
        "product inside": build.matmul(product, ImmediateJacobian(hk, _variable("b", column), N)),
        "softmax Jacobian": build.matmul(build.subtract(build.diag(yhat), build.matmul(yhat, build.transpose(yhat)))),
        "softmax loss": build.subtract(
            build.matmul(build.matmul(Ones(ONE, K), y), build.transpose(yhat)), build.transpose(y)
        ),
        "slope": build.matmul(build.diag(Call("sigmoid", (a,), 1)), W),
        "gates": build.add(build.times(f, c.at(t - 1)), build.times(g, ct)),
        "gate of product": build.times(f, build.matmul(W_hh, h.at(t - 1))),
        "product of gate": build.matmul(build.diag(build.times(f, g)), build.transpose(W_hh)),
        "scaled": build.times(alpha, build.add(h, c)),
        "scaled product": build.times(build.subtract(Number(Fraction(1)), alpha), h, c),
        "stack": Jacobian(stack, build.concat(h.at(t - 1), c.at(t - 1)), N),
        "blocks": blocks,
        "powers of blocks": build.transpose(blocks),
        "index": build.times(Entry(build.diag(Call("tanh", (a,), 1)), (i, j)), Delta(i, el), Entry(h.at(t - 1), (j,))),
        "index derivative": Entry(Jacobian(h, W, N), (i, el, j)),
        "entry of a Jacobian": Entry(Jacobian(h, hk, N), (i, j)),
        "entry of a gradient": Entry(Jacobian(L, W, N), (i, j)),
        "entry of a denominator": Entry(Jacobian(L, W, Layout.DENOMINATOR), (i, j)),
        "entry of a name": Entry(W_hh, (i, j + 1)),
        "literal entry": Entry(W, (Index.of(0), Index.of(1))),
        "entry of a sum": Entry(build.add(W, W_hh), (i, j)),
        "vec": build.matmul(Kron(build.transpose(hk), build.diag(a)), Vec(W)),
        "vec derivative": Jacobian(h, Vec(W), N),
        "commutation": build.matmul(Commutation(n, m), Vec(U)),
        "unvec": Unvec(Vec(U), n, m),
        "power": build.matmul(build.matrix_power(W, t - k), build.inverse(build.add(W, Eye(n)))),
        "matrix square": build.add(build.power(W, 2), build.matrix_power(W, 2)),
        "square of a call": build.subtract(Number(Fraction(1)), build.power(Call("tanh", (a,)), 2)),
        "roots": build.divide(h, Call("sqrt", (build.add(Call("var", (h,)), _variable("eps", ())),))),
        "norms": build.add(
            build.times(_variable("lam", ()), Call("norm2", (W,))), Call("dot", (h, c)), Call("norm2", (h,))
        ),
        "quotient": build.divide(build.times(o_t, c), at("nu", t)),
        "slice": build.add(build.take(build.concat(h, c), (Index.of(0), n), None), h),
        "block": build.take(_variable("W_x", (n, n + m)), None, (n, n + m)),
        "unit": build.matmul(Slice(Eye(n), None, (i, i + 1)), Slice(Eye(n), (j, j + 1), None)),
        "layers": build.add(build.power(h1, 2), build.times(at("p_o", t), build.power(h1, 3))),
        "transposed layer": build.matmul(build.transpose(h1), h1),
        "negative": build.add(build.times(Number(Fraction(-2)), h), Number(Fraction(-1, 2)), build.neg(c)),
        "numbers": build.times(alpha, Number(Fraction(3)), Number(Fraction(2, 3)), Number(Fraction("0.05"))),
        "trace": build.times(Trace(W), Determinant(build.subtract(W, Eye(n)))),
        "generic": build.matmul(build.diag(Call("f", (a,), 2)), h),
        "hadamard product": HadamardProduct(f, "j", k + 1, t, 1),
        "sum inside": build.matmul(Sum(W, "r", t, tau), W, Sum(W, "r", t, tau)),
        "negated sum": build.neg(build.add(h, Sum(build.neg(h.at(r)), "r", t, tau), c)),
        "bar": build.add(at("hbar", t + 1), _variable("theta_c", ()), _variable("w__ss", ()), at("hidden", t)),
        "ones": build.matmul(Ones(m, ONE), Ones(ONE, n)),
        "nothing": Zeros((n, m)),
        "batch": build.matmul(Ones(_variable_size("B"), ONE), build.transpose(_variable("b", column))),
        "sizes": build.times(IndexNumber(n * 4 + m), IndexNumber(t - 1), build.divide(h, IndexNumber(n - 1))),
    }


def _variable_size(name: str) -> Index:
    return Index.of(name)


@pytest.fixture(scope="session")
def bank() -> dict[str, Node]:
    """Formulas by what they try."""
    return _formulas()
