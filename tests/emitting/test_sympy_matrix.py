"""SymPy expressions have the values that the reference evaluator finds, and are SymPy's own types."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement

import symrnn.cells as library
from symrnn.calculus.derive import derive
from symrnn.emitting.sympy_matrix import to_sympy
from symrnn.errors import DataError, UnsupportedError
from symrnn.language import (
    Call,
    Cell,
    Commutation,
    Delta,
    Entry,
    Formula,
    Index,
    IndexNumber,
    Jacobian,
    Kron,
    Layout,
    Node,
    Number,
    Role,
    Unvec,
    Variable,
    Vec,
    build,
)
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope

TAU = 3

n, m, t, k, tau, ONE = (Index.of(x) for x in ("n", "m", "t", "k", "tau", 1))


def load(name: str) -> Cell:
    return read_cell(library.source_text(name), name, library.head_text)


def product(*factors: np.ndarray) -> np.ndarray:
    """SymPy keeps scalar factors among the matrices."""
    result = np.array(1.0)
    for factor in factors:
        result = result * factor if 0 in (result.ndim, factor.ndim) else result @ factor
    return result


OPERATIONS: dict[type, Callable[..., np.ndarray]] = {
    sympy.MatAdd: lambda *terms: sum(terms, np.array(0.0)),
    sympy.MatMul: product,
    sympy.Transpose: np.transpose,
    sympy.HadamardProduct: lambda *factors: math.prod(factors),
    HadamardPower: np.power,
    DiagMatrix: lambda v: np.diag(v[:, 0]),
    sympy.Trace: np.trace,
    sympy.Inverse: lambda a, power: np.linalg.inv(a),
    sympy.Determinant: np.linalg.det,
    sympy.MatPow: lambda a, power: np.linalg.matrix_power(a, int(power)),
    KroneckerProduct: np.kron,
    MatrixElement: lambda a, i, j: a[int(i), int(j)],
}
CONSTANTS: dict[type, Callable[[tuple[int, ...]], np.ndarray]] = {
    sympy.Identity: lambda shape: np.eye(*shape),
    sympy.OneMatrix: np.ones,
    sympy.ZeroMatrix: np.zeros,
}


class Numbers:
    """One run of a cell, and the numbers of every symbol that SymPy may be given."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.instance = random_instance(cell, seed=3, tau=TAU)
        self.evaluator = Evaluator(cell, self.instance)
        sizes = self.instance.sizes
        self.sizes = {name: value for name, value in sizes.items() if name != "tau"}

    def value_of(self, symbol: sympy.Basic) -> np.ndarray:
        """The number of ``W`` or ``h_3``; names may have underscores of their own."""
        name = str(symbol.name)  # type: ignore[attr-defined]
        stem, _, time = name.rpartition("_")
        is_timed = stem and time.lstrip("-").isdigit() and name not in self.cell.declaration
        return self.evaluator.value(stem, int(time)) if is_timed else self.evaluator.value(name)

    def of_sympy(self, expression: sympy.Basic) -> np.ndarray:
        """The value of a SymPy expression, operation by operation: substituting takes SymPy a hundred times as long."""
        if isinstance(expression, sympy.MatrixSymbol | sympy.Symbol):
            return np.asarray(self.value_of(expression), dtype=float)
        if isinstance(expression, sympy.MatrixBase):
            rows, columns = expression.shape
            return np.array([[self.of_sympy(expression[i, j]) for j in range(columns)] for i in range(rows)])
        if isinstance(expression, ElementwiseApplyFunction):
            function = sympy.lambdify(expression.function.variables, expression.function.expr, "numpy")
            return function(self.of_sympy(expression.expr))
        if isinstance(expression, sympy.BlockMatrix):
            return np.block([[self.of_sympy(b) for b in row] for row in expression.blocks.tolist()])
        if isinstance(expression, sympy.MatrixSlice):
            (r0, r1, _), (c0, c1, _) = expression.rowslice, expression.colslice
            return self.of_sympy(expression.parent)[int(r0) : int(r1), int(c0) : int(c1)]
        if type(expression) in CONSTANTS:
            return CONSTANTS[type(expression)](tuple(int(size) for size in expression.shape))
        if type(expression) in OPERATIONS:
            return OPERATIONS[type(expression)](*(self.of_sympy(argument) for argument in expression.args))
        if not expression.args:
            return np.array(float(expression))
        return sympy.lambdify(names := sympy.symbols(f"x:{len(expression.args)}"), expression.func(*names), "numpy")(
            *(self.of_sympy(argument) for argument in expression.args)
        )

    def check(self, expression: Node | Formula, times: dict[str, int]) -> None:
        truth = self.evaluator.evaluate(expression, {name: v for name, v in times.items() if name != "tau"})
        converted = to_sympy(expression, {**times, "tau": TAU}, self.sizes, self.cell.time)
        np.testing.assert_allclose(self.of_sympy(converted), truth, rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def elman() -> Numbers:
    return Numbers(load("elman"))


EXPRESSIONS = [
    "softmax(c + V @ h[t])",
    "log_softmax(o[t]) - o[t] * 2",
    "layernorm(a[t], 0.1) + b / (1 + h[t]**2)",
    "(1 - h[t]**2) * b * 0.5 - a[t]",
    "tanh'(a[t]) + sigmoid''(a[t]) + softplus(a[t]) + leaky_relu(a[t]) + abs(a[t])",
    "norm2(W) + dot(h[t], b) + sum(W) + mean(U) + var(a[t])",
    "-y[t].T @ log(yhat[t])",
    "prod(diag(1 - h[j]**2) @ W, j, t, k+1, -1)",
    "prod(diag(1 - h[j]**2) @ W, j, k+1, t, 1) @ ones(n)",
    "hprod(h[j], j, k+1, t, 1)",
    "concat(hcat(W, U), hcat(eye(n) * 2, zeros(n, m)))",
    "concat(h[t], x[t])[1:n] + ones(n-1)",
    "kron(h[t].T, diag(b))",
    "matrix_power(W, t-k) @ inv(W + eye(n))",
    "trace(W) * det(W) * W[0,1] * h[t][0] + 1/n",
    "sum(h[k] @ x[k].T, k, max(1, t-1), t)",
    "b + norm2(x[t]) * 1",
    "2 ** h[t][1] * W.T",
    "(y[t].T @ o[t]) * W",
    "sum(h[k], k, 2, 1) + b",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_value_is_the_same(text: str, elman: Numbers) -> None:
    scope = Scope.of(elman.cell).with_indices("k", "j")
    elman.check(read_expression(text, scope), {"t": 3, "k": 1})


@pytest.mark.parametrize(
    ("name", "of", "by"),
    [("elman", "L", "W"), ("elman", "L", "U"), ("elman", "L", "b"), ("elman", "h[t]", "h[k]"), ("linear", "L", "W")],
)
def test_derived_forms_convert(name: str, of: str, by: str) -> None:
    numbers = Numbers(load(name))
    scope = Scope.of(numbers.cell).with_indices("k")
    derived = derive(numbers.cell, *(read_expression(x, scope) for x in (of, by)), forms=("closed",))
    numbers.check(derived.result, {"t": 3, "k": 1})


def test_a_recursion_is_written_out(elman: Numbers) -> None:
    scope = Scope.of(elman.cell)
    derived = derive(elman.cell, read_expression("L", scope), read_expression("W", scope), forms=("recursion",))
    assert derived.result.parts
    elman.check(derived.result, {})


def test_sizes_may_stay_symbols() -> None:
    W = Variable("W", Role.PARAMETER, (n, n))
    h = Variable("h", Role.COMPUTED, (n, ONE), t)
    found = to_sympy(build.sum_over(build.matmul(W, h.at(t - 1)), "t", 1, tau), {"tau": 2})
    size = sympy.Symbol("n", integer=True)
    W_symbol = sympy.MatrixSymbol("W", size, size)
    assert found == W_symbol * sympy.MatrixSymbol("h_0", size, 1) + W_symbol * sympy.MatrixSymbol("h_1", size, 1)
    assert isinstance(found, sympy.MatrixExpr)


def test_inert_derivatives_are_symbols() -> None:
    h = Variable("h", Role.COMPUTED, (n, ONE), t)
    found = to_sympy(Jacobian(h, h.at(k), Layout.NUMERATOR), {"t": 3, "k": 1})
    assert isinstance(found, sympy.MatrixSymbol)
    assert found.name == "D(h[3], h[1])"
    W = Variable("W", Role.PARAMETER, (n, m))
    with pytest.raises(UnsupportedError, match="three axes"):
        to_sympy(Jacobian(h, W, Layout.NUMERATOR), {"t": 3})


def test_exact_numbers_stay_exact() -> None:
    x = Variable("x", Role.PARAMETER, ())
    found = to_sympy(build.times(Number(Fraction(1, 3)), x, Entry(Variable("v", Role.CONSTANT, (n, ONE)), (ONE,))))
    assert found.coeff(sympy.Symbol("x")).has(sympy.Rational(1, 3))


def test_vec_and_its_like_need_numbers() -> None:
    U = Variable("U", Role.PARAMETER, (n, m))
    with pytest.raises(UnsupportedError, match="symbolic sizes"):
        to_sympy(Vec(U))
    sizes = {"n": 2, "m": 3}
    vec = to_sympy(Vec(U), {}, sizes)
    symbol = sympy.MatrixSymbol("U", 2, 3)
    assert list(vec) == [symbol[i, j] for j in range(3) for i in range(2)]
    assert to_sympy(Unvec(Vec(U), n, m), {}, sizes) == symbol.as_explicit()
    turned = to_sympy(Commutation(n, m), {}, sizes) * vec
    assert list(turned) == [symbol[i, j] for i in range(2) for j in range(3)]
    assert to_sympy(Kron(U, U), {}, sizes).shape == (4, 9)


def test_what_is_missing_is_said() -> None:
    h = Variable("h", Role.COMPUTED, (n, ONE), t)
    with pytest.raises(DataError, match="tau"):
        to_sympy(build.sum_over(h, "t", 1, tau))
    with pytest.raises(DataError, match="below the empty product"):
        to_sympy(build.product_over(build.diag(h), "t", 1, 3, -1))
    with pytest.raises(DataError, match="10000"):
        to_sympy(build.sum_over(h, "t", 1, tau), {"tau": 10**6})


def test_symbols_without_numbers_stay() -> None:
    h = Variable("h", Role.COMPUTED, (n, ONE), t - 1)
    assert to_sympy(h).name == "h_t-1"
    assert to_sympy(IndexNumber(n * 2 - 1)) == 2 * sympy.Symbol("n", integer=True) - 1
    assert isinstance(to_sympy(Delta(Index.of("i"), Index.of("j"))), sympy.KroneckerDelta)
    generic = to_sympy(Call("f", (Variable("s", Role.PARAMETER, ()),), 1))
    assert generic.has(sympy.Derivative) or generic.has(sympy.Subs)
