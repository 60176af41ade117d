"""The blocks of a parameter: where a cell's equations cut it, by stacking what it multiplies or slicing what
it makes.

``W @ concat(s, x)`` cuts W's columns where s ends; ``z = W @ h`` of which ``z[0:n]`` is read cuts W's rows
there.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from symrnn.calculus.products import block, transpose
from symrnn.errors import QuestionError, did_you_mean
from symrnn.inquiry.unrolled import parameter_quantities
from symrnn.language import build
from symrnn.language.cell import Cell, Declaration, Equation
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Add, Concat, HStack, MatMul, Neg, Slice, Span, Transpose
from symrnn.language.traversal import map_nodes, postorder, substitute_indices

PRIMES = (101, 211, 307, 401, 503, 601, 701, 809, 907, 1009)
"""Numbers for sizes that order cuts; ``n`` before ``2*n`` whatever n is."""


@dataclass(frozen=True)
class Block:
    """One block: ``variable`` stands for it while derivatives are taken, ``node`` is how the cell writes it.

    ``multiplies`` is what the block's columns are multiplied by, where the cut comes from a stack.
    """

    variable: Variable
    node: Node
    rows: tuple[Index, Index]
    columns: tuple[Index, Index]
    multiplies: Node | None = None

    def lies_in(self, rows: Span, columns: Span) -> bool:
        """Whether the block is part of a larger one whose cuts are among the block's own."""
        return _overlap(self.rows, rows) and _overlap(self.columns, columns)


def _overlap(inner: tuple[Index, Index], outer: Span) -> bool:
    """Whether a stretch lies in another, for cuts that are compared at large generic sizes."""
    if outer is None:
        return True
    numbers = generic_sizes([*inner, *outer])
    return all(low.value(numbers) <= high.value(numbers) for low, high in ((outer[0], inner[0]), (inner[1], outer[1])))


def generic_sizes(indices: Iterable[Index]) -> dict[str, int]:
    """Large numbers for the sizes in these indices, such that no two cuts coincide by accident."""
    names = sorted(frozenset().union(*(index.names() for index in indices)))
    return dict(zip(names, PRIMES * (1 + len(names) // len(PRIMES)), strict=False))


@dataclass(frozen=True)
class SplitParameter:
    """A parameter in blocks, row by row."""

    declaration: Declaration
    blocks: tuple[tuple[Block, ...], ...]

    @property
    def all(self) -> tuple[Block, ...]:
        """The blocks in reading order."""
        return tuple(b for row in self.blocks for b in row)

    def replacement(self, time: Index | None) -> Node:
        """The parameter as the matrix of its blocks."""
        if len(self.all) == 1:
            only = self.all[0].variable
            return only if time is None else only.at(time)
        return build.block_matrix(
            [[b.variable if time is None else b.variable.at(time) for b in row] for row in self.blocks]
        )


def parameter(cell: Cell, name: str) -> Declaration:
    """The declared parameter of a name; raises QuestionError for anything else."""
    found = cell.declaration.get(name)
    if found is None or found.role is not Role.PARAMETER:
        known = [d.name for d in cell.parameters]
        raise QuestionError(f'the cell "{cell.name}" has no parameter "{name}"', hint=did_you_mean(name, known))
    return found


def split(cell: Cell, declaration: Declaration, extra: Iterable[Node] = ()) -> SplitParameter:
    """Cut a parameter where the cell's equations (and the expressions ``extra``) do."""
    if len(declaration.shape) != 2:
        whole = (Index.of(0), Index.of(1))
        variable = Variable(declaration.name, Role.PARAMETER, declaration.shape)
        return SplitParameter(declaration, ((Block(variable, variable, whole, whole),),))
    cuts = _Cuts(cell, declaration.name)
    for expression in (*_expressions(cell), *extra):
        cuts.look(expression)
    rows, columns = (
        _spans(axis, found) for axis, found in zip(declaration.shape, (cuts.rows, cuts.columns), strict=True)
    )
    return SplitParameter(
        declaration, tuple(tuple(_block(declaration, row, column, cuts) for column in columns) for row in rows)
    )


def _block(declaration: Declaration, row: tuple[Index, Index], column: tuple[Index, Index], cuts: _Cuts) -> Block:
    whole = Variable(declaration.name, Role.PARAMETER, declaration.shape)
    node = build.take(whole, row, column)
    # "#" cannot stand in a name that a user typed.
    name = declaration.name if node is whole else f"{declaration.name}#{row[0]}#{column[0]}"
    return Block(Variable(name, Role.PARAMETER, node.shape), node, row, column, cuts.parts.get(column))


def _expressions(cell: Cell) -> Iterator[Node]:
    yield from (e.expression for e in cell.equations)
    yield from (s.initial for s in cell.states if s.initial is not None)
    if cell.loss is not None:
        yield cell.loss


class _Cuts:
    """Collects where a parameter is cut."""

    def __init__(self, cell: Cell, name: str) -> None:
        self.cell = cell
        self.name = name
        self.rows: dict[Index, None] = {}
        self.columns: dict[Index, None] = {}
        self.parts: dict[tuple[Index, Index], Node] = {}
        self.sliced = _sliced_rows(cell)

    def look(self, expression: Node) -> None:
        for node in postorder(expression):
            if isinstance(node, Slice) and self._is(node.args[0]):
                self._note(self.rows, node.args[1])
                self._note(self.columns, node.args[2])
            elif isinstance(node, MatMul):
                self._product(node)
        for name, equation in self.cell.equation.items():
            if equation.expression is expression and self._adds_product(expression):
                self.rows.update(dict.fromkeys(self.sliced.get(name, ())))

    def _product(self, node: MatMul) -> None:
        for left, right in zip(node.args[0], node.args[0][1:], strict=False):
            if self._is(left):
                self.columns.update(self._stack(right, Concat, 0, keep=True))
            elif self._is_transposed(left):
                self.rows.update(self._stack(right, Concat, 0))
            if self._is(right):
                self.rows.update(self._stack(left, HStack, 1))
            elif self._is_transposed(right):
                self.columns.update(self._stack(left, HStack, 1))

    def _stack(self, node: Node, kind: type[Node], axis: int, keep: bool = False) -> dict[Index, None]:
        """The cuts of a stack, of a variable that is one, or of a transposed stack."""
        if isinstance(node, Variable) and node.name in self.cell.equation:
            return self._stack(self.cell.equation[node.name].expression, kind, axis, keep)
        if isinstance(node, Transpose) and isinstance(node.args[0], (Concat, HStack)):
            return self._stack(transpose(node.args[0]), kind, axis, keep)
        if not isinstance(node, kind):
            return {}
        found: dict[Index, None] = {}
        offset = Index.of(0)
        for part in node.args[0]:
            end = offset + (part.shape[axis] if part.shape else 1)
            if keep:
                self.parts[offset, end] = part
            found[offset] = None
            offset = end
        return found

    def _adds_product(self, expression: Node) -> bool:
        terms = expression.args[0] if isinstance(expression, Add) else (expression,)
        return any(self._is(term) or (isinstance(term, MatMul) and self._is(term.args[0][0])) for term in terms)

    def _is(self, node: Node) -> bool:
        if isinstance(node, Neg):
            return self._is(node.args[0])
        return isinstance(node, Variable) and node.name == self.name and node.role is Role.PARAMETER

    def _is_transposed(self, node: Node) -> bool:
        return isinstance(node, Transpose) and self._is(node.args[0])

    def _note(self, where: dict[Index, None], span: Span) -> None:
        if span is not None:
            where.update(dict.fromkeys(span))


def _sliced_rows(cell: Cell) -> Mapping[str, tuple[Index, ...]]:
    """Where the rows of each variable are cut by the equations that read blocks of it."""
    found: dict[str, dict[Index, None]] = {}
    for expression in _expressions(cell):
        for node in postorder(expression):
            if isinstance(node, Slice) and isinstance(node.args[0], Variable) and node.args[1] is not None:
                found.setdefault(node.args[0].name, {}).update(dict.fromkeys(node.args[1]))
    return {name: tuple(cuts) for name, cuts in found.items()}


def _spans(axis: Index, cuts: Iterable[Index]) -> list[tuple[Index, Index]]:
    """The stretches between cuts, in order; the cuts are compared at large generic sizes."""
    inside = dict.fromkeys([Index.of(0), *cuts, axis])
    numbers = generic_sizes(inside)
    end = axis.value(numbers)
    ordered = sorted((c for c in inside if 0 <= c.value(numbers) <= end), key=lambda c: c.value(numbers))
    return list(itertools.pairwise(ordered))


def split_cell(cell: Cell, splits: Mapping[str, SplitParameter], keep: Collection[str] = ()) -> Cell:
    """The cell with parameters in blocks, and what only stacks or slices written out where it is used.

    ``u[t] = concat(h[t], x[t])`` and ``a[t][0:n]`` hide which block meets which variable; after this, an
    equation that reads one of them names the parts themselves.  Variables in ``keep``, and states, stay as
    they are.  The result is for taking derivatives by hand of the calculus: its parameters are blocks, which
    nothing declares.
    """
    writer = _Writer(cell, splits, frozenset(keep))
    return replace(
        cell,
        equations=tuple(replace(e, expression=writer.equation(e)) for e in _in_order(cell)),
        states=tuple(s if s.initial is None else replace(s, initial=writer.rewritten(s.initial)) for s in cell.states),
        loss=None if cell.loss is None else writer.rewritten(cell.loss),
    )


def _in_order(cell: Cell) -> tuple[Equation, ...]:
    timed = tuple(cell.equation[name] for name in cell.step_order())
    return (*(e for e in cell.equations if not e.timed), *timed)


class _Writer:
    """Rewrites equations in the order of a step, so that what one of them reads is rewritten before it."""

    def __init__(self, cell: Cell, splits: Mapping[str, SplitParameter], keep: frozenset[str]) -> None:
        self.cell = cell
        self.splits = splits
        self.fixed = keep | cell.state.keys()
        self.done: dict[str, Node] = {}
        self.quantities = parameter_quantities(cell)

    def equation(self, equation: Equation) -> Node:
        found = self.rewritten(equation.expression)
        if equation.timed or equation.name in self.quantities:
            self.done[equation.name] = found
        return found

    def rewritten(self, expression: Node) -> Node:
        return map_nodes(expression, self._rule)

    def _rule(self, node: Node) -> Node:
        if isinstance(node, Variable):
            return self._variable(node)
        if isinstance(node, Slice):
            operand, rows, columns = node.args
            return block(self._inside(operand) or operand, rows, columns)
        if isinstance(node, Transpose):
            return transpose(node.args[0])
        return multiplied_out(node) if isinstance(node, MatMul) else node

    def _variable(self, node: Variable) -> Node:
        if node.role is Role.PARAMETER and node.name in self.splits:
            return self.splits[node.name].replacement(node.time)
        if node.time is None and node.name in self.quantities and node.name not in self.fixed:
            return self.done[node.name]
        inside = self._inside(node)
        stacked = isinstance(inside, (Concat, HStack)) and all(not p.children for p in inside.children)
        return inside if inside is not None and stacked else node

    def _inside(self, node: Node) -> Node | None:
        """The right-hand side of a variable of the step, at its time; None for everything else."""
        if not isinstance(node, Variable) or node.name in self.fixed or node.time is None:
            return None
        found = self.done.get(node.name)
        return None if found is None else substitute_indices(found, {self.cell.time.index: node.time})


def multiplied_out(product: MatMul) -> Node:
    """``hcat(A, B) @ concat(s, x)`` → ``A @ s + B @ x``, and ``concat(A, B) @ s`` → ``concat(A @ s, B @ s)``."""
    result = product.args[0][0]
    for factor in product.args[0][1:]:
        result = _times(result, factor)
    return result


def _times(left: Node, right: Node) -> Node:
    if isinstance(left, Concat):
        return build.concat(*(_times(part, right) for part in left.args[0]))
    if isinstance(left, HStack) and isinstance(right, Concat) and _same_cuts(left, right):
        return build.add(*(_times(a, b) for a, b in zip(left.args[0], right.args[0], strict=True)))
    if isinstance(right, HStack):
        return build.hcat(*(_times(left, part) for part in right.args[0]))
    if left.is_scalar or right.is_scalar:
        return build.times(left, right)
    return build.matmul(left, right)


def _same_cuts(left: HStack, right: Concat) -> bool:
    one = Index.of(1)
    return [p.shape[1] if p.shape else one for p in left.args[0]] == [
        p.shape[0] if p.shape else one for p in right.args[0]
    ]
