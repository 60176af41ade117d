"""Which of two indices comes first: decided from the symbols, and right for every number they can stand for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.language import Index, TimeRange, index_max, index_min
from symrnn.reading.ordering import Facts, direction

t, k, tau, r, i, n, N = (Index.of(name) for name in ("t", "k", "tau", "r", "i", "n", "N"))
ONE = Index.of(1)
FACTS = Facts.of(TimeRange())
LATER = FACTS.with_range("r", t, tau)
EARLIER = FACTS.with_range("i", index_max(1, t - 3), t)


@pytest.mark.parametrize(
    ("first", "last", "facts", "step"),
    [
        (t, k + 1, FACTS, -1),
        (k + 1, t, FACTS, 1),
        (t, k, FACTS, -1),
        (t, ONE, FACTS, -1),
        (ONE, t, FACTS, 1),
        (tau, t + 1, FACTS, -1),
        (t + 1, tau, FACTS, 1),
        (t - 1, k, FACTS, -1),
        (tau, ONE, FACTS, -1),
        (ONE, tau, FACTS, 1),
        (t, t, FACTS, -1),
        (r, t + 1, LATER, -1),
        (t + 1, r, LATER, 1),
        (tau, r, LATER, -1),
        (t, i + 1, EARLIER, -1),
        (i, t, EARLIER, 1),
        (t, index_max(1, t - 2), FACTS, -1),
        (index_max(1, t - 2), t, FACTS, 1),
        (index_min(t, tau), ONE, FACTS, None),
        # Numbers alone decide nothing, nor does a symbol that nobody bounds.
        (Index.of(3), ONE, FACTS, None),
        (ONE, Index.of(3), FACTS, None),
        (t, t - 1, FACTS, None),
        (t, t + 1, FACTS, None),
        (r, i, FACTS, None),
        (t, k + 5, FACTS, None),
        (t * t, k, FACTS, None),
    ],
)
def test_directions(first: Index, last: Index, facts: Facts, step: int | None) -> None:
    assert direction(first, last, facts) == step


def test_times_from_zero() -> None:
    facts = Facts.of(TimeRange("t", Index.of(0), N - 1))
    assert direction(t, k + 1, facts) == -1
    assert direction(N - 1, t + 1, facts) == -1
    assert direction(t, Index.of(0), facts) == -1
    assert facts.nonnegative(t)
    assert not facts.nonnegative(t - 1)


def test_a_bound_index_forgets_the_outer_one() -> None:
    facts = FACTS.with_range("t", ONE, Index.of(2))
    assert not facts.nonnegative(t - k)
    assert facts.nonnegative(2 - t)
    # A range in terms of itself says nothing.
    assert not FACTS.with_range("t", t, tau).nonnegative(t - 1)


SYMBOLS = (t, k, tau)
affine = st.builds(
    lambda symbol, number: symbol + number if symbol is not None else Index.of(number),
    st.sampled_from((*SYMBOLS, None)),
    st.integers(-2, 2),
)


@given(affine, affine)
def test_a_direction_holds_for_all_numbers(first: Index, last: Index) -> None:
    step = direction(first, last, FACTS)
    if step is None or (first - last).constant == 0:
        return
    counts = [step * (last.value(numbers) - first.value(numbers)) + 1 for numbers in _orderings()]
    assert min(counts) >= 0
    others = [-step * (last.value(numbers) - first.value(numbers)) + 1 for numbers in _orderings()]
    assert min(others) < 0


def _orderings() -> list[dict[str, int]]:
    return [{"k": a, "t": b, "tau": c} for a, b, c in itertools.product(range(1, 9), repeat=3) if a <= b <= c]
