"""Every local rule, backwards (pullback) and as a Jacobian, against differences and the complex step."""

from __future__ import annotations

import pytest

from symrnn.calculus.jacobian import local_jacobian
from symrnn.calculus.pullback import local_rule
from symrnn.language import Layout
from symrnn.primitives import PRIMITIVES
from symrnn.reading.cellfile import read_cell
from tests.calculus.support import TOLERANCE, ask, evaluator, form_error

HEADER = "size n, m, K\nparam A[n,m], B[n,m], S[n,n], T[n,n], x[n], y[n], z[m], s, u, r[1,n]\n"

SCALARS = {
    "product": "x.T @ S @ y",
    "quadratic": "x.T @ S @ x",
    "hadamard": "x.T @ (A * B * A) @ z",
    "scalar times": "s * (x.T @ A @ z)",
    "add scalar": "sum(A + s)",
    "negative": "-(x.T @ y)",
    "quotient": "sum(x / (2 + y*y))",
    "by scalar": "x.T @ y / (1 + s*s)",
    "scalar over": "sum(s / (2 + A*A))",
    "power": "sum((1 + A*A)**1.5)",
    "symbolic power": "sum((2 + x*x)**s)",
    "matrix power": "x.T @ matrix_power(S, 3) @ y",
    "inverse": "x.T @ inv(S + 3*eye(n)) @ y",
    "transpose": "z.T @ A.T @ x",
    "trace": "trace(S @ T.T @ S)",
    "determinant": "det(S + 2*eye(n))",
    "diag": "x.T @ diag(S @ y) @ T @ x",
    "diag of matrices": "trace(S @ diag(x) @ T)",
    "concat": "norm2(concat(x, y*x, s) * 2)",
    "hcat": "trace(hcat(A, x) @ hcat(B, y).T)",
    "slice": "norm2(A[0:2, :]) + norm2(x[1:n])",
    "entry": "A[1,0] * x[2] * s",
    "vec": "norm2(vec(A) + vec(B))",
    "kron": "sum(kron(A, S) * kron(B, T))",
    "dot": "dot(A, B*A)",
    "mean": "mean(A * A)",
    "variance": "var(x * y)",
    "layer norm": "dot(layernorm(S @ x, 0.1), y)",
    "softmax": "dot(softmax(S @ x), y)",
    "softmax of a row": "dot(softmax(r @ S), r)",
    "log softmax": "dot(log_softmax(S @ x), y)",
    "row": "sum(tanh(r @ S))",
    "matrix function": "sum(tanh(S @ T))",
    "component sum": "sum(sum(A[i,0] * x[i], i, 0, n-1) * y)",
}
LEAVES = ("A", "B", "S", "T", "x", "y", "z", "s", "r")


@pytest.mark.parametrize("name", SCALARS)
def test_pullback_of(name: str) -> None:
    cell = read_cell(f"cell rules\n{HEADER}loss f = {SCALARS[name]}\n", "rules")
    judge = evaluator(cell)
    asked = [leaf for leaf in LEAVES if leaf in _names(SCALARS[name])]
    assert asked
    for leaf in asked:
        for layout in Layout:
            for form in ("closed", "recursion"):
                found = ask(cell, "f", leaf, (form,), layout)
                assert form_error(found, found.forms[0], judge) < TOLERANCE, (leaf, layout)


def _names(text: str) -> set[str]:
    import re

    return set(re.findall(r"[A-Za-z_]+", text))


VECTORS = {
    "affine": "A @ z + x",
    "diag": "diag(x) @ y",
    "diag in a chain": "S @ diag(T @ x) @ y",
    "hadamard": "x * y * (S @ x)",
    "scalar": "s * x",
    "softmax": "softmax(S @ x)",
    "log softmax": "log_softmax(x)",
    "layer norm": "layernorm(x, 0.1)",
    "concat": "concat(x, S @ y)",
    "slice": "x[0:2]",
    "quotient": "x / (2 + y*y)",
    "power": "(1 + x*x)**2",
    "inverse": "inv(S + 3*eye(n)) @ x",
    "matrix power": "matrix_power(S, 2) @ x",
    "transposed": "S.T @ x",
    "vec": "vec(A)",
    "vec of a product": "vec(S @ A)",
    "reduction": "sum(A) * x",
    "determinant": "det(S + 2*eye(n)) * x",
    "trace": "trace(S @ T) * x",
}


@pytest.mark.parametrize("name", VECTORS)
def test_jacobian_of(name: str) -> None:
    cell = read_cell(f"cell rules\n{HEADER}v[t] = {VECTORS[name]}\nloss f = sum(norm2(v[t]), t)\n", "rules")
    judge = evaluator(cell)
    for leaf in (leaf for leaf in LEAVES if leaf in _names(VECTORS[name])):
        found = ask(cell, "v[t]", leaf, ("vec",))
        assert form_error(found, found.forms[0], judge) < TOLERANCE, leaf


@pytest.mark.parametrize("primitive", [p for p in PRIMITIVES.values() if p.kind == "elementwise"], ids=lambda p: p.name)
@pytest.mark.parametrize("shape", ["x", "S", "s", "r"])
def test_elementwise_primitives_in_every_shape(primitive: object, shape: str) -> None:
    name = primitive.name  # type: ignore[attr-defined]
    inside = f"(2 + {shape}*{shape})" if primitive.domain == "positive" else shape  # type: ignore[attr-defined]
    cell = read_cell(f"cell rules\n{HEADER}loss f = sum({name}({inside}))\n", "rules")
    found = ask(cell, "f", shape, ("closed",))
    tolerance = TOLERANCE if primitive.analytic else 1e-6  # type: ignore[attr-defined]
    assert form_error(found, found.forms[0], evaluator(cell)) < tolerance


def test_primes_are_differentiated_too() -> None:
    cell = read_cell(f"cell rules\n{HEADER}loss f = sum(tanh'(S @ x))\n", "rules")
    found = ask(cell, "f", "x", ("closed",))
    assert form_error(found, found.forms[0], evaluator(cell)) < TOLERANCE


def test_a_node_without_a_rule_raises() -> None:
    from symrnn.errors import UnsupportedError
    from symrnn.language import Eye, Index

    for rule in (local_rule, local_jacobian):
        arguments = (Eye(Index.of("n")), Eye(Index.of("n")), {})[: 3 if rule is local_rule else 1]
        with pytest.raises(UnsupportedError, match="Eye"):
            list(rule(*arguments) if rule is local_rule else rule(Eye(Index.of("n")), {}))
