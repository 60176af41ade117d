"""Formulas with parts: recursive, overridden, hiding the cell's names; their shapes are inferred."""

from __future__ import annotations

import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import Location, ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import Cell, Formula, Index, Jacobian, Layout, MatMul, Part, Role, Transpose, Variable
from symrnn.language.node import format_shape
from symrnn.language.traversal import find
from symrnn.reading import Scope, read_cell, read_formula

n, t, tau = Index.of("n"), Index.of("t"), Index.of("tau")


def shapes(formula: Formula) -> dict[str, str]:
    return {part.name: format_shape(part.expression.shape) for part in formula.parts}


RECURSION = """
e[t] = yhat[t] - y[t]
g[t] = V.T @ e[t] + W.T @ diag(1-h[t+1]**2) @ g[t+1]
D(L, W) = sum(diag(1-h[t]**2) @ g[t] @ h[t-1].T, t, 1, tau)
"""


def test_a_recursion_with_parts(scope: Scope, elman: Cell) -> None:
    formula = read_formula(RECURSION, scope)
    assert [p.name for p in formula.parts] == ["e", "g"]
    assert shapes(formula) == {"e": "K×1", "g": "n×1"}
    assert formula.of is elman.variable("L")
    assert formula.by is elman.variable("W")
    assert not formula.immediate
    assert format_shape(formula.expression.shape) == "n×n"
    assert read_formula(to_text(formula), scope) == formula


def test_semicolons_and_lines_are_the_same(scope: Scope) -> None:
    lines = read_formula("lam[t] = lam[t+1] @ W + r; lam[tau] = r; sum(h[t-1] @ lam[t], t)", scope)
    assert lines == read_formula("lam[t] = lam[t+1] @ W + r\nlam[tau] = r\n\nsum(h[t-1] @ lam[t], t)\n", scope)
    assert lines.parts[1] == Part("lam", tau, scope_variable("r", (Index.of(1), n)))


def scope_variable(name: str, shape: tuple[Index, ...]) -> Variable:
    return Variable(name, Role.PARAMETER, shape)


def test_parts_that_speak_of_each_other(scope: Scope) -> None:
    formula = read_formula(
        "p[t] = W.T @ q[t] + b; q[t] = diag(h[t]) @ p[t+1]; s[t] = concat(p[t], q[t]); sum(s[t], t)", scope
    )
    assert shapes(formula) == {"p": "n×1", "q": "n×1", "s": "(2*n)×1"}


def test_a_part_that_only_a_matrix_acts_on_is_a_column(scope: Scope) -> None:
    formula = read_formula("g[t] = W.T @ g[t+1]; g[tau] = W.T @ g[tau+1]; g[1]", scope)
    assert shapes(formula) == {"g": "n×1"}


def test_shapes_through_scalars_sums_and_stacks(scope: Scope) -> None:
    text = """
    s[t] = alpha * s[t-1] + norm2(h[t])
    v[t] = sum(v[k], k, 1, t-1) + b
    w[t] = tanh'(w[t+1]) * b
    z[t] = concat(z[t-1][0:n], x[t])
    M[t] = W @ M[t-1] @ W.T + eye(n)
    u[t] = u[t-1].T @ h[t] * b
    d[t] = diag(d[t+1] @ b) @ W
    s[tau] + M[1]
    """
    assert shapes(read_formula(text, scope)) == {
        "s": "scalar",
        "v": "n×1",
        "w": "n×1",
        "z": "(m + n)×1",
        "M": "n×n",
        "u": "n×1",
        "d": "n×n",
    }


def test_a_part_hides_the_cells_variable(scope: Scope) -> None:
    formula = read_formula("h[t] = U @ x[t]; W = U @ U.T; W @ h[t]", scope)
    assert isinstance(formula.expression, MatMul)
    assert {v.name: v.role for v in find(formula.expression, Variable)} == {"W": Role.PART, "h": Role.PART}  # type: ignore[attr-defined]
    # What is claimed is about the cell's own names.
    claim = read_formula("W = U @ U.T; D(L, W) = W", scope)
    assert claim.by is scope_variable("W", (n, n))


def test_a_time_index_of_ones_own(scope: Scope) -> None:
    formula = read_formula("g[s] = V.T @ (yhat[s] - y[s]) + W.T @ g[s+1]; g[t]", scope)
    assert formula.parts[0].time == Index.of("s")
    assert formula.expression == Variable("g", Role.PART, (n, Index.of(1)), t)


def test_the_last_part_is_the_formula_where_no_line_is(scope: Scope) -> None:
    formula = read_formula("g[t] = V.T @ (yhat[t] - y[t]) + W.T @ g[t+1]", scope)
    assert formula.expression == Variable("g", Role.PART, (n, Index.of(1)), t)


def test_claims_and_layouts(scope: Scope) -> None:
    formula = read_formula("Dplus(h[t], W) = D(h[t], h[k])", scope, Layout.DENOMINATOR)
    assert formula.immediate
    assert isinstance(formula.expression, Jacobian)
    assert formula.expression.layout is Layout.DENOMINATOR


def test_a_bare_power_of_free_indices(scope: Scope) -> None:
    formula = read_formula("alpha**(t-j) * D(h[t], h[j])", scope)
    assert to_text(formula) == "alpha**(t - j) * D(h[t], h[j])"


def test_a_zero_override_takes_the_parts_shape(scope: Scope) -> None:
    formula = read_formula("g[t] = W.T @ g[t+1] + b; g[tau] = 0; g[1]", scope)
    assert format_shape(formula.parts[1].expression.shape) == "n×1"


def test_brackets_go_over_line_ends(scope: Scope) -> None:
    assert read_formula("g[t] = (b\n  + h[t])\ng[t]", scope) == read_formula("g[t] = b + h[t]; g[t]", scope)


def test_the_index_form(scope: Scope) -> None:
    formula = read_formula("delta(i,l) * h[t-1][j]", scope)
    assert to_text(formula) == "delta(i, l) * h[t-1][j]"


def test_the_text_of_a_transposed_claim(scope: Scope) -> None:
    formula = read_formula("D(L, V) = sum(h[t] @ (yhat[t] - y[t]).T, t)", scope)
    assert isinstance(find(formula.expression, Transpose)[0], Transpose)
    assert read_formula(to_text(formula), scope) == formula


WRONG: list[tuple[str, type[SymrnnError], tuple[int, int], str]] = [
    ("", ReadingError, (1, 1), "empty"),
    (" ;\n; ", ReadingError, (1, 1), "empty"),
    ("g[t] = b; h[t]; W", ReadingError, (1, 17), "second"),
    ("g[t] = b\ng[t] = h[t]\ng[t]", ReadingError, (2, 1), "defined twice"),
    ("g[t] + 1 = b; b", ReadingError, (1, 6), "neither a name nor a claim"),
    ("g[0:2] = b; b", ReadingError, (1, 2), "neither a name nor a claim"),
    ("g[t] = b = b", ReadingError, (1, 10), "expected an operator"),
    ("g[t] == b", ReadingError, (1, 6), "one = sign"),
    ("g[t] = W @ x[t]; g[t]", ShapeError, (1, 12), "n×n and m×1"),
    ("g[t] = b; g[tau] = W; g[1]", ReadingError, (1, 11), "different shapes"),
    ("g[t] = W.T @ q[t+1]; g[1]", UnknownNameError, (1, 14), "nothing declares"),
    ("g[t] = b; W @ gg[t]", UnknownNameError, (1, 15), 'Did you mean "g"'),
    ("D(L, W, b) = b", ReadingError, (1, 1), "D\\(of, by\\)"),
    ("D(L, W @ W) = b", ReadingError, (1, 1), "one differentiates by"),
    ("\n".join(f"a{i} = b" for i in range(501)), ReadingError, (1, 1), "at most 500"),
]


@pytest.mark.parametrize(("text", "kind", "position", "message"), WRONG, ids=[repr(w[0][:30]) for w in WRONG])
def test_wrong_formulas(
    text: str, kind: type[SymrnnError], position: tuple[int, int], message: str, scope: Scope
) -> None:
    with pytest.raises(kind, match=message) as caught:
        read_formula(text, scope)
    location = caught.value.location
    assert location is not None
    assert (location.line, location.column) == position


def test_a_formula_in_a_file_knows_its_line(scope: Scope) -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_formula("g = b +\n  b\nwrong", scope, location=Location("answers.txt", 12))
    assert str(caught.value.location) == "answers.txt, line 14, column 1"


def test_the_summand_of_a_loss_without_an_equation() -> None:
    cell = read_cell("size n\nparam W[n,n]\nstate h[n]\nh[t] = tanh(W @ h[t-1])\nloss L = 2*sum(norm2(h[t]), t)")
    scope = Scope.of(cell)
    assert to_text(read_formula("L[k]", scope)) == "norm2(h[k])"
    with pytest.raises(UnknownNameError):
        read_formula("J[k]", scope)
