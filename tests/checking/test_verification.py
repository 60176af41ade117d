"""A derivation is held against numbers: right ones pass at three seeds, every planted mistake is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from symrnn.api import load, read_cell
from symrnn.calculus.derive import derive
from symrnn.calculus.recursion import gradient_leaves
from symrnn.calculus.steps import Derived, TimeSpan
from symrnn.checking.comparison import admissible_times, relative_error, spread
from symrnn.checking.verification import Setting, examine, verify
from symrnn.errors import CheckFailedError, SymrnnError
from symrnn.language import (
    Cell,
    Diag,
    Formula,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    MatMul,
    Node,
    Product,
    Role,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import map_nodes, substitute_indices
from symrnn.reading.question import read_question

LAYOUTS = list(Layout)
QUESTIONS = [
    ("L", "W"), ("L", "U"), ("L", "b"), ("L", "V"), ("L", "c"), ("L", "h[0]"), ("L", "x[t]"), ("L", "h[t]"),
    ("L[t]", "h[k]"), ("h[t]", "h[k]"), ("h[t]", "h[t-1]"), ("o[t]", "h[t]"), ("h[t]", "W"), ("L", "W[i,j]"),
    ("h[3]", "h[1]"), ("yhat[t]", "o[t]"),
]  # fmt: skip


def ask(cell: Cell, of: str, by: str, layout: Layout = Layout.NUMERATOR, **options: object) -> Derived:
    of_node, by_node = read_question(of, by, cell)
    return derive(cell, of_node, by_node, layout, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def elman() -> Cell:
    return load("elman")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.value)
@pytest.mark.parametrize(("of", "by"), QUESTIONS, ids=lambda text: text)
def test_every_line_holds_to_rounding_at_three_seeds(elman: Cell, of: str, by: str, layout: Layout) -> None:
    derived = ask(elman, of, by, layout, forms=("all",))
    for seed in (0, 1, 2):
        found = verify(derived, Setting(seed))
        assert found.method == "complex step"
        assert found.max_error < 1e-12
        assert len(found.steps) == len(derived.steps)
        assert len(found.forms) == len(derived.forms) > 0


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.value)
@pytest.mark.parametrize("tau", [1, 2, 4])
def test_the_unrolled_form_is_checked_at_its_own_number_of_steps(elman: Cell, tau: int, layout: Layout) -> None:
    derived = ask(elman, "L", "W", layout, forms=("all",), tau=tau)
    assert verify(derived, Setting(unrolled=tau)).max_error < 1e-12
    with pytest.raises(CheckFailedError, match="unrolled"):
        verify(derived, Setting(unrolled=tau + 1))


@pytest.mark.parametrize("order", ["column", "row"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.value)
def test_the_vec_form_is_checked_in_its_own_order(elman: Cell, order: str, layout: Layout) -> None:
    for of in ("L", "h[t]"):
        derived = ask(elman, of, "U", layout, forms=("vec",), vec_order=order)
        assert verify(derived, Setting(vec_order=order)).max_error < 1e-12
        other = "row" if order == "column" else "column"
        with pytest.raises(CheckFailedError, match="vec form"):
            verify(derived, Setting(vec_order=other))


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("by", ["W", "b", "h[0]", "x[t]"])
def test_a_truncated_gradient_is_not_held_against_the_whole_one(elman: Cell, window: int, by: str) -> None:
    derived = ask(elman, "L", by, forms=("closed",), window=Index.of(window))
    assert verify(derived).max_error < 1e-12
    whole = replace(derived, question=replace(derived.question, window=None))
    assert "the closed form" in [check.name for check in examine(whole).failed]


@pytest.mark.parametrize(
    "name", ["lstm", "lag2", "stack2", "bidirectional", "learned_start", "delta_rule", "tied_penalty", "minibatch_rows"]
)
def test_truncated_gradients_of_other_cells_hold(name: str) -> None:
    """Penalties, learned starts, two lags, both directions, matrix states, a loss at the last step alone."""
    cell = load(name)
    assert cell.loss is not None
    loss = Variable(cell.loss_name, Role.LOSS, cell.loss.shape)
    for leaf in gradient_leaves(cell):
        for window in (0, 1):
            found = derive(cell, loss, leaf, forms=("closed",), window=Index.of(window))
            assert verify(found).max_error < 1e-9


@pytest.mark.parametrize("name", ["scalar_relu", "lstm", "lag2", "stack2", "bidirectional", "tied_embedding"])
def test_other_cells_hold_as_well(name: str) -> None:
    cell = load(name)
    for declared in cell.parameters:
        assert verify(ask(cell, cell.loss_name, declared.name)).max_error < 1e-9


def test_where_a_function_has_a_kink_central_differences_take_over() -> None:
    found = verify(ask(load("scalar_relu"), "L", "W"))
    assert found.method == "central differences"
    assert all(check.tolerance == 1e-6 for check in found.checks)


# Planted mistakes.  Each takes a right formula to a wrong one; the mistake is made in the last line of a derivation and
# in the form alone, so that a chain of right steps with a wrong end is caught, and one wrong step in a right chain.


def products(change: Callable[[Product], Node]) -> Callable[[Node], Node]:
    return lambda root: map_nodes(root, lambda node: change(node) if isinstance(node, Product) else node)


def sums(index: str, change: Callable[[Sum], Node]) -> Callable[[Node], Node]:
    return lambda root: map_nodes(
        root, lambda node: change(node) if isinstance(node, Sum) and node.index == index else node
    )


def ascending(product: Product) -> Node:
    return Product(product.body, product.index, product.last, product.first, -product.step)


def diag_at_other_step(product: Product) -> Node:
    def earlier(node: Node) -> Node:
        return (
            substitute_indices(node, {product.index: Index.of(product.index) - 1}) if isinstance(node, Diag) else node
        )

    return Product(map_nodes(product.body, earlier), *product.args[1:])


def diag_on_other_side(product: Product) -> Node:
    if not isinstance(product.body, MatMul):
        return product
    return Product(MatMul(product.body.args[0][::-1]), *product.args[1:])


def swapped_names(root: Node, name: str, change: Callable[[Variable], Node]) -> Node:
    return map_nodes(root, lambda node: change(node) if isinstance(node, Variable) and node.name == name else node)


def transposed_weight(root: Node) -> Node:
    return swapped_names(root, "W", lambda node: Transpose(node))


def state_of_this_step(root: Node) -> Node:
    """h[k] for h[k-1]: what the weight multiplies is taken a step too late."""
    before = Index.of("k") - 1
    return swapped_names(root, "h", lambda node: node.at(Index.of("k")) if node.time == before else node)


def without_present(root: Node) -> Node:
    return sums("k", lambda node: Sum(node.body, "k", node.lower, node.upper - 1))(root)


def without_future(root: Node) -> Node:
    """Only the loss of the step itself, k = t."""
    return sums("k", lambda node: substitute_indices(node.body, {"k": Index.of("t")}))(root)


def without_last_step(root: Node) -> Node:
    return sums("t", lambda node: Sum(node.body, "t", node.lower, node.upper - 1))(root)


def negated(root: Node) -> Node:
    return build.neg(root)


def averaged(root: Node) -> Node:
    return build.divide(root, build.index_number("tau"))


def without_diag(root: Node) -> Node:
    def drop(node: Node) -> Node:
        if isinstance(node, MatMul) and isinstance(node.args[0][-1], Diag):
            return build.matmul(*node.args[0][:-1])
        return node

    return map_nodes(root, drop)


MISTAKES: dict[str, Callable[[Node], Node]] = {
    "product ascending": products(ascending),
    "diag at the wrong step": products(diag_at_other_step),
    "diag on the wrong side": products(diag_on_other_side),
    "W transposed": transposed_weight,
    "h[k] for h[k-1]": state_of_this_step,
    "k = t left out": without_present,
    "future terms left out": without_future,
    "last step left out": without_last_step,
    "negated": negated,
    "mean for sum": averaged,
    "a diag left out": without_diag,
}


def with_wrong_form(derived: Derived, mistake: Callable[[Node], Node]) -> Derived:
    (form,) = derived.forms
    wrong = Formula(mistake(form.formula.expression), form.formula.parts)
    assert wrong != form.formula, "the mistake changes nothing"
    return replace(derived, forms=(replace(form, formula=wrong),))


def with_wrong_step(derived: Derived, mistake: Callable[[Node], Node]) -> Iterator[tuple[int, Derived]]:
    """The derivation with one right side changed, for every step in which the mistake can be made."""
    for number, step in enumerate(derived.steps):
        wrong = Formula(mistake(step.after.expression), step.after.parts)
        if wrong != step.after:
            steps = (*derived.steps[:number], replace(step, after=wrong), *derived.steps[number + 1 :])
            yield number, replace(derived, steps=steps)


@pytest.fixture(scope="module")
def closed(elman: Cell) -> Derived:
    return ask(elman, "L", "W", forms=("closed",))


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mistake_in_the_answer_is_caught(closed: Derived, mistake: Callable[[Node], Node], seed: int) -> None:
    with pytest.raises(CheckFailedError) as caught:
        verify(with_wrong_form(closed, mistake), Setting(seed))
    assert "the closed form" in str(caught.value)
    assert f"seed {seed}" in str(caught.value)
    assert "n = " in str(caught.value) or "n=" in str(caught.value)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_single_step_is_caught_there(closed: Derived, mistake: Callable[[Node], Node]) -> None:
    planted = list(with_wrong_step(closed, mistake))
    assert planted
    for number, wrong in planted:
        failed = examine(wrong).failed
        assert [check.name.partition(" (")[0] for check in failed] == [f"step {number + 1}"]


def test_total_for_immediate_is_caught(elman: Cell) -> None:
    chain = ask(elman, "L", "W", forms=("chain",))

    def total(root: Node) -> Node:
        return map_nodes(root, lambda node: Jacobian(*node.args) if isinstance(node, ImmediateJacobian) else node)

    with pytest.raises(CheckFailedError):
        verify(with_wrong_form(chain, total))


def test_immediate_for_total_is_caught(elman: Cell) -> None:
    chain = ask(elman, "L", "W", forms=("chain",))

    def immediate(root: Node) -> Node:
        return map_nodes(root, lambda node: ImmediateJacobian(*node.args) if isinstance(node, Jacobian) else node)

    with pytest.raises(CheckFailedError):
        verify(with_wrong_form(chain, immediate))


def test_a_mistake_in_a_part_of_a_recursion_is_caught(elman: Cell) -> None:
    derived = ask(elman, "L", "W", forms=("recursion",))
    (form,) = derived.forms
    for number, part in enumerate(form.formula.parts):
        broken = replace(part, expression=build.neg(part.expression))
        parts = (*form.formula.parts[:number], broken, *form.formula.parts[number + 1 :])
        wrong = replace(derived, forms=(replace(form, formula=replace(form.formula, parts=parts)),))
        with pytest.raises(CheckFailedError, match="recursion form"):
            verify(wrong)


def test_the_other_layout_is_caught_although_the_matrix_is_square(closed: Derived) -> None:
    wrong = replace(closed, question=replace(closed.question, layout=Layout.DENOMINATOR))
    with pytest.raises(CheckFailedError, match="closed form"):
        verify(wrong)


def test_an_answer_to_another_question_is_caught_though_all_its_steps_hold(elman: Cell) -> None:
    other, mine = ask(elman, "L", "b", forms=("closed",)), ask(elman, "L", "h[0]", forms=("closed",))
    assert not examine(other).failed
    wrong = replace(other, question=mine.question)
    failed = examine(wrong).failed
    assert [check.name for check in failed] == ["the closed form"]


def test_a_wrong_range_of_times_is_caught(elman: Cell) -> None:
    """∂h_t/∂h_k without the restriction k ≤ t: the product has no meaning one below the empty case."""
    derived = ask(elman, "h[t]", "h[k]", forms=("closed",))
    everywhere = tuple(TimeSpan(span.index, Index.of(1), Index.of("tau")) for span in derived.spans)
    with pytest.raises(SymrnnError, match=r"product|does not hold"):
        verify(replace(derived, spans=everywhere))


def test_the_error_names_line_times_seed_and_sizes(elman: Cell) -> None:
    derived = ask(elman, "h[t]", "h[k]", forms=("closed",))
    wrong = with_wrong_form(derived, products(ascending))
    with pytest.raises(CheckFailedError) as caught:
        verify(wrong, Setting(seed=7))
    message = str(caught.value)
    for expected in ("the closed form", 'cell "elman"', "k = ", "t = ", "relative error", "seed 7", "tau"):
        assert expected in message
    assert caught.value.exit_code == 1


def test_one_and_two_factors_cannot_show_the_order_and_five_steps_can(elman: Cell) -> None:
    wrong = with_wrong_form(ask(elman, "L", "W", forms=("closed",)), products(ascending))
    assert not examine(wrong, Setting(tau=2)).failed
    assert examine(wrong, Setting(tau=3)).failed
    assert Setting().tau >= 4


def test_sizes_differ_pairwise_and_the_initial_state_is_not_zero(elman: Cell) -> None:
    found = verify(ask(elman, "L", "W"))
    sizes = [found.sizes[name] for name in ("n", "m", "K")]
    assert len(set(sizes)) == 3
    assert min(sizes) > 1


def test_a_cell_whose_kink_is_met_says_so() -> None:
    cell = read_cell("param w\ninput x\nstate h = 0\nh[t] = relu(w * h[t-1]) + x[t]\nloss L = sum(h[t]**2, t)")
    found = examine(ask(cell, "L", "x[t]"))
    assert found.touched == {"relu"}


def test_relative_error_is_absolute_at_zero_and_infinite_for_other_shapes_or_nan() -> None:
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.array([1e-15]), np.array([0.0])) == 1e-15
    assert relative_error(np.ones((2, 3)), np.ones((3, 2))) == np.inf
    assert relative_error(np.array([np.nan]), np.array([1.0])) == np.inf
    assert relative_error(np.array([[2.0]]), np.array(1.0)) == 1.0


def test_admissible_times_are_all_and_only_those() -> None:
    one, tau = Index.of(1), Index.of("tau")
    spans = [TimeSpan("k", one, Index.of("t") - 1), TimeSpan("t", Index.of(2), tau)]
    found = {(times["k"], times["t"]) for times in admissible_times(spans, {"tau": 4})}
    assert found == {(k, t) for t in range(2, 5) for k in range(1, t)}


def test_spread_keeps_the_ends() -> None:
    items = [{"t": n} for n in range(100)]
    chosen = [item["t"] for item in spread(items, 5)]
    assert chosen[0] == 0
    assert chosen[-1] == 99
    assert len(chosen) == 5


def test_a_step_that_holds_nowhere_is_no_success(elman: Cell) -> None:
    derived = ask(elman, "h[t]", "h[k]", forms=("closed",))
    empty = (TimeSpan("t", Index.of(3), Index.of(2)), TimeSpan("k", Index.of(1), Index.of(2)))
    with pytest.raises(CheckFailedError, match="no time at all"):
        examine(replace(derived, spans=empty, steps=(), forms=derived.forms))
