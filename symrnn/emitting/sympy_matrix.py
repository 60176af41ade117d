"""True SymPy matrix expressions out, for given times: sums and ordered products written out, h_3 a MatrixSymbol.

SymPy multiplies in the order given and shows no time index of its own, so every variable at every time is a symbol
with the time in its name.  Inert derivatives become symbols named as the text form writes them.
"""

from __future__ import annotations

# The imports register the rules.
from symrnn.emitting import sympy_functions, sympy_rules
from symrnn.emitting.sympy_writer import NOTHING, Expression, Numbers, Writer, sympy_rule
from symrnn.language import Formula, Node, TimeRange

RULES = sympy_rule.registry
RULE_MODULES = (sympy_rules, sympy_functions)


def to_sympy(
    expression: Node | Formula, numbers: Numbers = NOTHING, sizes: Numbers = NOTHING, time: TimeRange | None = None
) -> Expression:
    """The expression for these times (tau, t, k) as a SymPy expression; ``sizes`` may give numbers for n, m, too.

    A formula's parts are written out, and are zero outside the time range.  Raises DataError for a time without a
    number in a bound, UnsupportedError for a third-order derivative.

    >>> from symrnn.language import Index, Role, Variable, build
    >>> n, t, one = Index.of("n"), Index.of("t"), Index.of(1)
    >>> W = Variable("W", Role.PARAMETER, (n, n))
    >>> h = Variable("h", Role.COMPUTED, (n, one), t)
    >>> to_sympy(build.sum_over(build.matmul(W, h), "t", 1, Index.of("tau")), {"tau": 2})
    W*h_1 + W*h_2
    """
    formula = expression if isinstance(expression, Formula) else Formula(expression)
    writer = Writer(dict(numbers), dict(sizes), formula.parts, time or TimeRange())
    return writer.write(formula.expression)
