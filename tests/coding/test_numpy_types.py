"""``--dtype`` and ``--layout numerator``: one type throughout, and matrices turned, in both versions of the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from types import FrameType
from typing import Any

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import QuestionError

from .support import Problem, library_cell, module, problem, worst_error

GIVEN = {"params", "inputs", "targets", "initial", "given", "groups", "arrays", "array", "labels"}
"""Locals of generated code that hold what the caller gave, in the caller's type."""


@cache
def code(name: str, plain: bool, dtype: str | None = None, numerator: bool = False) -> Any:
    options = CodeOptions(dtype=dtype, numerator=numerator)
    return module(emit(library_cell(name), plain, options), f"typed_{name}")


def arguments(given: Problem, dtype: type = np.float64) -> list[dict]:
    groups = (given.params, given.inputs, given.targets, given.initial)
    return [{k: np.asarray(v, dtype) for k, v in g.items()} for g in groups]


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from arrays_in(entry)


def types_seen(run: Any, file: str) -> dict[str, set[str]]:
    """The floating types of all local arrays that the functions of a module have when they return, by name."""
    found: dict[str, set[str]] = {}

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if event == "return":
            for name, value in frame.f_locals.items():
                for array in arrays_in(value) if name not in GIVEN else ():
                    if array.dtype.kind == "f":
                        found.setdefault(f"{frame.f_code.co_name}: {name}", set()).add(str(array.dtype))
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        run()
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", names())
def test_float32_stays_float32_in_every_array(name: str, plain: bool) -> None:
    """What is given is float64; every buffer, view and result of the computation is float32 all the same."""
    given = problem(library_cell(name), batch=2)
    generated = code(name, plain, "float32")
    loss, gradients = generated.loss_and_gradients(*arguments(given))
    assert {str(g.dtype) for g in gradients.values()} <= {"float32"}
    assert np.asarray(loss).dtype == np.float32
    assert loss == pytest.approx(given.loss, rel=1e-4)
    assert worst_error(gradients, given.gradients) < 2e-3
    seen = types_seen(
        lambda: generated.loss_and_gradients(*arguments(given, np.float32)),
        generated.loss_and_gradients.__code__.co_filename,
    )
    assert len(seen) > 5
    assert {name for name, types in seen.items() if types != {"float32"}} == set()


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "bidirectional", "retention"])
def test_float64_takes_float32(name: str, plain: bool) -> None:
    """Asked for float64, the code computes so from single precision, as exactly as the rounded numbers allow."""
    given = problem(library_cell(name), batch=2)
    generated = code(name, plain, "float64")
    single = arguments(given, np.float32)
    loss, gradients = generated.loss_and_gradients(*single)
    exact, right = generated.loss_and_gradients(*[{k: v.astype(np.float64) for k, v in g.items()} for g in single])
    assert {str(g.dtype) for g in gradients.values()} == {"float64"}
    assert loss == exact
    assert worst_error(gradients, right) == 0.0


@pytest.mark.parametrize("plain", [False, True])
def test_mixed_types_are_kept_as_they_are_without_the_option(plain: bool) -> None:
    """Some arrays in single and some in double precision: computed in double, and nothing that is given changes."""
    given = problem(library_cell("lstm"), batch=2)
    groups = arguments(given)
    groups[1] = {k: v.astype(np.float32) for k, v in groups[1].items()}
    _, gradients = code("lstm", plain).loss_and_gradients(*groups)
    assert {str(g.dtype) for g in gradients.values()} == {"float64"}
    assert groups[1]["x"].dtype == np.float32
    assert worst_error(gradients, given.gradients) < 1e-6


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "bidirectional", "minibatch_rows", "transposed", "lag2"])
def test_numerator_layout_turns_matrices_alone(name: str, batch: int | None, plain: bool) -> None:
    given = problem(library_cell(name), batch=batch)
    _, gradients = code(name, plain, numerator=True).loss_and_gradients(*arguments(given))
    generated = code(name, plain)
    rank = {key: len(axes) for key, axes in generated.LETTERS.items()}
    turned = {k: np.swapaxes(g, -1, -2) if rank[k] == 2 else g for k, g in given.gradients.items()}
    assert any(r == 2 for k, r in rank.items() if k in turned)
    assert worst_error(gradients, turned) < 1e-9


def test_a_type_that_does_not_exist() -> None:
    with pytest.raises(QuestionError, match="float16"):
        CodeOptions(dtype="float16")
