"""Every node type: its value against NumPy, and its batched form by differentiating through it two ways."""

from __future__ import annotations

import numpy as np
import pytest

from symrnn import language
from symrnn.errors import DataError, UnsupportedError
from symrnn.language import Index, Node, Unvec, Vec
from symrnn.oracle import contraction, rules
from symrnn.oracle.compare import relative_error
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.exact import ExactEvaluator
from symrnn.oracle.instance import Instance
from symrnn.reading.cellfile import read_cell
from symrnn.reading.formula import read_formula
from symrnn.reading.scope import Scope

TEXT = """
size n, m
param A[n,n], B[n,m], C[m,n], v[n], u[m], r[1,m], s, P[n,n]
const three = 3
input x[n]
loss L = sum(v.T @ x[t], t)
"""

VALUES = {
    "A @ B": lambda p: p.A @ p.B,
    "A @ B @ C @ v": lambda p: p.A @ p.B @ p.C @ p.v,
    "v.T @ A @ v": lambda p: p.v.T @ p.A @ p.v,
    "A * P - 2*A": lambda p: p.A * p.P - 2 * p.A,
    "(v.T @ v) * A": lambda p: (p.v.T @ p.v) * p.A,
    "A / s + P": lambda p: p.A / p.s + p.P,
    "1/n * v": lambda p: p.v / 3,
    "s / A": lambda p: p.s / p.A,
    "v**3": lambda p: p.v**3,
    "v**(-2)": lambda p: p.v**-2.0,
    "v**0": lambda p: np.ones_like(p.v),
    "exp(v)**0.5": lambda p: np.exp(p.v / 2),
    "exp(v)**s": lambda p: np.exp(p.v * p.s),
    "matrix_power(A, 3)": lambda p: np.linalg.matrix_power(p.A, 3),
    "matrix_power(A, n-3)": lambda p: np.eye(3),
    "inv(A) @ v": lambda p: np.linalg.solve(p.A, p.v),
    "trace(A @ P)": lambda p: np.trace(p.A @ p.P),
    "det(A)": lambda p: np.linalg.det(p.A),
    "B.T": lambda p: p.B.T,
    "diag(v) @ A": lambda p: np.diagflat(p.v) @ p.A,
    "diag(r)": lambda p: np.diagflat(p.r),
    "A @ eye(n) + ones(n,n) - zeros(n,n)": lambda p: p.A + 1,
    "ones(n) @ r": lambda p: np.ones((3, 1)) @ p.r,
    "concat(v, u, 1)": lambda p: np.vstack([p.v, p.u, [[1]]]),
    "hcat(A, B)": lambda p: np.hstack([p.A, p.B]),
    "concat(hcat(A, B), hcat(C, u @ r))": lambda p: np.block([[p.A, p.B], [p.C, p.u @ p.r]]),
    "A[0:2, 1:n]": lambda p: p.A[:2, 1:],
    "hcat(A, B)[:, n:n+m]": lambda p: p.B,
    "A[1,2] * v[0]": lambda p: p.A[1, 2] * p.v[0, 0],
    "r[1]": lambda p: p.r[0, 1],
    "kron(A, B)": lambda p: np.kron(p.A, p.B),
    "vec(B)": lambda p: p.B.reshape(-1, 1, order="F"),
    "unvec(vec(B), n, m) - B": lambda p: np.zeros((3, 2)),
    "commutation(n, m) @ vec(B) - vec(B.T)": lambda p: np.zeros((6, 1)),
    "tanh(A) + sigmoid(A)": lambda p: np.tanh(p.A) + 1 / (1 + np.exp(-p.A)),
    "tanh'(v)": lambda p: 1 - np.tanh(p.v) ** 2,
    "tanh''(v)": lambda p: -2 * np.tanh(p.v) * (1 - np.tanh(p.v) ** 2),
    "softmax(v)": lambda p: np.exp(p.v) / np.exp(p.v).sum(),
    "log_softmax(r)": lambda p: p.r - np.log(np.exp(p.r).sum()),
    "layernorm(v, 0.01)": lambda p: (p.v - p.v.mean()) / np.sqrt(p.v.var() + 0.01),
    "norm2(A)": lambda p: (p.A**2).sum(),
    "dot(A, P)": lambda p: (p.A * p.P).sum(),
    "sum(A) + mean(B) + var(v)": lambda p: p.A.sum() + p.B.mean() + p.v.var(),
    "relu(v) + leaky_relu(v) + abs(v)": lambda p: np.maximum(p.v, 0) + np.where(p.v > 0, p.v, 0.01 * p.v) + abs(p.v),
    "sqrt(exp(v)) + log(exp(v)) + sin(v) + cos(v) + softplus(v)": lambda p: (
        np.exp(p.v / 2) + p.v + np.sin(p.v) + np.cos(p.v) + np.log1p(np.exp(p.v))
    ),
    "three*v": lambda p: 3 * p.v,
    "sum(j*v, j, 1, n)": lambda p: 6 * p.v,
    "sum(v, j, 2, 1)": lambda p: np.zeros((3, 1)),
    "sum(sum(v*j*k, j, k, n), k, 1, 2)": lambda p: p.v * (6 + 2 * 5),
    "prod(A*j, j, 3, 1, -1)": lambda p: 6 * p.A @ p.A @ p.A,
    "prod(A + j*P, j, 1, 3, 1)": lambda p: (p.A + p.P) @ (p.A + 2 * p.P) @ (p.A + 3 * p.P),
    "prod(A + j*P, j, 3, 1, -1)": lambda p: (p.A + 3 * p.P) @ (p.A + 2 * p.P) @ (p.A + p.P),
    "prod(A, j, 1, 0, 1) + prod(A, j, 0, 1, -1)": lambda p: 2 * np.eye(3),
    "prod(s*j, j, 1, 3, 1)": lambda p: 6 * p.s**3,
    "hprod(v + j, j, 1, 3, 1)": lambda p: (p.v + 1) * (p.v + 2) * (p.v + 3),
    "hprod(v, j, 1, 0, 1)": lambda p: np.ones((3, 1)),
    "sum(x[t], t)": lambda p: sum(p.x.values()),
    "sum(x[t+k].T @ x[t], t, 1, tau-k) + 0*k": None,
}


class Numbers:
    def __init__(self, values):
        self.__dict__.update(values)


@pytest.fixture(scope="module")
def cell():
    return read_cell(TEXT, "cell")


@pytest.fixture(scope="module")
def evaluator(cell):
    return Evaluator(cell, random_instance(cell, 5))


def expression(cell, text):
    return read_formula(text, Scope.of(cell)).expression


@pytest.mark.parametrize("text", [text for text, by_hand in VALUES.items() if by_hand])
def test_values(cell, evaluator, text):
    found = evaluator.evaluate(expression(cell, text))
    expected = np.asarray(VALUES[text](Numbers(evaluator.instance.values)))
    if found.shape == ():
        expected = expected.reshape(())
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("text", [text for text, by_hand in VALUES.items() if by_hand])
@pytest.mark.parametrize("name", ["A", "v"])
def test_batched_evaluation_by_differentiating(cell, evaluator, text, name):
    """The complex step runs a batch of complex copies, differences a batch of real ones."""
    node = expression(cell, text)
    if node.is_scalar or min(node.shape, key=str).constant == 1:
        by = cell.variable(name)
    else:
        node, by = Vec(node), Vec(cell.variable(name))
    exact = evaluator.total(node, by)
    if evaluator.derivatives.step_for(node).copies != 1:
        pytest.skip("not analytic")
    differences = Evaluator(cell, evaluator.instance, method="central").total(node, by)
    if np.abs(exact).max() == 0:
        assert np.abs(differences).max() < 1e-9
    else:
        assert relative_error(differences, exact) < 1e-8


@pytest.mark.parametrize(
    "text",
    [
        t
        for t, by_hand in VALUES.items()
        if by_hand and not any(f in t for f in ["exp", "tanh", "soft", "log", "layer", "det("])
    ],
)
def test_exact_values_are_the_same_numbers(cell, evaluator, text):
    node = expression(cell, text)
    rounded = {
        k: np.round(v, 2) if not isinstance(v, dict) else {t: np.round(w, 2) for t, w in v.items()}
        for k, v in evaluator.instance.values.items()
    }
    instance = Instance(evaluator.instance.sizes, rounded, {})
    found = ExactEvaluator(cell, instance).evaluate(node)
    assert found.exact
    np.testing.assert_allclose(
        found.array.astype(float), Evaluator(cell, instance).evaluate(node), rtol=1e-11, atol=1e-12
    )


def node_types():
    """Every node type of the language, the abstract base apart."""
    found, stack = set(), [Node]
    while stack:
        kind = stack.pop()
        stack += kind.__subclasses__()
        found.add(kind)
    return sorted((k for k in found - {Node} if k.__module__.startswith("symrnn.language")), key=lambda k: k.__name__)


@pytest.mark.parametrize("kind", node_types(), ids=lambda kind: kind.__name__)
def test_every_node_type_has_a_rule(kind):
    assert rules.rule.dispatch(kind) is not rules.rule.dispatch(object)


def test_an_unknown_node_type_is_named(evaluator):
    class Strange(Node):
        @classmethod
        def infer_shape(cls):
            return ()

    with pytest.raises(UnsupportedError, match="Strange"):
        evaluator.evaluate(Strange())


@pytest.mark.parametrize("k, t", [(1, 1), (1, 4), (3, 2), (5, 5)])
def test_products_with_symbolic_bounds(cell, evaluator, k, t):
    node = expression(cell, "prod(A + diag(x[j]), j, t, k+1, -1)")
    if t - k < 0:
        with pytest.raises(DataError, match="below the empty product"):
            evaluator.evaluate(node, {"k": k, "t": t})
        return
    expected = np.eye(3)
    for j in range(t, k, -1):
        expected = expected @ (evaluator.value("A") + np.diagflat(evaluator.value("x", j)))
    np.testing.assert_allclose(evaluator.evaluate(node, {"k": k, "t": t}), expected, rtol=1e-13)


def test_products_share_their_beginnings(cell, evaluator):
    """All products Π_{j=t}^{k+1} for one t cost one multiplication each."""
    node = expression(cell, "sum(prod(A + j*P, j, 6, k+1, -1), k, 0, 5)")
    p = Numbers(evaluator.instance.values)
    expected = sum(
        np.linalg.multi_dot([np.eye(3), *(p.A + j * p.P for j in range(6, k, -1)), np.eye(3)]) for k in range(6)
    )
    np.testing.assert_allclose(evaluator.evaluate(node), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "node, message",
    [
        ("A[i,j]", "no value was given for i, j"),
        ("sum(v[k], k, 0, n)", "leaves an axis"),
        ("prod(A, j, 1, -1, 1)", "below the empty product"),
        ("x[tau+1]", "outside the times"),
        ("inv(A - A)", "singular"),
        ("v[n-4]", "leaves an axis"),
    ],
)
def test_errors(cell, evaluator, node, message):
    with pytest.raises(DataError, match=message):
        evaluator.evaluate(expression(cell, node))


def test_unvec_and_vec_are_inverse(cell, evaluator):
    B = cell.variable("B")
    back = Unvec(Vec(B), Index.of("n"), Index.of("m"))
    np.testing.assert_array_equal(evaluator.evaluate(back), evaluator.value("B"))


def test_the_tables_speak_of_language_types_only():
    assert {k.__name__ for k in contraction.PRODUCTS} <= set(language.__all__)
