"""Single changes to a formula: the mistakes that people make, turned round.

Every rule takes a place and yields what could stand there instead, with the kind of mistake that the present text then
was.  Rules know nothing of what is right; they build candidates, and numbers decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from symrnn.checking.places import Place, places, replaced
from symrnn.checking.pool import Pool
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import SymrnnError
from symrnn.language import (
    Add,
    Call,
    Cell,
    Diag,
    Formula,
    Hadamard,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Jacobian,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Power,
    Product,
    Role,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import free_indices, substitute_indices, variables

MOST_FACTORS = 9
"""In longer products only neighbours change places."""


@dataclass(frozen=True)
class Change:
    """What could stand at a place instead: the kind of mistake that is undone, and that mistake in words."""

    kind: str
    new: Node
    mistake: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A formula one change away."""

    place: Place
    change: Change
    formula: Formula

    @property
    def before(self) -> str:
        """What stood there."""
        return self.change.before or to_text(self.place.node)

    @property
    def after(self) -> str:
        """What stands there now."""
        return self.change.after or to_text(self.change.new)


Rule = Callable[[Place, "Setting"], Iterator[Change]]


@dataclass(frozen=True)
class Setting:
    """What the rules may use: the cell, the formula, and the pieces that such formulas are made of."""

    cell: Cell
    formula: Formula
    pool: Pool

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Symbols that are no times to be shifted: sizes and the length."""
        return frozenset({*self.cell.sizes, *self.cell.time.last.names(), *self.cell.time.first.names()})

    def bounds(self, place: Place) -> list[Index]:
        """Indices that a limit at this place could be: the ends of time, and the symbols bound around it."""
        around = [node.index for node in place.way[:-1] if isinstance(node, (Sum, Product))]
        names = [*around, *self.free_times(place)]
        return [self.cell.time.first, self.cell.time.last, *(Index.of(name) for name in dict.fromkeys(names))]

    def free_times(self, place: Place) -> list[str]:
        """The time symbols that are open around a place."""
        part = self.formula.parts[place.part] if place.part is not None else None
        own = sorted(part.time.names()) if part is not None and part.time is not None else []
        root = place.way[0]
        times = {name for v in variables(root) if v.time is not None for name in v.time.names()}
        open_ones = sorted(times & free_indices(root))
        return [name for name in dict.fromkeys([*own, *open_ones]) if name not in self.fixed]


def candidates(formula: Formula, cell: Cell, pool: Pool) -> Iterator[tuple[int, Candidate]]:
    """Every formula one change away, each once, the likeliest kinds first, with the number of their stage."""
    setting = Setting(cell, formula, pool)
    found = list(places(formula))
    seen: set[Formula] = {formula}
    for number, rules in enumerate(STAGES):
        for place in found:
            for rule in rules:
                for change in rule(place, setting):
                    candidate = _candidate(formula, place, change)
                    if candidate is not None and candidate.formula not in seen:
                        seen.add(candidate.formula)
                        yield number, candidate


def _candidate(formula: Formula, place: Place, change: Change) -> Candidate | None:
    if change.new is place.node:
        return None
    try:
        return Candidate(place, change, replaced(formula, place, change.new))
    except SymrnnError:
        return None


def _made(build_it: Callable[[], Node]) -> Node | None:
    """What a constructor gives; nothing where the shapes don't fit."""
    try:
        return build_it()
    except SymrnnError:
        return None


# -- times and limits -------------------------------------------------------------------------------------------


def shift_time(place: Place, setting: Setting) -> Iterator[Change]:
    """``h[t]`` for ``h[t-1]``."""
    node = place.node
    if not isinstance(node, Variable) or node.time is None:
        return
    in_diag = any(isinstance(above, Diag) for above in place.way[:-1])
    for step in (-1, 1):
        new = node.at(node.time + step)
        what = "the diagonal belongs to another step" if in_diag else "a time index is off by one"
        yield Change("shift", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def shift_piece(place: Place, setting: Setting) -> Iterator[Change]:
    """All times of one factor or term off by one, as in the diag of the wrong step."""
    node, parent = place.node, place.parent
    if isinstance(node, Variable) or not isinstance(
        parent, (MatMul, Hadamard, Add, Sum, Product, Transpose, type(None))
    ):
        return
    timed = [v for v in variables(node) if v.time is not None]
    names = {name for v in timed if v.time is not None for name in v.time.names()} - setting.fixed
    if len(timed) < 2 and not isinstance(node, Diag):
        return
    for name in sorted(names & free_indices(node)):
        for step in (-1, 1):
            new = substitute_indices(node, {name: Index.of(name) + step})
            what = "the diagonal belongs to another step" if isinstance(node, Diag) else "its times are off by one"
            yield Change("shift", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def limits(place: Place, setting: Setting) -> Iterator[Change]:
    """A limit of a sum or product that is another one."""
    node = place.node
    if isinstance(node, Sum):
        yield from _sum_limits(node, place, setting)
    elif isinstance(node, Product):
        yield from _product_limits(node, place, setting)
    elif isinstance(node, MatrixPower):
        for step in (-1, 1):
            new = _made(lambda n=node, s=step: build.matrix_power(n.args[0], n.args[1] + s))  # type: ignore[misc]
            if new is not None:
                yield Change("limit", new, f"the power is off by one: {to_text(node)} for {to_text(new)}")


def _sum_limits(node: Sum, place: Place, setting: Setting) -> Iterator[Change]:
    for lower in _other_bounds(node.lower, place, setting):
        new = Sum(node.body, node.index, lower, node.upper)
        yield Change("limit", new, _limit_text("sum", "lower", node.index, node.lower, lower))
    for upper in _other_bounds(node.upper, place, setting):
        new = Sum(node.body, node.index, node.lower, upper)
        yield Change("limit", new, _limit_text("sum", "upper", node.index, node.upper, upper))


def _product_limits(node: Product, place: Place, setting: Setting) -> Iterator[Change]:
    kind = type(node)
    for first in _other_bounds(node.first, place, setting):
        new = kind(node.body, node.index, first, node.last, node.args[4])
        yield Change("limit", new, _limit_text("product", "first", node.index, node.first, first))
    for last in _other_bounds(node.last, place, setting):
        new = kind(node.body, node.index, node.first, last, node.args[4])
        yield Change("limit", new, _limit_text("product", "last", node.index, node.last, last))


def _other_bounds(bound: Index, place: Place, setting: Setting) -> Iterator[Index]:
    seen = {bound}
    near = [bound - 1, bound + 1]
    for other in (*near, *(b + step for b in setting.bounds(place) for step in (0, 1, -1))):
        if other not in seen:
            seen.add(other)
            yield other


def _limit_text(what: str, which: str, index: str, old: Index, new: Index) -> str:
    was, right = index_text(old), index_text(new)
    step = (new - old).constant
    named = f"the {which} limit of the {what} over {index} is {was} and should be {right}"
    if what == "sum" and ((which == "upper" and step == 1) or (which == "lower" and step == -1)):
        return f"the term {index} = {right} is missing: {named}"
    if what == "sum" and ((which == "upper" and step == -1) or (which == "lower" and step == 1)):
        return f"the term {index} = {was} is too many: {named}"
    return named


def reverse_product(place: Place, setting: Setting) -> Iterator[Change]:
    """A product whose factors stand in the opposite order."""
    node = place.node
    if type(node) is Product:
        new = Product(node.body, node.index, node.last, node.first, -node.args[4])
        order = "descend" if node.args[4] > 0 else "ascend"
        yield Change("reverse", new, f"the product is in the wrong order: its index should {order}")


# -- factors ----------------------------------------------------------------------------------------------------


def transposition(place: Place, setting: Setting) -> Iterator[Change]:
    """A transpose that is missing, or one too many."""
    node, parent = place.node, place.parent
    if len(node.shape) != 2 or isinstance(node, (Diag, Neg)) or isinstance(parent, Transpose) or node.is_single:
        return
    new = build.transpose(node)
    what = "one transpose too many" if isinstance(node, Transpose) else "a transpose is missing"
    yield Change("transpose", new, f"{what}: {to_text(node)} stands where {to_text(new)} belongs")


def order_of_factors(place: Place, setting: Setting) -> Iterator[Change]:
    """Factors of a matrix product in another order."""
    node = place.node
    if not isinstance(node, MatMul):
        return
    factors = node.args[0]
    for changed, moved in _orders(factors):
        new = _made(lambda c=changed: MatMul(c))  # type: ignore[misc]
        if new is None:
            continue
        diags = [f for f in moved if isinstance(f, Diag)]
        names = " and ".join(to_text(f) for f in moved)
        what = "the diag stands on the wrong side" if len(diags) == 1 else "factors are in the wrong order"
        yield Change("swap", new, f"{what}: {names}")


def _orders(factors: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], tuple[Node, ...]]]:
    count = len(factors)
    for i, j in combinations(range(count), 2):
        if count > MOST_FACTORS and j > i + 1:
            continue
        changed = list(factors)
        changed[i], changed[j] = changed[j], changed[i]
        yield tuple(changed), (factors[i], factors[j])
    for i in range(count):
        for j in range(count):
            if abs(i - j) > 1 and count <= MOST_FACTORS:
                rest = [*factors[:i], *factors[i + 1 :]]
                yield (*rest[:j], factors[i], *rest[j:]), (factors[i],)
    if 2 < count <= MOST_FACTORS:
        yield factors[::-1], factors


def drop_factor(place: Place, setting: Setting) -> Iterator[Change]:
    """A factor too many."""
    node = place.node
    if not isinstance(node, (MatMul, Hadamard)):
        return
    factors = node.args[0]
    for number, factor in enumerate(factors):
        rest = (*factors[:number], *factors[number + 1 :])
        new = rest[0] if len(rest) == 1 else _made(lambda r=rest, k=type(node): k(r))  # type: ignore[misc]
        if new is not None:
            yield Change("extra factor", new, f"the factor {to_text(factor)} is too many")


def add_factor(place: Place, setting: Setting) -> Iterator[Change]:
    """A factor that is missing, from the pool of the cell's Jacobians, weights and gates."""
    node, parent = place.node, place.parent
    if isinstance(parent, (MatMul, Hadamard, Transpose, Diag, Power)) or len(node.shape) != 2 or node.is_single:
        return
    if isinstance(node, (Sum, Add)) or not isinstance(parent, (Add, Sum, Product, Neg, type(None))):
        return
    times = _times_of(node)
    yield from _matrix_factors(node, setting, times)
    for factor in setting.pool.arrays(node.shape, times):
        factors = (*node.args[0], factor) if isinstance(node, Hadamard) else (node, factor)
        yield Change("missing factor", Hadamard(factors), f"the factor {to_text(factor)} is missing")


def _matrix_factors(node: Node, setting: Setting, times: list[Index]) -> Iterator[Change]:
    factors = node.args[0] if isinstance(node, MatMul) else (node,)
    for factor in setting.pool.matrices(times):
        for gap in range(len(factors) + 1):
            changed = (*factors[:gap], factor, *factors[gap:])
            new = _made(lambda c=changed: MatMul(c))  # type: ignore[misc]
            if new is not None and new.shape == node.shape:
                yield Change("missing factor", new, f"the factor {to_text(factor)} is missing")


def _times_of(node: Node) -> list[Index]:
    found: dict[Index, None] = {}
    for variable in variables(node):
        if variable.time is not None:
            found[variable.time] = None
    for time in list(found):
        found[time + 1] = None
        found[time - 1] = None
    return list(found)


def scale(place: Place, setting: Setting) -> Iterator[Change]:
    """A number or 1/τ that is missing or too many, at one term."""
    node, parent = place.node, place.parent
    if isinstance(node, Number):
        for value in (1, 2, -1):
            if node.value != value:
                yield _scaled_number(node, build.number(value))
        if node.value:
            yield _scaled_number(node, build.number(1 / node.value))
        return
    if isinstance(node, (Neg, Variable)) or not isinstance(parent, (Add, Sum, type(None))):
        return
    length = setting.cell.time.length
    factors: list[Node] = [build.number(2), build.number("0.5")]
    if length.constant is None:
        factors += [build.divide(build.number(1), IndexNumber(length)), IndexNumber(length)]
    for factor in factors:
        yield Change("scale", Hadamard((factor, node)), f"the factor {to_text(factor)} is missing")


def _scaled_number(node: Number, new: Node) -> Change:
    return Change("scale", new, f"the number {to_text(node)} should be {to_text(new)}")


# -- terms and signs --------------------------------------------------------------------------------------------


def signs(place: Place, setting: Setting) -> Iterator[Change]:
    """The sign of a term."""
    node, parent = place.node, place.parent
    if isinstance(node, (Neg, Number)) and isinstance(parent, Add):
        yield Change("sign", build.neg(node), f"the sign of the term {to_text(build.neg(node))} is wrong")
    elif isinstance(parent, (Add, Sum, type(None))) or isinstance(node, Add):
        yield Change("sign", build.neg(node), f"the sign of {to_text(node)} is wrong")


def terms(place: Place, setting: Setting) -> Iterator[Change]:
    """A term too many."""
    node = place.node
    if not isinstance(node, Add):
        return
    found = node.args[0]
    for number, term in enumerate(found):
        rest = (*found[:number], *found[number + 1 :])
        new = rest[0] if len(rest) == 1 else _made(lambda r=rest: Add(r))  # type: ignore[misc]
        if new is not None and new.shape == node.shape:
            yield Change("extra term", new, f"the term {to_text(term)} is too many")


def missing_terms(place: Place, setting: Setting) -> Iterator[Change]:
    """A term that is missing: a way through later steps, a direct one, one that only the whole answer has."""
    if place.path:
        return
    node = place.node
    part = setting.formula.parts[place.part] if place.part is not None else None
    for term, what in setting.pool.terms(node.shape, part):
        present = node.args[0] if isinstance(node, Add) else (node,)
        new = _made(lambda p=present, t=term: Add((*p, t)))  # type: ignore[misc]
        if new is not None and new.shape == node.shape:
            yield Change("missing term", new, f"{what}: {to_text(term)}")


def missing_sum(place: Place, setting: Setting) -> Iterator[Change]:
    """A sum over the time that stands open."""
    if place.path or place.part is not None:
        return
    time = setting.cell.time
    if time.index in free_indices(place.node):
        new = Sum(place.node, time.index, time.first, time.last)
        yield Change("missing sum", new, f"the sum over {time.index} is missing")


def parentheses(place: Place, setting: Setting) -> Iterator[Change]:
    """``A @ (b + c)`` for ``A @ b + c``, and the other way round."""
    node = place.node
    if isinstance(node, Add):
        yield from _gather(node)
        yield from _into_sum(node)
    elif isinstance(node, (MatMul, Hadamard)):
        yield from _spread(node)
    elif isinstance(node, Sum) and isinstance(node.body, Add):
        kept, *rest = node.body.args[0]
        new = Add((Sum(kept, node.index, node.lower, node.upper), *rest))
        yield Change("parenthesis", new, f"only {to_text(kept)} belongs under the sum over {node.index}")


def _gather(node: Add) -> Iterator[Change]:
    found = node.args[0]
    for number, term in enumerate(found):
        inner = term.args[0] if isinstance(term, Neg) else term
        if not isinstance(inner, (MatMul, Hadamard)):
            continue
        rest = (*found[:number], *found[number + 1 :])
        factors = inner.args[0]
        for last in (True, False):
            kept, end = (factors[:-1], factors[-1]) if last else (factors[1:], factors[0])
            grouped = _made(lambda e=end, r=rest: Add((e, *r)))  # type: ignore[misc]
            if grouped is None or grouped.shape != end.shape:
                continue
            changed = (*kept, grouped) if last else (grouped, *kept)
            new = _made(lambda c=changed, k=type(inner): k(c))  # type: ignore[misc]
            if new is not None:
                yield Change("parenthesis", new, f"parentheses are missing around {to_text(grouped)}")


def _into_sum(node: Add) -> Iterator[Change]:
    first, *rest = node.args[0]
    if isinstance(first, Sum):
        new = _made(lambda: Sum(Add((first.body, *rest)), first.index, first.lower, first.upper))
        if new is not None:
            yield Change("parenthesis", new, f"everything belongs under the sum over {first.index}")


def _spread(node: MatMul | Hadamard) -> Iterator[Change]:
    factors = node.args[0]
    for number, factor in enumerate(factors):
        if not isinstance(factor, Add):
            continue
        for place, term in enumerate(factor.args[0]):
            rest = (*factor.args[0][:place], *factor.args[0][place + 1 :])
            product = _made(lambda t=term, n=number: type(node)((*factors[:n], t, *factors[n + 1 :])))  # type: ignore[misc]
            new = None if product is None else _made(lambda p=product, r=rest: Add((p, *r)))  # type: ignore[misc]
            if new is not None and new.shape == node.shape:
                yield Change("parenthesis", new, f"the parentheses around {to_text(factor)} are too many")


# -- names and derivatives --------------------------------------------------------------------------------------


def other_variable(place: Place, setting: Setting) -> Iterator[Change]:
    """A variable of the same shape that is another one: U for W, i for f, the output for the argument."""
    node = place.node
    if not isinstance(node, Variable) or node.role is Role.PART:
        return
    for other in setting.pool.alike(node):
        yield Change("variable", other, f"{to_text(node)} stands where {to_text(other)} belongs")


def other_part(place: Place, setting: Setting) -> Iterator[Change]:
    """A part of the answer that is another one."""
    node = place.node
    if not isinstance(node, Variable) or node.role is not Role.PART:
        return
    shapes = {p.name: p.expression.shape for p in setting.formula.parts if (p.time is None) == (node.time is None)}
    for name, shape in shapes.items():
        if name != node.name and shape == node.shape:
            new = Variable(name, Role.PART, shape, node.time)
            yield Change("variable", new, f"{to_text(node)} stands where {to_text(new)} belongs")


def immediate(place: Place, setting: Setting) -> Iterator[Change]:
    """The total derivative for the immediate one, or the other way round."""
    node = place.node
    if isinstance(node, Jacobian):
        new: Node = ImmediateJacobian(node.of, node.by, node.layout)
        yield Change(
            "immediate", new, f"the total derivative {to_text(node)} stands where the immediate {to_text(new)} belongs"
        )
    elif isinstance(node, ImmediateJacobian):
        new = Jacobian(node.of, node.by, node.layout)
        yield Change(
            "immediate", new, f"the immediate derivative {to_text(node)} stands where the total {to_text(new)} belongs"
        )


def primes(place: Place, setting: Setting) -> Iterator[Change]:
    """A function for its derivative, or the other way round."""
    node = place.node
    if isinstance(node, Call) and len(node.arguments) == 1 and node.arguments[0].shape == node.shape and node.order < 2:
        new = _made(lambda: Call(node.name, node.arguments, 1 - node.order))
        if new is not None:
            yield Change("derivative", new, f"{to_text(node)} stands where {to_text(new)} belongs")


def squares(place: Place, setting: Setting) -> Iterator[Change]:
    """A square that is missing, or one too many."""
    node, parent = place.node, place.parent
    if isinstance(node, Power):
        yield Change("power", node.args[0], f"the square in {to_text(node)} is too many")
    elif isinstance(parent, (Add, Neg)) and not isinstance(node, (Neg, Add, Number)):
        new = Power(node, build.number(2))
        yield Change("power", new, f"a square is missing: {to_text(node)} stands where {to_text(new)} belongs")


STAGES: tuple[tuple[Rule, ...], ...] = (
    (shift_time, transposition, order_of_factors, reverse_product, immediate),
    (limits, signs, shift_piece, missing_sum),
    (drop_factor, terms, primes, squares, scale, other_part),
    (parentheses, missing_terms, other_variable, add_factor),
)
"""Which kinds of change are tried first."""
