"""What a step of the adjoint recursion reads of the step before it, computed there.

before → after
    lam_h[t] = a[t] + lam_f[t+1] * f[t+1] @ U      → lam_h[t] = a[t] + q[t+1],  q[t] = lam_f[t] * f[t] @ U

One array goes from step to step then in place of all that are in it, and nothing has to be read one time ahead.
"""

from __future__ import annotations

from dataclasses import replace

from symrnn.coding.tensor.joints import JOINT
from symrnn.coding.tensor.stages import Stage
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.loops import Key
from symrnn.planning.shifting import shifted
from symrnn.planning.system import Definition


def compute_ahead(stage: Stage, index: str) -> Stage:
    """The same loop; adjoints are zero beyond the ends, so what is made of them is, too."""
    if not stage.descending:
        return stage
    members = stage.keys()
    definitions: list[Definition] = []
    ahead: list[Definition] = []
    for d in stage.definitions:
        terms = arrays.terms(d.expression) if d.role is Role.PART and not d.overrides else ()
        later = [t for t in terms if _is_later(t, members, index)]
        if not later or all(isinstance(t, arrays.Load) for t in later):
            definitions.append(d)
            continue
        expression = shifted(arrays.plus(later), {index: Index.of(index) - 1})
        name = f"{d.name}_next{JOINT}"
        ahead.append(Definition(name, Role.PART, True, expression, d.source))
        load = arrays.Load(name, Role.PART, Index.of(index) + 1, expression.axes, expression.batched)
        rest = [t for t in terms if t not in later]
        definitions.append(replace(d, expression=arrays.plus([*rest, load])))
    return replace(stage, definitions=(*definitions, *ahead))


def _is_later(term: Array, members: set[Key], index: str) -> bool:
    """Whether everything in a term that depends on time is of the next one, adjoints of the loop among it."""
    found = False
    for node in arrays.postorder(term):
        if isinstance(node, arrays.Load):
            if node.time is None or index not in node.time.names():
                continue
            if (node.time - Index.of(index)).constant != 1:
                return False
            found = found or ((node.name, node.role) in members and node.role is Role.PART)
        elif isinstance(node, (arrays.Count, arrays.Between, arrays.OverTime, arrays.Element)) and index in node.times:
            return False
    return found
