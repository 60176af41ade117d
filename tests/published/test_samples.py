"""The recorded numbers themselves: complete, and related as `expect` says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))["case"]
QUANTITIES = [
    pytest.param(case, quantity, id=f"{case['id']}: {quantity['name']}")
    for case in CASES
    for quantity in case["quantity"]
]


def arrays(case: dict[str, Any]) -> dict[str, np.ndarray]:
    with np.load(HERE / "cases" / f"{case['id']}.npz") as stored:
        return dict(stored)


def far(printed: np.ndarray, right: np.ndarray) -> float:
    return float(np.max(np.abs(printed - right)) / np.max(np.abs(right)))


def test_there_are_sixteen_cases_with_a_cell_each():
    assert len(CASES) == 16
    assert sorted(case["id"] for case in CASES) == sorted(
        path.stem for path in (HERE / "cases").glob("*.cell")
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_every_recorded_number_is_used(case: dict[str, Any]):
    stored = arrays(case)
    asked = {f"oracle_{quantity['name']}" for quantity in case["quantity"]}
    assert asked == {key for key in stored if key.startswith("oracle_")}
    bound = set(case["arrays"].values())
    # the tied case stores a target that its loss does not read: the input is the target there
    assert {key for key in stored if key.startswith("in_")} - bound <= {"in_Y"}


@pytest.mark.parametrize("case, quantity", QUANTITIES)
def test_the_printed_numbers_are_what_expect_says(case: dict[str, Any], quantity: dict[str, Any]):
    stored = arrays(case)
    right, printed = stored[f"oracle_{quantity['name']}"], stored.get(f"pub_{quantity['name']}")
    verdict, _, factor = quantity["expect"].partition(":")
    if verdict == "nonconformable":
        assert printed is None
        return
    assert printed is not None
    if verdict in (
        "ok",
        "numerator",
    ):  # a Jacobian is recorded in numerator layout, a gradient as its parameter
        assert far(printed, right) < 1e-10
    elif verdict in ("transposed", "denominator"):
        assert far(printed.T, right) < 1e-10
    elif verdict == "scaled":
        assert far(printed, float(factor) * right) < 1e-10
    else:
        assert verdict == "wrong"
        assert printed.shape == right.shape
        assert min(far(sign * array, right) for sign in (1, -1) for array in (printed, printed.T)) > 1e-3
