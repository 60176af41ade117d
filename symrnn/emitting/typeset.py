"""From nodes and formulas to notation: one rule per node type, shared by LaTeX, MathML and the terminal."""

from __future__ import annotations

from dataclasses import dataclass

# The imports register the rules.
from symrnn.emitting import rules_calculus, rules_leaves, rules_operations
from symrnn.emitting.boxes import Box
from symrnn.emitting.names import named
from symrnn.emitting.rules import Setter, Tight, rule
from symrnn.emitting.style import PLAIN, Style
from symrnn.language import Formula, ImmediateJacobian, Jacobian, Layout, Node, Part

RULES = rule.registry
RULE_MODULES = (rules_leaves, rules_operations, rules_calculus)


def typeset(node: Node, style: Style = PLAIN) -> Box:
    """A node's notation; raises UnsupportedError for a node type without a rule."""
    return Setter(style).set(node).box


@dataclass(frozen=True)
class Equation:
    """A left side and a right side.

    Without a left side it goes on from the line above with an equals sign; ``bare`` is an expression alone.
    """

    left: Box | None
    right: Box
    bare: bool = False


def typeset_formula(
    formula: Formula, style: Style = PLAIN, layout: Layout = Layout.NUMERATOR
) -> tuple[Equation, ...]:
    """A formula's lines: its parts in the order they were written, then the formula itself."""
    setter = Setter(style)
    left = None
    if formula.of is not None and formula.by is not None:
        kind = ImmediateJacobian if formula.immediate else Jacobian
        left = setter.child(kind(formula.of, formula.by, layout), Tight.SUM)
    whole = Equation(left, setter.child(formula.expression, Tight.SUM), bare=left is None)
    return (*(_part(part, setter) for part in formula.parts), whole)


def _part(part: Part, setter: Setter) -> Equation:
    bold = setter.style.letters == "bold" and not part.expression.is_single
    left = named(part.name, setter.style, bold=bold, time=part.time).box
    return Equation(left, setter.child(part.expression, Tight.SUM))
