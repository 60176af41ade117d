"""Generated code that has passed its check before anybody sees it.

The module is run on the oracle's numbers, without and with a batch, as every formula is.  A fast schedule that does not
pass is not written: the plain recursion takes its place, and the answer says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.checking.generated import Problem, batched, ragged, run_module, single, turned
from symrnn.coding.numpy_module import CodeOptions, emit
from symrnn.errors import CheckFailedError, SymrnnError
from symrnn.language import Cell, Role
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator

ALLOWED = 1e-9
"""The relative error allowed; where a function is not analytic, the differences that it is compared with allow more."""

ALLOWED_AT_KINKS = 1e-5

ALLOWED_IN_SINGLE = 1e-3

SEED = 0

CACHE = "KEPT_BYTES"
"""The name in a module with checkpoints for what its segments may keep at the least."""


@dataclass(frozen=True)
class CheckedCode:
    """The source; ``remark`` says so where it is not the schedule that was asked for, or could not be checked."""

    source: str
    remark: str | None = None


def checked_code(cell: Cell, plain: bool = False, options: CodeOptions | None = None) -> CheckedCode:
    """The module of a cell, its loss and gradients compared with the oracle's.

    Raises CheckFailedError where even the plain recursion disagrees, and UnsupportedError for what arrays cannot do.
    """
    chosen = options or CodeOptions()
    source = emit(cell, plain, chosen)
    if cell.loss is None:
        return CheckedCode(source)
    try:
        evaluator = Evaluator(cell, random_instance(cell, SEED), at_kink=chosen.relu0)
        problems = _problems(cell, evaluator, chosen)
    except SymrnnError as reason:
        return CheckedCode(source, f"The code was not checked: {reason.message}.")
    differences = evaluator.derivatives.step_for(cell.loss).copies > 1
    allowed = ALLOWED_AT_KINKS if differences else ALLOWED
    if chosen.dtype == "float32":
        allowed = ALLOWED_IN_SINGLE
    complete = chosen.wrt is None
    wrong = _wrong(source, cell, problems, allowed, complete)
    if wrong is None:
        return CheckedCode(source)
    slow = source if plain or chosen.checkpoint else emit(cell, True, chosen)
    if slow == source or (still := _wrong(slow, cell, problems, allowed, complete)) is not None:
        found = wrong if slow == source else still
        raise CheckFailedError(
            f'the code generated for the cell "{cell.name}" disagrees with the oracle: {found}',
            hint="Nothing was written. The formulas stand: symrnn derive; please report the cell.",
        )
    return CheckedCode(slow, f"The fast schedule did not pass its check ({wrong}); here is the plain recursion.")


def _problems(cell: Cell, evaluator: Evaluator, options: CodeOptions) -> list[Problem]:
    if options.lengths:
        problems = [ragged(evaluator, at_kink=options.relu0, window=options.window)]
        return [turned(cell, p) for p in problems] if options.numerator else problems
    problems = [single(evaluator, options.window)]
    if any(d.role in (Role.INPUT, Role.TARGET) for d in cell.declarations):
        problems.append(batched(evaluator, at_kink=options.relu0, window=options.window))
    return [turned(cell, p) for p in problems] if options.numerator else problems


def _wrong(source: str, cell: Cell, problems: list[Problem], allowed: float, complete: bool) -> str | None:
    """What is wrong with a module, in a few words; None where it agrees.

    ``complete``: every gradient has to be there; otherwise those that were asked for.
    """
    try:
        module = run_module(source, cell.name)
        if hasattr(module, CACHE):
            # So short a sequence would fit, and be one segment.
            module.loss_and_gradients.__globals__[CACHE] = 0
        for problem in problems:
            errors = problem.errors(module)
            if not complete:
                _, computed = module.loss_and_gradients(**problem.arguments)
                errors = {key: error for key, error in errors.items() if key == "loss" or key in computed}
            for key, error in errors.items():
                if not error <= allowed:
                    return f"{key}: relative error {error:.1e}"
    except Exception as found:  # whatever generated code does wrong is a finding, not a crash
        return f"{type(found).__name__}: {found}"
    return None
