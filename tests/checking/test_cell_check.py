"""The table of a whole cell: complete, right where the cell is, and wrong where formulas or code are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from symrnn.api import load, read_cell
from symrnn.cells import names
from symrnn.checking import cell_check, generated
from symrnn.checking.cell_check import check_cell, table
from symrnn.checking.checked_code import CheckedCode
from symrnn.coding.numpy_module import emit
from symrnn.errors import QuestionError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


@pytest.mark.parametrize("name", [name for name in names() if load(name).loss is not None])
def test_every_library_cell_passes(name: str) -> None:
    found = check_cell(load(name))
    assert found.failures == ()
    assert found.max_error < found.tolerance


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["elman", "lstm", "scalar_relu", "bidirectional", "linear_attention"])
def test_other_seeds_pass_too(name: str, seed: int) -> None:
    found = check_cell(load(name), seed)
    assert found.passed
    assert found.seed == seed


def test_the_table_has_every_parameter_input_and_initial_value() -> None:
    found = check_cell(load("lag2"))
    rows = {row.name: row.kind for row in found.rows}
    cell = load("lag2")
    assert {"h[0]", "h[-1]"} <= rows.keys()
    assert {d.name for d in cell.parameters} <= rows.keys()
    assert rows["x[t]"] == "input"
    shown = table(found)
    for name in rows:
        assert any(line.startswith(name) for line in shown.splitlines())


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_the_slope_at_a_kink_is_taken_by_formula_and_code_alike(slope: float) -> None:
    found = check_cell(load("scalar_relu"), at_kink=slope)
    assert found.passed
    assert "no argument of relu was exactly at its kink" in table(found)


def handed_out(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Let the table see code that was changed after it was written and checked."""

    def changed(*arguments: object) -> CheckedCode:
        return CheckedCode(change(emit(arguments[0], True)))  # type: ignore[arg-type]

    monkeypatch.setattr(cell_check, "checked_code", changed)


def test_wrong_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """W.T for W in the backward pass: every shape fits, only numbers tell."""

    def transposed(source: str) -> str:
        assert "lam_a[t + 1] @ W\n" in source
        return source.replace("lam_a[t + 1] @ W\n", "lam_a[t + 1] @ W.T\n")

    handed_out(monkeypatch, transposed)
    found = check_cell(load("elman"))
    assert not found.passed
    assert {failure.partition(",")[0] for failure in found.failures} >= {"W", "U", "b", "x[t]", "h[0]"}
    assert "WRONG W, plain code: relative error" in table(found)
    assert "disagree" in table(found)


def test_code_that_does_not_run_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    handed_out(monkeypatch, lambda _: "def loss_and_gradients(**_):\n    return 1 / 0\n")
    found = check_cell(load("elman"))
    assert not found.passed
    assert "ZeroDivisionError" in table(found)


def test_a_missing_gradient_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    addition = (
        "\n\n_all = loss_and_gradients\n\n\ndef loss_and_gradients(**given):\n"
        "    loss, gradients = _all(**given)\n    del gradients['b']\n    return loss, gradients\n"
    )
    handed_out(monkeypatch, lambda source: source + addition)
    assert any(failure.startswith("b, ") for failure in check_cell(load("elman")).failures)


def test_a_schedule_that_gave_way_is_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cell_check, "checked_code", lambda cell, *_: CheckedCode(emit(cell, True), "the plain recursion took its place")
    )
    found = check_cell(load("elman"))
    assert found.passed
    assert "note: code: the plain recursion took its place" in table(found)


def test_a_cell_without_a_loss_says_how_to_get_one() -> None:
    cell = read_cell("param w\ninput x\nstate h\nh[t] = w * h[t-1] + x[t]", "bare")
    with pytest.raises(QuestionError, match=r"no loss.*\n.*bare\+squared"):
        check_cell(cell)


def test_a_cell_without_anything_to_differentiate_by_says_so() -> None:
    cell = read_cell("target y\nL[t] = y[t]**2\nloss L = sum(L[t], t)", "fixed")
    with pytest.raises(QuestionError, match="no parameter"):
        check_cell(cell)


def test_a_batch_adds_up_parameters_and_stacks_the_rest() -> None:
    cell = load("elman")
    evaluator = Evaluator(cell, random_instance(cell, 0))
    one, many = generated.single(evaluator), generated.batched(evaluator, 3)
    assert many.arguments["inputs"]["x"].shape == (5, 3, 2)
    assert many.arguments["initial"]["h[0]"].shape == (3, 3)
    assert many.gradients["W"].shape == one.gradients["W"].shape
    np.testing.assert_array_equal(many.gradients["h[0]"][0], one.gradients["h[0]"])
    assert not np.allclose(many.gradients["W"], one.gradients["W"])
