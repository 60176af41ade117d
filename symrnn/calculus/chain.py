"""The chain form: inert derivatives only.

    ∂L/∂W = Σ_t Σ_{k≤t} (∂L_t/∂o_t)(∂o_t/∂h_t)(∂h_t/∂h_k) ∂⁺h_k/∂W

What stands between the loss of a step and the state are the variables that every way passes through; an activation that
is fused with the loss (the softmax before a logarithm) is not named.  Where a cell has states that run in both
directions and read each other, or a loss that is no sum of terms of single steps, the adjoints stand for the whole way:
Σ_k (∂L/∂s_k) ∂⁺s_k/∂W + ∂⁺L/∂W.
"""

from __future__ import annotations

from functools import cached_property

from symrnn.calculus.answer import in_shape_of
from symrnn.calculus.direct import direct_paths
from symrnn.calculus.inert import as_vector, immediate_by, total_by
from symrnn.calculus.letters import Letters
from symrnn.calculus.question import By
from symrnn.calculus.state_stack import StateStack, state_stacks, step_derivatives
from symrnn.calculus.step_graph import step_graph
from symrnn.calculus.step_loss import StepLoss, step_loss
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.binder import Product
from symrnn.language.cell import Cell, Start
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Call
from symrnn.language.traversal import free_indices, substitute_indices, variables


class Chain:
    """The chain form of one question."""

    def __init__(self, cell: Cell, of: Node, by: By, letters: Letters, window: Index | None) -> None:
        self.cell, self.of, self.by, self.letters, self.window = cell, of, by, letters, window
        self.graph = step_graph(cell)
        self.local = step_derivatives(cell)

    @cached_property
    def stack(self) -> StateStack | None:
        """The cell's one stack; None where it has none or several."""
        stacks = state_stacks(self.cell)
        return stacks[0] if len(stacks) == 1 else None

    @cached_property
    def loss(self) -> StepLoss | None:
        """The loss by steps, where its terms depend on the state of their own step only."""
        found = step_loss(self.cell, self.of)
        return found if found is not None and self._own_step(found.term.name, set()) else None

    def _own_step(self, name: str, seen: set[str]) -> bool:
        if self.stack is not None and name in self.stack.names:
            return True
        if name in seen or name not in self.cell.equation:
            return True
        seen.add(name)
        for leaf in self.graph.reads(name):
            if leaf.role is Role.COMPUTED:
                if leaf.time != self.cell.now:
                    return False
                if not self._own_step(leaf.name, seen):
                    return False
        return True

    def formula(self) -> Node:
        """The chain form.  Raises UnsupportedError, with the reason, where the question has none."""
        if self.by.stack or self.by.leaf is None:
            return self._by_stack()
        leaf = self.by.leaf
        if not self.cell.equation:
            raise UnsupportedError("nothing here runs through time, so there is no chain of steps")
        if (through := self.graph.through_whole(leaf)) is not None:
            raise UnsupportedError(f"{leaf.name} acts through {through}, a quantity of the whole sequence")
        if isinstance(self.of, Variable) and self.of.time is not None and not self.of.is_single:
            return in_shape_of(self.of, self.by, self._of_step_variable(self.of, leaf))
        if self.loss is None:
            return self._by_adjoints(leaf)
        if leaf.time is not None:
            return self._loss_by_timed(self.loss, leaf)
        return self._loss_by_parameter(self.loss, leaf)

    def _by_stack(self) -> Node:
        raise UnsupportedError("a stack has no chain form of its own: its components are independent coordinates")

    def between(self, source: Index, copy: Index) -> list[Node]:
        """∂s_t/∂s_k."""
        assert self.stack is not None
        return [total_by(self.stack.node(source), self.stack.node(copy))]

    def head(self, of: Variable) -> list[Node]:
        """The derivatives from a variable down to the stack of its own step."""
        assert self.stack is not None
        assert of.time is not None
        path = self._path_to_state(of.name)
        nodes = [as_vector(self.graph.variable(name, of.time)) for name in path]
        return (
            [total_by(a, b) for a, b in zip(nodes, [*nodes[1:], self.stack.node(of.time)], strict=True)] if path else []
        )

    def _path_to_state(self, name: str) -> list[str]:
        """The variables that every way from ``name`` to the state passes through, fused activations left out."""
        assert self.stack is not None
        if name in self.stack.names:
            return [] if self.stack.is_single else [name]
        path = [name]
        while True:
            below = [n for n in self.cell.same_step(path[-1]) if self._on_state(n)]
            if len(below) != 1 or below[0] in self.stack.names:
                break
            path.append(below[0])
        return [n for place, n in enumerate(path) if place in (0, len(path) - 1) or not self._is_activation(n)]

    def _is_activation(self, name: str) -> bool:
        expression = self.graph.expression(name)
        return isinstance(expression, Call) and isinstance(expression.arguments[0], Variable)

    def _on_state(self, name: str) -> bool:
        assert self.stack is not None
        if name in self.stack.names:
            return True
        return any(self._on_state(n) for n in self.cell.same_step(name))

    def _feeds_state(self, name: str) -> bool:
        """Whether a variable acts on a state of its own step."""
        assert self.stack is not None
        return any(self.local.derivative(s, self.graph.variable(name)) is not None for s in self.stack.names)

    def _copies_range(self, source: Index) -> tuple[Index, Index]:
        assert self.stack is not None
        first, last = self.cell.time.first, self.cell.time.last
        if self.stack.direction == 1:
            return (first if self.window is None else index_max(first, source - self.window)), source
        return source, (last if self.window is None else index_min(last, source + self.window))

    def _sources_range(self, loss: StepLoss, time: Index) -> tuple[Index, Index]:
        assert self.stack is not None
        if self.stack.direction == 1:
            low = time if loss.lower == self.cell.time.first and not self._early(time) else index_max(loss.lower, time)
            return low, loss.upper if self.window is None else index_min(loss.upper, time + self.window)
        high = time if loss.upper == self.cell.time.last and not self._late(time) else index_min(loss.upper, time)
        return loss.lower if self.window is None else index_max(loss.lower, time - self.window), high

    def _early(self, time: Index) -> bool:
        distance = (time - self.cell.time.first).constant
        return distance is not None and distance < 0

    def _late(self, time: Index) -> bool:
        distance = (self.cell.time.last - time).constant
        return distance is not None and distance < 0

    def _scaled(self, loss: StepLoss, body: Node) -> Node:
        return body if loss.coefficient is None else build.times(loss.coefficient, body)

    def _over_sources(self, loss: StepLoss, body: Node, low: Index, high: Index) -> Node:
        if loss.lower == loss.upper:
            return substitute_indices(body, {self.letters.outer: loss.lower})
        return build.sum_over(body, self.letters.outer, low, high)

    def _loss_by_parameter(self, loss: StepLoss, leaf: Variable) -> Node:
        if self.stack is None and self.cell.states:
            return self._by_adjoints(leaf)
        outer, inner = Index.of(self.letters.outer), Index.of(self.letters.inner)
        terms = []
        if self.stack is not None and self.local.stack_column(self.stack, leaf) is not None:
            head = self.head(loss.term.at(outer))
            tail = immediate_by(self.stack.node(inner), leaf)
            low, high = self._copies_range(outer)
            body = self._laid(build.compose(*head, *self.between(outer, inner), tail), leaf)
            terms.append(
                self._over_sources(loss, build.sum_over(body, self.letters.inner, low, high), loss.lower, loss.upper)
            )
        direct = self._direct_terms(loss, leaf, outer)
        if direct is None and loss.lower == loss.upper:
            raise UnsupportedError(
                f"{leaf.name} acts on {loss.term.name} within the step both directly and through the state"
            )
        if direct is None:
            return build.add(*(self._scaled(loss, t) for t in terms), immediate_by(self.of, leaf), *self._starts(leaf))
        terms.extend(self._over_sources(loss, d, loss.lower, loss.upper) for d in direct)
        whole = [self._scaled(loss, t) for t in terms] + self._starts(leaf)
        if not whole:
            return immediate_by(self.of, leaf)
        return build.add(*whole)

    def _direct_terms(self, loss: StepLoss, leaf: Variable, outer: Index) -> list[Node] | None:
        """∂L_t/∂u_t ∂⁺u_t/∂W for the equations outside the state; None where they must be taken together."""
        terms = []
        for name in self.graph.order:
            if leaf not in set(self.graph.reads(name)) or name in self.cell.state:
                continue
            if self.stack is not None and self._feeds_state(name):
                if self._reaches_directly(loss.term.name, name):
                    return None
                continue
            if name == loss.term.name:
                terms.append(immediate_by(loss.term.at(outer), leaf))
            elif self.local.derivative(loss.term.name, self.graph.variable(name)) is not None:
                here = self.graph.variable(name, outer)
                seen = as_vector(here)
                terms.append(
                    self._laid(build.compose(total_by(loss.term.at(outer), seen), immediate_by(seen, leaf)), leaf)
                )
        # ∂⁺u_t/∂W would count the way through the state of its own step a second time.
        tied = self.stack is not None and self.local.stack_column(self.stack, leaf) is not None
        penalty = isinstance(self.of, Variable) and self.of.role is Role.LOSS and self._in_loss(leaf)
        return None if len(terms) > 1 or penalty or (terms and tied) else terms

    def _in_loss(self, leaf: Variable) -> bool:
        return self.cell.loss is not None and leaf in variables(self.cell.loss)

    def _reaches_directly(self, top: str, name: str) -> bool:
        """Whether ``top`` depends on ``name`` within the step other than through states."""
        assert self.stack is not None
        held = frozenset(self.graph.variable(s) for s in self.stack.names)
        return self.local.derivative(top, self.graph.variable(name), held) is not None

    def _starts(self, leaf: Variable) -> list[Node]:
        """∂L/∂h_0 ∂⁺h_0/∂W, where an initial value contains the leaf."""
        return [
            self._laid(build.compose(total_by(self.of, start), immediate_by(start, leaf)), leaf)
            for s, time, _ in self.cell.initial_keys()
            if s.start == Start.EXPRESSION and s.initial is not None and leaf in variables(s.initial)
            for start in [as_vector(self.cell.variable(s.name, time))]
        ]

    def _loss_by_timed(self, loss: StepLoss, leaf: Variable) -> Node:
        assert leaf.time is not None
        if self.stack is None or not self._plain_reads(leaf):
            return self._linearity(loss, leaf)
        here = leaf.at(self.cell.now)
        if leaf.role is Role.COMPUTED and leaf.name not in self.cell.state and not self._feeds_state(leaf.name):
            if loss.lower == loss.upper and loss.lower != leaf.time:
                raise UnsupportedError(f"{leaf.name} acts on the {loss.term.name} of its own step alone")
            return self._scaled(loss, total_by(loss.term.at(leaf.time), leaf))
        outer = Index.of(self.letters.outer)
        low, high = self._sources_range(loss, leaf.time)
        head = self.head(loss.term.at(outer))
        if leaf.name in self.stack.names:
            body = self._laid(build.compose(*head, total_by(self.stack.node(outer), leaf)), leaf)
        elif (
            self._reaches_directly(loss.term.name, leaf.name)
            if leaf.role is Role.COMPUTED
            else self._read_outside(here)
        ):
            return self._linearity(loss, leaf)
        else:
            here_on = [*self.between(outer, leaf.time), immediate_by(self.stack.node(leaf.time), leaf)]
            body = self._laid(build.compose(*head, *here_on), leaf)
        return self._scaled(loss, self._over_sources(loss, body, low, high))

    def _plain_reads(self, leaf: Variable) -> bool:
        """Whether all equations read a leaf at its own step."""
        if leaf.role is Role.COMPUTED:
            return True
        return all(
            v.time == self.cell.now for n in self.graph.order for v in self.graph.reads(n) if v.name == leaf.name
        )

    def _read_outside(self, leaf: Variable) -> bool:
        """Whether an equation that is not a way to the state reads an input."""
        return any(
            leaf in set(self.graph.reads(name)) and name not in self.cell.state and not self._feeds_state(name)
            for name in self.graph.order
        )

    def _linearity(self, loss: StepLoss, leaf: Variable) -> Node:
        outer = Index.of(self.letters.outer)
        body = total_by(loss.term.at(outer), leaf)
        return self._scaled(loss, self._over_sources(loss, body, loss.lower, loss.upper))

    def _of_step_variable(self, of: Variable, leaf: Variable) -> Node:
        assert of.time is not None
        if self.stack is None or not self._own_step(of.name, set()):
            raise UnsupportedError("there is no chain through one stack of states for this question")
        head = self.head(of)
        if leaf.time is not None:
            return self._step_by_timed(of, leaf, head)
        if not self._on_state(of.name):
            return self._within_step(of, leaf)
        low, high = self._copies_range(of.time)
        inner = Index.of(self.letters.inner)
        terms = []
        if self.local.stack_column(self.stack, leaf) is not None:
            body = build.compose(*head, *self.between(of.time, inner), immediate_by(self.stack.node(inner), leaf))
            terms.append(build.sum_over(body, self.letters.inner, low, high))
        for name in self.graph.order:
            if leaf in set(self.graph.reads(name)) and self._is_beside_state(of.name, name):
                if terms:
                    raise UnsupportedError(f"{leaf.name} acts on {of.name} both directly and through the state")
                here = self.graph.variable(name, of.time)
                if here == of:
                    terms.append(immediate_by(of, leaf))
                elif self.local.derivative(of.name, self.graph.variable(name)) is not None:
                    terms.append(build.compose(total_by(of, here), immediate_by(here, leaf)))
        starts = self._starts(leaf)
        if starts and self.window is not None:
            raise UnsupportedError(f"{leaf.name} stands in an initial value, which a window may leave out")
        terms.extend(starts)
        if not terms:
            raise UnsupportedError(f"{of.name} does not depend on {leaf.name}")
        return build.add(*terms)

    def _is_beside_state(self, top: str, name: str) -> bool:
        """Whether ``top`` sees a variable of its own step otherwise than through the state."""
        if name in self.cell.state:
            return False
        return not self._feeds_state(name) or top == name or self._reaches_directly(top, name)

    def _within_step(self, of: Variable, leaf: Variable) -> Node:
        """No state stands between: all copies of the leaf but this step's are without effect."""
        if self.local.derivative(of.name, leaf) is None:
            raise UnsupportedError(f"{of.name} does not depend on {leaf.name}")
        return immediate_by(of, leaf)

    def _step_by_timed(self, of: Variable, leaf: Variable, head: list[Node]) -> Node:
        assert self.stack is not None
        assert of.time is not None
        assert leaf.time is not None
        distance = ((of.time - leaf.time) * self.stack.direction).constant
        if distance is not None and distance < 0:
            raise UnsupportedError(f"{leaf.name}[{leaf.time}] comes too late to act on {of.name}[{of.time}]")
        if leaf.time == of.time:
            return (
                build.compose(*head)
                if head and self.stack.is_single and leaf.name in self.stack.names
                else total_by(of, leaf)
            )
        if leaf.name not in self.stack.names:
            if not self._on_state(of.name):
                raise UnsupportedError(f"no state of its step stands between {of.name} and {leaf.name}")
            if leaf.role is Role.COMPUTED or not self._plain_reads(leaf) or self._read_outside(leaf.at(self.cell.now)):
                return total_by(of, leaf)
            return build.compose(
                *head, *self.between(of.time, leaf.time), immediate_by(self.stack.node(leaf.time), leaf)
            )
        if head or not self.stack.is_single:
            return build.compose(*head, total_by(self.stack.node(of.time), leaf))
        index = Index.of(self.letters.factor)
        step = -self.stack.direction
        factor = immediate_by(self.stack.node(index), self.stack.node(self.stack.before(index)))
        return Product(factor, self.letters.factor, of.time, leaf.time + self.stack.direction, step)

    def _laid(self, body: Node, leaf: Variable) -> Node:
        """A row over the leaf's coordinates as the derivative by the leaf: by a row it is a column."""
        return build.transpose(body) if leaf.is_row and not leaf.is_scalar and body.is_row else body

    def _acts_on(self, stack: StateStack, leaf: Variable) -> bool:
        """Whether a leaf acts on a stack within the step; what goes through another stack is that one's."""
        here = self.graph.cell.now
        others = frozenset(self.graph.variable(name, here) for name in self.cell.state if name not in stack.names)
        own = self.local.stack_column(stack, leaf, others)
        if own is not None and own != self.local.stack_column(stack, leaf):
            raise UnsupportedError(
                f"{leaf.name} acts on {', '.join(sorted(stack.names))} directly and through other states"
            )
        return own is not None

    def _has_own_time(self) -> bool:
        """Whether the quantity is one of a step, as norm2(h[t]) is, and not of the whole sequence."""
        free = free_indices(self.of)
        return any(v.time is not None and v.time.names() <= free for v in variables(self.of))

    def _by_adjoints(self, leaf: Variable) -> Node:
        if leaf.time is not None:
            return total_by(self.of, leaf)
        inner, times = Index.of(self.letters.inner), self.cell.time
        if self.window is not None:
            raise UnsupportedError("a truncated gradient of this loss has no chain form")
        terms = [
            build.sum_over(
                self._laid(
                    build.compose(total_by(self.of, stack.node(inner)), immediate_by(stack.node(inner), leaf)), leaf
                ),
                self.letters.inner,
                times.first,
                times.last,
            )
            for stack in state_stacks(self.cell)
            if self._acts_on(stack, leaf)
        ]
        if self._has_own_time():
            # Here ∂⁺ would count the ways through the states of its own step a second time.
            if any(direct_paths(self.cell, self.of).untimed.get(leaf, [])) or not terms:
                raise UnsupportedError(f"{leaf.name} acts within the step as well")
            return build.add(*terms, *self._starts(leaf))
        return build.add(*terms, immediate_by(self.of, leaf), *self._starts(leaf))
