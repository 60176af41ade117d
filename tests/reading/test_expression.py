"""One test for each row of the language's table, and one for each way to get it wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import (
    Add,
    Call,
    Commutation,
    Concat,
    Delta,
    Determinant,
    Diag,
    Divide,
    Entry,
    Eye,
    Hadamard,
    HadamardProduct,
    HStack,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Inverse,
    Jacobian,
    Kron,
    Layout,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Ones,
    Power,
    Product,
    Role,
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
    index_max,
    number,
)
from symrnn.language.node import format_shape
from symrnn.reading import Scope, read_expression

n, m, K, t, j, k, i, tau = (Index.of(name) for name in ("n", "m", "K", "t", "j", "k", "i", "tau"))
ONE = Index.of(1)
ZERO = Index.of(0)
W = Variable("W", Role.PARAMETER, (n, n))
U = Variable("U", Role.PARAMETER, (n, m))
V = Variable("V", Role.PARAMETER, (K, n))
b = Variable("b", Role.PARAMETER, (n, ONE))
r = Variable("r", Role.PARAMETER, (ONE, n))
alpha = Variable("alpha", Role.PARAMETER, ())
L = Variable("L", Role.LOSS, (ONE, ONE))
D = Variable("D", Role.PARAMETER, (n, n))


def h(time: Index) -> Variable:
    return Variable("h", Role.COMPUTED, (n, ONE), time)


def a(time: Index) -> Variable:
    return Variable("a", Role.COMPUTED, (n, ONE), time)


def x(time: Index) -> Variable:
    return Variable("x", Role.INPUT, (m, ONE), time)


def tanh(node: Node, order: int = 0) -> Node:
    return Call("tanh", (node,), order)


JACOBIAN = MatMul((Diag(h(j)), W))

TABLE: list[tuple[str, Node]] = [
    # A @ B
    ("W @ h[t-1]", MatMul((W, h(t - 1)))),
    ("W @ W @ h[t]", MatMul((W, W, h(t)))),
    ("W @ (W @ h[t])", MatMul((W, W, h(t)))),
    ("-W @ h[t]", Neg(MatMul((W, h(t))))),
    ("W @ eye(n)", W),
    # a * b
    ("h[t] * b", Hadamard((h(t), b))),
    ("alpha * h[t] * b", Hadamard((alpha, h(t), b))),
    ("(h[t].T @ b) * W", Hadamard((MatMul((Transpose(h(t)), b)), W))),
    ("h[t] * -b", Neg(Hadamard((h(t), b)))),
    ("hadamard(h[t], b)", Hadamard((h(t), b))),
    # + - /
    ("b + W @ h[t-1] + U @ x[t]", Add((b, MatMul((W, h(t - 1))), MatMul((U, x(t)))))),
    ("1 - h[t]", Add((number(1), Neg(h(t))))),
    ("b - (h[t] - a[t])", Add((b, Neg(Add((h(t), Neg(a(t)))))))),
    ("h[t] / b", Divide(h(t), b)),
    ("1/2", Divide(number(1), number(2))),
    ("h[t] / alpha / 2", Divide(Divide(h(t), alpha), number(2))),
    ("b * h[t] @ r", MatMul((Hadamard((b, h(t))), r))),
    ("W @ h[t] / alpha", Divide(MatMul((W, h(t))), alpha)),
    ("h[t] + 0", h(t)),
    # powers and inverses
    ("h[t]**2", Power(h(t), number(2))),
    ("-h[t]**2", Neg(Power(h(t), number(2)))),
    ("alpha**-1", Power(alpha, number(-1))),
    ("alpha**2**3", Power(alpha, Power(number(2), number(3)))),
    ("matrix_power(W, t-k)", MatrixPower(W, t - k)),
    ("inv(W)", Inverse(W)),
    # .T diag eye ones zeros trace det
    ("W.T", Transpose(W)),
    ("W.T.T", W),
    ("diag(h[t])", Diag(h(t))),
    ("eye(n + m)", Eye(n + m)),
    ("ones(n)", Ones(n, ONE)),
    ("ones(n, m)", Ones(n, m)),
    ("zeros(n)", Zeros((n, ONE))),
    ("zeros(n, 2*m)", Zeros((n, m * 2))),
    ("zeros(n, m, K)", Zeros((n, m, K))),
    ("trace(W)", Trace(W)),
    ("det(W)", Determinant(W)),
    # stacks
    ("concat(h[t], x[t], 1)", Concat((h(t), x(t), number(1)))),
    ("hcat(W, U)", HStack((W, U))),
    ("concat(hcat(W, b), hcat(r, alpha))", Concat((HStack((W, b)), HStack((r, alpha))))),
    # slices and entries
    ("h[t][0:n-1]", Slice(h(t), (ZERO, n - 1), None)),
    ("b[1:]", Slice(b, (ONE, n), None)),
    ("b[:n-1]", Slice(b, (ZERO, n - 1), None)),
    ("b[:]", b),
    ("r[0:2]", Slice(r, None, (ZERO, Index.of(2)))),
    ("U[:, 0:m-1]", Slice(U, None, (ZERO, m - 1))),
    ("U[0:n, :]", U),
    ("U[1:n]", Slice(U, (ONE, n), None)),
    ("U[:, j]", Slice(U, None, (j, j + 1))),
    ("U[0, :]", Slice(U, (ZERO, ONE), None)),
    ("h[t][0]", Entry(h(t), (ZERO,))),
    ("W[i,j]", Entry(W, (i, j))),
    ("h[t, i]", Entry(h(t), (i,))),
    ("(W @ h[t])[i]", Entry(MatMul((W, h(t))), (i,))),
    ("W.T[i, j]", Entry(Transpose(W), (i, j))),
    ("D(h[t], W)[i,j,k]", Entry(Jacobian(h(t), W, Layout.NUMERATOR), (i, j, k))),
    # elementwise functions and their primes
    ("tanh(a[t])", tanh(a(t))),
    ("tanh'(a[t])", tanh(a(t), 1)),
    ("tanh''(a[t])", tanh(a(t), 2)),
    ("tanh_prime(a[t])", tanh(a(t), 1)),
    ("tanh_prime_prime(a[t])", tanh(a(t), 2)),
    ("f'(a[t]) * f'(b)", Hadamard((Call("f", (a(t),), 1), Call("f", (b,), 1)))),
    ("leaky_relu(alpha)", Call("leaky_relu", (alpha,))),
    # reductions
    ("softmax(a[t])", Call("softmax", (a(t),))),
    ("log_softmax(r)", Call("log_softmax", (r,))),
    ("layernorm(a[t], 1e-5)", Call("layernorm", (a(t), number("0.00001")))),
    ("norm2(W)", Call("norm2", (W,))),
    ("dot(b, h[t])", Call("dot", (b, h(t)))),
    ("sum(W)", Call("sum", (W,))),
    ("mean(W)", Call("mean", (W,))),
    ("var(W)", Call("var", (W,))),
    # sums
    ("sum(h[t], t)", Sum(h(t), "t", ONE, tau)),
    ("sum(h[k], k)", Sum(h(k), "k", ONE, tau)),
    ("sum(h[k], k, 1, t)", Sum(h(k), "k", ONE, t)),
    ("sum(h[k], k, max(1, t-2), t)", Sum(h(k), "k", index_max(1, t - 2), t)),
    ("mean(h[t], t)", Hadamard((Divide(number(1), IndexNumber(tau)), Sum(h(t), "t", ONE, tau)))),
    (
        "mean(h[k], k, 2, tau)",
        Hadamard((Divide(number(1), IndexNumber(tau - 1)), Sum(h(k), "k", Index.of(2), tau))),
    ),
    # products
    ("prod(diag(h[j]) @ W, j, t, k+1, -1)", Product(JACOBIAN, "j", t, k + 1, -1)),
    ("prod(diag(h[j]) @ W, j, k+1, t, 1)", Product(JACOBIAN, "j", k + 1, t, 1)),
    ("prod(diag(h[j]) @ W, j, t, k+1)", Product(JACOBIAN, "j", t, k + 1, -1)),
    ("prod(diag(h[j]) @ W, j, k+1, t)", Product(JACOBIAN, "j", k + 1, t, 1)),
    ("prod(diag(h[j]) @ W, j, tau, t+1)", Product(JACOBIAN, "j", tau, t + 1, -1)),
    ("prod(diag(h[j]) @ W, j, 1, t)", Product(JACOBIAN, "j", ONE, t, 1)),
    ("hprod(h[j], j, k+1, t)", HadamardProduct(h(j), "j", k + 1, t, 1)),
    # derivatives
    ("D(L, W)", Jacobian(L, W, Layout.NUMERATOR)),
    ("D(h[t], h[k])", Jacobian(h(t), h(k), Layout.NUMERATOR)),
    ("Dplus(h[k], W)", ImmediateJacobian(h(k), W, Layout.NUMERATOR)),
    ("D(L, W[i,j])", Jacobian(L, Entry(W, (i, j)), Layout.NUMERATOR)),
    ("D(L, W[:, 0:2])", Jacobian(L, Slice(W, None, (ZERO, Index.of(2))), Layout.NUMERATOR)),
    ("D(L, concat(h[t], a[t]))", Jacobian(L, Concat((h(t), a(t))), Layout.NUMERATOR)),
    # Kronecker and index forms
    ("kron(W, U)", Kron(W, U)),
    ("vec(U)", Vec(U)),
    ("unvec(vec(U), n, m)", Unvec(Vec(U), n, m)),
    ("commutation(n, m)", Commutation(n, m)),
    ("delta(i, j)", Delta(i, j)),
    # numbers, sizes and times
    ("0.1", number("0.1")),
    ("1e-3", number("0.001")),
    (".5", number("0.5")),
    ("frac(1, 3)", Number(Fraction(1, 3))),
    ("-2", number(-2)),
    ("1/K", Divide(number(1), IndexNumber(K))),
    ("t - k + 1", IndexNumber(t - k + 1)),
    ("2*n*m", IndexNumber(n * m * 2)),
    ("alpha * (t - 1)", Hadamard((alpha, IndexNumber(t - 1)))),
    ("max(n, m)", IndexNumber(index_max(n, m))),
    # the user's names
    ("D @ h[t]", MatMul((D, h(t)))),
    ("D[i,j]", Entry(D, (i, j))),
    ("D(L, D)", Jacobian(L, D, Layout.NUMERATOR)),
    ("k[k]", Variable("k", Role.COMPUTED, (n, ONE), k)),
    ("sum(k[k] * k, k)", Sum(Hadamard((Variable("k", Role.COMPUTED, (n, ONE), k), IndexNumber(k))), "k", ONE, tau)),
    ("L[t]", Variable("L", Role.COMPUTED, (ONE, ONE), t)),
    ("L", L),
    # spelling
    ("α * h[τ]", Hadamard((alpha, h(tau)))),
    ("tanh′(b)", tanh(b, 1)),
    ("W\t@\n h[ t ]  # a comment", MatMul((W, h(t)))),
]


@pytest.mark.parametrize(("text", "node"), TABLE, ids=[text for text, _ in TABLE])
def test_every_form_of_the_table(text: str, node: Node, scope: Scope) -> None:
    assert read_expression(text, scope.with_indices("k")) is node


@pytest.mark.parametrize("text", [text for text, _ in TABLE])
def test_what_is_printed_reads_back(text: str, scope: Scope) -> None:
    scope = scope.with_indices("k")
    node = read_expression(text, scope)
    assert read_expression(to_text(node), scope) is node


def test_the_layout_is_the_contexts(scope: Scope) -> None:
    found = read_expression("D(h[t], x[t])", scope, Layout.DENOMINATOR)
    assert found is Jacobian(h(t), x(t), Layout.DENOMINATOR)
    assert format_shape(found.shape) == "m×n"


def test_a_product_in_a_sum_takes_its_direction_from_the_sums_range(scope: Scope) -> None:
    found = read_expression("sum(prod(W, j, r, t+1), r, t, tau)", scope)
    assert isinstance(found, Sum)
    assert found.body is Product(W, "j", Index.of("r"), t + 1, -1)


def test_ten_thousand_terms_are_read(scope: Scope) -> None:
    text = " + ".join(["W @ h[t]"] * 10_000)
    found = read_expression(text, scope)
    assert isinstance(found, Add)
    assert len(found.args[0]) == 10_000


WRONG: list[tuple[str, type[SymrnnError], tuple[int, int], str]] = [
    ("", ReadingError, (1, 1), "empty"),
    ("W @", ReadingError, (1, 4), "expected a number, a name or a parenthesis"),
    ("W @ (h[t]", ReadingError, (1, 10), 'expected an operator or "\\)"'),
    ("W @ h[t]]", ReadingError, (1, 9), "expected an operator or the end"),
    ("tanh(h[t]", ReadingError, (1, 10), 'expected an operator, "," or "\\)"'),
    ("h[t", ReadingError, (1, 4), 'or "\\]"'),
    ("W h[t]", ReadingError, (1, 3), "expected an operator"),
    ("W'", ReadingError, (1, 2), r"write W\.T"),
    ("W.S", ReadingError, (1, 3), 'expected "T"'),
    ("2W", ReadingError, (1, 2), r"Write \* between"),
    ("W^2", ReadingError, (1, 2), r"\*\* for a power"),
    ("W\n@ @", ReadingError, (2, 3), "expected a number"),
    ("h[t] ⊙ b", ReadingError, (1, 6), r"Write \*\."),
    ("h[t]²", ReadingError, (1, 5), r"Write \*\*2"),
    ("a\x00b", ReadingError, (1, 2), "not text"),
    ("1e999999", ReadingError, (1, 1), "too long"),
    ("1" * 200, ReadingError, (1, 1), "too long"),
    ("h", ReadingError, (1, 1), r"Write h\[t\]"),
    ("h(t)", ReadingError, (1, 1), r"Write h\[t\]"),
    ("W(h[t])", ReadingError, (1, 1), "variable, not a function"),
    ("f", ReadingError, (1, 1), r"f\(\.\.\.\)"),
    ("f[t]", ReadingError, (1, 1), "round brackets"),
    ("Wh @ h[t]", UnknownNameError, (1, 1), "nothing declares"),
    ("alpa * h[t]", UnknownNameError, (1, 1), 'Did you mean "alpha"'),
    ("softmx(b)", UnknownNameError, (1, 1), 'Did you mean "softmax"'),
    ("sigma(b)", UnknownNameError, (1, 1), "sigmoid"),
    ("g(b)", UnknownNameError, (1, 1), "function g"),
    ("h[tua]", UnknownNameError, (1, 3), 'Did you mean "tau"'),
    ("h[1/2]", ReadingError, (1, 4), "whole number"),
    ("h[0.5]", ReadingError, (1, 3), "whole number"),
    ("h[W]", ReadingError, (1, 3), "is a variable"),
    ("h[0:2]", ReadingError, (1, 2), "time is not a range"),
    ("h[t][0:2:1]", ReadingError, (1, 9), 'expected "\\]"'),
    ("U @ h[t]", ShapeError, (1, 5), "n×m and n×1: the inner sizes m and n differ"),
    ("W * h[t]", ShapeError, (1, 5), "Write @ for the matrix product"),
    ("W + h[t]", ShapeError, (1, 5), "shapes differ"),
    ("b + h[t] + U", ShapeError, (1, 12), "shapes differ"),
    ("alpha @ W", ShapeError, (1, 9), r"Write \*"),
    ("det(U)", ShapeError, (1, 1), "square"),
    ("diag(W)", ShapeError, (1, 1), "vector"),
    ("softmax(W)", ShapeError, (1, 1), "one column or one row"),
    ("softmax'(b)", ShapeError, (1, 1), "not elementwise"),
    ("W[0]", ShapeError, (1, 2), "two indices"),
    ("alpha[0]", ShapeError, (1, 6), "no entries"),
    ("b[n]", ShapeError, (1, 2), "leaves an axis"),
    ("b[0:n+1]", ShapeError, (1, 2), "leaves an axis"),
    ("n[0]", ReadingError, (1, 1), "time or a size"),
    ("W/0", ReadingError, (1, 3), "division by zero"),
    ("frac(1, 0)", ReadingError, (1, 1), "not zero"),
    ("tanh'''(b)", ReadingError, (1, 1), "3 primes"),
    ("diag'(b)", ReadingError, (1, 1), "no primes"),
    ("eye(n, m)", ReadingError, (1, 1), "takes 1 argument, but got 2"),
    ("eye(W)", ReadingError, (1, 5), "is a variable"),
    ("sum()", ReadingError, (1, 1), "takes 1 or 2 or 4 arguments"),
    ("sum(h[k], k, 1)", ReadingError, (1, 1), "but got 3"),
    ("sum(h[t], W @ W)", ReadingError, (1, 13), "name of the index"),
    ("sum(b, n)", ReadingError, (1, 8), "is a size"),
    ("concat()", ReadingError, (1, 1), "at least one"),
    ("prod(W, j, 3, 1)", ReadingError, (1, 1), "direction"),
    ("prod(W, j, i, k)", ReadingError, (1, 1), "direction"),
    ("prod(W, j, t, k+1, 2)", ReadingError, (1, 20), "-1"),
    ("D(L)", ReadingError, (1, 1), "takes 2 arguments"),
    ("D(L, W @ W)", ReadingError, (1, 1), "one differentiates by"),
    ("D(W, W)", ShapeError, (1, 1), "vec form"),
    ("W = b", ReadingError, (1, 3), "expected an operator or the end"),
    ("t..tau", ReadingError, (1, 2), "range of times"),
    ("lambda: 0", ReadingError, (1, 7), "expected an operator"),
    ("__import__('os')", ReadingError, (1, 12), "expected a number"),
    ("(" * 100 + "b" + ")" * 100, ReadingError, (1, 61), "nested"),
    ("b" + ".T" * 500, ReadingError, (1, 1001), "nested"),
    ("-" * 500 + "b", ReadingError, (1, 62), "too many signs"),
    ("b" + "**2" * 100, ReadingError, (1, 184), "nested"),
    ("b" + "/2" * 5000, ReadingError, (1, 2), "operators in a row"),
]


@pytest.mark.parametrize(("text", "kind", "position", "message"), WRONG, ids=[repr(w[0][:30]) for w in WRONG])
def test_a_wrong_text_gives_its_place_and_the_way_out(
    text: str, kind: type[SymrnnError], position: tuple[int, int], message: str, scope: Scope
) -> None:
    with pytest.raises(kind, match=message) as caught:
        read_expression(text, scope)
    location = caught.value.location
    assert location is not None
    assert (location.line, location.column) == position


def test_a_text_that_is_too_long_is_refused(scope: Scope) -> None:
    with pytest.raises(ReadingError, match="characters"):
        read_expression("b + " * 600_000 + "b", scope)
