"""The structure of a loss that adds up terms of single steps."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.language import build
from symrnn.language.binder import Sum
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Divide, Hadamard
from symrnn.language.traversal import variables


@dataclass(frozen=True)
class StepLoss:
    """A loss ``coefficient * Σ_t term[t]`` over lower..upper, or one term at a single time."""

    coefficient: Node | None
    term: Variable
    lower: Index
    upper: Index


def step_loss(cell: Cell, of: Node) -> StepLoss | None:
    """The per-step structure of a loss, or None where it has none."""
    expression = cell.loss if isinstance(of, Variable) and of.role is Role.LOSS else of
    coefficient = None
    if isinstance(expression, Hadamard):
        shaped = [f for f in expression.args[0] if isinstance(f, Sum)]
        if len(shaped) == 1 and not any(variables(f) for f in expression.args[0] if f is not shaped[0]):
            coefficient = build.times(*(f for f in expression.args[0] if f is not shaped[0]))
            expression = shaped[0]
    elif isinstance(expression, Divide) and isinstance(expression.args[0], Sum) and not variables(expression.args[1]):
        coefficient = build.divide(build.number(1), expression.args[1])
        expression = expression.args[0]
    if isinstance(expression, Sum) and isinstance(expression.body, Variable):
        term = expression.body
        if term.role is Role.COMPUTED and term.time == Index.of(expression.index):
            return StepLoss(coefficient, term, expression.lower, expression.upper)
    if isinstance(expression, Variable) and expression.time is not None and expression.role is Role.COMPUTED:
        return StepLoss(coefficient, expression, expression.time, expression.time)
    return None
