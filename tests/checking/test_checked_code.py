"""Code that disagrees with the oracle is never handed out."""

from __future__ import annotations

import pytest

from symrnn.api.loading import load
from symrnn.checking import checked_code as module
from symrnn.checking.checked_code import checked_code
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import CheckFailedError
from symrnn.language import Cell


def test_right_code_comes_as_it_is() -> None:
    cell = load("elman")
    found = checked_code(cell)
    assert found.remark is None
    assert found.source == emit(cell)


def test_some_gradients_alone_are_checked_as_well() -> None:
    assert checked_code(load("lstm"), options=CodeOptions(wrt=("W_f", "h[0]"))).remark is None


def planted(cell: Cell, plain: bool = False, options: CodeOptions | None = None) -> str:
    """The right module with the sign of one parameter turned in its answer, the fast one alone."""
    source = emit(cell, True, options)
    return (
        source
        if plain
        else source
        + "\n_right = loss_and_gradients\n\n\ndef loss_and_gradients(*a, **k):\n"
        + ("    loss, gradients = _right(*a, **k)\n    gradients['W'] = -gradients['W']\n    return loss, gradients\n")
    )


def test_a_wrong_fast_schedule_is_replaced_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "emit", planted)
    found = checked_code(load("elman"))
    assert found.remark is not None
    assert "W: relative error 2.0e+00" in found.remark
    assert found.source == emit(load("elman"), plain=True)


def test_where_the_plain_recursion_is_wrong_too_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "emit", lambda cell, plain=False, options=None: planted(cell, False, options))
    with pytest.raises(CheckFailedError, match="disagrees with the oracle"):
        checked_code(load("elman"))
