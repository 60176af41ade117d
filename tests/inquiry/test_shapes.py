from __future__ import annotations

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.errors import DataError
from symrnn.inquiry.shapes import dimension_check, shapes, state_facts
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


@pytest.mark.parametrize("name", names())
def test_shapes_are_those_of_the_values(library, name):
    cell = library(name)
    instance = random_instance(cell, 0, tau=4)
    evaluator = Evaluator(cell, instance)
    middle = evaluator.unrolled.first + 1
    for named in shapes(cell, instance.sizes):
        if named.what in ("computed", "state"):
            value = evaluator.value(named.name, None if named.time is None else middle)
            assert np.shape(value) == named.numbers, named.name


def test_states_lags_and_directions(library):
    facts = {s.name: s for s in state_facts(library("bidirectional"))}
    assert (facts["hf"].direction, facts["hb"].direction) == ("forward", "backward")
    assert facts["hb"].keys == ("hb[tau+1]",)
    (lag2,) = state_facts(library("lag2"))
    assert lag2.lags == (1, 2)
    assert lag2.keys == ("h[0]", "h[-1]")


def test_the_dimension_check_of_a_product(library):
    cell = library("concat_skip")
    assert dimension_check(cell.equation["z2"].expression) == "(n×1) = (n×(d + m))((d + m)×1)"


def test_a_shape_needs_its_sizes(library):
    with pytest.raises(DataError, match="needs numbers for"):
        shapes(library("elman"), {"n": 2})
