"""One label out of range among good ones is an error in every schedule, never the entry of a neighbour."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.coding.numpy_module import emit

from .support import library_cell, module, problem

CLASSIFIERS = [name for name in names() if any("onehot" in d.attributes for d in library_cell(name).targets)]


def schedules(name: str) -> dict[str, Any]:
    source = emit(library_cell(name))
    forced = {way: re.sub(r"short = .*", f"short = {way}", source) for way in (True, False)}
    plain = emit(library_cell(name), plain=True)
    return {"short": module(forced[True], name), "long": module(forced[False], name), "plain": module(plain, name)}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_label_out_of_range(name: str) -> None:
    for way, code in schedules(name).items():
        for batch in (None, 3):
            given = problem(library_cell(name), seed=1, tau=4, batch=batch)
            labels = {key: given.targets[key].argmax(-1) for key in code.LABELS}
            for key, right in labels.items():
                classes = given.targets[key].shape[-1]
                for wrong in (-1, classes, classes + 3):
                    mistaken = np.array(right)
                    mistaken.reshape(-1)[0] = wrong
                    targets = {**given.targets, **labels, key: mistaken}
                    with pytest.raises(ValueError, match=f"{key} has the label {wrong}"):
                        code.loss_and_gradients(given.params, given.inputs, targets, given.initial)
            right_targets = {**given.targets, **labels}
            loss, _ = code.loss_and_gradients(given.params, given.inputs, right_targets, given.initial)
            assert loss == pytest.approx(given.loss), way
