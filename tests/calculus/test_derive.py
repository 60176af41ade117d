"""Every form and every step of derivations, in both layouts, against the oracle."""

from __future__ import annotations

import pytest

from symrnn.errors import QuestionError, UnsupportedError
from symrnn.language import Index, Layout, Product, Vec
from symrnn.language.traversal import find
from symrnn.oracle.evaluate import Evaluator
from tests.calculus.support import TOLERANCE, ask, evaluator, form_error, library_cell, relative, step_error

QUESTIONS = [
    ("elman", "L", "W"),
    ("elman", "L", "U"),
    ("elman", "L", "b"),
    ("elman", "L", "V"),
    ("elman", "L", "c"),
    ("elman", "L", "h[0]"),
    ("elman", "L", "h[t]"),
    ("elman", "L", "x[t]"),
    ("elman", "L", "o[t]"),
    ("elman", "L[t]", "W"),
    ("elman", "L[t]", "h[k]"),
    ("elman", "h[t]", "h[k]"),
    ("elman", "h[t]", "h[t-1]"),
    ("elman", "h[t]", "W"),
    ("elman", "o[2]", "U"),
    ("elman", "o[t]", "x[k]"),
    ("scalar_relu", "L", "V"),
    ("lag2", "L", "W2"),
    ("lag2", "L", "h[-1]"),
    ("lag2", "h[t]", "h[k]"),
    ("lag2", "h[t]", "h[t-2]"),
    ("lstm", "L", "W_f"),
    ("lstm", "L", "c[t]"),
    ("lstm", "h[t]", "c[k]"),
    ("lstm_peephole", "L", "p_o"),
    ("bidirectional", "L", "x[t]"),
    ("bidirectional", "L", "hb[tau+1]"),
    ("gru", "L", "h[t]"),
    ("tied_embedding", "L", "E"),
    ("linear_attention", "L", "W_K"),
    ("minibatch_rows", "L", "W_rec"),
    ("antisymmetric", "L", "W_h"),
]


@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.value)
@pytest.mark.parametrize(("name", "of", "by"), QUESTIONS, ids=lambda value: value)
def test_every_form_and_step_is_right(name: str, of: str, by: str, layout: Layout) -> None:
    cell = library_cell(name)
    if by not in cell.names() and "[" not in by:
        pytest.skip(f"{name} has no {by}")
    judge = evaluator(cell)
    tolerance = 1e-5 if judge.derivatives.step_for(cell.loss).copies > 1 else TOLERANCE  # type: ignore[arg-type]
    found = ask(cell, of, by, ("all",), layout)
    assert found.forms
    for form in found.forms:
        assert form_error(found, form, judge) < tolerance, form.name
    for step in found.steps:
        assert step_error(step, judge) < tolerance, step.rule


@pytest.mark.parametrize(("name", "of", "by"), QUESTIONS[:6], ids=lambda value: value)
def test_the_result_is_the_last_line_of_its_derivation(name: str, of: str, by: str) -> None:
    found = ask(library_cell(name), of, by)
    assert found.steps[-1].after == found.result


def test_products_descend_in_numerator_layout_and_ascend_in_the_other() -> None:
    cell = library_cell("elman")
    for layout, step in ((Layout.NUMERATOR, -1), (Layout.DENOMINATOR, 1)):
        (product,) = find(ask(cell, "h[t]", "h[k]", layout=layout).result.expression, Product)
        assert isinstance(product, Product)
        assert product.step == step


def test_constant_jacobians_become_powers_and_diagonal_ones_hadamard_products() -> None:
    from symrnn.emitting.text import to_text

    assert to_text(ask(library_cell("linear"), "h[t]", "h[k]").result) == "matrix_power(W, t-k)"
    assert to_text(ask(library_cell("indrnn"), "h[t]", "h[k]").result).startswith("diag(hprod(")


def test_unrolled_counts_its_terms_and_refuses_too_many() -> None:
    cell = library_cell("elman")
    found = ask(cell, "L", "W", ("unrolled",), tau=6)
    assert found.forms[0].terms == 21
    judge = evaluator(cell, tau=6)
    assert form_error(found, found.forms[0], judge) < TOLERANCE
    with pytest.raises(QuestionError, match="20100 terms"):
        ask(cell, "L", "W", ("unrolled",), tau=200)


@pytest.mark.parametrize("window", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_a_window_cuts_the_sum_over_copies(name: str, window: int) -> None:
    cell = library_cell(name)
    judge = evaluator(cell)
    by = "W" if name == "elman" else "W_f"
    found = ask(cell, "L", by, ("closed",), window=Index.of(window))
    assert relative(judge.evaluate(found.result), _truncated(judge, by, window)) < TOLERANCE


def _truncated(judge: Evaluator, by: str, window: int) -> object:
    """Σ_t Σ_{k ≥ t−w} (∂L_t/∂s_t)(∂s_t/∂s_k) ∂⁺s_k/∂θ from the oracle's own derivatives."""
    from symrnn.reading.expression import Scope, read_expression

    state = "h[{0}]" if by == "W" else "concat(h[{0}], c[{0}])"
    total: object = 0.0
    for t in range(1, 5):
        for k in range(max(1, t - window), t + 1):
            here, there = state.format(t), state.format(k)
            text = f"D(L[{t}], {here}) @ D({here}, {there}) @ Dplus({there}, {by})"
            total = total + judge.evaluate(read_expression(text, Scope.of(judge.cell)))  # type: ignore[operator]
    return total


def test_entries_and_blocks_are_read_off_the_whole() -> None:
    cell = library_cell("lstm")
    judge = evaluator(cell)
    for by in ("W_f[1,0]", "W_f[:, 0:1]", "W_f[0:2, :]", "b_f[1]"):
        for form in ("closed", "recursion"):
            found = ask(cell, "L", by, (form,))
            assert form_error(found, found.forms[0], judge) < TOLERANCE, (by, form)


def test_the_block_jacobian_of_a_stack() -> None:
    cell = library_cell("lstm")
    found = ask(cell, "concat(h[t], c[t])", "concat(h[t-1], c[t-1])")
    judge = evaluator(cell)
    assert form_error(found, found.forms[0], judge) < TOLERANCE
    assert "diag(f[t])" in str(_text(found))


def _text(found: object) -> str:
    from symrnn.emitting.text import to_text

    return to_text(found.result)  # type: ignore[attr-defined]


def test_a_form_that_does_not_exist_says_so() -> None:
    cell = library_cell("elman")
    with pytest.raises(QuestionError, match="third-order"):
        ask(cell, "h[t]", "W", ("closed",))
    with pytest.raises(QuestionError, match="tau"):
        ask(cell, "L", "W", ("unrolled",))
    with pytest.raises(QuestionError, match="no form"):
        ask(cell, "L", "W", ("close",))
    with pytest.raises(QuestionError, match="at least one step"):
        ask(cell, "L", "W", ("unrolled",), tau=0)


def test_a_cell_without_a_loss_has_no_recursion() -> None:
    from symrnn.calculus.recursion import adjoint_system
    from symrnn.reading.cellfile import read_cell

    cell = read_cell("cell bare\nsize n\nparam W[n,n]\nstate h[n]\nh[t] = W @ h[t-1]\n", "bare")
    with pytest.raises(QuestionError, match="no loss"):
        adjoint_system(cell)


def test_what_has_no_rule_raises_and_names_itself() -> None:
    from symrnn.reading.cellfile import read_cell

    text = (
        "cell history\nsize n\nparam W[n,n]\nstate h[n]\nh[t] = W @ h[t-1]\ns[t] = sum(h[k], k, 1, t)\n"
        "L[t] = norm2(s[t])\nloss L = sum(L[t], t)\n"
    )
    with pytest.raises((UnsupportedError, QuestionError), match="sum"):
        ask(read_cell(text, "history"), "L", "W")


def test_fixed_times_are_written_out_without_a_number_of_steps() -> None:
    cell = library_cell("elman")
    found = ask(cell, "h[4]", "h[1]", ("unrolled",))
    assert form_error(found, found.forms[0], evaluator(cell)) < TOLERANCE


def test_a_vector_by_a_block_of_a_matrix_is_shown_by_vec() -> None:
    cell = library_cell("lstm")
    found = ask(cell, "h[t]", "W_f[:, 0:1]")
    assert [form.name for form in found.forms] == ["vec"]
    assert form_error(found, found.forms[0], evaluator(cell)) < TOLERANCE


@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_steps_of_a_truncated_gradient_hold(name: str) -> None:
    cell = library_cell(name)
    found = ask(cell, "L", "U" if name == "elman" else "U_o", ("all",), window=Index.of(1))
    for step in found.steps:
        assert step_error(step, evaluator(cell)) < TOLERANCE, step.rule


def test_an_expression_of_one_step_counts_each_way_once() -> None:
    cell = library_cell("elman")
    found = ask(cell, "norm2(h[t])", "W", ("all",))
    for form in found.forms:
        assert form_error(found, form, evaluator(cell)) < TOLERANCE, form.name
    for step in found.steps:
        assert step_error(step, evaluator(cell)) < TOLERANCE, step.rule


@pytest.mark.parametrize("by", ["S[k]", "V", "x[k]", "S[0]"])
@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.value)
def test_a_matrix_is_differentiated_by_its_vec(by: str, layout: Layout) -> None:
    from symrnn.reading.cellfile import read_cell

    cell = read_cell(
        "size d, e, m\nparam V[e,m], K[d,m], A[e,e]\ninput x[m]\nstate S[e,d]\n"
        "S[t] = A @ tanh(S[t-1]) + (V @ x[t]) @ (K @ x[t]).T\n"
    )
    judge = evaluator(cell)
    found = ask(cell, "S[t]", by, ("all",), layout)
    assert isinstance(found.question.of, Vec)
    assert {"vec", "recursion"} <= {form.name for form in found.forms}
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)


WHOLE = """
cell whole
size n, m, p
param W[n,n], U[n,m], C[n,p], z[p], v[n]
input x[m]
state h[n]
xbar = mean(x[t], t)
ctx = tanh(C @ z) + U @ xbar
h[t] = tanh(W @ h[t-1] + U @ x[t] + ctx)
loss L = sum(dot(v, h[t]), t) + dot(ctx, ctx)
"""

PLAIN = """
size n, m
param A[m,n], b[m]
input x[n]
z = A @ x + b
a = tanh(z)
loss L = dot(a, a) + dot(a, z)
"""


@pytest.mark.parametrize(
    ("text", "by"),
    [(WHOLE, "ctx"), (WHOLE, "xbar"), (WHOLE, "U"), (WHOLE, "C"), (WHOLE, "x[t]"), (PLAIN, "z"), (PLAIN, "a")],
)
def test_a_quantity_without_a_time_has_a_derivative(text: str, by: str) -> None:
    from symrnn.reading.cellfile import read_cell

    cell = read_cell(text)
    judge = evaluator(cell)
    found = ask(cell, "L", by, ("all",))
    assert {"closed", "recursion", "index"} <= {form.name for form in found.forms}
    assert all(form_error(found, form, judge) < TOLERANCE for form in found.forms)
    assert all(step_error(step, judge) < TOLERANCE for step in found.steps)


@pytest.mark.parametrize("by", ["s", "W[0,1]"])
@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.value)
def test_a_row_by_a_scalar_has_the_rows_shape(by: str, layout: Layout) -> None:
    text = (
        "cell rows\nsize n, m\nparam U[m,n], W[n,n], s\ninput x[1,m]\nstate h[1,n]\n"
        "h[t] = tanh(x[t] @ U * s + h[t-1] @ W)\nloss L = sum(norm2(h[t]), t)\n"
    )
    from symrnn.reading.cellfile import read_cell

    found = ask(read_cell(text, "rows"), "h[t]", by, ("closed",), layout)
    assert form_error(found, found.forms[0], evaluator(found.cell)) < TOLERANCE
