"""A derivation as Python users and notebooks see it.

Each output format is imported when it is asked for: to derive and print takes less time than to load them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from symrnn.calculus.steps import Derived, Form, Step
from symrnn.checking.verification import DEFAULT_SETTING, Setting, Verification, verify
from symrnn.emitting.report import Checked, Report, answer_shape
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import QuestionError, did_you_mean
from symrnn.language import Cell, Formula, Layout, Node

if TYPE_CHECKING:
    from symrnn.api.lambdify import FormulaFunction
    from symrnn.oracle.exact import Numbers

WIDTH = 100
"""How wide a picture of characters is unless asked otherwise."""


@dataclass(frozen=True)
class Derivation:
    """The answer to a question, the steps that lead to it, and how they were checked.

    ``steps`` are recorded equalities (``rule``, ``before``, ``after``, ``reason``, ``shape``) and ``errors`` their
    relative errors; ``forms`` are the answer's formulas by name, ``result`` is the last of them.
    """

    derived: Derived
    setting: Setting = DEFAULT_SETTING
    style: Style = PLAIN
    verification: Verification | None = None

    @property
    def cell(self) -> Cell:
        """The cell."""
        return self.derived.cell

    @property
    def of(self) -> Node:
        """What is differentiated."""
        return self.derived.question.of

    @property
    def wrt(self) -> Node:
        """By what."""
        return self.derived.question.by

    @property
    def layout(self) -> Layout:
        """In which layout."""
        return self.derived.question.layout

    @property
    def shape(self) -> tuple[str, ...]:
        """The answer's shape, in the cell's sizes."""
        return tuple(index_text(axis) for axis in answer_shape(self.derived))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The recorded equalities, in order."""
        return self.derived.steps

    @property
    def errors(self) -> tuple[float, ...] | None:
        """The relative error of every step, None where it wasn't checked."""
        return None if self.verification is None else tuple(check.error for check in self.verification.steps)

    @property
    def max_error(self) -> float | None:
        """The largest relative error, None where it wasn't checked."""
        return None if self.verification is None else self.verification.max_error

    @property
    def forms(self) -> dict[str, Formula]:
        """The answer's formulas by the name of the form."""
        return {form.name: form.formula for form in self.derived.forms}

    @property
    def result(self) -> Formula:
        """The answer: the last form."""
        return self.derived.result

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the answer rests on beyond calculus."""
        return self.derived.assumptions

    def form(self, name: str | None = None) -> Form:
        """A form by its name, the last one unless given; raises QuestionError where it was not derived."""
        if name is None:
            return self.derived.forms[-1]
        found = self.derived.form(name)
        if found is None:
            known = [form.name for form in self.derived.forms]
            raise QuestionError(f"the {name} form was not derived", hint=did_you_mean(name, known))
        return found

    def with_style(self, style: Style) -> Derivation:
        """The same derivation in another notation."""
        return replace(self, style=style)

    def verify(self, seed: int | None = None, tau: int | None = None) -> Verification:
        """Check every line again, perhaps at other numbers; raises CheckFailedError where one fails."""
        now = self.setting
        changed = replace(now, seed=now.seed if seed is None else seed, tau=now.tau if tau is None else tau)
        return verify(self.derived, changed)

    # What it looks like

    def report(self, steps: bool = False) -> Report:
        """What the emitters tell about it."""
        return Report(self.derived, _checked(self.verification), self.style, steps)

    def text(self, form: str | None = None) -> str:
        """The answer in the formula language."""
        return to_text(self.form(form).formula)

    def text_report(self, steps: bool = False) -> str:
        """All forms as claims in the formula language, everything else as comments."""
        from symrnn.emitting import report_text

        return report_text.text(self.report(steps))

    def latex(self, form: str | None = None) -> str:
        """The answer as an equation in LaTeX, for mathematics mode."""
        from symrnn.emitting.latex import to_latex

        return to_latex(self.report().claim(self.form(form)), self.style, self.layout)

    def latex_report(self, steps: bool = True, whole: bool = False) -> str:
        """All forms, and the steps, as LaTeX displays; as a whole document where asked for."""
        from symrnn.emitting import report_latex

        report = self.report(steps)
        return report_latex.document(report) if whole else report_latex.text(report)

    def pretty(self, steps: bool = False, width: int = WIDTH, ascii: bool = False) -> str:
        """All forms, and the steps, as pictures of characters."""
        from symrnn.emitting import report_pretty

        return report_pretty.text(self.report(steps), width, ascii)

    def html(self, steps: bool = True, whole: bool = False) -> str:
        """All forms, and the steps, as HTML with MathML; as a whole page where asked for."""
        from symrnn.emitting import report_html

        report = self.report(steps)
        return report_html.page(report) if whole else report_html.text(report)

    def to_dict(self) -> dict[str, Any]:
        """What ``--as json`` prints, as a dict."""
        from symrnn.emitting import report_json

        return report_json.as_dict(self.report())

    def __str__(self) -> str:
        return self.pretty()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        return self.html()

    # What it computes

    def code(
        self,
        plain: bool = False,
        *,
        wrt: Sequence[str] | None = None,
        dtype: str | None = None,
        layout: str = "denominator",
        window: int | None = None,
        lengths: bool = False,
        checkpoint: bool = False,
    ) -> str:
        """A NumPy module that computes the cell's gradients by the recursion, this one's among them.

        The options are those of ``symrnn code``: only the gradients ``wrt`` some names, computed in ``dtype``, matrices
        transposed in numerator ``layout``, truncated to a ``window``, for sequences of different ``lengths``, or with a
        ``checkpoint`` every √τ steps.
        """
        from symrnn.checking.checked_code import checked_code
        from symrnn.coding.options import CodeOptions

        if layout not in ("numerator", "denominator"):
            raise QuestionError(f'there is no layout "{layout}"', hint="It is numerator or denominator.")
        options = CodeOptions(
            None if wrt is None else tuple(wrt),
            self.setting.at_kink,
            dtype,
            layout == "numerator",
            window,
            lengths,
            checkpoint,
        )
        return checked_code(self.cell, plain, options).source

    def lambdify(self, form: str | None = None) -> FormulaFunction:
        """The closed form as a NumPy callable, ``f(values, **times)``; its ``source`` reads like the formula."""
        from symrnn.api.lambdify import formula_function

        return formula_function(self.derived, self.setting.at_kink, form)

    def evaluate(
        self, values: Mapping[str, Any], times: Mapping[str, int] | None = None, form: str | None = None
    ) -> Numbers:
        """The answer's value for given numbers, exact where the numbers and functions are.

        ``values`` maps names to (nested lists of) numbers, time first for what depends on time; an initial value's key
        is ``h[0]``.  ``times`` are the free times.

        >>> from symrnn.api import derive
        >>> derivation = derive("counter", "h[2]", "w2")
        >>> values = {"w1": 1, "w2": "1/2", "w3": 1, "b2": 0, "b3": 0, "x": [3, 1], "d": [0, 0], "h[0]": 0}
        >>> derivation.evaluate(values).text()
        '3'
        """
        from symrnn.oracle.data import instance_from_values
        from symrnn.oracle.exact import ExactEvaluator

        instance = instance_from_values(self.cell, values)
        evaluator = ExactEvaluator(self.cell, instance, self.setting.at_kink)
        return evaluator.evaluate(self.form(form).formula, times or {})

    def sympy(
        self,
        tau: int,
        times: Mapping[str, int] | None = None,
        sizes: Mapping[str, int] | None = None,
        form: str | None = None,
    ) -> Any:
        """The answer as a true SymPy matrix expression, for so many steps and these free times.

        >>> from symrnn.api import derive
        >>> derive("linear", "h[t]", "h[k]").sympy(4, {"t": 4, "k": 2})
        W**2
        """
        from symrnn.emitting.sympy_matrix import to_sympy
        from symrnn.inquiry.unrolled import time_numbers

        numbers = {**time_numbers(self.cell, tau), **(times or {})}
        return to_sympy(self.form(form).formula, numbers, sizes or {}, self.cell.time)


def _checked(found: Verification | None) -> Checked | None:
    if found is None:
        return None
    errors = tuple(check.error for check in found.steps)
    return Checked(found.seed, found.sizes, found.tau, found.max_error, found.method, errors, found.remarks)
