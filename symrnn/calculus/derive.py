"""Questions answered: every form with the steps that lead to it.

Everything is built in numerator layout; the layout asked for is made from it at the end (:mod:`transposition`).
"""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.calculus.forms import FORMS, FormBuilder
from symrnn.calculus.question import check_question, protect, question_spans, read_by
from symrnn.calculus.steps import Derived, Form, Question, Step
from symrnn.calculus.transposition import in_layout
from symrnn.errors import QuestionError, UnsupportedError, did_you_mean
from symrnn.language.binder import Sum
from symrnn.language.cell import Cell
from symrnn.language.formula import Formula, Part
from symrnn.language.index import Index
from symrnn.language.layout import Layout
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Vec
from symrnn.language.traversal import free_indices, fresh_index, map_nodes, substitute_indices


def derive(
    cell: Cell,
    of: Node,
    by: Node,
    layout: Layout = Layout.NUMERATOR,
    forms: Sequence[str] | None = None,
    tau: int | None = None,
    window: Index | None = None,
    vec_order: str = "column",
) -> Derived:
    """The derivative of ``of`` by ``by`` in the forms asked for.

    Without ``forms`` it is the closed form where there is one, else the recursion; ``("all",)`` are those that exist.
    ``unrolled`` needs ``tau``.  Raises QuestionError where the question has no answer or a single form that was asked
    for does not exist, with the reason.  A matrix is differentiated by its vec: D(vec(S[t]), vec(S[k])).
    """
    of, by = _by_vec(of, by)
    kind = read_by(by)
    check_question(cell, of, kind)
    if tau is not None and tau < 1:
        raise QuestionError(f"tau = {tau}: a sequence has at least one step", hint="Give --tau 1 or more.")
    wanted = _wanted(forms, tau)
    (of_inside, by_inside), back = protect(cell, of, by)
    builder = FormBuilder(cell, of_inside, read_by(by_inside), by_inside, window, tau, vec_order)
    collected: list[Form] = []
    absent: list[tuple[str, str]] = []
    for name in wanted:
        try:
            collected.append(builder.form(name))
        except UnsupportedError as missing:
            absent.append((name, missing.message))
            if forms is not None and "all" not in forms and len(forms) == 1:
                raise QuestionError(
                    f"the {name} form does not exist here: {missing.message}", hint=missing.hint
                ) from missing
        if forms is None and collected:
            break
    if not collected:
        raise QuestionError("; ".join(f"{name}: {why}" for name, why in absent))
    names = {f.name for f in collected}
    steps = tuple(_finished(s, back, layout) for s in builder.steps if s.form in names or s.form in builder.ways(names))
    assumptions = tuple(dict.fromkeys(s.assumption for s in steps if s.assumption))
    shown = tuple(Form(f.name, _in_words(f.formula, back, layout, f.name), f.free, f.terms, f.note) for f in collected)
    question = Question(of, by, layout, window)
    return Derived(cell, question, shown, steps, question_spans(cell, of, by), assumptions, tuple(absent))


def _by_vec(of: Node, by: Node) -> tuple[Node, Node]:
    """A question about a matrix as one about its vec, and so for a matrix-valued variable that it is asked by."""
    if of.is_single or of.is_column or of.is_row or len(of.shape) != 2:
        return of, by
    timed = isinstance(by, Variable) and by.role is Role.COMPUTED and not (by.is_scalar or by.is_column or by.is_row)
    return Vec(of), Vec(by) if timed else by


def _wanted(forms: Sequence[str] | None, tau: int | None) -> tuple[str, ...]:
    if forms is None:
        return ("closed", "recursion", "vec")
    if "all" in forms:
        return tuple(f for f in FORMS if f != "unrolled" or tau is not None)
    for name in forms:
        if name not in FORMS:
            raise QuestionError(f'there is no form "{name}"', hint=did_you_mean(name, [*FORMS, "all"]))
    return tuple(f for f in FORMS if f in forms)


def _in_words(formula: Formula, back: dict[str, Index], layout: Layout, form: str) -> Formula:
    restored = _restore(formula, back)
    return restored if form == "index" else in_layout(restored, layout)


def _restore(formula: Formula, back: dict[str, Index]) -> Formula:
    expression, parts = formula.expression, formula.parts
    if parts:
        # The lines of a part speak of the question's times: no sum around the part may bind the same letter.
        expression = _rebound(expression, {str(i) for i in back.values()})
        parts = _make_way(parts, back)
    restored = tuple(
        Part(p.name, None if p.time is None else p.time.substitute(back), substitute_indices(p.expression, back))
        for p in parts
    )
    return Formula(substitute_indices(expression, back), restored)


def _make_way(parts: tuple[Part, ...], back: dict[str, Index]) -> tuple[Part, ...]:
    """The lines' own index renamed, in all of them, where a time of the same name was asked about in one."""
    asked = {str(back[name]) for p in parts for name in free_indices(p.expression) & set(back)}
    own = {p.time.name for p in parts if p.time is not None and p.time.name is not None} & asked
    if not own:
        return parts
    taken = frozenset().union(*(free_indices(p.expression) for p in parts)) | {str(i) for i in back.values()}
    fresh = {name: Index.of(fresh_index("k", taken)) for name in own if name is not None}
    return tuple(
        Part(p.name, None if p.time is None else p.time.substitute(fresh), substitute_indices(p.expression, fresh))
        if p.time is not None and p.time.name in own
        else p
        for p in parts
    )


def _rebound(expression: Node, avoid: set[str]) -> Node:
    """The expression with its bound indices renamed where they are among the letters to avoid."""

    def rule(node: Node) -> Node:
        if isinstance(node, Sum) and node.index in avoid:
            fresh = fresh_index("k", avoid | free_indices(node.body))
            body = substitute_indices(node.body, {node.index: Index.of(fresh)})
            return Sum(body, fresh, node.lower, node.upper)
        return node

    return map_nodes(expression, rule)


def _restored_part(part: Part, back: dict[str, Index]) -> Part:
    """A line of a part; its own index makes way where the question's time of the same name stands in it."""
    time, expression = part.time, part.expression
    asked = free_indices(expression) & set(back)
    if time is not None and time.name in {str(back[name]) for name in asked}:
        assert time.name is not None
        fresh = Index.of(fresh_index("k", free_indices(expression) | {str(i) for i in back.values()}))
        expression, time = substitute_indices(expression, {time.name: fresh}), fresh
    return Part(part.name, None if time is None else time.substitute(back), substitute_indices(expression, back))


def _finished(step: Step, back: dict[str, Index], layout: Layout) -> Step:
    spans = tuple(
        type(s)(
            back[s.index].name or s.index if s.index in back else s.index,
            s.lower.substitute(back),
            s.upper.substitute(back),
        )
        for s in step.spans
    )
    before, after = (_restore(side, back) for side in (step.before, step.after))
    return Step(
        step.rule,
        in_layout(before, layout),
        in_layout(after, layout),
        step.reason,
        step.form,
        spans,
        step.assumption,
        step.free,
    )
