"""The closed form as a NumPy callable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from symrnn.calculus.steps import Derived
from symrnn.checking.comparison import Array
from symrnn.checking.generated import run_module
from symrnn.coding.numpy_source.formula import formula_module, question_title
from symrnn.emitting.report import answer_shape
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import QuestionError, UnsupportedError
from symrnn.language import Cell, Formula
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.instance import Instance

FORMS = ("closed", "unrolled", "vec")


@dataclass(frozen=True, repr=False)
class FormulaFunction:
    """``f(values, **times)``: the derivative for given numbers; ``source`` is what computes it.

    ``values`` maps declared names to arrays, time first for what depends on time, and initial values' keys (``h[0]``;
    plain ``h`` where there is one).  The result has the answer's shape, a scalar none.
    """

    cell: Cell
    free: tuple[str, ...]
    source: str
    module: SimpleNamespace

    def __repr__(self) -> str:
        return f"<{self.module.derivative.__doc__.splitlines()[0]} A NumPy function of given numbers>"

    def __call__(self, values: Mapping[str, Any], **times: int) -> Array:
        if set(times) != set(self.free):
            wanted = ", ".join(self.free) or "none"
            raise QuestionError(f"the formula's free times are {wanted}, but {', '.join(times) or 'none'} were given")
        given = _given(self.cell, instance_from_values(self.cell, values))
        return np.asarray(self.module.derivative(given, *(times[name] for name in self.free)))


def formula_function(derived: Derived, relu0: float = 0.0, form: str | None = None) -> FormulaFunction:
    """The closed form of a derivation (or another form without parts) as a function.

    Raises QuestionError where it was not derived, UnsupportedError where it has no NumPy form.
    """
    chosen = _formula(derived, form)
    question = derived.question
    free = tuple(dict.fromkeys(span.index for span in derived.spans))
    shape = tuple(index_text(axis) for axis in answer_shape(derived))
    title = question_title(derived.cell, to_text(question.of), to_text(question.by), question.layout.value, shape)
    source = formula_module(derived.cell, chosen, free, title, relu0)
    return FormulaFunction(derived.cell, free, source, run_module(source, f"{derived.cell.name}_formula"))


def _formula(derived: Derived, form: str | None) -> Formula:
    for name in (form,) if form is not None else FORMS:
        found = derived.form(name)
        if found is not None:
            if found.free:
                raise UnsupportedError("an index form is many numbers, not one array", hint="Ask for the closed form.")
            return found.formula
    raise QuestionError(
        f"the {form or 'closed'} form was not derived", hint='Derive it: derive(cell, of, wrt, form="closed").'
    )


def _given(cell: Cell, instance: Instance) -> dict[str, Any]:
    """An instance as the generated module takes it, in floating point."""
    given: dict[str, Any] = dict(instance.sizes)
    for declared in cell.declarations:
        value = instance.values.get(declared.name)
        if value is not None:
            timed = isinstance(value, Mapping)
            given[declared.name] = {t: _floats(v) for t, v in value.items()} if timed else _floats(value)
    for state, time, key in cell.initial_keys():
        if key in instance.initial:
            at = time.value(instance.sizes)
            given.setdefault(state.name, {})[at] = _floats(instance.initial[key])
    return given


def _floats(value: Any) -> Array:
    return np.asarray(value, dtype=float)
