"""Mistakes among terms: a sign, one too many, one missing, a sum that is forgotten, parentheses."""

from __future__ import annotations

from collections.abc import Iterator

from symrnn.checking.edit import Change, Setting, made
from symrnn.checking.places import Place
from symrnn.emitting.text import to_text
from symrnn.language import (
    Add,
    Call,
    Diag,
    Hadamard,
    Index,
    MatMul,
    Neg,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    build,
)
from symrnn.language.traversal import free_indices, substitute, variables


def signs(place: Place, setting: Setting) -> Iterator[Change]:
    """The sign of a term."""
    node, parent = place.node, place.parent
    if isinstance(node, (Neg, Number)) and isinstance(parent, Add):
        yield Change("sign", build.neg(node), f"the sign of the term {to_text(build.neg(node))} is wrong")
    elif isinstance(parent, (Add, Sum, type(None))) or isinstance(node, Add):
        yield Change("sign", build.neg(node), f"the sign of {to_text(node)} is wrong")


def terms(place: Place, setting: Setting) -> Iterator[Change]:
    """A term too many."""
    node = place.node
    if not isinstance(node, Add):
        return
    found = node.args[0]
    for number, term in enumerate(found):
        rest = (*found[:number], *found[number + 1 :])
        new = rest[0] if len(rest) == 1 else made(Add, rest)
        if new is not None and new.shape == node.shape:
            yield Change("extra term", new, f"the term {to_text(term)} is too many")


def missing_terms(place: Place, setting: Setting) -> Iterator[Change]:
    """A term that is missing: a way through later steps, a direct one, one that only the whole answer has."""
    node, parent = place.node, place.parent
    left_over = isinstance(node, (Neg, Add)) and isinstance(parent, Hadamard)
    if isinstance(parent, (Add, Neg, Transpose, Hadamard)) and not left_over:
        return
    if isinstance(node, (Number, Diag)):
        return
    part = setting.formula.parts[place.part] if place.part is not None else None
    line = part if not place.path else None
    for term, what in setting.pool.terms(node.shape, setting.times(place), setting.formula.parts, line):
        present = node.args[0] if isinstance(node, Add) else (node,)
        new = made(Add, (*present, term))
        if new is not None and new.shape == node.shape:
            yield Change("missing term", new, f"{what}: {to_text(term)}")


def missing_path(place: Place, setting: Setting) -> Iterator[Change]:
    """A way from one part of the answer into another that is missing: a weight times that part."""
    yield from _paths(place, setting, gates=False)


def missing_gate_path(place: Place, setting: Setting) -> Iterator[Change]:
    """The same through a gate or a slope."""
    yield from _paths(place, setting, gates=True)


def _paths(place: Place, setting: Setting, gates: bool) -> Iterator[Change]:
    part = setting.formula.parts[place.part] if place.part is not None else None
    if place.path or part is None or part.time is None or part.time.name is None:
        return
    node = place.node
    present = node.args[0] if isinstance(node, Add) else (node,)
    for term in setting.pool.paths(node.shape, part.time, setting.formula.parts, gates):
        yield Change("missing term", Add((*present, term)), f"a term is missing: {to_text(term)}")


def missing_one(place: Place, setting: Setting) -> Iterator[Change]:
    """``1 - y`` of which only the ``-y`` is there, or only the y."""
    node, parent = place.node, place.parent
    left_over = isinstance(node, Neg) and isinstance(parent, (MatMul, Transpose, Call, Power))
    if not (isinstance(parent, (Hadamard, Diag)) or left_over) or isinstance(node, (Number, Add)):
        return
    subtracted = node if isinstance(node, Neg) else Neg(node)
    yield Change("missing term", Add((build.number(1), subtracted)), f"a term is missing: 1, at {to_text(node)}")


def missing_transpose(place: Place, setting: Setting) -> Iterator[Change]:
    """``A`` for ``A + A.T``: a matrix that stands on both sides of what is differentiated."""
    node, parent = place.node, place.parent
    inner = node.args[0] if isinstance(node, Transpose) else node
    if not isinstance(inner, Variable) or isinstance(parent, (Transpose, Add)) or len(node.shape) != 2:
        return
    if node.shape[0] == node.shape[1]:
        other = build.transpose(node)
        yield Change("missing term", Add((node, other)), f"a term is missing: {to_text(other)}")


def missing_sum(place: Place, setting: Setting) -> Iterator[Change]:
    """A sum over the time that stands open."""
    if place.path or place.part is not None:
        return
    time = setting.cell.time
    if time.index in free_indices(place.node):
        new = Sum(place.node, time.index, time.first, time.last)
        yield Change("missing sum", new, f"the sum over {time.index} is missing")
    general: dict[Node, Node] = {
        v: v.at(v.time - time.last + Index.of(time.index))
        for v in variables(place.node)
        if v.time is not None and (v.time - time.last).constant is not None
    }
    if general and time.index not in free_indices(place.node):
        new = Sum(substitute(place.node, general), time.index, time.first, time.last)
        yield Change("missing sum", new, f"this is the term of the last step; the sum over {time.index} is missing")


def parentheses(place: Place, setting: Setting) -> Iterator[Change]:
    """``A @ (b + c)`` for ``A @ b + c``, and the other way round."""
    node = place.node
    if isinstance(node, Add):
        yield from _gather(node)
        yield from _into_sum(node)
    elif isinstance(node, (MatMul, Hadamard)):
        yield from _spread(node)
    elif isinstance(node, Neg) and isinstance(node.args[0], (MatMul, Hadamard)):
        yield from _spread(node.args[0], negative=True)
    elif isinstance(node, Sum) and isinstance(node.body, Add):
        kept, *rest = node.body.args[0]
        new = Add((Sum(kept, node.index, node.lower, node.upper), *rest))
        yield Change("parenthesis", new, f"only {to_text(kept)} belongs under the sum over {node.index}")


def _gather(node: Add) -> Iterator[Change]:
    found = node.args[0]
    for number, term in enumerate(found):
        inner = term.args[0] if isinstance(term, Neg) else term
        if not isinstance(inner, (MatMul, Hadamard)):
            continue
        rest = (*found[:number], *found[number + 1 :])
        factors = inner.args[0]
        for place, factor in enumerate(factors):
            grouped = made(Add, (factor, *rest))
            if grouped is None or grouped.shape not in (factor.shape, node.shape):
                continue
            product = made(type(inner), (*factors[:place], grouped, *factors[place + 1 :]))
            new = build.neg(product) if product is not None and isinstance(term, Neg) else product
            if new is not None:
                yield Change("parenthesis", new, f"parentheses are missing around {to_text(grouped)}")


def _into_sum(node: Add) -> Iterator[Change]:
    first, *rest = node.args[0]
    if isinstance(first, Sum):
        body = made(Add, (first.body, *rest))
        if body is not None:
            new = Sum(body, first.index, first.lower, first.upper)
            yield Change("parenthesis", new, f"everything belongs under the sum over {first.index}")


def _spread(node: MatMul | Hadamard, negative: bool = False) -> Iterator[Change]:
    """``A @ b + c`` for ``A @ (b + c)``; with a minus before it, ``-A @ b + c`` for ``-A @ (b + c)``."""
    factors = node.args[0]
    for number, factor in enumerate(factors):
        if not isinstance(factor, Add):
            continue
        for place, term in enumerate(factor.args[0]):
            rest = (*factor.args[0][:place], *factor.args[0][place + 1 :])
            product = made(type(node), (*factors[:number], term, *factors[number + 1 :]))
            if product is not None and negative:
                product = build.neg(product)
            new = None if product is None else made(Add, (product, *rest))
            if new is not None and new.shape == node.shape:
                yield Change("parenthesis", new, f"the parentheses around {to_text(factor)} are too many")


def product_for_sum(place: Place, setting: Setting) -> Iterator[Change]:
    """A sum where a product belongs: of two groups of terms, or over an index."""
    node = place.node
    if isinstance(node, Sum) and len(node.body.shape) == 2 and node.body.shape[0] == node.body.shape[1]:
        for first, last, step in ((node.upper, node.lower, -1), (node.lower, node.upper, 1)):
            new = made(Product, node.body, node.index, first, last, step)
            if new is not None:
                yield Change("operator", new, f"the sum over {node.index} should be a product")
    elif isinstance(node, Add):
        terms = node.args[0]
        for number in range(1, len(terms)):
            left, right = _joined(terms[:number]), _joined(terms[number:])
            for new in _products(left, right):
                if new.shape == node.shape:
                    mistake = f"a sum stands where a product belongs: {to_text(node)} for {to_text(new)}"
                    yield Change("operator", new, mistake)


def _joined(terms: tuple[Node, ...]) -> Node:
    return terms[0] if len(terms) == 1 else Add(terms)


def _products(left: Node, right: Node) -> Iterator[Node]:
    pairs = [(MatMul, left, right), (MatMul, right, left), (Hadamard, left, right)]
    for kind, first, second in pairs:
        product = made(kind, (first, second))
        if product is not None:
            yield product
