"""Formulas that would be right if all their derivatives were in one layout."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from symrnn.calculus.transposition import flip
from symrnn.checking.answers import Reading
from symrnn.checking.readings import over
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Add, Formula, ImmediateJacobian, Jacobian, Layout, Product
from symrnn.language.build import transpose
from symrnn.language.traversal import find

MOST_ATOMS = 5


def mixtures(reading: Reading) -> Iterator[tuple[Formula, str]]:
    """The formula with some of its derivatives, terms or factors in the other layout, and what is in which."""
    formula = reading.formula
    yield from _mixed_atoms(formula, reading.inert)
    yield from _mixed_terms(formula)
    if reading.asked.layout is not None:
        yield from _mixed_products(formula, reading.asked.layout)


def _mixed_atoms(formula: Formula, layout: Layout | None) -> Iterator[tuple[Formula, str]]:
    roots = (formula.expression, *(part.expression for part in formula.parts))
    atoms = list(dict.fromkeys(a for root in roots for a in find(root, (Jacobian, ImmediateJacobian))))
    square = [a for a in atoms if len(a.shape) == 2 and a.shape[0] == a.shape[1]]
    if layout is None or len(square) > MOST_ATOMS:
        return
    for count in range(1, len(square) + 1):
        for chosen in combinations(square, count):
            turned = {a: type(a)(a.args[0], a.args[1], layout.other) for a in chosen}
            names = ", ".join(to_text(a) for a in chosen)
            text = f"{names} in {layout.other.value} layout, everything else in {layout.value} layout"
            try:
                yield over(formula, lambda n, turned=turned: turned.get(n, n)), text  # type: ignore[misc]
            except SymrnnError:
                continue


def _mixed_terms(formula: Formula) -> Iterator[tuple[Formula, str]]:
    if not isinstance(formula.expression, Add):
        return
    terms = formula.expression.args[0]
    for place, term in enumerate(terms):
        if len(term.shape) != 2 or term.shape[0] != term.shape[1]:
            continue
        changed = (*terms[:place], transpose(term), *terms[place + 1 :])
        text = f"the term {to_text(term)} is in the other layout than the rest"
        yield Formula(Add(changed), formula.parts), text


def _mixed_products(formula: Formula, layout: Layout) -> Iterator[tuple[Formula, str]]:
    """Factors in the other layout than the one that their order belongs to."""
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
        yield over(formula, lambda n, a=product, b=turned: b if n is a else n), text  # type: ignore[misc]
