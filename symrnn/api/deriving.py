"""Asking for a derivative: a cell, of what, by what, in which layout and form."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symrnn.api.derivation import Derivation
from symrnn.api.loading import load
from symrnn.calculus import derive as calculus
from symrnn.checking.verification import Setting, verify
from symrnn.emitting.style import Style, parse_style, style_from_pairs
from symrnn.errors import QuestionError, did_you_mean
from symrnn.language import Cell, Index, Layout, Node
from symrnn.reading.expression import read_expression
from symrnn.reading.question import read_question
from symrnn.reading.scope import Scope

VEC_ORDERS = ("column", "row")


def derive(
    cell: str | Path | Cell,
    of: Any = None,
    wrt: Any = None,
    *,
    layout: str | Layout | None = None,
    form: str | Sequence[str] | None = None,
    tau: int | None = None,
    window: int | str | Index | None = None,
    vec_order: str = "column",
    style: str | Style | None = None,
    seed: int = 0,
    relu0: float = 0.0,
    check: bool = True,
) -> Derivation:
    """The derivative of ``of`` (the loss, unless given) by ``wrt``, with every line checked.

    ``of`` and ``wrt`` are text in the question language, nodes, or SymPy objects with their times (:func:`at`,
    :func:`state`).  ``form`` is one of chain, closed, recursion, unrolled (with ``tau``), index, vec, several of them,
    or "all"; by default the closed form where it exists, else the recursion.  ``window`` truncates.  ``style`` is the
    notation that it is printed in.

    Raises QuestionError where the question has no answer and CheckFailedError where a line fails its check.

    >>> derivation = derive("elman", "h[t]", "h[k]", layout="denominator")
    >>> derivation.text(), derivation.max_error < 1e-12
    ('prod(W.T @ diag(1 - h[j]**2), j, k+1, t, 1)', True)
    """
    found = load(cell)
    of_node, by_node = question(found, of, wrt)
    asked = calculus.derive(
        found,
        of_node,
        by_node,
        chosen_layout(found, layout),
        _forms(form),
        tau,
        _window(window),
        _choice(vec_order, VEC_ORDERS, "order of vec"),
    )
    setting = Setting(seed, unrolled=tau, vec_order=vec_order, at_kink=relu0)
    return Derivation(asked, setting, chosen_style(found, style), verify(asked, setting) if check else None)


def question(cell: Cell, of: Any, wrt: Any) -> tuple[Node, Node]:
    """Of what and by what as nodes, whatever they were given as."""
    if of is None:
        if cell.loss is None:
            raise QuestionError(f'the cell "{cell.name}" has no loss', hint="Say of what, as in --of 'h[t]'.")
        of = cell.loss_name
    if wrt is None:
        raise QuestionError("by what?", hint="Say by what, as in --wrt W.")
    if isinstance(of, str) and isinstance(wrt, str):
        return read_question(of, wrt, cell)
    return _node(of, cell), _node(wrt, cell)


def _node(value: Any, cell: Cell) -> Node:
    if isinstance(value, Node):
        return value
    if isinstance(value, str):
        return read_expression(value, Scope.of(cell))
    if "sympy" not in sys.modules:  # then it is no SymPy object either, and nobody should wait for SymPy
        raise QuestionError(f"a question is asked in text, nodes or SymPy objects, not with a {type(value).__name__}")
    from symrnn.reading.sympy_reader import TimedSymbol, read_sympy

    if isinstance(value, TimedSymbol):
        raise QuestionError(f"{value.name} has a value at every time", hint=f"Ask at a time: {value.name}[t].")
    return read_sympy(value, Scope.of(cell))


def chosen_layout(cell: Cell, layout: str | Layout | None) -> Layout:
    """The layout asked for, else the cell file's, else numerator."""
    if isinstance(layout, Layout):
        return layout
    wanted = layout or cell.layout or Layout.NUMERATOR.value
    return Layout(_choice(wanted, [known.value for known in Layout], "layout"))


def chosen_style(cell: Cell, style: str | Style | None) -> Style:
    """The style asked for, on top of the cell file's own."""
    if isinstance(style, Style):
        return style
    return parse_style(style or "", style_from_pairs(cell.style))


def _forms(form: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if form is None:
        return None
    return (form,) if isinstance(form, str) else tuple(form)


def _window(window: int | str | Index | None) -> Index | None:
    if window is None:
        return None
    if isinstance(window, int) and window < 0:
        raise QuestionError(f"the window is {window}", hint="0 is this step only, 1 one step back, and so on.")
    return Index.of(window)


def _choice(value: str, known: Sequence[str], what: str) -> str:
    if value not in known:
        raise QuestionError(f'there is no {what} "{value}"', hint=did_you_mean(value, known))
    return value
