"""A whole cell against the oracle: every parameter, input and initial value, by formula and by generated code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from symrnn.calculus.derive import derive
from symrnn.calculus.recursion import gradient_leaves
from symrnn.calculus.steps import Derived
from symrnn.checking.checked_code import checked_code
from symrnn.checking.generated import Problem, batched, run_module, single
from symrnn.checking.verification import TAU, Setting, analytic, examine
from symrnn.coding.numpy_module import CodeOptions
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import QuestionError, SymrnnError, UnsupportedError
from symrnn.language import Call, Cell, Layout, Role, Variable
from symrnn.language.node import format_shape
from symrnn.language.traversal import find
from symrnn.oracle.compare import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.sizes import time_symbols
from symrnn.primitives import lookup

FORMS = ("closed", "recursion")
VERSIONS = (("code", False), ("plain code", True))
KINDS = {Role.PARAMETER: "parameter", Role.INPUT: "input"}


@dataclass(frozen=True)
class Outcome:
    """One cell of the table: an error, or why there is none; ``absent`` is no failure, ``broken`` is one."""

    error: float | None = None
    absent: str | None = None
    broken: str | None = None


@dataclass(frozen=True)
class Row:
    """One quantity: its outcomes by column."""

    name: str
    kind: str
    shape: str
    outcomes: dict[str, Outcome]


@dataclass(frozen=True)
class CellCheck:
    """The table of one cell at one seed."""

    cell: Cell
    seed: int
    sizes: dict[str, int]
    method: str
    tolerance: float
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    kinked: frozenset[str]
    touched: frozenset[str]
    remarks: tuple[str, ...]

    @property
    def max_error(self) -> float:
        """The largest error in the table."""
        return max((o.error for r in self.rows for o in r.outcomes.values() if o.error is not None), default=0.0)

    @property
    def failures(self) -> tuple[str, ...]:
        """What does not agree, in a sentence each."""
        found = []
        for row in self.rows:
            for column, outcome in row.outcomes.items():
                if outcome.broken is not None:
                    found.append(f"{row.name}, {column}: {outcome.broken}")
                elif outcome.error is not None and not outcome.error <= self.tolerance:
                    found.append(f"{row.name}, {column}: relative error {outcome.error:.1e}")
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether everything agrees."""
        return not self.failures

    def __str__(self) -> str:
        return table(self)


def check_cell(
    cell: Cell, seed: int = 0, at_kink: float = 0.0, tau: int = TAU, layout: Layout = Layout.NUMERATOR
) -> CellCheck:
    """Check the derivations (closed and recursion, every step) and the generated code (plain and fast) of a cell.

    Raises QuestionError where the cell has no loss or nothing to differentiate by.
    """
    if cell.loss is None:
        raise QuestionError(
            f'the cell "{cell.name}" has no loss, so it has no gradients',
            hint=f"Add one, or put a head on: {cell.name}+squared.",
        )
    leaves = gradient_leaves(cell)
    if not leaves:
        raise QuestionError(f'the cell "{cell.name}" has no parameter, input or initial value')
    evaluator = Evaluator(cell, random_instance(cell, seed, tau=tau), at_kink=at_kink)
    setting = Setting(seed, tau, at_kink=at_kink)
    code, remarks = _code(cell, evaluator, at_kink)
    rows = [_row(cell, leaf, setting, layout, code) for leaf in leaves]
    loss = Row(cell.loss_name, "loss", "scalar", {n: c["loss"] for n, c in code.items()})
    names = (*cell.sizes, *time_symbols(cell))
    return CellCheck(
        cell,
        seed,
        {name: evaluator.instance.sizes[name] for name in names},
        "complex step" if analytic(cell) else "central differences",
        COMPLEX_TOLERANCE if analytic(cell) else CENTRAL_TOLERANCE,
        (*FORMS, *code),
        (loss, *rows),
        kinks(cell),
        evaluator.touched,
        (*evaluator.instance.remarks, *remarks),
    )


def kinks(cell: Cell) -> frozenset[str]:
    """The functions of a cell that have a kink."""
    calls = (call for equation in cell.equations for call in find(equation.expression, Call))
    bound = {dict(cell.functions).get(call.name, call.name) for call in calls if isinstance(call, Call)}
    return frozenset(name for name in bound if name and (record := lookup(name)) is not None and not record.analytic)


Code = dict[str, dict[str, Outcome]]
"""Outcomes by column, then by key."""


def _code(cell: Cell, evaluator: Evaluator, at_kink: float) -> tuple[Code, tuple[str, ...]]:
    """The errors of generated code without and with a batch, for both versions of the module, and remarks."""
    problems = {"": single(evaluator)}
    if any(d.role in (Role.INPUT, Role.TARGET) for d in cell.declarations):
        problems[", batch"] = batched(evaluator, at_kink=at_kink)
    found: Code = {}
    remarks = []
    for version, plain in VERSIONS:
        made, remark = _written(cell, plain, at_kink)
        remarks += [f"{version}: {remark}"] if remark else []
        for suffix, problem in problems.items():
            found[version + suffix] = _run(made, cell.name, problem)
    return found, tuple(remarks)


def _written(cell: Cell, plain: bool, at_kink: float) -> tuple[str | Outcome, str | None]:
    """The source that `symrnn code` hands out, with what is to be said about it; or why there is none."""
    try:
        code = checked_code(cell, plain, CodeOptions(relu0=at_kink))
    except UnsupportedError as missing:
        return Outcome(absent=missing.message), None
    except Exception as problem:  # whatever goes wrong with generated code is a finding, not a crash
        return Outcome(broken=f"{type(problem).__name__}: {problem}"), None
    return code.source, code.remark


def _run(source: str | Outcome, name: str, problem: Problem) -> dict[str, Outcome]:
    keys = ("loss", *problem.gradients)
    if isinstance(source, Outcome):
        return dict.fromkeys(keys, source)
    try:
        errors = problem.errors(run_module(source, name))
    except Exception as problem_found:  # as above
        return dict.fromkeys(keys, Outcome(broken=f"{type(problem_found).__name__}: {problem_found}"))
    return {key: Outcome(error) for key, error in errors.items()}


def _row(cell: Cell, leaf: Variable, setting: Setting, layout: Layout, code: Code) -> Row:
    outcomes = {name: _form(cell, leaf, name, setting, layout) for name in FORMS}
    key = leaf_key(leaf)
    for column, by_key in code.items():
        outcomes[column] = by_key[key]
    return Row(to_text(leaf), KINDS.get(leaf.role, "initial value"), format_shape(leaf.shape), outcomes)


def leaf_key(leaf: Variable) -> str:
    """The key under which a leaf's data and gradient travel."""
    if leaf.role is Role.COMPUTED and leaf.time is not None:
        return f"{leaf.name}[{index_text(leaf.time)}]"
    return leaf.name


def _form(cell: Cell, leaf: Variable, name: str, setting: Setting, layout: Layout) -> Outcome:
    try:
        found = examine(_derived(cell, leaf, name, layout), setting)
    except QuestionError as missing:
        return Outcome(absent=missing.message)
    except SymrnnError as problem:
        return Outcome(broken=problem.message)
    return Outcome(found.max_error)


def _derived(cell: Cell, leaf: Variable, form: str, layout: Layout) -> Derived:
    assert cell.loss is not None
    loss = Variable(cell.loss_name, Role.LOSS, cell.loss.shape)
    return derive(cell, loss, leaf, layout, forms=(form,))


def table(found: CellCheck) -> str:
    """The table for the terminal, and below it what is to be known about the numbers and what failed."""
    head = ("", "", "shape", *found.columns)
    lines = [head]
    for row in found.rows:
        lines.append((row.name, row.kind, row.shape, *(_shown(row.outcomes.get(c)) for c in found.columns)))
    sizes = ", ".join(f"{name} = {value}" for name, value in found.sizes.items())
    told = [
        _aligned(lines),
        "",
        f"{found.cell.name}: relative errors against {found.method}; seed {found.seed}, {sizes}; "
        f"allowed {found.tolerance:.0e}",
        *(f"note: {remark}" for remark in found.remarks),
        *_kinks(found),
        *(f"{count} have no {column}: {why}" for (column, why), count in _absent(found).items()),
        *(f"WRONG {failure}" for failure in found.failures),
        f"{'All agree' if found.passed else f'{len(found.failures)} disagree'}; largest error {found.max_error:.1e}.",
    ]
    return "\n".join(told)


def _kinks(found: CellCheck) -> list[str]:
    """Whether the slope at a kink mattered: only where an argument was exactly there."""
    if not found.kinked:
        return []
    names = ", ".join(sorted(found.kinked))
    if found.touched:
        return [f"{', '.join(sorted(found.touched))} was met exactly at its kink: its slope there mattered"]
    return [f"no argument of {names} was exactly at its kink: the slope there didn't matter"]


def _absent(found: CellCheck) -> dict[tuple[str, str], int]:
    """Why entries of the table are empty, each reason once with its count."""
    reasons: dict[tuple[str, str], int] = {}
    for row in found.rows:
        for column, outcome in row.outcomes.items():
            if outcome.absent is not None:
                reasons[column, outcome.absent] = reasons.get((column, outcome.absent), 0) + 1
    return reasons


def as_dict(found: CellCheck) -> dict[str, Any]:
    """The table as an object for programs."""
    return {
        "cell": found.cell.name,
        "seed": found.seed,
        "sizes": found.sizes,
        "method": found.method,
        "tolerance": found.tolerance,
        "max_error": found.max_error if isfinite(found.max_error) else None,
        "passed": found.passed,
        "rows": [
            {
                "name": row.name,
                "kind": row.kind,
                "shape": row.shape,
                "errors": {column: _number(outcome) for column, outcome in row.outcomes.items()},
            }
            for row in found.rows
        ],
        "failures": list(found.failures),
    }


def _number(outcome: Outcome) -> float | None:
    return outcome.error if outcome.error is not None and isfinite(outcome.error) else None


def _shown(outcome: Outcome | None) -> str:
    if outcome is None or outcome.absent is not None:
        return "-"
    return "broken" if outcome.broken is not None else f"{outcome.error:.1e}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
