"""What all options of NumPy code have in common: clean modules that import NumPy alone, and clear refusals."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from symrnn.api.loading import load
from symrnn.checking.checked_code import checked_code
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import QuestionError
from symrnn.reading.cellfile import read_cell

CELLS = ("elman", "lstm", "gru", "bidirectional", "lag2", "minibatch_rows", "delta_rule", "retention", "stack2_lstm")
FORWARD = tuple(name for name in CELLS if name != "bidirectional")
SUMMED = tuple(name for name in FORWARD if name != "minibatch_rows")  # its loss is divided by each sequence's length

ASKED = {
    "single": (CodeOptions(dtype="float32"), CELLS),
    "numerator": (CodeOptions(numerator=True), CELLS),
    "window": (CodeOptions(window=2), CELLS),
    "lengths": (CodeOptions(lengths=True), CELLS),
    "checkpoint": (CodeOptions(checkpoint=True), FORWARD),
    "window_lengths_single": (CodeOptions(window=2, lengths=True, dtype="float32", numerator=True), FORWARD),
    "checkpoint_lengths_single": (CodeOptions(checkpoint=True, lengths=True, dtype="float32", numerator=True), SUMMED),
}
CASES = [(what, name) for what, (_, served) in ASKED.items() for name in served]


@pytest.mark.parametrize(("what", "name"), CASES)
def test_what_is_handed_out_has_been_checked(what: str, name: str) -> None:
    """Every option, and several together, by the oracle's numbers; nothing takes the place of what was asked for."""
    found = checked_code(load(name), options=ASKED[what][0])
    assert found.remark is None
    assert found.source == emit(load(name), options=ASKED[what][0])


def test_modules_are_clean_and_import_numpy_alone(tmp_path: Path) -> None:
    for what, name in CASES:
        options = ASKED[what][0]
        for plain in (False,) if options.checkpoint else (False, True):
            source = emit(load(name), plain, options)
            (tmp_path / f"{name}_{what}_{plain}.py").write_text(source, encoding="utf-8")
            found = [n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.Import, ast.ImportFrom))]
            assert [ast.unparse(n) for n in found] == ["import numpy as np"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,W", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_some_gradients_of_each_option() -> None:
    for what, (options, _) in ASKED.items():
        some = CodeOptions(**{**vars(options), "wrt": ("W_f", "h[0]")})
        assert checked_code(load("lstm"), options=some).remark is None, what


NO_STATES = """
cell   flat
size   n, m
param  W[n,m]
input  x[m]
target y[n]
loss L = sum(norm2(W @ x[t] - y[t]), t)
"""

NO_LOSS = """
cell   free
size   n, m
param  W[n,n], U[n,m]
input  x[m]
state  h[n]
h[t] = tanh(W @ h[t-1] + U @ x[t])
"""


@pytest.mark.parametrize("options", [CodeOptions(window=1), CodeOptions(checkpoint=True)])
def test_options_without_a_meaning_for_the_cell(options: CodeOptions) -> None:
    with pytest.raises(QuestionError, match='the cell "flat" has no states'):
        emit(read_cell(NO_STATES, "flat"), options=options)
    with pytest.raises(QuestionError, match='the cell "free" has no loss'):
        emit(read_cell(NO_LOSS, "free"), options=options)


def test_lengths_need_neither_states_nor_a_loss() -> None:
    assert checked_code(read_cell(NO_STATES, "flat"), options=CodeOptions(lengths=True)).remark is None
    assert "_masked(inputs)" in emit(read_cell(NO_LOSS, "free"), options=CodeOptions(lengths=True))


def test_options_that_exclude_each_other() -> None:
    with pytest.raises(QuestionError, match="needs no checkpoints"):
        CodeOptions(window=1, checkpoint=True)
    with pytest.raises(QuestionError, match="a window of -1 steps"):
        CodeOptions(window=-1)
