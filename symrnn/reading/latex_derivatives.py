r"""Derivatives: ``\frac{\partial L}{\partial W}``, ``\partial L/\partial W``, ``\frac{d}{dW} L``, ``\nabla_W L``.

They stay inert.  What print leaves open, total or immediate, this step's loss or the whole one, is a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import (
    Concat,
    Entry,
    HStack,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Node,
    Slice,
    Transpose,
    Variable,
    Vec,
    build,
)
from symrnn.language.leaf import Role
from symrnn.reading.calls import check_by
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_indices import mentions
from symrnn.reading.latex_sizes import settle
from symrnn.reading.latex_tree import Factors, Fraction, Group, Name, Scripted, Sign, Span, Tree, factors_of
from symrnn.reading.scope import summand_at

Items = Sequence[tuple[str, Tree]]
Operand = Callable[[Items, int, Place], tuple[Node, int]]

_IMMEDIATE_MARKS = frozenset({"+", "*", "star", "-"})

KINDS = ("total", "immediate by parameters, else total", "immediate, but for those of the loss")
"""What an unmarked ∂ in an answer may mean."""


def differential(tree: Tree) -> str | None:
    """``total`` for ∂ and d, ``immediate`` for ∂⁺, ``second`` for ∂², None for anything else."""
    if isinstance(tree, Sign):
        return {"partial": "total", "immediate": "immediate"}.get(tree.kind)
    if isinstance(tree, Name):
        return "total" if tree.text == "d" and not tree.accents else None
    if isinstance(tree, Scripted) and tree.sub is None and differential(tree.base) == "total":
        sup = tree.sup
        if sup is None:
            return None
        if sup.mark in _IMMEDIATE_MARKS and not sup.items:
            return "immediate"
        return "second" if sup.key is not None else None
    return None


def is_derivative_fraction(tree: Fraction) -> bool:
    """Whether a fraction is a derivative, or the operator of one."""
    top, bottom = factors_of(tree.top), factors_of(tree.bottom)
    return differential(top[0][1]) is not None and differential(bottom[0][1]) is not None and len(bottom) > 1


def is_inline_derivative(items: Items, position: int) -> bool:
    """Whether ``∂ y / ∂ x`` begins here."""
    found = items[position : position + 4]
    signs = [sign for sign, _ in found[1:]]
    return signs == ["", "/", ""] and differential(found[0][1]) is not None and differential(found[2][1]) is not None


def is_gradient_sign(tree: Tree) -> bool:
    r"""Whether it is ``\nabla_W`` or ``\partial_W``."""
    if isinstance(tree, Sign):
        return tree.kind in ("nabla", "partial", "immediate")
    return isinstance(tree, Scripted) and isinstance(tree.base, Sign) and tree.base.kind in (
        "nabla", "partial", "immediate",
    )  # fmt: skip


def fraction_derivative(items: Items, position: int, place: Place) -> tuple[Node, int]:
    """A derivative as a fraction; where only ∂ stands on top, what follows is differentiated."""
    tree = items[position][1]
    assert isinstance(tree, Fraction)
    top, bottom = factors_of(tree.top), factors_of(tree.bottom)
    kind = _kind(top[0][1], bottom[0][1], tree, place)
    by = _by(bottom[1:], place)
    if len(top) > 1:
        return _derivative(_of(_row(top[1:]), place), by, kind, tree, place), 1
    following = items[position + 1 :]
    if not following or following[0][0]:
        raise place.error("expected what is differentiated", tree)
    run = [following[0]]
    if not isinstance(following[0][1], Group):
        while len(run) < len(following) and not following[len(run)][0]:
            run.append(following[len(run)])
    return _derivative(_of(_row(run), place), by, kind, tree, place), 1 + len(run)


def inline_derivative(items: Items, position: int, place: Place) -> tuple[Node, int]:
    """``∂y/∂x`` on one line."""
    (_, above), (_, of), (_, below), (_, by) = items[position : position + 4]
    kind = _kind(above, below, above, place)
    return _derivative(_of(of, place), _by((("", by),), place), kind, above, place), 4


def gradient(items: Items, position: int, place: Place, operand: Operand) -> tuple[Node, int]:
    r"""``\nabla_W L`` and ``\partial_W L``."""
    tree = items[position][1]
    if not isinstance(tree, Scripted) or tree.sub is None:
        raise place.error(
            f"“{place.excerpt(tree)}” stands without the variable that one differentiates by",
            tree,
            hint=r"Write \nabla_W L or \frac{\partial L}{\partial W}.",
        )
    if len(tree.sub.items) != 1:
        raise place.error("one differentiates by one variable", tree)
    if tree.sup is not None and (tree.sup.items or tree.sup.mark not in _IMMEDIATE_MARKS):
        raise place.error("second derivatives are not read", tree)
    if position + 1 >= len(items) or items[position + 1][0]:
        raise place.error("expected what is differentiated", tree)
    of, taken = operand(items, position + 1, place.without_parts())
    by = _by((("", tree.sub.items[0]),), place)
    base = tree.base
    immediate = tree.sup is not None or (isinstance(base, Sign) and base.kind == "immediate")
    is_nabla = isinstance(base, Sign) and base.kind == "nabla"
    kind = "immediate" if immediate else ("nabla" if is_nabla else "total")
    return _derivative(settle(of), by, kind, tree, place), 1 + taken


def _kind(above: Tree, below: Tree, tree: Tree, place: Place) -> str:
    kinds = {differential(above), differential(below)}
    if "second" in kinds:
        raise place.error("second derivatives are not read", tree)
    return "immediate" if "immediate" in kinds else "total"


def _row(items: Items) -> Tree:
    if len(items) == 1:
        return items[0][1]
    first = ("", items[0][1])
    return Factors(Span(items[0][1].at.start, items[-1][1].at.end), (first, *items[1:]))


def _of(tree: Tree, place: Place) -> Node:
    return settle(place.without_parts().read(tree))


def _by(items: Items, place: Place) -> Node:
    if any(differential(tree) is not None and i for i, (_, tree) in enumerate(items)):
        raise place.error("second derivatives are not read", items[0][1])
    tree = _row(items)
    by = settle(place.without_parts().read(tree))
    try:
        check_by(by.args[0] if isinstance(by, Transpose) else by)
    except ReadingError as error:
        raise place.located(error, tree) from None
    return by


def _derivative(of: Node, by: Node, kind: str, tree: Tree, place: Place) -> Node:
    try:
        of = _loss_meant(of, by, place)
        if isinstance(by, Transpose):
            return _by_transposed(of, by, kind, place)
        immediate = kind == "immediate" or (not place.claims and _is_read_as_immediate(of, by, place))
        node = ImmediateJacobian if immediate else Jacobian
        return node(of, by, _layout(kind, of, by, place))
    except SymrnnError as error:
        raise place.located(error, tree) from None


def _by_transposed(of: Node, by: Node, kind: str, place: Place) -> Node:
    r"""``\partial y/\partial x^\top`` is the m×n Jacobian of a column in either layout; of a scalar, a transpose."""
    bare = by.args[0]
    node = ImmediateJacobian if kind == "immediate" else Jacobian
    if of.is_single:
        return build.transpose(node(of, bare, place.context.layout))
    return node(of, bare, Layout.NUMERATOR)


def _layout(kind: str, of: Node, by: Node, place: Place) -> Layout:
    """∇ is a derivative in the layout of the context, or always has the shape of what one differentiates by."""
    layout = place.context.layout
    if kind != "nabla" or layout is Layout.DENOMINATOR or place.claims or not of.is_single or by.is_single:
        return layout
    options = ("a derivative in the layout asked for", "in the shape of what one differentiates by")
    return (Layout.NUMERATOR, Layout.DENOMINATOR)[place.context.pick("∇ is", options, 2)]


def _loss_meant(of: Node, by: Node, place: Place) -> Node:
    """The loss, or where print writes L for L_t, that of the step of the variable."""
    if not isinstance(of, Variable) or of.role is not Role.LOSS:
        return of
    time = _time_of(by)
    if time is None:
        return of
    cell = place.context.cell
    step: Node | None = None
    if of.name in cell.timed:
        symbol = cell.timed[of.name]
        step = Variable(of.name, symbol.role, symbol.shape, time) if symbol.shape is not None else None
    elif cell.summand is not None and cell.summand[0] == of.name:
        step = summand_at(cell.summand, time)
    if step is None:
        return of
    options = (f"{of.name} of the whole sequence", f"{of.name} of this step")
    return (of, step)[place.context.pick("the loss that is differentiated is", options, 3)]


def _time_of(by: Node) -> Index | None:
    if isinstance(by, Variable):
        return by.time
    if isinstance(by, (Entry, Slice, Vec)):
        return _time_of(by.args[0])
    if isinstance(by, (Concat, HStack)):
        return _time_of(by.args[0][0])
    return None


def _is_read_as_immediate(of: Node, by: Node, place: Place) -> bool:
    if isinstance(of, Variable) and of.role is Role.LOSS:
        return False
    taken = place.context.pick("unmarked derivatives are", KINDS, 2)
    return taken == 2 or (taken == 1 and _is_parameter(by))


def _is_parameter(by: Node) -> bool:
    if isinstance(by, Variable):
        return by.role is Role.PARAMETER
    if isinstance(by, (Concat, HStack)):
        return all(_is_parameter(part) for part in by.args[0])
    return isinstance(by, (Entry, Slice, Vec)) and _is_parameter(by.args[0])


__all__ = [
    "differential",
    "fraction_derivative",
    "gradient",
    "inline_derivative",
    "is_derivative_fraction",
    "is_gradient_sign",
    "is_inline_derivative",
    "mentions",
]
