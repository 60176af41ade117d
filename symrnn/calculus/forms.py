"""The forms of an answer, each with the steps that lead to it from the one before.

chain → closed → recursion, unrolled, index, vec;  forward is the RTRL recursion beside the adjoint.
"""

from __future__ import annotations

from functools import cached_property

from symrnn.calculus.answer import closed_answer
from symrnn.calculus.chain import Chain
from symrnn.calculus.closed import ClosedForm
from symrnn.calculus.explain import Explainer, equality
from symrnn.calculus.forward import forward_recursion
from symrnn.calculus.index_form import index_form
from symrnn.calculus.inert import crosses_time, immediate_by, total_by
from symrnn.calculus.jacobian import to_row
from symrnn.calculus.letters import Letters
from symrnn.calculus.one_copy import one_copy
from symrnn.calculus.question import PROTECTED, By, free_times, question_spans
from symrnn.calculus.recursion_form import recursion_form, recursion_steps
from symrnn.calculus.state_stack import StateStack, state_stacks
from symrnn.calculus.step_loss import step_loss
from symrnn.calculus.steps import Form, Step, TimeSpan
from symrnn.calculus.unrolling import unroll
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.cell import Cell
from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.formula import Formula
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Commutation, Entry, Vec
from symrnn.language.traversal import bound_indices, find, free_indices, fresh_index, variables

FORMS = ("chain", "closed", "recursion", "unrolled", "index", "vec", "forward")

COLUMN_BY_MATRIX = "a vector by a matrix is a third-order tensor: it has chain, index, vec and recursion forms only"


class FormBuilder:
    """Builds the forms of one question (its free times renamed) and collects the steps on the way."""

    def __init__(
        self, cell: Cell, of: Node, by: By, by_node: Node, window: Index | None, tau: int | None, vec_order: str
    ) -> None:
        self.cell, self.of, self.by, self.by_node = cell, of, by, by_node
        self.window, self.tau, self.vec_order = window, tau, vec_order
        asked = free_times(cell, of, by_node)
        taken = frozenset(asked) | frozenset(name.removesuffix(PROTECTED.format("")) for name in asked)
        self.letters = Letters.avoiding(cell, taken)
        self.steps: list[Step] = []
        self.explainer = Explainer(cell)

    def form(self, name: str) -> Form:
        """One form; UnsupportedError says why it does not exist."""
        return getattr(self, f"_form_{name}")()

    def ways(self, names: set[str]) -> set[str]:
        """The forms through which the asked ones are reached."""
        through = {"closed"} if names & {"recursion", "unrolled", "index", "vec", "closed"} else set()
        return through | ({"chain"} if through and self._chain_or_none is not None else set())

    @cached_property
    def of_matrix(self) -> bool:
        """Whether a vector is differentiated by a matrix."""
        leaf = self.by.leaf
        if self.of.is_single or leaf is None or self.by.as_vec or isinstance(self.by.selection, Entry):
            return False
        return not (leaf.is_scalar or leaf.is_column or leaf.is_row)

    @cached_property
    def closed(self) -> Node:
        """The closed form (of a vector by a matrix: by its vec)."""
        return closed_answer(ClosedForm(self.cell, self.of, self.letters, self.window, self._spans()), self.by)

    @cached_property
    def _chain_or_none(self) -> Node | None:
        try:
            return self._chain
        except UnsupportedError:
            return None

    @cached_property
    def _chain(self) -> Node:
        if self.by.selection is not None or self.by.as_vec:
            raise UnsupportedError("entries, blocks and vec are read off the derivative by the whole variable")
        chain = Chain(self.cell, self.of, self.by, self.letters, self.window).formula()
        if self.window is not None and self._is_uncut(chain):
            raise UnsupportedError("a total derivative in the chain would reach beyond the window")
        self._chain_steps(chain)
        return chain

    def _is_uncut(self, chain: Node) -> bool:
        """Whether the window, which cuts the closed form, leaves something of the chain as it is without one."""
        if crosses_time(chain, self.of, self.by_node):
            return True
        whole = Chain(self.cell, self.of, self.by, self.letters, None).formula()
        return chain == whole and self.closed != closed_answer(
            ClosedForm(self.cell, self.of, self.letters, None, self._spans()), self.by
        )

    @property
    def inert(self) -> Node:
        """What was asked, as an inert derivative."""
        return total_by(self.of, self.by_node)

    @property
    def _inert_vec(self) -> Node:
        """What was asked; of a vector by a matrix, by its vec."""
        return total_by(self.of, Vec(self.by_node)) if self.of_matrix else self.inert

    def _chain_steps(self, chain: Node) -> None:
        loss = step_loss(self.cell, self.of)
        before = self.inert
        if self.window is None and loss is not None and loss.lower != loss.upper and self.by.leaf is not None:
            term = total_by(loss.term.at(Index.of(self.letters.outer)), self.by_node)
            body = term if loss.coefficient is None else build.times(loss.coefficient, term)
            split = build.sum_over(body, self.letters.outer, loss.lower, loss.upper)
            if split != chain:
                reason = "The derivative of a sum is the sum of the derivatives."
                self._record("linearity", before, split, reason, "chain")
                before = split
        if chain != before and self.window is None:
            reason = (
                "Every copy of the variable counts, through all later steps: by induction over t from "
                "d s_t/dθ = ∂⁺s_t/∂θ + (∂s_t/∂s_{t−1}) d s_{t−1}/dθ."
            )
            self._record("multivariable chain rule", before, chain, reason, "chain")

    def _record(self, rule: str, before: Node, after: Node, reason: str, form: str, free: tuple[str, ...] = ()) -> None:
        self.steps.append(equality(rule, before, after, reason, form, self._spans(), free=free))

    def _spans(self) -> tuple[TimeSpan, ...]:
        return question_spans(self.cell, self.of, self.by_node)

    def _form_chain(self) -> Form:
        return Form("chain", Formula(self._chain))

    def _form_closed(self) -> Form:
        if self.of_matrix:
            raise UnsupportedError(COLUMN_BY_MATRIX)
        self._closed_steps()
        return Form("closed", Formula(self.closed))

    def _closed_steps(self) -> None:
        if any(s.form == "closed" for s in self.steps):
            return
        chain = self._chain_or_none
        start = chain if chain is not None else self.inert
        for atom in find(start, (Jacobian, ImmediateJacobian)):
            self._explain(atom)
        if start != self.closed or self.window is not None:
            rule, reason = "substitution", "Put in the derivatives found above."
            if not self.cell.equation:
                rule = "product rule"
                reason = (
                    "Every place where the variable stands contributes, the others held fixed: df = tr(G dX) gives G."
                )
            if self._contracts(start):
                reason += (
                    " A row times the third-order ∂⁺ is an outer product: "
                    "what the matrix multiplies stands on the far left."
                )
            target = self.closed if not self.of_matrix else None
            if target is not None:
                self._record(rule, start, target, reason, "closed")

    def _contracts(self, node: Node) -> bool:
        return any(len(a.shape) == 3 for a in find(node, (Jacobian, ImmediateJacobian)))

    def _explain(self, atom: Node) -> None:
        of, by = atom.args[0], atom.args[1]
        stack = self._stack_of(of), self._stack_of(by)
        if isinstance(atom, Jacobian) and stack[0] is not None and stack[0] is stack[1]:
            self._explain_across(atom, stack[0])
        elif (
            isinstance(of, Variable)
            and of.role is Role.COMPUTED
            and of.time is not None
            and of.name in self.cell.equation
        ):
            self._explain_variable(atom, of)
        elif stack[0] is not None and isinstance(by, Variable):
            self._explain_stack(stack[0], by)

    def _stack_of(self, node: Node) -> StateStack | None:
        """The stack that a node is, at whatever time."""
        times = [v.time for v in variables(node) if v.time is not None]
        if not times:
            return None
        return next((s for s in state_stacks(self.cell) for t in times[:1] if s.node(t) == node), None)

    def _explain_across(self, atom: Node, stack: StateStack) -> None:
        source, copy = (variables(side)[0].time for side in atom.args[:2])
        assert source is not None
        assert copy is not None
        distance = ((source - copy) * stack.direction).constant
        if distance is not None and distance < 0:
            return
        letters = Letters(self.letters.outer, self.letters.inner, self.letters.factor)
        closed = ClosedForm(self.cell, stack.node(source), letters)
        value = closed_answer(closed, By(None, stack=tuple(stack.variable(c, copy) for c in stack.components)))
        self.steps.extend(self.explainer.across_steps(stack, source, copy, value, letters.factor))

    def _explain_variable(self, atom: Node, of: Variable) -> None:
        by = atom.args[1]
        assert of.time is not None
        state = self.cell.state.get(of.name)
        if state is not None and of.time in self.cell.initial_times(state):
            return
        for leaf in variables(by):
            relative = leaf if leaf.time is None else leaf.at(leaf.time - of.time + self.cell.now)
            distance = None if leaf.time is None else (leaf.time - of.time).constant
            if distance == 0 and not self._is_matrix(leaf) and not isinstance(by, Variable):
                continue
            if distance == 0 and not self._is_matrix(leaf):
                self.steps.extend(self.explainer.within_step(of.name, relative, of.time))
            elif leaf.time is None and self._is_matrix(leaf) and not of.is_single:
                self._explain_copy(of, leaf)
        if not isinstance(by, Variable) and isinstance(atom, Jacobian):
            self._explain_by_stack(atom, of)

    def _explain_by_stack(self, atom: Node, of: Variable) -> None:
        stack = self._stack_of(atom.args[1])
        if stack is None or of.time is None:
            return
        names = tuple(stack.variable(c, of.time) for c in stack.components)
        value = closed_answer(ClosedForm(self.cell, of, self.letters), By(None, stack=names))
        reason = "Block by block; the components of the stack are independent coordinates."
        self.steps.append(
            equality("derivative by the stack", atom, value, reason, spans=self.explainer.span(of.time, of.name))
        )

    def _explain_stack(self, stack: StateStack, leaf: Variable) -> None:
        time = self.letters.inner
        if (
            leaf.time is None
            and self._is_matrix(leaf)
            and stack.is_single
            and stack.variable(stack.components[0], self.cell.now).is_column
        ):
            self._explain_copy(stack.variable(stack.components[0], Index.of(time)), leaf)

    def _is_matrix(self, leaf: Variable) -> bool:
        return len(leaf.shape) == 2 and not leaf.is_column and not leaf.is_row

    def _explain_copy(self, of: Variable, leaf: Variable) -> None:
        """∂⁺h_k/∂W entry by entry: δ_{il} times what the l-th row of W multiplies."""
        assert of.time is not None
        taken = free_indices(of) | {self.letters.outer, self.letters.inner, self.letters.factor} | self._reserved
        i = fresh_index("i", taken)
        row = fresh_index("l", taken | {i})
        column = fresh_index("m", taken | {i, row})
        value = self.explainer.local.derivative(of.name, leaf)
        if value is None:
            return
        component = Entry(self.explainer.graph.variable(of.name), (Index.of(i),))
        derivative = one_copy(self.cell, component, leaf)
        written = index_form(derivative, column, row, self._reserved)
        here = self.explainer.graph.at(written, of.time)
        before = Entry(immediate_by(of, leaf), (Index.of(i), Index.of(row), Index.of(column)))
        reason = "Only the copy of the matrix at this step varies, earlier states are held fixed."
        self.steps.append(
            equality(
                "immediate derivative",
                before,
                here,
                reason,
                spans=self.explainer.span(of.time, of.name),
                free=(i, row, column),
            )
        )

    @property
    def _reserved(self) -> set[str]:
        """Names that a component index must not have."""
        sizes = {*self.cell.sizes, *dict(self.cell.equal_sizes)}
        return set(self.cell.names()) | sizes | set(self.cell.time.last.names())

    def _form_recursion(self) -> Form:
        if not self.of.is_single:
            formula = forward_recursion(self.cell, self.of, self.by, self.by_node, self.window)
            reason = "Carried forward in time, one line: J_t times the last one plus the immediate derivative."
            self.steps.append(
                Step("forward recursion", Formula(self._inert_vec), formula, reason, "recursion", self._spans())
            )
            return Form("recursion", formula)
        if self.window is not None:
            raise UnsupportedError("the truncated gradient is no plain adjoint recursion; ask for its closed form")
        formula = recursion_form(self.cell, self.of, self.by)
        self.steps.extend(recursion_steps(self.cell, self.of, formula))
        if not any(s.form == "recursion" and s.after == formula for s in self.steps):
            reason = "The sums over all later times are collected in the adjoints, one line for each."
            self.steps.append(
                Step("adjoint recursion", Formula(self._before()), formula, reason, "recursion", self._spans())
            )
        return Form("recursion", formula)

    def _before(self) -> Node:
        try:
            return self.closed if not self.of_matrix else self.inert
        except UnsupportedError:
            return self.inert

    def _form_forward(self) -> Form:
        formula = forward_recursion(self.cell, self.of, self.by, self.by_node, self.window)
        reason = "The sensitivities of the state are carried forward in time (real-time recurrent learning)."
        self.steps.append(
            Step("forward accumulation", Formula(self._inert_vec), formula, reason, "forward", self._spans())
        )
        return Form("forward", formula)

    def _form_unrolled(self) -> Form:
        if self.of_matrix:
            raise UnsupportedError(COLUMN_BY_MATRIX)
        if free_times(self.cell, self.of, self.by_node):
            raise UnsupportedError(
                "the unrolled form is written for fixed times", hint="Give them: --of 'h[4]' --wrt 'h[1]'."
            )
        self._closed_steps()
        numbers = self._steps_numbers()
        written, count = unroll(self.closed, numbers)
        note = ", ".join(f"{name} = {value}" for name, value in numbers.items()) or None
        return Form("unrolled", Formula(written), terms=count, note=note)

    def _steps_numbers(self) -> dict[str, int]:
        """The number behind the cell's last time; none is needed where the answer speaks of fixed times only."""
        symbols = self.cell.time.last.names()
        if not symbols & free_indices(self.closed):
            return {}
        if self.tau is None:
            raise UnsupportedError("the unrolled form needs a number of steps", hint="Add --tau, for example --tau 3.")
        (symbol,) = symbols
        return {symbol: self.tau - (self.cell.time.length - Index.of(symbol)).value({})}

    def _form_index(self) -> Form:
        leaf = self.by.leaf
        if leaf is None or self.by.as_vec:
            raise UnsupportedError("the index form is that of a derivative by one variable")
        if self.by.selection is not None:
            raise UnsupportedError("the index form is asked by the whole variable; its entries are what it shows")
        free, entry, written = self._index_parts(leaf)
        reason = "Every matrix product is a sum over a repeated letter; a diagonal factor carries a Kronecker delta."
        self._record("Einstein summation", entry, written, reason, "index", free)
        return Form("index", Formula(written), free=free)

    def _index_parts(self, leaf: Variable) -> tuple[tuple[str, ...], Node, Node]:
        taken = set(free_indices(self.closed)) | set(bound_indices(self.closed)) | self._reserved | {"t", "k", "j"}
        of_free: tuple[str, ...] = ()
        quantity = self.of
        if not self.of.is_single:
            of_free = (fresh_index("i", taken),)
            quantity = Entry(self.of, (Index.of(of_free[0]),))
        taken |= set(of_free)
        row = None if leaf.is_scalar or leaf.is_row else fresh_index("i", taken)
        taken |= {row} if row else set()
        column = None if leaf.is_scalar or leaf.is_column else fresh_index("l", taken)
        matrix = closed_answer(ClosedForm(self.cell, quantity, self.letters, self.window, self._spans()), By(leaf))
        written = index_form(matrix, column, row, self._reserved)
        by_free = tuple(name for name in (row, column) if name is not None)
        return (*of_free, *by_free), self._asked_entry(of_free, by_free), written

    def _asked_entry(self, of_free: tuple[str, ...], by_free: tuple[str, ...]) -> Node:
        # A truncated gradient is no derivative: its entries are those of the truncated sum.
        inert = self.inert if self.window is None else self.closed
        if inert.is_scalar:
            return inert
        places = tuple(Index.of(n) for n in (*of_free, *by_free))
        if len(inert.shape) == 3:
            return Entry(inert, places)
        if of_free and by_free:
            return Entry(inert, places)
        if len(by_free) == 2:
            return Entry(inert, places[::-1])
        return Entry(inert, places if places else (Index.of(0), Index.of(0)))

    def _form_vec(self) -> Form:
        if self.by.stack or self.by.leaf is None or isinstance(self.by.selection, Entry):
            raise UnsupportedError("the vec form is that of a derivative by one variable")
        self._closed_steps()
        leaf = self.by.leaf
        row = self.closed if not self.of.is_single or self.by.as_vec else to_row(self.closed, leaf.shape)
        if self.of.is_row and not self.of.is_single and leaf.is_scalar:
            row = build.transpose(row)  # the vec of a row is a column
        if self.vec_order == "row" and self._is_matrix(leaf):
            row = build.matmul(row, Commutation(leaf.shape[1], leaf.shape[0])) if not row.is_scalar else row
        note = f"{self.vec_order}-major" if self._is_matrix(leaf) else None
        if self.vec_order == "column" and self._is_matrix(leaf) and self.window is None and self.by.selection is None:
            inert = Jacobian(self.of, Vec(leaf), Layout.NUMERATOR)
            reason = "vec(L W R) = (Rᵀ ⊗ L) vec W, with vec stacking the columns (column-major)."
            self._record("vec", inert, row, reason, "vec")
        return Form("vec", Formula(row), note=note)
