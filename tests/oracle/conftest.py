"""Cells put together by hand, so that the oracle's tests need no reader."""

from __future__ import annotations

import pytest

from symrnn.language import Cell, Declaration, Equation, Index, Role, State, Variable
from symrnn.language import build as b

N, M, K, ONE = Index.of("n"), Index.of("m"), Index.of("K"), Index.of(1)


def param(name: str, *shape: Index) -> Variable:
    return Variable(name, Role.PARAMETER, shape)


def timed(name: str, role: Role, size: Index):
    """The variable as a function of its time."""
    return lambda time: Variable(name, role, (size, ONE), Index.of(time))


@pytest.fixture(scope="session")
def elman() -> Cell:
    """a = b + W h(t-1) + U x, h = tanh a, o = c + V h, softmax and negative log-likelihood."""
    t = Index.of("t")
    W, U, V, bias, c = (
        param("W", N, N),
        param("U", N, M),
        param("V", K, N),
        param("b", N, ONE),
        param("c", K, ONE),
    )
    x, y = timed("x", Role.INPUT, M), timed("y", Role.TARGET, K)
    a, h, o, yhat = (timed(name, Role.COMPUTED, size) for name, size in (("a", N), ("h", N), ("o", K), ("yhat", K)))
    loss = b.neg(b.matmul(b.transpose(y(t)), b.apply("log", yhat(t))))
    equations = (
        Equation("a", True, b.add(bias, b.matmul(W, h(t - 1)), b.matmul(U, x(t)))),
        Equation("h", True, b.apply("tanh", a(t))),
        Equation("o", True, b.add(c, b.matmul(V, h(t)))),
        Equation("yhat", True, b.apply("softmax", o(t))),
        Equation("L", True, loss),
    )
    declarations = (
        *(Declaration(v.name, Role.PARAMETER, v.shape) for v in (U, W, V, bias, c)),
        Declaration("x", Role.INPUT, (M, ONE), timed=True),
        Declaration("y", Role.TARGET, (K, ONE), timed=True, attributes=frozenset({"onehot"})),
    )
    summand = Variable("L", Role.COMPUTED, loss.shape, t)
    total = b.sum_over(summand, "t", 1, "tau")
    return Cell("elman", ("n", "m", "K"), declarations, (State("h", (N, ONE), (1,)),), equations, loss=total)
