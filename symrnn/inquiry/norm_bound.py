"""Bounds of the spectral norm of a Jacobian that hold whatever the states: ``‖diag(1 - h²) W‖₂ ≤ σ_max(W)``.

Built from ‖AB‖ ≤ ‖A‖‖B‖, ‖A + B‖ ≤ ‖A‖ + ‖B‖, ‖diag(v)‖ = max|v|, and the ranges of slopes.

Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks" (2013), section
2.1; the bound 1/2 for the softmax's Jacobian: B. Gao, L. Pavel, "On the properties of the softmax function" (2017),
prop. 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from symrnn.calculus.derive import derive
from symrnn.errors import QuestionError
from symrnn.inquiry.ranges import Ranges, largest
from symrnn.language.binder import HadamardProduct, Product
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Eye, Number, Role, Variable, Zeros
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Call,
    Concat,
    Diag,
    Divide,
    Hadamard,
    HStack,
    MatMul,
    MatrixPower,
    Neg,
    Power,
    Transpose,
)
from symrnn.language.traversal import fresh_index, variables


@dataclass(frozen=True)
class Size:
    """One factor of a bound: ``norm``, σ_max of a matrix of parameters; ``max``, the largest |entry| of a vector of
    parameters; ``abs``, the absolute value of a scalar; ``sup``, the largest |slope| of a generic function.
    """

    kind: str
    node: Node


@dataclass(frozen=True)
class Term:
    """A coefficient times factors."""

    coefficient: Fraction
    factors: tuple[Size, ...] = ()


@dataclass(frozen=True)
class NormBound:
    """The sum of terms; what a spectral norm is at most."""

    terms: tuple[Term, ...]

    def value(self, size_of: Callable[[Size], float]) -> float:
        """The bound in numbers."""
        total = 0.0
        for term in self.terms:
            product = float(term.coefficient)
            for factor in term.factors:
                product *= size_of(factor)
            total += product
        return total


@dataclass(frozen=True)
class StepBound:
    """``∂state_t/∂state_k`` is the product of t − k Jacobians like ``jacobian`` (at time ``index``), each ≤ ``bound``.

    ``bound`` is None where nothing bounds the Jacobian; ``power`` says that it is one matrix to the power t − k.
    """

    state: str
    index: str
    jacobian: Node
    bound: NormBound | None
    power: bool


@dataclass(frozen=True)
class BlockBound:
    """One block of the stacked state's Jacobian: ∂of_t/∂by_{t−1} with the other states held fixed."""

    of: str
    by: str
    block: Node
    bound: NormBound | None


def norm_bound(cell: Cell, matrix: Node) -> NormBound | None:
    """A bound of the spectral norm that holds for all values of the states, None where there is none."""
    return _Bounds(cell).of(matrix)


def step_bound(cell: Cell, state: str) -> StepBound:
    """The Jacobian of one step whose products are ∂h_t/∂h_k, and its bound.

    Raises QuestionError where ∂h_t/∂h_k is no such product: there the states need each other, and
    :func:`block_bounds` tells more.
    """
    declared = cell.state.get(state)
    if declared is None:
        raise QuestionError(
            f'"{state}" is no state of the cell "{cell.name}"', hint=f"States: {', '.join(cell.state)}."
        )
    cell = part_of(cell, state)
    later = fresh_index("k", frozenset({cell.time.index, *cell.sizes}))
    of, by = cell.variable(state, cell.now), cell.variable(state, Index.of(later))
    result = derive(cell, of, by, forms=("closed",)).result.expression
    index, jacobian, power = _factor(cell, result)
    return StepBound(state, index, jacobian, norm_bound(cell, jacobian), power)


def part_of(cell: Cell, state: str) -> Cell:
    """The part of a cell that a state depends on, across time too, without a loss."""
    names, frontier = {state}, [state]
    while frontier:
        equation = cell.equation.get(frontier.pop())
        for variable in variables(equation.expression) if equation is not None else []:
            if variable.role is Role.COMPUTED and variable.name not in names:
                names.add(variable.name)
                frontier.append(variable.name)
    return replace(
        cell,
        equations=tuple(e for e in cell.equations if e.name in names),
        states=tuple(s for s in cell.states if s.name in names),
        loss=None,
    )


def _factor(cell: Cell, result: Node) -> tuple[str, Node, bool]:
    """The factor of an ordered product, of a power, or of a diagonal of products."""
    if isinstance(result, Diag):
        index, inside, power = _factor(cell, result.args[0])
        return index, Diag(inside), power
    if isinstance(result, (Product, HadamardProduct)):
        return result.index, result.body, False
    if isinstance(result, (MatrixPower, Power)):
        return cell.time.index, result.args[0], True
    if isinstance(result, Eye):
        return cell.time.index, result, True
    raise QuestionError(
        "the derivative by an earlier state is no product of one Jacobian a step",
        hint="Several states need each other here: ask for the blocks of the stacked state's Jacobian.",
    )


def block_bounds(cell: Cell) -> tuple[BlockBound, ...]:
    """The blocks of ∂s_t/∂s_{t−1} of the stacked state s, each with its bound; for states that run forward at lag 1."""
    states = [s for s in cell.states if s.lags == (1,) and len(s.shape) == 2 and s.shape[1].constant == 1]
    if not states:
        return ()
    now = [cell.variable(s.name, cell.now) for s in states]
    before = [cell.variable(s.name, cell.now - 1) for s in states]
    of, by = (Concat(tuple(v)) if len(v) > 1 else v[0] for v in (now, before))
    result = derive(cell, of, by, forms=("closed",)).result.expression
    rows = result.args[0] if isinstance(result, Concat) and len(states) > 1 else (result,)
    found = []
    for name, row in zip([s.name for s in states], rows, strict=True):
        blocks = row.args[0] if isinstance(row, HStack) and len(states) > 1 else (row,)
        for other, block in zip([s.name for s in states], blocks, strict=True):
            found.append(BlockBound(name, other, block, norm_bound(cell, block)))
    return tuple(found)


class _Bounds:
    """Walks an expression from the outside in."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.ranges = Ranges(cell)

    def of(self, node: Node) -> NormBound | None:
        if isinstance(node, Zeros):
            return NormBound((Term(Fraction(0)),))
        if isinstance(node, Eye):
            return NormBound((Term(Fraction(1)),))
        if isinstance(node, Number):
            return NormBound((Term(abs(node.value)),))
        if isinstance(node, (Neg, Transpose)):
            return self.of(node.args[0])
        if self._fixed(node):
            return NormBound((Term(Fraction(1), (_size(node),)),))
        if isinstance(node, MatMul):
            return self._product(node.args[0])
        if isinstance(node, Hadamard):
            return self._elementwise(node.args[0])
        if isinstance(node, Add):
            return self._sum(node)
        if isinstance(node, Diag):
            return self._diagonal(node.args[0])
        if isinstance(node, Divide):
            return self._quotient(node)
        if isinstance(node, (Concat, HStack)):
            return self._selection(node)
        bound = largest(self.ranges.of(node)) if node.is_single else None
        return None if bound is None else NormBound((Term(bound),))

    def _fixed(self, node: Node) -> bool:
        """Whether nothing but parameters and constants without a time stands in it."""
        used = variables(node)
        return bool(used) and all(v.role in (Role.PARAMETER, Role.CONSTANT) and v.time is None for v in used)

    def _product(self, factors: tuple[Node, ...]) -> NormBound | None:
        result: NormBound | None = NormBound((Term(Fraction(1)),))
        for factor in factors:
            result = _multiplied(result, self.of(factor))
        return result

    def _elementwise(self, factors: tuple[Node, ...]) -> NormBound | None:
        """Scalars times one matrix; scalars with a joint range are taken together."""
        shaped = [f for f in factors if not f.is_single]
        if len(shaped) > 1:
            return None
        scalars = tuple(f for f in factors if f.is_single)
        return self._with_range(scalars, shaped)

    def _with_range(self, factors: tuple[Node, ...], rest: list[Node]) -> NormBound | None:
        moving = tuple(f for f in factors if not self._fixed(f))
        generic = [f for f in moving if isinstance(f, Call) and self._is_generic(f)]
        joint = largest(self.ranges.product(tuple(f for f in moving if f not in generic)))
        if joint is None:
            return None
        sizes = [*(_size(f) for f in factors if self._fixed(f)), *(Size("sup", f) for f in generic)]
        result: NormBound | None = NormBound((Term(joint, tuple(sizes)),))
        for node in rest:
            result = _multiplied(result, self.of(node))
        return result

    def _is_generic(self, node: Call) -> bool:
        functions = dict(self.cell.functions)
        return node.order == 1 and node.name in functions and functions[node.name] is None

    def _sum(self, node: Add) -> NormBound | None:
        if self._is_softmax_jacobian(node):
            return NormBound((Term(Fraction(1, 2)),))
        terms: list[Term] = []
        for part in node.args[0]:
            bound = self.of(part)
            if bound is None:
                return None
            terms.extend(bound.terms)
        return NormBound(_collected(terms))

    def _is_softmax_jacobian(self, node: Add) -> bool:
        """``diag(p) - p p.T`` of a softmax."""
        first, *rest = node.args[0]
        if not isinstance(first, Diag) or len(rest) != 1 or not isinstance(first.args[0], Variable):
            return False
        p = first.args[0]
        equation = self.cell.equation.get(p.name)
        from_softmax = (
            equation is not None and isinstance(equation.expression, Call) and equation.expression.name == "softmax"
        )
        return from_softmax and rest[0] is Neg(MatMul((p, Transpose(p))))

    def _diagonal(self, vector: Node) -> NormBound | None:
        if isinstance(vector, Add):
            whole = largest(self.ranges.of(vector))
            if whole is not None:
                return NormBound((Term(whole),))
            return self._sum(Add(tuple(_diagonal_of(t) for t in vector.args[0])))
        if isinstance(vector, Divide):
            return self._quotient(vector)
        return self._with_range(vector.args[0] if isinstance(vector, Hadamard) else (vector,), [])

    def _quotient(self, node: Divide) -> NormBound | None:
        top, bottom = node.args
        if isinstance(bottom, Number) and bottom.value != 0:
            inside = self._diagonal(top) if not top.is_single and top.is_column else self.of(top)
            return _multiplied(inside, NormBound((Term(1 / abs(bottom.value)),)))
        return None

    def _selection(self, node: Concat | HStack) -> NormBound | None:
        """A stack of which all blocks but one are zero."""
        kept = [part for part in node.args[0] if not isinstance(part, Zeros)]
        return self.of(kept[0]) if len(kept) == 1 else None


def _diagonal_of(term: Node) -> Node:
    return Neg(_diagonal_of(term.args[0])) if isinstance(term, Neg) else term if term.is_single else Diag(term)


def _size(node: Node) -> Size:
    if node.is_single:
        return Size("abs", node)
    if isinstance(node, Diag):
        return Size("max", node.args[0])
    return Size("max" if node.is_column or node.is_row else "norm", node)


def _multiplied(left: NormBound | None, right: NormBound | None) -> NormBound | None:
    if left is None or right is None:
        return None
    return NormBound(
        _collected(
            [Term(a.coefficient * b.coefficient, a.factors + b.factors) for a in left.terms for b in right.terms]
        )
    )


def _collected(terms: list[Term]) -> tuple[Term, ...]:
    """Like terms together, zeros dropped."""
    found: dict[tuple[Size, ...], Fraction] = {}
    for term in terms:
        found[term.factors] = found.get(term.factors, Fraction(0)) + term.coefficient
    kept = tuple(Term(c, f) for f, c in found.items() if c)
    return kept or (Term(Fraction(0)),)
