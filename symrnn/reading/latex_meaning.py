"""From a tree to a node: one rule per form of :mod:`latex_tree`, in a place that knows the names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import ONE, Delta, Determinant, Entry, Index, Node, Role, Variable, build, number
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_entries import entries_of
from symrnn.reading.latex_functions import sized
from symrnn.reading.latex_indices import index_name, mentions, read_index, try_index
from symrnn.reading.latex_powers import raised
from symrnn.reading.latex_rows import row_value
from symrnn.reading.latex_tree import (
    Big,
    Cases,
    Factors,
    Fraction,
    Group,
    Matrix,
    Name,
    Number,
    Relation,
    Root,
    Script,
    Scripted,
    Sign,
    Span,
    Terms,
    Tree,
    factors_of,
)
from symrnn.reading.latex_values import block_matrix, quotient, total


def value(tree: Tree, place: Place) -> Node:
    """The value of a tree; an error says where.

    Raises ReadingError, UnknownNameError or ShapeError.
    """
    try:
        if isinstance(tree, Terms):
            return _terms(tree, place)
        return row_value(tree.items if isinstance(tree, Factors) else (("", tree),), place)
    except SymrnnError as error:
        raise place.located(error, tree) from None


def single(tree: Tree, place: Place) -> Node:
    """The value of a tree that is no name, no derivative and no row of factors."""
    if isinstance(tree, (Terms, Factors)):
        return value(tree, place)
    rule = _RULES.get(type(tree))
    if rule is None:
        raise place.error("expected an expression", tree)
    return rule(tree, place)


def _terms(tree: Terms, place: Place) -> Node:
    tree = _with_long_sums(tree, place)
    terms = []
    for sign, term in tree.items:
        found = place.read(term)
        terms.append(build.neg(found) if sign == "-" else found)
    if len(terms) == 1:
        return terms[0]
    return total(terms, lambda position, error: place.located(error, tree.items[position][1]))


def _with_long_sums(tree: Terms, place: Place) -> Terms:
    r"""``\sum_k a_k + b_k``: where what follows speaks of k too, the sum may reach over it."""
    for position, (sign, term) in enumerate(tree.items[:-1]):
        factors = factors_of(term)
        at = next((i for i, (_, f) in enumerate(factors) if isinstance(f, Big) and f.kind == "sum"), None)
        if at is None or at + 1 >= len(factors):
            continue
        name = _index_of(factors[at][1])
        after = tree.items[position + 1 :]
        if name is None or not any(_mentions_free(other, name) for _, other in after):
            continue
        if place.context.pick(f"the sum over {name} reaches", ("to the end of its term", "over the terms after it"), 3):
            body = Factors(term.at, (("", factors[at + 1][1]), *factors[at + 2 :]))
            inner = Terms(Span(body.at.start, tree.at.end), (("+", body), *after))
            group = Group(inner.at, "(", ((inner,),))
            return Terms(tree.at, (*tree.items[:position], (sign, Factors(term.at, (*factors[: at + 1], ("", group))))))
    return tree


def _mentions_free(tree: Tree, name: str) -> bool:
    """Whether an index occurs in a term outside the sums over that very index."""
    for _, factor in factors_of(tree):
        if isinstance(factor, Big) and _index_of(factor) == name:
            return False
        if mentions(factor, name):
            return True
    return False


def _index_of(tree: Tree) -> str | None:
    if not isinstance(tree, Big) or tree.lower is None or len(tree.lower.items) != 1:
        return None
    item = tree.lower.items[0]
    return index_name(item.members[0] if isinstance(item, Relation) else item)


# -- rules ------------------------------------------------------------------------------------------------------


def _number(tree: Number, place: Place) -> Node:
    return number(tree.text)


def _sign(tree: Sign, place: Place) -> Node:
    if tree.kind in ("ones", "zeros"):
        return place.context.constant(tree.kind)
    raise place.error(f"“{place.excerpt(tree)}” is no expression", tree)


def _fraction(tree: Fraction, place: Place) -> Node:
    return quotient(place.read(tree.top), place.read(tree.bottom))


def _root(tree: Root, place: Place) -> Node:
    return build.apply("sqrt", (place.read(tree.body)))


def _relation(tree: Relation, place: Place) -> Node:
    raise place.error("expected an expression, found a relation", tree)


def _scripted(tree: Scripted, place: Place) -> Node:
    base, sub = tree.base, tree.sub
    if isinstance(base, Group) and base.kind == "‖":
        return _norm(base, tree, place)
    constant = _constant_kind(base)
    if constant is not None and sub is not None:
        return raised(_subscripted_constant(constant, sub, tree, place), tree.sup, tree.primes, tree, place)
    found = place.read(base)
    if sub is not None:
        found = entries_of(found, sub.items, tree, place)
    return raised(found, tree.sup, tree.primes, tree, place)


def _constant_kind(base: Tree) -> str | None:
    if isinstance(base, Sign) and base.kind in ("ones", "zeros"):
        return base.kind
    if isinstance(base, Number) and base.text in ("0", "1"):
        return "ones" if base.text == "1" else "zeros"
    return None


def _subscripted_constant(kind: str, sub: Script, tree: Tree, place: Place) -> Node:
    r"""``\mathbb{1}_{i = k}`` is a delta, ``\mathbf{1}_n`` has a size."""
    if len(sub.items) == 1 and isinstance(sub.items[0], Relation):
        return _indicator(sub.items[0], tree, place)
    chosen = _of_class(sub.items, place) if len(sub.items) == 2 and kind == "ones" else None
    return sized(kind, sub, place) if chosen is None else chosen


def _indicator(relation: Relation, tree: Tree, place: Place) -> Node:
    if relation.signs not in (("=",), ("ne",)):
        raise place.error("an indicator is read of an equality between two indices", tree)
    delta = _of_class(relation.members, place)
    if delta is None:
        left, right = (read_index(member, place) for member in relation.members)
        delta = Delta(left, right)
    return delta if relation.signs == ("=",) else build.subtract(ONE, delta)


def _of_class(members: Sequence[Tree], place: Place) -> Node | None:
    r"""``\mathbf{1}_{i = y^{(t)}}`` and ``\mathbf{1}_{i, y^{(t)}}``, where y is the class: entry i of the one-hot y."""
    if len(members) != 2:
        return None
    for letter, target in (members, members[::-1]):
        index = try_index(letter, place)
        if index is None or try_index(target, place) is not None:
            continue
        try:
            value = place.read(target)
        except SymrnnError:
            continue
        if isinstance(value, Variable) and value.role is Role.TARGET and value.is_column and not value.is_single:
            return Entry(value, (index,))
    return None


def _group(tree: Group, place: Place) -> Node:
    inner = tree.single
    if tree.kind in ("(", "[", "{", "\\{") and inner is not None:
        if isinstance(inner, Relation) and tree.kind == "[":
            return _indicator(inner, tree, place)
        return place.read(inner)
    if tree.kind == "|":
        return _bars(tree, place)
    if tree.kind == "‖":
        return _norm(tree, None, place)
    if tree.kind == "⟨":
        return _inner_product(tree, place)
    return _stack(tree, place)


def _bars(tree: Group, place: Place) -> Node:
    if tree.single is None:
        raise place.error("expected one expression between the bars", tree)
    inside = place.read(tree.single)
    square = len(inside.shape) == 2 and inside.shape[0] == inside.shape[1] and not inside.is_single
    if square and place.context.pick("bars around a matrix are", ("its determinant", "absolute values"), 2) == 0:
        return Determinant(inside)
    return build.apply("abs", inside)


def _norm(group: Group, tree: Scripted | None, place: Place) -> Node:
    r"""``\|x\|^2`` is a sum of squares, ``\|x\|`` its root; a 2 or an F below says nothing new."""
    if group.single is None:
        raise place.error("expected one expression inside the norm", group)
    squares = build.apply("norm2", (place.read(group.single)))
    if tree is None:
        return build.apply("sqrt", squares)
    if tree.sub is not None and tree.sub.key not in ("2", "F"):
        raise place.error("only the Euclidean norm and the Frobenius norm are read", tree)
    sup = tree.sup
    if sup is not None and sup.key == "2" and not sup.transposed:
        return squares
    return raised(build.apply("sqrt", squares), sup, tree.primes, tree, place)


def _inner_product(tree: Group, place: Place) -> Node:
    if len(tree.rows) != 1 or len(tree.rows[0]) != 2:
        raise place.error("expected two vectors, as in ⟨a, b⟩", tree)
    left, right = (place.read(cell) for cell in tree.rows[0])
    return build.apply("dot", left, right)


def _stack(tree: Group, place: Place) -> Node:
    """``[h; x]`` goes downward; ``[h, x]`` of columns does too, as print has it, or sideways."""
    if len(tree.rows) > 1:
        return _blocks(tree.rows, place)
    parts = [(place.read(cell)) for cell in tree.rows[0]]
    columns = all(p.is_column or p.is_scalar for p in parts)
    options = ("downward", "sideways") if columns else ("sideways", "downward")
    same_height = len({p.shape[0] if p.shape else Index.of(1) for p in parts}) == 1
    if not same_height:
        return build.concat(*parts)
    taken = options[place.context.pick("things between commas are stacked", options)]
    return build.concat(*parts) if taken == "downward" else build.hcat(*parts)


def _matrix(tree: Matrix, place: Place) -> Node:
    blocks = _blocks(tree.rows, place)
    if tree.kind == "vmatrix":
        return Determinant(blocks)
    if tree.kind == "Vmatrix":
        raise place.error("a norm of a matrix is written \\|A\\|", tree)
    return blocks


def _blocks(rows: tuple[tuple[Tree, ...], ...], place: Place) -> Node:
    """A matrix of blocks; a 0 or an I takes the size that its row and column leave it."""
    cells = [[_block(cell, place) for cell in row] for row in rows]
    if len({len(row) for row in cells}) != 1:
        raise place.error("the rows of a block matrix have different lengths", rows[0][0])
    return block_matrix(cells)


def _block(tree: Tree, place: Place) -> Node:
    """One block; a 0 is the zero of that block, while a 1 stays the number."""
    found = place.read(tree)
    return place.context.constant("zeros") if found is number(0) else found


def _cases(tree: Cases, place: Place) -> Node:
    """Nodes by condition inside an expression: conditions are equalities of indices, and become deltas."""
    result: Node | None = None
    for line in reversed(tree.lines):
        found = place.read(line.value)
        if result is None:
            result = found
            continue
        if line.condition is None or len(line.condition) != 1 or not isinstance(line.condition[0], Relation):
            raise place.error("expected one equality as the condition", line.value)
        delta = _indicator(line.condition[0], tree, place)
        rest = build.times(build.subtract(ONE, delta), result)
        result = total([build.times(delta, found), rest], lambda _, error: place.located(error, tree))
    if result is None:
        raise place.error("expected at least one case", tree)
    return result


_RULES: Mapping[type, Callable[[Any, Place], Node]] = {
    Number: _number,
    Sign: _sign,
    Fraction: _fraction,
    Root: _root,
    Relation: _relation,
    Scripted: _scripted,
    Group: _group,
    Matrix: _matrix,
    Cases: _cases,
}

__all__ = ["Name", "ReadingError", "single", "value"]
