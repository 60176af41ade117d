"""The recorded numbers themselves: complete, and related as `expect` says."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def test_every_recorded_number_is_used(sample):
    asked = {f"oracle_{quantity.entry['name']}" for quantity in sample.quantities}
    assert asked == {key for key in sample.stored if key.startswith("oracle_")}
    bound = set(sample.entry["arrays"].values())
    # The tied case stores a target that its loss does not read: the input is the target there.
    assert {key for key in sample.stored if key.startswith("in_")} - bound <= {"in_Y"}


def test_the_printed_numbers_are_what_expect_says(asked, far):
    verdict, _, factor = asked.expect.partition(":")
    if verdict == "nonconformable":
        assert asked.printed is None
        return
    assert asked.printed is not None
    if verdict in ("ok", "numerator"):
        assert far(asked.printed, asked.right) < 1e-10
    elif verdict in ("transposed", "denominator"):
        assert far(asked.printed.T, asked.right) < 1e-10
    elif verdict == "scaled":
        assert far(asked.printed, float(factor) * asked.right) < 1e-10
    else:
        assert verdict == "wrong"
        assert asked.printed.shape == asked.right.shape
        readings = (sign * array for sign in (1, -1) for array in (asked.printed, asked.printed.T))
        assert min(far(reading, asked.right) for reading in readings) > 1e-3
