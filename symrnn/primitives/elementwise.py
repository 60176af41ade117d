"""Elementwise primitives.  Each derivative is written in the output y where that is the simpler form."""

from __future__ import annotations

import numpy as np

from symrnn.language import build
from symrnn.language.leaf import ONE, number
from symrnn.primitives.record import Array, Primitive


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _sigmoid_slope(x: Array, at_kink: float) -> Array:
    return 0.25 / np.cosh(0.5 * x) ** 2


def _sigmoid_slope2(x: Array, at_kink: float) -> Array:
    return -0.25 * np.tanh(0.5 * x) / np.cosh(0.5 * x) ** 2


def _softplus(x: Array) -> Array:
    # log(1 + e^x) = x + log(1 + e^-x): the second form does not overflow for positive x.
    return np.where(np.real(x) > 0, x, 0.0) + np.log(1.0 + np.exp(np.where(np.real(x) > 0, -x, x)))


def _step(x: Array, below: float, above: float, at_kink: float) -> Array:
    real = np.real(x)
    return np.where(real > 0, above, np.where(real < 0, below, below + (above - below) * at_kink))


LEAK = 0.01
"""The slope of leaky_relu below zero, as in Maas et al. (2013)."""

ELEMENTWISE: tuple[Primitive, ...] = (
    Primitive(
        name="tanh",
        kind="elementwise",
        latex=r"\tanh",
        unicode="tanh",
        numpy="np.tanh(x)",
        evaluate=np.tanh,
        rule="tanh'(x) = 1 - y²",
        slopes=(
            lambda x, at_kink: 1.0 / np.cosh(x) ** 2,
            lambda x, at_kink: -2.0 * np.tanh(x) / np.cosh(x) ** 2,
        ),
        derivative=lambda y, x: build.subtract(ONE, build.power(y, 2)),
    ),
    Primitive(
        name="sigmoid",
        kind="elementwise",
        latex=r"\sigma",
        unicode="σ",
        numpy="1 / (1 + np.exp(-x))",
        evaluate=_sigmoid,
        rule="σ'(x) = y ⊙ (1 - y)",
        slopes=(_sigmoid_slope, _sigmoid_slope2),
        derivative=lambda y, x: build.times(y, build.subtract(ONE, y)),
    ),
    Primitive(
        name="relu",
        kind="elementwise",
        latex=r"\operatorname{ReLU}",
        unicode="ReLU",
        numpy="np.maximum(x, 0)",
        evaluate=lambda x: np.where(np.real(x) > 0, x, 0.0),
        rule="ReLU'(x) = [x > 0], its value at 0 an option",
        slopes=(
            lambda x, at_kink: _step(x, 0.0, 1.0, at_kink),
            lambda x, at_kink: np.zeros_like(np.real(x)),
        ),
        analytic=False,
        kink=0.0,
    ),
    Primitive(
        name="leaky_relu",
        kind="elementwise",
        latex=r"\operatorname{LeakyReLU}",
        unicode="LeakyReLU",
        numpy=f"np.where(x > 0, x, {LEAK} * x)",
        evaluate=lambda x: np.where(np.real(x) > 0, x, LEAK * x),
        rule=f"1 above zero and {LEAK} below, its value at 0 an option",
        slopes=(
            lambda x, at_kink: _step(x, LEAK, 1.0, at_kink),
            lambda x, at_kink: np.zeros_like(np.real(x)),
        ),
        analytic=False,
        kink=0.0,
    ),
    Primitive(
        name="softplus",
        kind="elementwise",
        latex=r"\operatorname{softplus}",
        unicode="softplus",
        numpy="np.logaddexp(0, x)",
        evaluate=_softplus,
        rule="softplus'(x) = σ(x)",
        slopes=(lambda x, at_kink: _sigmoid(x), _sigmoid_slope),
        derivative=lambda y, x: build.apply("sigmoid", x),
    ),
    Primitive(
        name="exp",
        kind="elementwise",
        latex=r"\exp",
        unicode="exp",
        numpy="np.exp(x)",
        evaluate=np.exp,
        rule="exp'(x) = y",
        slopes=(lambda x, at_kink: np.exp(x), lambda x, at_kink: np.exp(x)),
        derivative=lambda y, x: y,
    ),
    Primitive(
        name="log",
        kind="elementwise",
        latex=r"\log",
        unicode="log",
        numpy="np.log(x)",
        evaluate=np.log,
        rule="log'(x) = 1/x",
        slopes=(lambda x, at_kink: 1.0 / x, lambda x, at_kink: -1.0 / x**2),
        derivative=lambda y, x: build.divide(ONE, x),
        domain="positive",
    ),
    Primitive(
        name="sqrt",
        kind="elementwise",
        latex=r"\sqrt",
        unicode="√",
        numpy="np.sqrt(x)",
        evaluate=np.sqrt,
        rule="sqrt'(x) = 1/(2y)",
        slopes=(lambda x, at_kink: 0.5 / np.sqrt(x), lambda x, at_kink: -0.25 * x**-1.5),
        derivative=lambda y, x: build.divide(ONE, build.times(number(2), y)),
        domain="positive",
    ),
    Primitive(
        name="sin",
        kind="elementwise",
        latex=r"\sin",
        unicode="sin",
        numpy="np.sin(x)",
        evaluate=np.sin,
        rule="sin'(x) = cos(x)",
        slopes=(lambda x, at_kink: np.cos(x), lambda x, at_kink: -np.sin(x)),
        derivative=lambda y, x: build.apply("cos", x),
    ),
    Primitive(
        name="cos",
        kind="elementwise",
        latex=r"\cos",
        unicode="cos",
        numpy="np.cos(x)",
        evaluate=np.cos,
        rule="cos'(x) = -sin(x)",
        slopes=(lambda x, at_kink: -np.sin(x), lambda x, at_kink: -np.cos(x)),
        derivative=lambda y, x: build.neg(build.apply("sin", x)),
    ),
    Primitive(
        name="abs",
        kind="elementwise",
        latex=r"\operatorname{abs}",
        unicode="abs",
        numpy="np.abs(x)",
        evaluate=lambda x: np.where(np.real(x) < 0, -x, x),
        rule="the sign of x, its value at 0 an option",
        slopes=(
            lambda x, at_kink: _step(x, -1.0, 1.0, at_kink),
            lambda x, at_kink: np.zeros_like(np.real(x)),
        ),
        analytic=False,
        kink=0.0,
    ),
)

PIECEWISE_LINEAR = frozenset({"relu", "leaky_relu", "abs"})
"""Their second derivative is zero wherever it exists."""
