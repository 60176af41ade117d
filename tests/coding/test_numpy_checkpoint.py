"""``--checkpoint``: the same gradients from fewer kept states, over segments of every length."""

from __future__ import annotations

import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest

from symrnn.api.loading import load
from symrnn.cells import names
from symrnn.checking.generated import Problem, batched, ragged, single
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import QuestionError, UnsupportedError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator

from .support import module, worst_error

REFUSED = {"bidirectional": "runs backward", "inclass": "sums over the times", "teacher_forcing": "another segment"}
SERVED = [name for name in names() if name not in REFUSED]


def within(made: Any, **changed: Any) -> Any:
    """The module with other values of its globals."""
    made.loss_and_gradients.__globals__.update(changed)
    return made


@cache
def code(name: str, lengths: bool = False) -> Any:
    """The module with segments of √τ steps: nothing fits the cache."""
    made = module(emit(load(name), options=CodeOptions(checkpoint=True, lengths=lengths)), f"checkpoint_{name}")
    return within(made, KEPT_BYTES=0)


@cache
def right(name: str, tau: int, batch: bool) -> Problem:
    evaluator = Evaluator(load(name), random_instance(load(name), 5, tau=tau))
    return batched(evaluator, 2) if batch else single(evaluator)


@pytest.mark.parametrize("tau", [5, 8])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("name", SERVED)
def test_gradients_with_checkpoints(name: str, batch: bool, tau: int) -> None:
    errors = right(name, tau, batch).errors(code(name))
    assert max(errors.values()) < 1e-8, errors


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "learned_start", "cornn", "delta_rule"])
def test_checkpoints_for_sequences_of_different_lengths(name: str) -> None:
    evaluator = Evaluator(load(name), random_instance(load(name), 4, tau=7))
    errors = ragged(evaluator).errors(code(name, lengths=True))
    assert max(errors.values()) < 1e-8, errors


@pytest.mark.parametrize("name", REFUSED)
def test_a_cell_that_does_not_fall_apart_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedError, match=REFUSED[name]):
        emit(load(name), options=CodeOptions(checkpoint=True))


def test_the_plain_recursion_has_no_checkpoints() -> None:
    with pytest.raises(QuestionError, match="keeps every state"):
        emit(load("gru"), True, CodeOptions(checkpoint=True))


def arguments(made: Any, steps: int, size: int, batch: int) -> list[dict]:
    """Numbers of the right shapes, every size the same; integer labels."""
    rng = np.random.default_rng(0)
    count = made._shapes.__code__.co_argcount
    shapes = made._shapes(*[size] * count)
    groups: list[dict] = []
    for group in ("params", "inputs", "targets", "initial"):
        found: dict = {}
        for key in made.KEYS[group]:
            lead = ((steps,) if key in made.TIMED else ()) + ((batch,) if key in made.PER_EXAMPLE else ())
            found[key] = 0.3 * rng.standard_normal(lead + shapes[key])
            if key in made.LABELS:
                found[key] = rng.integers(size, size=lead)
        groups.append(found)
    return groups


def without_inputs(name: str) -> tuple[str, ...]:
    return tuple(p.name for p in load(name).parameters)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_memory_grows_as_the_root_of_the_number_of_steps(name: str) -> None:
    """Sixteen times the steps: about four times the memory, and sixteen times without checkpoints."""
    grown = {}
    for checkpoint in (False, True):
        made = module(emit(load(name), options=CodeOptions(wrt=without_inputs(name), checkpoint=checkpoint)))
        within(made, KEPT_BYTES=0, PIECE_BYTES=1 << 12)
        peaks = []
        for steps in (256, 4096):
            given = arguments(made, steps, 8, 8)
            tracemalloc.start()
            made.loss_and_gradients(*given)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        grown[checkpoint] = peaks[1] / peaks[0]
    assert grown[False] > 13
    assert grown[True] < 5


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "minibatch_rows", "lag2"])
@pytest.mark.parametrize("steps", [1, 2, 3, 50, 97])
def test_segments_of_any_number_of_steps(name: str, steps: int) -> None:
    """From one step to segments of two different lengths, with long vectors and short ones."""
    made = code(name)
    ordinary = module(emit(load(name)))
    for size, batch in ((3, 2), (20, 2)):
        given = arguments(made, steps, size, batch)
        loss, gradients = made.loss_and_gradients(*given)
        expected, right_ones = ordinary.loss_and_gradients(*given)
        assert loss == pytest.approx(expected, rel=1e-12)
        assert worst_error(gradients, right_ones) < 1e-9


def test_a_function_that_owns_its_buffers_may_be_called_again() -> None:
    made = code("lstm")
    given = arguments(made, 30, 5, 2)
    sizes = [5] * made._shapes.__code__.co_argcount
    again = made.make_loss_and_gradients(*sizes, 30, 2)
    first = {key: value.copy() for key, value in again(*given)[1].items()}
    other = arguments(made, 30, 5, 2)
    other[1]["x"] = other[1]["x"] + 1
    again(*other)
    assert worst_error(again(*given)[1], first) == 0.0


def test_what_fits_the_cache_is_one_segment() -> None:
    """The floor of a segment's length: short sequences of short vectors cost no second pass."""
    made = module(emit(load("gru"), options=CodeOptions(checkpoint=True)))
    seen: list[int] = []
    for name in ("_all_at_once", "_few_calls"):
        ordinary = getattr(made, name)

        def counted(*sizes: Any, ordinary: Any = ordinary) -> Any:
            seen.append(sizes[-3])
            return ordinary(*sizes)

        within(made, **{name: counted})
    made.loss_and_gradients(*arguments(made, 100, 4, 2))
    assert seen == [100]
    within(made, KEPT_BYTES=0)
    made.loss_and_gradients(*arguments(made, 100, 4, 2))
    assert sorted(seen[1:]) == [4, 16]


def test_float32_stays_float32() -> None:
    made = module(emit(load("gru"), options=CodeOptions(checkpoint=True, dtype="float32")))
    within(made, KEPT_BYTES=0)
    loss, gradients = made.loss_and_gradients(*arguments(made, 30, 5, 2))
    assert {str(g.dtype) for g in gradients.values()} == {"float32"}
    assert np.asarray(loss).dtype == np.float32


@pytest.mark.parametrize("least", [1, 2])
def test_segments_are_alike_and_cover_every_step_once(least: int) -> None:
    """One length and a short first one, so that one set of buffers serves; none shorter than the states reach back."""
    cut = code("elman")._segments
    for steps in range(least, 400):
        length = max(least, int(np.ceil(np.sqrt(2 * steps))))
        found = cut(steps, length, least)
        assert [i for i, _ in found] == [0, *(j for _, j in found[:-1])]
        assert found[-1][1] == steps
        sizes = [j - i for i, j in found]
        assert len(set(sizes[1:])) <= 1
        assert least <= sizes[0] <= max(sizes) <= max(length + length // 4, 5)
