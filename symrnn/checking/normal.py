"""A formula in one particular spelling, so that different spellings of the same thing become the same.

Each rule is an equality that holds for all numbers, so two formulas with one normal form are equal; the opposite isn't
claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from symrnn.emitting.text import to_text
from symrnn.language import (
    ONE,
    Add,
    Call,
    Cell,
    Diag,
    Divide,
    Formula,
    Hadamard,
    IndexNumber,
    MatMul,
    Neg,
    Node,
    Number,
    Part,
    Power,
    Product,
    Role,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.index import Index
from symrnn.language.traversal import free_indices, map_nodes, substitute, substitute_indices, variables
from symrnn.reading.latex_functions import slope_of_output

MOST_NODES = 2_000
MOST_PARTS = 12


def normal_form(formula: Formula, cell: Cell) -> Formula:
    """The formula in its normal spelling: untimed parts put in, the others under names that their order gives.

    Only parts that are used are kept.
    """
    written = _without_whole_parts(formula)
    expression = _normal(written.expression, cell)
    parts = {(p.name, p.time): _normal(p.expression, cell) for p in written.parts[:MOST_PARTS]}
    return _renamed_parts(expression, parts, cell)


def _normal(node: Node, cell: Cell) -> Node:
    """Rewrite until nothing changes."""
    for _ in range(8):
        changed = _bound_names(map_nodes(_carried(_outputs(node, cell)), _rule), 0)
        if changed == node:
            break
        node = changed
    return node


# -- parts ------------------------------------------------------------------------------------------------------


def _without_whole_parts(formula: Formula) -> Formula:
    """Untimed parts, and timed ones that no recursion runs through, replaced by what they stand for."""
    expression, parts = formula.expression, list(formula.parts)
    for _ in range(MOST_PARTS):
        part = next((p for p in parts if _is_plain(p, parts)), None)
        if part is None:
            break
        parts.remove(part)
        put = _putter(part)
        expression = put(expression)
        parts = [Part(p.name, p.time, put(p.expression)) for p in parts]
    return Formula(expression, tuple(parts))


def _is_plain(part: Part, parts: Sequence[Part]) -> bool:
    """Whether a part may be put in: no line of the same name, no recursion, and it is not 0 beyond its times."""
    alone = sum(p.name == part.name for p in parts) == 1
    uses = [v for p in parts for v in variables(p.expression) if v.role is Role.PART]
    recursive = any(v.name == part.name for v in variables(part.expression) if v.role is Role.PART)
    if not alone or recursive:
        return False
    if part.time is None:
        return True
    # One that is read at a later time is 0 beyond the end, which what it stands for need not be.
    return part.time.name is not None and all(v.time == part.time or v.name != part.name for v in uses)


def _putter(part: Part) -> Callable[[Node], Node]:
    def value(variable: Variable) -> Node:
        if part.time is None or variable.time is None or part.time.name is None:
            return part.expression
        return substitute_indices(part.expression, {part.time.name: variable.time})

    def put(node: Node) -> Node:
        used = [v for v in variables(node) if v.role is Role.PART and v.name == part.name]
        return substitute(node, {v: value(v) for v in used})

    return put


def _renamed_parts(expression: Node, parts: dict[tuple[str, Index | None], Node], cell: Cell) -> Formula:
    """The parts in the order in which they are met, under names that say only that."""
    order: dict[str, str] = {}
    waiting = [expression]
    while waiting:
        node = waiting.pop(0)
        for v in variables(node):
            if v.role is Role.PART and v.name not in order:
                order[v.name] = f"part_{len(order)}"
                waiting += [line for (name, _), line in parts.items() if name == v.name]

    def rename(node: Node) -> Node:
        if isinstance(node, Variable) and node.role is Role.PART and node.name in order:
            return Variable(order[node.name], Role.PART, node.shape, node.time)
        return node

    kept = [
        Part(order[name], _own_time(time, cell), _normal(map_nodes(_at_own_time(line, time, cell), rename), cell))
        for (name, time), line in parts.items()
        if name in order
    ]
    kept.sort(key=lambda p: (p.name, str(p.time)))
    return Formula(_normal(map_nodes(expression, rename), cell), tuple(kept))


def _own_time(time: Index | None, cell: Cell) -> Index | None:
    return cell.now if _is_general(time, cell) else time


def _is_general(time: Index | None, cell: Cell) -> bool:
    return time is not None and time.name is not None and time.name not in cell.time.last.names()


def _at_own_time(line: Node, time: Index | None, cell: Cell) -> Node:
    if time is None or time.name is None or not _is_general(time, cell):
        return line
    return substitute_indices(line, {time.name: cell.now})


# -- nodes ------------------------------------------------------------------------------------------------------


def _outputs(node: Node, cell: Cell) -> Node:
    """f'(a) where h = f(a) is a variable of the cell, and f(a) itself, in terms of h."""

    def rule(inner: Node) -> Node:
        if not isinstance(inner, Call) or len(inner.arguments) != 1 or inner.order > 1:
            return inner
        output = _output_of(inner, cell)
        if output is None:
            return inner
        return output if not inner.order else (slope_of_output(inner.name, output) or inner)

    return map_nodes(node, rule)


def _output_of(call: Call, cell: Cell) -> Variable | None:
    (argument,) = call.arguments
    if not isinstance(argument, Variable) or argument.time is None:
        return None
    for name, equation in cell.equation.items():
        found = equation.expression
        if isinstance(found, Call) and found.name == call.name and not found.order:
            (inner,) = found.arguments if len(found.arguments) == 1 else (None,)
            if isinstance(inner, Variable) and inner.name == argument.name and inner.time == cell.now:
                return cell.variable(name, argument.time)
    return None


def _carried(node: Node) -> Node:
    """Transposes down to the leaves."""
    return map_nodes(node, lambda inner: _turned(inner.args[0]) if isinstance(inner, Transpose) else inner)


def _turned(node: Node) -> Node:
    """The transpose of a node whose children have theirs already carried down."""
    match node:
        case MatMul():
            return build.matmul(*(_turned(f) for f in reversed(node.args[0])))
        case Add():
            return build.add(*(_turned(t) for t in node.args[0]))
        case Hadamard():
            return build.times(*(_turned(f) for f in node.args[0]))
        case Neg():
            return build.neg(_turned(node.args[0]))
        case Power():
            return build.power(_turned(node.args[0]), node.args[1])
        case Sum():
            return Sum(_turned(node.body), node.index, node.lower, node.upper)
        case _ if type(node) is Product:
            return Product(_turned(node.body), node.index, node.args[3], node.args[2], -node.args[4])
        case _:
            return build.transpose(node)


def _rule(node: Node) -> Node:
    """One step for one node whose children are in normal form."""
    match node:
        case MatMul():
            return _matrix_product(node)
        case Hadamard():
            return _product(node)
        case Add():
            return _sum(node)
        case Divide():
            return _quotient(node)
        case Sum():
            return _linear(node)
        case Diag() if isinstance(node.args[0], Neg):
            return Neg(Diag(node.args[0].args[0]))
        case _:
            return node


def _quotient(node: Divide) -> Node:
    above, below = node.args
    if isinstance(below, Number) and below.value:
        return build.times(Number(Fraction(1) / below.value), above)
    if above is ONE:
        return node
    return build.times(build.divide(ONE, below), above) if below.is_single else node


def _matrix_product(node: MatMul) -> Node:
    """Flat, without identities, signs and scalars in front, neighbouring diagonals joined."""
    flat = build.matmul(*node.args[0])
    if isinstance(flat, Neg) or not isinstance(flat, MatMul):
        return flat
    scalars: list[Node] = []
    factors: list[Node] = []
    for factor in flat.args[0]:
        inner = factor
        if isinstance(inner, Hadamard) and any(f.is_scalar for f in inner.args[0]):
            scalars += [f for f in inner.args[0] if f.is_scalar]
            inner = build.times(*(f for f in inner.args[0] if not f.is_scalar))
        if isinstance(inner, Diag) and factors and isinstance(factors[-1], Diag):
            inner = Diag(build.times(_column(factors.pop().args[0]), _column(inner.args[0])))
        factors.append(inner)
    product = factors[0] if len(factors) == 1 else build.matmul(*factors)
    product = _applied(product)
    return build.times(*scalars, product) if scalars else product


def _applied(node: Node) -> Node:
    """A diagonal times a column is an elementwise product."""
    if not isinstance(node, MatMul):
        return node
    factors = list(node.args[0])
    while len(factors) > 1 and isinstance(factors[-2], Diag) and factors[-1].is_column:
        right, left = factors.pop(), factors.pop()
        factors.append(build.times(_column(left.args[0]), right))
    while len(factors) > 1 and isinstance(factors[1], Diag) and factors[0].is_row:
        left, right = factors.pop(0), factors.pop(0)
        factors.insert(0, build.times(left, build.transpose(_column(right.args[0]))))
    return factors[0] if len(factors) == 1 else build.matmul(*factors)


def _column(node: Node) -> Node:
    return node if node.is_column else build.transpose(node)


def _product(node: Hadamard) -> Node:
    """Flat, numbers together in front, the rest in alphabetical order."""
    flat = build.times(*node.args[0])
    if not isinstance(flat, Hadamard):
        return flat
    number = Fraction(1)
    others: list[Node] = []
    for factor in flat.args[0]:
        if isinstance(factor, Number):
            number *= factor.value
        else:
            others.append(factor)
    others.sort(key=to_text)
    shown = others if number == 1 else [Number(number), *others]
    return build.times(*shown) if shown else ONE


def _sum(node: Add) -> Node:
    """Flat, in alphabetical order."""
    terms: list[Node] = []
    for term in node.args[0]:
        inner = term.args[0] if isinstance(term, Neg) else term
        if isinstance(inner, Add):
            terms += [build.neg(t) for t in inner.args[0]] if isinstance(term, Neg) else inner.args[0]
        else:
            terms.append(term)
    return build.add(*sorted(terms, key=to_text))


def _linear(node: Sum) -> Node:
    """Signs and numbers in front of a sum; a sum of sums, term by term."""
    body = node.body
    if isinstance(body, Neg):
        return Neg(Sum(body.args[0], node.index, node.lower, node.upper))
    if isinstance(body, Add):
        return build.add(*(_linear(Sum(t, node.index, node.lower, node.upper)) for t in body.args[0]))
    if isinstance(body, Hadamard):
        free = [f for f in body.args[0] if isinstance(f, (Number, IndexNumber, Divide)) and _is_free(f, node.index)]
        rest = [f for f in body.args[0] if f not in free]
        if free and rest:
            return build.times(*free, Sum(build.times(*rest), node.index, node.lower, node.upper))
    return node


def _is_free(node: Node, index: str) -> bool:
    return node.is_scalar and index not in free_indices(node)


def _bound_names(node: Node, level: int) -> Node:
    """Bound indices named by how deep they are; the outermost is ``i_0``."""
    if isinstance(node, (Sum, Product)):
        name = f"i_{level}"
        body = substitute_indices(node.body, {node.index: Index.of(name)}) if node.index != name else node.body
        return type(node)(_bound_names(body, level + 1), name, *node.args[2:])
    if not node.children or not any(isinstance(n, (Sum, Product)) for n in _below(node)):
        return node
    return _rebuilt(node, level)


def _below(node: Node) -> list[Node]:
    found: list[Node] = []
    stack = [node]
    seen: set[Node] = set()
    while stack and len(found) < MOST_NODES:
        here = stack.pop()
        if here not in seen:
            seen.add(here)
            found.append(here)
            stack.extend(here.children)
    return found


def _rebuilt(node: Node, level: int) -> Node:
    return substitute(node, {child: _bound_names(child, level) for child in node.children}) if node.children else node
