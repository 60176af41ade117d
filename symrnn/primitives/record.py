"""What symrnn knows about one primitive, in one record.

Emitters read its names, the reference evaluator its numbers, the calculus its derivative.  The numbers and the
derivative are two independent statements, which the parametrised gradient test holds against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symrnn.language.node import Node

Array = Any
"""A NumPy array, real or complex, perhaps with leading batch axes before the last two."""


@dataclass(frozen=True)
class Primitive:
    """One primitive.

    ``kind``: ``elementwise`` (shape kept, entry by entry), ``vector`` (one column or row), ``reduction`` (scalar).
    ``numpy``: source of the forward value with ``x`` (and ``y``, the second argument) for the arguments; vectors lie
    along the last axis there, as generated code has them.
    ``evaluate``: the value of arrays whose last two axes are the matrix's, complex-safe where ``analytic``.
    ``slopes``: for an elementwise one, the numbers of its first and second derivative, ``slope(x, at_kink)``.
    ``derivative``: for an elementwise one, the derivative from its output y and its argument x, as the rule is
    written in ``rule``; None leaves ``name'(x)`` standing.
    ``jacobian``: for the others, one function per differentiable argument: y and the arguments to the Jacobian of the
    column (numerator layout), or for a reduction the derivative of the scalar by that argument (q×p for p×q).
    ``analytic``: whether the complex step applies.  ``kink``: where not, the argument at which it has one.
    """

    name: str
    kind: str
    latex: str
    unicode: str
    numpy: str
    evaluate: Callable[..., Array]
    rule: str
    slopes: tuple[Callable[[Array, float], Array], ...] = ()
    derivative: Callable[[Node, Node], Node] | None = None
    jacobian: tuple[Callable[..., Node], ...] = ()
    analytic: bool = True
    kink: float | None = None
    domain: str = "real"
