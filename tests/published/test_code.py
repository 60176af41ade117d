"""The generated NumPy module computes the recorded losses and gradients, a batch included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symrnn.checking.generated import arguments, run_module
from symrnn.coding.numpy_module import emit


def given(sample: Any) -> dict[str, dict[str, Any]]:
    """The recorded arrays as generated code takes them; the examples of a batch behind the time."""
    examples = [arguments(sample.cell, instance) for instance in sample.instances]
    together = examples[0]
    if "batch" in sample.entry:
        for group, axis in (("inputs", 1), ("initial", 0)):
            together[group] = {
                key: np.stack([example[group][key] for example in examples], axis) for key in together[group]
            }
    return together


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "plain"])
def test_the_code_computes_what_was_recorded(sample, plain, far):
    module = run_module(emit(sample.cell, plain), "generated")
    loss, gradients = module.loss_and_gradients(**given(sample))
    for quantity in sample.quantities:
        if quantity.is_loss:
            assert abs(loss - float(quantity.right)) < 1e-10
            continue
        name, at = quantity.entry["wrt"], quantity.times
        key = name if name in gradients else name.partition("[")[0]
        if key not in gradients or quantity.expect in ("wrong", "numerator", "denominator"):
            continue
        found = gradients[key]
        if at or name.endswith("[1]"):
            found = found[next(iter(at.values()), 1) - 1]
        assert far(found.reshape(quantity.right.shape), quantity.right) < 1e-8
