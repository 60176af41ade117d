"""The adjoint recursion: every gradient at once, linear work, overrides, sources in part of the range."""

from __future__ import annotations

import pytest

from symrnn.calculus.recursion import adjoint_system, gradient_leaves
from symrnn.language import Cell, Formula, Node
from symrnn.language.traversal import postorder
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.cellfile import read_cell
from tests.calculus.support import TOLERANCE, evaluator, library_cell, relative

ELMAN_STEP = """cell losses
size n, m
param W[n,n], U[n,m], v[n]
input x[m]
target y
state h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
o[t] = dot(v, h[t])
L[t] = (o[t] - y[t])**2
"""

LOSSES = {
    "sum": "sum(L[t], t)",
    "mean": "mean(L[t], t)",
    "last": "L[tau]",
    "part of the range": "sum(L[t], t, 2, tau)",
    "up to the last but one": "sum(L[t], t, 1, tau-1)",
    "the first": "L[1] + L[tau]",
    "pooled": "(sum(o[t], t)/tau - 1)**2",
    "weighted": "sum(t * L[t], t)",
    "penalty": "sum(L[t], t) + 0.1*norm2(W)",
    "initial value": "dot(v, h[0]) + sum(L[t], t)",
    "product of two steps": "o[1] * o[tau]",
    "neighbours": "sum((o[t] - o[t-1])**2, t, 2, tau)",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_every_kind(loss: str) -> None:
    cell = read_cell(f"{ELMAN_STEP}loss L = {LOSSES[loss]}\n", loss)
    for tau in (1, 2, 4) if loss not in ("neighbours",) else (2, 4):
        assert_gradients(cell, evaluator(cell, tau=tau))


def assert_gradients(cell: Cell, judge: Evaluator) -> None:
    system = adjoint_system(cell)
    total = cell.variable(cell.loss_name)
    for leaf, gradient in system.gradients:
        for time in range(1, judge.instance.sizes["tau"] + 1) if leaf.time == cell.now else (None,):
            at = {} if time is None else {cell.time.index: time}
            got = judge.evaluate(Formula(gradient, system.parts), at)
            assert relative(got, judge.total(total, leaf, at)) < TOLERANCE, (leaf, at)


@pytest.mark.parametrize(
    "name", ["elman", "lstm_peephole", "stack2_lstm", "bidirectional", "delta_rule", "learned_start"]
)
def test_all_gradients_of_library_cells(name: str) -> None:
    cell = library_cell(name)
    if cell.time.last.names() != {"tau"}:
        pytest.skip("times of another name")
    assert_gradients(cell, evaluator(cell))


def test_only_what_was_asked_for_gets_parts() -> None:
    cell = library_cell("elman")
    leaves = {leaf.name: leaf for leaf in gradient_leaves(cell)}
    assert adjoint_system(cell, [leaves["V"]]).parts == ()
    assert {p.name for p in adjoint_system(cell, [leaves["W"]]).parts} == {"lam_h", "lam_a"}


def stacked(layers: int) -> Cell:
    """A stack of tanh layers, each reading the one below."""
    lines = [
        "cell stack",
        "size n, m",
        f"param v[n], U[n,m], {', '.join(f'W{i}[n,n], R{i}[n,n]' for i in range(layers))}",
    ]
    lines += ["input x[m]", f"state {', '.join(f'h{i}[n]' for i in range(layers))}"]
    below = "U @ x[t]"
    for i in range(layers):
        lines.append(f"h{i}[t] = tanh(R{i} @ h{i}[t-1] + W{i} @ tanh({below}))")
        below = f"h{i}[t]"
    lines += [f"L[t] = dot(v, {below})", "loss L = sum(L[t], t)"]
    return read_cell("\n".join(lines) + "\n", "stack")


def size(nodes: list[Node]) -> int:
    return len({n for node in nodes for n in postorder(node)})


def test_the_work_is_linear_in_the_number_of_equations() -> None:
    def cost(layers: int) -> int:
        system = adjoint_system(stacked(layers))
        return size([p.expression for p in system.parts] + [g for _, g in system.gradients])

    small, large = cost(4), cost(16)
    assert large < 4.5 * small


def test_a_variable_that_reads_the_next_input_is_not_asked_for_at_the_last_step() -> None:
    text = (
        "cell next\nsize n, m\nparam W[n,n], U[n,m], V[m,n]\ninput x[m]\nstate h[n]\n"
        "h[t] = tanh(W @ h[t-1] + U @ x[t])\no[t] = V @ h[t]\nL[t] = 0.5*norm2(o[t] - x[t+1])\n"
        "loss L = sum(L[t], t, 1, tau-1)\n"
    )
    cell = read_cell(text, "next")
    for tau in (2, 3, 5):
        assert_gradients(cell, evaluator(cell, tau=tau))
