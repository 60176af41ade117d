"""The narrow schedule: as few calls per step as there can be, where vectors are so short that calls cost most.

before → after
    a_k = W_k h[t-1] + U_k x[t] + b_k          → A = [W U b] z,  z = (h[t-1]; x[t]; 1)      one product for all gates
    lam_h = V' e[t] + Σ W_k' d_k[t+1]          → lam_h = [W' V'] q,  q = (d[t+1]; e[t])
    d_k = lam_h p_k                            → d = lam_h ⊙ (p_1; p_2; …)                  one call for all k
    dW_k = Σ d_k h', dU_k = Σ d_k x', db = Σ d → G = Σ q z'                                 one product for all weights

The vectors of a product's right side lie one below the other in one array, a *stack*; a value that the loop computes
is written where it will be multiplied.  Features come before the batch here, so that a gate is one block of memory.
Cells with anything but vectors and numbers in their loops have no narrow schedule.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symrnn.errors import UnsupportedError
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.schedule import Schedule, Stage
from symrnn.planning.simplify import is_elementwise
from symrnn.planning.stacks import Form, Group, NarrowPlan, Pack, Stack, Term

ONE = Fraction(1)


def plan_narrow(schedule: Schedule) -> NarrowPlan:
    """The narrow schedule of a cell.

    Raises UnsupportedError where a loop has more than vectors and numbers, or reads further than one step.
    """
    plan = NarrowPlan(schedule)
    for stage in schedule.stages:
        if stage.kind == "loop":
            _check(stage)
            _Loop(plan, stage).run()
    _join_later_products(plan)
    for stack in plan.stacks:
        _gather_multiplied(plan, stack)
    return plan


def _check(stage: Stage) -> None:
    inside = set(stage.ops)
    for op in stage.ops:
        if len(op.axes) > 1 or not op.batched:
            raise UnsupportedError("the narrow schedule has vectors with one value per example only")
        if op.kind not in ("plus", "product", "apply"):
            raise UnsupportedError(f"the narrow schedule has no place for {op.kind} in a loop")
        for arg in reads(op):
            if len(arg.op.axes) > 2 or (arg.op.timed and (len(arg.op.axes) > 1 or not arg.op.batched)):
                raise UnsupportedError("the narrow schedule reads vectors with one value per example only")
            if arg.op in inside and arg.shift not in (0, -stage.direction):
                raise UnsupportedError("the narrow schedule reads one step back only")


class _Loop:
    """Finds the forms, packs and groups of one loop."""

    def __init__(self, plan: NarrowPlan, stage: Stage) -> None:
        self.plan, self.stage = plan, stage
        self.schedule = plan.schedule
        self.inside = set(stage.ops)
        self.in_loops = {op for s in plan.schedule.stages if s.kind == "loop" for op in s.ops}
        self.back = -stage.direction
        self.readers = {op: [r for r in plan.schedule.readers.get(op, []) if r is not op] for op in stage.ops}

    def run(self) -> None:
        forms = self._forms()
        by_level: dict[frozenset[Op], list[Form]] = {}
        for form in forms:
            by_level.setdefault(self._level(form), []).append(form)
        for level, members in by_level.items():
            self._pack(members, 0 if level else self.back)
        self._groups()

    # ---- forms

    def _forms(self) -> list[Form]:
        found: list[Form] = []
        taken: set[Op] = set()
        # Sums that nothing else takes in come first, so that they can take in what they add up.
        for op in sorted(self.stage.ops, key=self._is_summand):
            if op in taken:
                continue
            form = self._form(op, taken)
            if form is not None:
                found.append(form)
        for op in self.stage.ops:
            for arg in reads(op):
                outer = arg.op not in self.inside and arg.shift == 0
                if op in taken or any(f.op is op for f in found) or not outer or any(f.op is arg.op for f in found):
                    continue
                terms = self._affine(arg, ONE)
                if terms is not None and any(t.matrix is not None for t in terms) and self._private(arg.op):
                    found.append(Form(arg.op, terms))
        self.plan.absorbed |= taken
        return sorted(found, key=lambda f: self._place(f.op))

    def _is_summand(self, op: Op) -> bool:
        sums = [r for r in self.readers[op] if r.kind != "at"]
        return len(sums) == 1 and sums[0].kind == "plus" and sums[0] in self.inside

    def _private(self, op: Op) -> bool:
        """Whether only this loop reads an operation from outside."""
        return all(r in self.inside for r in self.schedule.readers.get(op, []))

    def _place(self, op: Op) -> int:
        if op in self.inside:
            return self.stage.ops.index(op)
        return min(self.stage.ops.index(r) for r in self.schedule.readers[op] if r in self.inside)

    def _form(self, op: Op, taken: set[Op]) -> Form | None:
        """An operation of the loop as a form: its linear terms, and what is added to them afterwards."""
        if op.kind == "product" and _contraction(op) is not None:
            alone = self._affine(Arg(op), ONE)
            return Form(op, alone) if alone is not None else None
        if op.kind != "plus":
            return None
        terms: list[Term] = []
        rest: list[tuple[Arg, Fraction]] = []
        absorbed: set[Op] = set()
        for arg, coefficient in zip(reads(op), op.data, strict=True):
            found = self._term(arg, coefficient, absorbed)
            if found is None:
                rest.append((arg, coefficient))
            else:
                terms.extend(found)
        if not any(t.matrix is not None for t in terms):
            return None
        levels = {self._term_level(t) for t in terms} - {frozenset()}
        if len(levels) > 1 or (levels and any(self._lagged(t) for t in terms)):
            return None
        taken |= absorbed
        return Form(op, terms, rest)

    def _lagged(self, term: Term) -> bool:
        return term.vector is not None and term.vector.op in self.inside and term.vector.shift != 0

    def _term(self, arg: Arg, coefficient: Fraction, absorbed: set[Op]) -> list[Term] | None:
        """The linear terms of an operand of a sum, or None where it has to be added by itself."""
        op = arg.op
        if op in self.inside:
            alone = self.readers[op]
            sums = [r for r in alone if r.kind != "at"]
            if len(sums) == 1 and (op.kind == "product" or op.kind == "plus") and not op.names:
                terms = self._affine(arg, coefficient, whole=True)
                if terms is not None and any(t.matrix is not None for t in terms):
                    absorbed.add(op)
                    if op.kind == "plus":
                        absorbed.update(a.op for a in reads(op) if a.op in self.inside and _contraction(a.op))
                    return terms
            return [Term(coefficient, None, False, arg)] if arg.shift else None
        return self._affine(arg, coefficient)

    def _affine(self, arg: Arg, coefficient: Fraction, whole: bool = False) -> list[Term] | None:
        """An expression as a sum of products of known matrices with vectors; None where it is none.

        Sums of the loop itself are opened only where ``whole`` says that this one is taken in.
        """
        op, shift = arg.op, arg.shift
        if not op.timed:
            return [Term(coefficient, None, False, Arg(op))] if len(op.axes) == 1 and not op.batched else None
        contraction = _contraction(op)
        if contraction is not None:
            matrix, flip, vector = contraction
            return [Term(coefficient * op.data[0], matrix, flip, Arg(vector.op, vector.shift + shift))]
        if op.kind == "plus" and (op not in self.in_loops or whole):
            found: list[Term] = []
            for inner, c in zip(reads(op), op.data, strict=True):
                moved = Arg(inner.op, inner.shift + shift) if inner.op.timed else inner
                terms = self._affine(moved, coefficient * c)
                if terms is None:
                    return None
                found.extend(terms)
            return found
        if len(op.axes) == 1 and op.batched:
            return [Term(coefficient, None, False, arg)]
        return None

    def _term_level(self, term: Term) -> frozenset[Op]:
        vector = term.vector
        if vector is not None and vector.op in self.inside and vector.shift == 0:
            return frozenset({vector.op})
        return frozenset()

    def _level(self, form: Form) -> frozenset[Op]:
        return frozenset().union(*(self._term_level(t) for t in form.terms))

    # ---- packs

    def _pack(self, forms: list[Form], shift: int) -> None:
        stack = Stack(stage=self.stage)
        for form in forms:
            for term in form.terms:
                self._operand(stack, term, shift)
        stack.operands.sort(key=lambda op: op not in self.inside)
        stack.made = {op for op in stack.operands if op in self.inside}
        for op in stack.operands:
            if op in self.inside:
                if op in self.plan.home:
                    raise UnsupportedError("a value stands in two products of one step")
                self.plan.home[op] = stack
        self.plan.stacks.append(stack)
        self.plan.packs.append(Pack(self.stage, _ordered(forms, self.schedule), stack, shift))

    def _operand(self, stack: Stack, term: Term, shift: int) -> None:
        vector = term.vector
        if vector is None or (not vector.op.timed and vector.op.axes):
            stack.bias = True
            return
        offset = vector.shift - shift
        if stack.offsets.setdefault(vector.op, offset) != offset:
            raise UnsupportedError("a vector is multiplied at two distances")
        stack.multiplied.add(vector.op)
        if vector.op not in stack.operands:
            stack.operands.append(vector.op)

    # ---- groups

    def _groups(self) -> None:
        """Products with one vector of the loop that are written into one stack."""
        by_shared: dict[Op, list[tuple[Op, Arg]]] = {}
        for op in self.stage.ops:
            if op in self.plan.absorbed or not is_elementwise(op) or len(op.args) != 2 or op.data[0] != 1:
                continue
            mine = [a for a in reads(op) if a.op in self.inside]
            known = [a for a in reads(op) if a.op not in self.inside and a.op.timed and a.op.axes == op.axes]
            if len(mine) == 1 and len(known) == 1 and not mine[0].shift and mine[0].op.axes == op.axes:
                by_shared.setdefault(mine[0].op, []).append((op, known[0]))
        for shared, pairs in by_shared.items():
            homes = list(dict.fromkeys(self.plan.home[op] for op, _ in pairs if op in self.plan.home))
            for stack in homes:
                # Outputs without a stack of their own go with those of the first one.
                together = [(o, f) for o, f in pairs if self.plan.home.get(o, homes[0]) is stack]
                group = Group(self.stage, shared, [op for op, _ in together], [f for _, f in together])
                self.plan.groups.append(group)
                self._place_group(group)

    def _place_group(self, group: Group) -> None:
        """All outputs of a group into one stack, side by side."""
        stack = next(self.plan.home[op] for op in group.outputs if op in self.plan.home)
        place = min(stack.operands.index(op) for op in group.outputs if op in stack.operands)
        rest = [op for op in stack.operands if op not in group.outputs]
        before = sum(1 for op in stack.operands[:place] if op not in group.outputs)
        stack.operands = [*rest[:before], *group.outputs, *rest[before:]]
        stack.made |= set(group.outputs)
        for op in group.outputs:
            stack.offsets.setdefault(op, 0)
            self.plan.home[op] = stack


def _join_later_products(plan: NarrowPlan) -> None:
    """A product of the same kind that only a sum over time reads is computed with the group at no cost of its own."""
    for group in plan.groups:
        stack = plan.home[group.outputs[0]]
        for stage in plan.schedule.stages:
            if stage.kind != "all":
                continue
            for op in stage.ops:
                if not is_elementwise(op) or len(op.args) != 2 or op.data[0] != 1 or op.axes != group.outputs[0].axes:
                    continue
                pair = [deref(a) for a in op.args]
                mine = [a for a in pair if a.op is group.shared and not a.shift]
                known = [a for a in pair if a.op is not group.shared and a.op.timed]
                if len(mine) == 1 and len(known) == 1 and op not in plan.home and _before(plan, known[0].op, group):
                    place = stack.operands.index(group.outputs[-1]) + 1
                    stack.operands.insert(place, op)
                    stack.offsets[op] = 0
                    stack.made.add(op)
                    plan.home[op] = stack
                    group.outputs.append(op)
                    group.factors.append(known[0])


def _before(plan: NarrowPlan, op: Op, group: Group) -> bool:
    stages = plan.schedule.stages
    stage = plan.schedule.stage_of.get(op)
    return stage is not None and stages.index(stage) < stages.index(group.stage)


def _contraction(op: Op) -> tuple[Op, bool, Arg] | None:
    """The matrix (and whether it is multiplied as it stands) and the vector of a product without time in the matrix."""
    if op.kind != "product" or len(op.args) != 2 or op.data[3] or len(op.data[2]) != 1:
        return None
    pairs = list(zip(reads(op), op.data[1], strict=True))
    matrices = [(a, n) for a, n in pairs if len(n) == 2 and not a.op.timed and not a.op.batched]
    vectors = [(a, n) for a, n in pairs if len(n) == 1 and a.op.timed and a.op.batched]
    if len(matrices) != 1 or len(vectors) != 1 or len(set(matrices[0][1])) != 2:
        return None
    names = matrices[0][1]
    if vectors[0][1][0] not in names or op.data[2][0] == vectors[0][1][0]:
        return None
    return matrices[0][0].op, names[0] != op.data[2][0], vectors[0][0]


def _ordered(forms: list[Form], schedule: Schedule) -> list[Form]:
    """Forms whose sigmoid is taken first, then those whose tanh is, then the others: runs for one call."""

    def rank(form: Form) -> int:
        readers = [r for r in schedule.readers.get(form.op, []) if r is not form.op]
        if len(readers) == 1 and readers[0].kind == "apply" and not form.rest:
            return {"sigmoid": 0, "tanh": 1}.get(readers[0].data[0], 2)
        return 2

    return sorted(forms, key=rank)


def needed(plan: NarrowPlan, wanted: Iterable[Op]) -> set[Op]:
    """What has to be computed outside the loops for these operations, those of the loops not looked into."""
    loops = {op for s in plan.schedule.stages if s.kind == "loop" for op in s.ops}
    found: set[Op] = set()
    open_ops = list(wanted)
    while open_ops:
        op = open_ops.pop()
        if op in found or op in loops:
            continue
        found.add(op)
        if op in plan.home:
            continue
        open_ops.extend(a.op for a in reads(op))
    return found


def _gather_multiplied(plan: NarrowPlan, stack: Stack) -> None:
    """Order the outputs within groups so that what products read stands together in the stack."""
    groups = [g for g in plan.groups if plan.home[g.outputs[0]] is stack]
    groups.sort(key=lambda g: stack.operands.index(g.outputs[0]))
    for number, group in enumerate(groups):
        first = stack.operands.index(group.outputs[0])
        ends_group = number > 0
        pairs = sorted(
            zip(group.outputs, group.factors, strict=True), key=lambda pair: (pair[0] in stack.multiplied) != ends_group
        )
        group.outputs, group.factors = [o for o, _ in pairs], [f for _, f in pairs]
        stack.operands[first : first + len(pairs)] = group.outputs
