"""From an inert derivative to its value, one recorded equality after the other.

Within a step the chain rule runs through the variables in between: ∂v/∂u = Σ_w (∂v/∂w)(∂w/∂u) with the local
derivatives ∂v/∂w of v's own equation.  Across steps ∂s_t/∂s_k is the ordered product of one-step Jacobians.
"""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.calculus.inert import immediate_by, total_by
from symrnn.calculus.jacobian import by_leaf, jacobian
from symrnn.calculus.products import product, total
from symrnn.calculus.rewrites import collapse, tidy, unit_sums
from symrnn.calculus.state_stack import StateStack, step_derivatives
from symrnn.calculus.step_graph import step_graph
from symrnn.calculus.steps import Step, TimeSpan
from symrnn.language.binder import Product
from symrnn.language.cell import Cell
from symrnn.language.formula import Formula
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Call, Divide, Hadamard, Power
from symrnn.language.traversal import postorder, variables
from symrnn.primitives import lookup

UNIT_SUM_ASSUMPTION = "1ᵀy = 1"


def equality(
    rule: str,
    before: Node,
    after: Node,
    reason: str,
    form: str = "closed",
    spans: tuple[TimeSpan, ...] = (),
    assumption: str | None = None,
    free: tuple[str, ...] = (),
) -> Step:
    """A step between two expressions without parts."""
    return Step(rule, Formula(before), Formula(after), reason, form, spans, assumption, free)


class Explainer:
    """Explains derivatives of one cell; remembers what it has explained so that nothing is said twice."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.graph = step_graph(cell)
        self.local = step_derivatives(cell)
        self.assume = unit_sums(cell)
        self._said: set[tuple[str, Variable, Index]] = set()

    def span(self, time: Index, name: str | None = None) -> tuple[TimeSpan, ...]:
        """The free symbol of a time and the range in which it may stand, for a variable of that name."""
        free = time.names() - self.cell.time.last.names()
        if len(free) != 1:
            return ()
        (symbol,) = free
        shift = time - Index.of(symbol)
        low, high = (self.cell.time.first, self.cell.time.last) if name is None else self.graph.evaluable(name)
        return (TimeSpan(symbol, low - shift, high - shift),)

    def atom(self, name: str, leaf: Variable, time: Index) -> Node:
        """∂v_t/∂leaf: total within the same step, immediate by what lies one step earlier."""
        of = self.graph.variable(name, time)
        by = self._moved(leaf, time)
        return total_by(of, by) if by.time == time else immediate_by(of, by)

    def _moved(self, leaf: Variable, time: Index) -> Variable:
        moved = self.graph.at(leaf, time)
        assert isinstance(moved, Variable)
        return moved

    def within_step(self, name: str, leaf: Variable, time: Index) -> Iterator[Step]:
        """∂name[time]/∂leaf, where ``leaf`` is given relative to the cell's present step."""
        key = (name, leaf, time)
        value = self.local.derivative(name, leaf)
        here = self.graph.variable(name)
        if key in self._said or value is None or here == leaf or not (_is_vector(here) and _is_vector(leaf)):
            return
        self._said.add(key)
        terms, below = self._terms(name, leaf, time)
        before = self.atom(name, leaf, time)
        spans = self.span(time, name)
        rule, reason = self._rule(name)
        yield equality(rule, before, total(terms), reason, spans=spans)
        for lower in below:
            yield from self.within_step(lower, leaf, time)
        if below:
            yield from self._substituted(before, name, leaf, time, spans)

    def _terms(self, name: str, leaf: Variable, time: Index) -> tuple[list[Node], list[str]]:
        expression = self.graph.expression(name)
        terms, below = [], []
        for read in dict.fromkeys(variables(expression)):
            through = read.role is Role.COMPUTED and read.time == self.cell.now and read != leaf
            if read != leaf and not (through and self.local.derivative(read.name, leaf) is not None):
                continue
            local = jacobian(expression, by_leaf(read), self.graph.named)
            if local is None:
                continue
            here = self.graph.at(local, time)
            if read == leaf:
                terms.append(here)
            elif not _is_vector(read):
                # Through a matrix the derivative is of third order: it is put in at once.
                value = self.local.derivative(read.name, leaf)
                assert value is not None
                terms.append(product(here, self.graph.at(value, time)))
            else:
                terms.append(product(here, self.atom(read.name, leaf, time)))
                below.append(read.name)
        return terms, below

    def _substituted(
        self, before: Node, name: str, leaf: Variable, time: Index, spans: tuple[TimeSpan, ...]
    ) -> Iterator[Step]:
        """The values put in, multiplied out where a softmax meets a logarithm, and 1ᵀy = 1 used where declared."""
        value = self.local.derivative(name, leaf)
        assert value is not None
        raw = self.graph.at(value, time)
        yield equality("substitution", before, raw, "Put in the derivatives found so far.", spans=spans)
        multiplied = collapse(raw)
        if multiplied != raw:
            reason = "diag(1/ŷ) (diag(ŷ) − ŷŷᵀ) = I − 1ŷᵀ, so the row in front is multiplied out."
            yield equality("softmax after a logarithm", raw, multiplied, reason, spans=spans)
        assumed = self.assume(multiplied)
        if assumed != multiplied:
            reason = "The target's entries add up to one: it is declared one-hot or a distribution."
            yield equality(
                "unit sum of the target", multiplied, tidy(assumed), reason, spans=spans, assumption=UNIT_SUM_ASSUMPTION
            )
        elif tidy(multiplied) != raw and multiplied != raw:
            yield equality("signs", multiplied, tidy(multiplied), "The terms in their usual order.", spans=spans)

    def _rule(self, name: str) -> tuple[str, str]:
        expression = self.graph.expression(name)
        if isinstance(expression, Call):
            record = lookup(expression.name)
            if record is None:
                return (
                    "generic function",
                    f"{expression.name} acts on every entry; its derivative stays {expression.name}′.",
                )
            return f"derivative of {record.name}", f"{record.rule}, with y = {name} and x its argument."
        inside = [n for n in postorder(expression) if isinstance(n, Call)]
        if inside:
            rules = "; ".join(dict.fromkeys(r.rule for n in inside if (r := lookup(n.name)) is not None))
            return "chain rule within the step", f"The equation of {name}, operand by operand ({rules})."
        if not any(isinstance(n, (Hadamard, Divide, Power)) for n in postorder(expression)):
            return "affine map", f"{name} is affine here: the Jacobian is the matrix in front of the variable."
        return (
            "chain rule within the step",
            f"Every way through the equation of {name} contributes its local derivative.",
        )

    def one_step(self, stack: StateStack, time: Index) -> Iterator[Step]:
        """∂⁺s_t/∂s_{t-1}: its blocks one by one, then the whole."""
        earlier = stack.before(self.cell.now)
        for component in stack.components:
            if component.age == 0:
                for other in stack.components:
                    yield from self.within_step(component.name, stack.variable(other, earlier), time)
        before = immediate_by(stack.node(time), stack.node(stack.before(time)))
        after = self.graph.at(stack.jacobian, time)
        if not stack.is_single:
            reason = "The components of the stack are independent coordinates; each block is one derivative from above."
            yield equality("block Jacobian", before, after, reason, spans=self.span(time))

    def across_steps(self, stack: StateStack, source: Index, copy: Index, value: Node, letter: str) -> Iterator[Step]:
        """∂s_t/∂s_k as the ordered product of the one-step Jacobians."""
        here = Index.of(letter)
        inert = immediate_by(stack.node(here), stack.node(stack.before(here)))
        chain = Product(inert, letter, source, copy + stack.direction, -stack.direction)
        before = total_by(stack.node(source), stack.node(copy))
        spans = self.pair_spans(stack, source, copy)
        reason = "The chain rule from step to step; in numerator layout the later step stands on the left."
        yield equality("ordered product", before, chain, reason, spans=spans)
        yield from self.one_step(stack, here)
        if value != chain:
            yield equality("substitution", chain, value, "Put in the one-step Jacobian.", spans=spans)

    def pair_spans(self, stack: StateStack, source: Index, copy: Index) -> tuple[TimeSpan, ...]:
        """The ranges of two times, the copy not after the source (not before it, for a backward stack)."""
        first, last = self.cell.time.first, self.cell.time.last
        spans = list(self.span(source))
        asked = self.span(copy)
        if spans and not asked:
            shift = source - Index.of(spans[0].index)
            low, high = (index_max(first, copy), last) if stack.direction == 1 else (first, index_min(last, copy))
            return (TimeSpan(spans[0].index, low - shift, high - shift),)
        if spans and asked and spans[0].index == asked[0].index:
            one, other = spans[0], asked[0]
            return (TimeSpan(one.index, index_max(one.lower, other.lower), index_min(one.upper, other.upper)),)
        for span in asked:
            shift = copy - Index.of(span.index)
            low, high = (first, source) if stack.direction == 1 else (source, last)
            spans.append(TimeSpan(span.index, low - shift, high - shift))
        return tuple(spans)


def _is_vector(variable: Variable) -> bool:
    return variable.is_scalar or variable.is_column
