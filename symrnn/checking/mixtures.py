"""Formulas that would be right if all their derivatives were in one layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from symrnn.calculus.products import product as joined
from symrnn.calculus.transposition import flip
from symrnn.checking.answers import Reading
from symrnn.checking.places import Place, places, replaced
from symrnn.checking.readings import over
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import (
    Add,
    Diag,
    Formula,
    ImmediateJacobian,
    Jacobian,
    Layout,
    MatMul,
    Neg,
    Node,
    Product,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import find

MOST_ATOMS = 5
MOST_FACTORS = 9
"""Longer products are not taken apart."""

Words = Callable[[Layout], str]


@dataclass(frozen=True)
class Mixture:
    """The formula in one layout, and what was in which, in words, once the layout of the rest is known.

    ``only`` is the one layout in which it is to be right, where not either will do.
    """

    formula: Formula
    words: Words
    only: Layout | None = None


def mixtures(reading: Reading) -> Iterator[Mixture]:
    """The formula with some of its derivatives, terms or factors in the other layout.

    Only square ones can be in the other layout without a product or sum that doesn't fit.
    """
    formula = reading.formula
    yield from _mixed_atoms(formula, reading.inert)
    found = list(places(formula))
    yield from _mixed_terms(formula, found)
    yield from _mixed_factors(formula, found)
    if reading.asked.layout is not None:
        yield from _mixed_products(formula, reading.asked.layout)


def _mixed_atoms(formula: Formula, layout: Layout | None) -> Iterator[Mixture]:
    roots = (formula.expression, *(part.expression for part in formula.parts))
    atoms = list(dict.fromkeys(a for root in roots for a in find(root, (Jacobian, ImmediateJacobian))))
    square = [a for a in atoms if _is_square(a)]
    if layout is None or len(square) > MOST_ATOMS:
        return
    for count in range(1, len(square) + 1):
        for chosen in combinations(square, count):
            turned = {a: type(a)(a.args[0], a.args[1], layout.other) for a in chosen}
            names = ", ".join(to_text(a) for a in chosen)
            text = f"{names} in {layout.other.value} layout, everything else in {layout.value} layout"
            try:
                new = over(formula, lambda n, turned=turned: turned.get(n, n))  # type: ignore[misc]
            except SymrnnError:
                continue
            yield Mixture(new, lambda _, text=text: text)  # type: ignore[misc]


def _mixed_terms(formula: Formula, found: list[Place]) -> Iterator[Mixture]:
    """One term of a sum transposed, wherever the sum stands."""
    for place in found:
        node = place.node
        if not isinstance(node, Add) or not _is_square(node):
            continue
        terms = node.args[0]
        for number, term in enumerate(terms):
            if isinstance(_unsigned(term), (Variable, Diag)):
                continue
            changed = Add((*terms[:number], _turned(term), *terms[number + 1 :]))
            yield from _at(formula, place, changed, f"the term {to_text(term)}", "the rest")


def _mixed_factors(formula: Formula, found: list[Place]) -> Iterator[Mixture]:
    """One factor, evaluated and so perhaps itself a product, transposed where it stands.

    A bare matrix is left out: ``W`` for ``W.T`` is a transpose that is missing.
    """
    for place in found:
        node = place.node
        if not isinstance(node, MatMul) or len(node.args[0]) > MOST_FACTORS:
            continue
        factors = node.args[0]
        for first, end in combinations(range(len(factors) + 1), 2):
            piece = factors[first:end]
            square = piece[0].shape[:1] == piece[-1].shape[1:]
            if not square or end - first == len(factors) or _is_bare(piece) or _is_outer(piece):
                continue
            turned = _turned(joined(*piece))
            inside = turned.args[0] if isinstance(turned, MatMul) else (turned,)
            changed = MatMul((*factors[:first], *inside, *factors[end:]))
            text = to_text(joined(*piece))
            yield from _at(formula, place, changed, f"the factor {text}", "everything else")


def _mixed_products(formula: Formula, layout: Layout) -> Iterator[Mixture]:
    """The factors of an indexed product in the other layout than the one asked for, which their order is that of.

    Where no layout is asked for, a product whose factors fit and whose order doesn't runs the wrong way.
    """
    roots = (formula.expression, *(part.expression for part in formula.parts))
    for product in dict.fromkeys(p for root in roots for p in find(root, Product)):
        assert isinstance(product, Product)
        if not product.body.shape:
            continue
        turned = Product(flip(product.body), product.index, product.first, product.last, product.step)
        text = (
            f"the factors {to_text(product.body)} of the product are in {layout.other.value} layout, "
            f"their order is that of {layout.value} layout"
        )
        new = over(formula, lambda n, a=product, b=turned: b if n is a else n)  # type: ignore[misc]
        yield Mixture(new, lambda _, text=text: text, layout)  # type: ignore[misc]


def _at(formula: Formula, place: Place, changed: Node, what: str, rest: str) -> Iterator[Mixture]:
    if changed is place.node:
        return
    try:
        new = replaced(formula, place, changed)
    except SymrnnError:
        return
    yield Mixture(new, lambda layout: f"{what} is in {layout.other.value} layout, {rest} in {layout.value} layout")


def _is_square(node: Node) -> bool:
    return len(node.shape) == 2 and node.shape[0] == node.shape[1]


def _is_bare(piece: tuple[Node, ...]) -> bool:
    """Whether there is nothing but a matrix of the cell, what is its own transpose, or a product that may run back."""
    if all(isinstance(node, Diag) for node in piece) or any(isinstance(node, Product) for node in piece):
        return True
    inner = _unsigned(piece[0])
    return len(piece) == 1 and isinstance(inner.args[0] if isinstance(inner, Transpose) else inner, Variable)


def _is_outer(piece: tuple[Node, ...]) -> bool:
    """Whether it is a column times a row: no derivative of one vector by another."""
    return any(node.is_column or node.is_row for node in piece)


def _unsigned(node: Node) -> Node:
    return node.args[0] if isinstance(node, Neg) else node


def _turned(node: Node) -> Node:
    """The same numbers transposed; what a product consists of in reverse order."""
    if isinstance(node, Neg):
        return build.neg(_turned(node.args[0]))
    if isinstance(node, MatMul):
        return joined(*(build.transpose(factor) for factor in reversed(node.args[0])))
    return build.transpose(node)
