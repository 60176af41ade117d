"""The two schedules of a fast module against each other on longer vectors, and what the short one is for: few calls."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.language import Cell
from symrnn.reading.cellfile import read_cell

from .support import library_cell, module, worst_error

CELLS = Path(__file__).parents[2] / "benchmarks" / "cells"


@cache
def source_of(name: str) -> str:
    return emit(library_cell(name))


NARROW = [name for name in names() if "def _few_calls" in source_of(name)]


def random_arguments(cell: Cell, code: Any, size: int, steps: int, batch: int | None, seed: int = 0) -> list[dict]:
    """Numbers of the right shapes, every size the same; small, so that nothing explodes."""
    rng = np.random.default_rng(seed)
    shapes = code._shapes(**dict.fromkeys(code._shapes.__code__.co_varnames[: code._shapes.__code__.co_argcount], size))
    groups: list[dict] = []
    for group in ("params", "inputs", "targets", "initial"):
        found = {}
        for key in code.KEYS[group]:
            lead = ((steps,) if key in code.TIMED else ()) + ((batch,) if batch and key in code.PER_EXAMPLE else ())
            found[key] = 0.3 * rng.standard_normal(lead + shapes[key])
            if key in code.LABELS:
                found[key] = np.eye(shapes[key][0])[rng.integers(shapes[key][0], size=lead)]
        groups.append(found)
    return groups


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("batch", [None, 2])
def test_both_schedules_agree_on_longer_vectors(name: str, batch: int | None) -> None:
    """At 20 features and one example the short schedule multiplies what is known before its loops apart."""
    source = source_of(name)
    short, long = (module(re.sub(r"short = .*", f"short = {value}", source), name) for value in (True, False))
    arguments = random_arguments(library_cell(name), short, 20, 6, batch)
    loss, gradients = short.loss_and_gradients(*arguments)
    expected, right = long.loss_and_gradients(*arguments)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert worst_error(gradients, right) < 1e-10


def calls_per_step(source: str) -> int:
    """Calls in the bodies of the loops over the steps; what never runs for short vectors is left out."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == "_few_calls"]
    count = 0
    for loop in (n for n in ast.walk(functions[0]) if isinstance(n, ast.For)):
        for statement in loop.body:
            if isinstance(statement, ast.If) and ast.unparse(statement.test) == "apart":
                continue
            count += sum(isinstance(n, ast.Call) for n in ast.walk(statement))
    return count


@pytest.mark.parametrize(("name", "most"), [("rnn", 6), ("lstm", 18), ("gru", 16)])
def test_few_calls_per_step(name: str, most: int) -> None:
    cell = read_cell((CELLS / f"{name}.cell").read_text(encoding="utf-8"), name)
    wanted = (*(p.name for p in cell.parameters), *(key for _, _, key in cell.initial_keys()))
    assert 0 < calls_per_step(emit(cell, options=CodeOptions(wrt=wanted))) <= most
