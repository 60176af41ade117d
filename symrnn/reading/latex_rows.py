"""A row of factors: what is applied to what, and which letters belong together."""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.errors import SymrnnError
from symrnn.language import Node, build
from symrnn.reading.latex_bounds import big_operator
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_derivatives import (
    fraction_derivative,
    gradient,
    inline_derivative,
    is_derivative_fraction,
    is_gradient_sign,
    is_inline_derivative,
)
from symrnn.reading.latex_functions import apply, function_of, named_constant
from symrnn.reading.latex_indices import index_name, read_index
from symrnn.reading.latex_lexicon import name_key
from symrnn.reading.latex_names import bare_name, unknown
from symrnn.reading.latex_powers import raised
from symrnn.reading.latex_products import Operand, multiplied
from symrnn.reading.latex_tree import Big, Fraction, Group, Name, Scripted, Sign, Tree
from symrnn.reading.latex_variables import find_head, kronecker_delta, variable

Items = Sequence[tuple[str, Tree]]


def row_value(items: Items, place: Place) -> Node:
    """The value of a row of factors."""
    operands: list[Operand] = []
    position = 0
    while position < len(items):
        sign, tree = items[position]
        try:
            value, taken = operand(items, position, place)
        except SymrnnError as error:
            raise place.located(error, tree) from None
        operands.append(Operand(sign, value, tree))
        position += taken
    return multiplied(operands, place)


def operand(items: Items, position: int, place: Place) -> tuple[Node, int]:
    """The value that begins at a position, and how many items it takes."""
    tree = items[position][1]
    if isinstance(tree, Big):
        return big_operator(items, position, place)
    if is_inline_derivative(items, position):
        return inline_derivative(items, position, place)
    if isinstance(tree, Fraction) and is_derivative_fraction(tree):
        return fraction_derivative(items, position, place)
    prefixed = _prefixed(items, position, place)
    if prefixed is not None:
        return prefixed
    if is_gradient_sign(tree):
        return gradient(items, position, place, operand)
    if bare_name(tree) is not None:
        return _named(items, position, place)
    return place.context.read_single(tree, place), 1


def _named(items: Items, position: int, place: Place) -> tuple[Node, int]:
    tree = items[position][1]
    group, scripts = _group_after(items, position)
    head = find_head(tree, place, group)
    if head is not None and head.entry.is_value:
        indexed = scripts is not None and scripts.sub is not None
        found = variable(head, tree, place, None if indexed else group)
        value = raised(found.value, found.sup, found.primes, tree, place)
        if not found.used_group:
            return value, 1
        return (raised(value, scripts.sup, scripts.primes, tree, place) if scripts is not None else value), 2
    function = function_of(tree, head)
    if function is not None:
        return apply(function, items, position, place)
    constant = _bound_index(tree, place) or named_constant(tree, place) or kronecker_delta(tree, place)
    if constant is None:
        raise unknown(tree, place)
    return constant, 1


def _bound_index(tree: Tree, place: Place) -> Node | None:
    """An index that a sum binds, as a number: the k of ``k h_k``."""
    bare = tree.base if isinstance(tree, Scripted) and tree.sub is None else tree
    name = index_name(bare)
    if name is None or name not in place.scope.indices:
        return None
    number = build.index_number(read_index(bare, place))
    return raised(number, tree.sup, tree.primes, tree, place) if isinstance(tree, Scripted) else number


def _group_after(items: Items, position: int) -> tuple[Group | None, Scripted | None]:
    """The group that stands right behind a name, and the scripts on it."""
    if position + 1 >= len(items) or items[position + 1][0]:
        return None, None
    tree = items[position + 1][1]
    if isinstance(tree, Scripted) and isinstance(tree.base, Group):
        return tree.base, tree
    return (tree, None) if isinstance(tree, Group) else (None, None)


# -- names of two letters ---------------------------------------------------------------------------------------


def _prefixed(items: Items, position: int, place: Place) -> tuple[Node, int] | None:
    r"""``dh_t``, ``\delta W``, ``\nabla h``: what a line of the answer made one name."""
    if position + 1 >= len(items) or items[position + 1][0]:
        return None
    joined = prefixed_name(items[position][1], items[position + 1][1])
    if joined is None:
        return None
    head = find_head(joined, place)
    if head is None or not head.entry.is_variable:
        return None
    found = variable(head, joined, place)
    return raised(found.value, found.sup, found.primes, joined, place), 2


def prefix_of(tree: Tree) -> str | None:
    """The letter before a name that makes it another one, as the d of ``dW``."""
    if isinstance(tree, Sign) and tree.kind in ("nabla", "partial"):
        return "grad" if tree.kind == "nabla" else "d"
    if isinstance(tree, Name) and name_key(tree) in ("d", "delta", "Delta", "D"):
        return name_key(tree)
    return None


def prefixed_name(first: Tree, second: Tree) -> Tree | None:
    """One name out of a prefix and a name: ``dW`` out of d and W."""
    prefix, name = prefix_of(first), bare_name(second)
    if prefix is None or name is None:
        return None
    whole = Name(name.at, prefix + name_key(Name(name.at, name.text)), name.accents, True)
    if isinstance(second, Scripted):
        return Scripted(second.at, whole, second.sub, second.sup, second.primes)
    return whole
