"""Superscripts on values: transposes, powers of matrices and of entries, inverses, primes."""

from __future__ import annotations

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import Divide, Index, Node, Number, build
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_indices import try_index
from symrnn.reading.latex_sizes import is_open, squared, transposed
from symrnn.reading.latex_tree import Name, Script, Tree, strip_group


def raised(value: Node, sup: Script | None, primes: int, tree: Tree, place: Place) -> Node:
    """The value with its superscript and primes."""
    value = _primed(value, primes, tree, place)
    if sup is None:
        return value
    try:
        if sup.items or sup.mark is not None:
            value = _power(value, sup, tree, place)
        return transposed(value) if sup.transposed else value
    except SymrnnError as error:
        raise place.located(error, tree) from None


def _primed(value: Node, primes: int, tree: Tree, place: Place) -> Node:
    if not primes:
        return value
    if not place.context.prime_transposes:
        raise place.error(
            "a prime stands behind something that is no function",
            tree,
            hint="As a transpose it is only read on request; write ^\\top.",
        )
    return transposed(value) if primes % 2 else value


def is_plain_transpose(sup: Script | None) -> bool:
    """Whether a superscript is a lone T."""
    return sup is not None and sup.mark is None and len(sup.items) == 1 and _is_letter_t(sup.items[0])


def _is_letter_t(tree: Tree) -> bool:
    inner = strip_group(tree)
    return isinstance(inner, Name) and inner.text == "T" and not inner.accents


def _power(value: Node, sup: Script, tree: Tree, place: Place) -> Node:
    if sup.mark is not None and sup.mark != "odot":
        raise ReadingError(f"the superscript “{place.excerpt(tree)}” has no meaning here")
    if is_plain_transpose(sup) and _means_transpose(value, place):
        return transposed(value)
    if len(sup.items) != 1:
        raise ReadingError("expected one exponent")
    exponent = sup.items[0]
    if sup.mark is None and is_open(value):
        value = squared(value)
    if sup.mark == "odot" or not _is_square(value):
        return build.power(value, _exponent(exponent, place))
    index = try_index(exponent, place)
    if index is None:
        raise ReadingError("the exponent of a square matrix is a whole number or an index")
    return _matrix_power(value, index, place)


def _means_transpose(value: Node, place: Place) -> bool:
    """A T is a transpose, unless the cell (or the user) says that T is a number and the base has a power."""
    entry = place.lexicon.find("T")
    if entry is None or entry.index is None:
        return True
    return place.context.pick("the superscript T", ("transpose", f"the power {entry.name}")) == 0


def _is_square(value: Node) -> bool:
    return len(value.shape) == 2 and value.shape[0] == value.shape[1] and value.shape[0].constant != 1


def _matrix_power(value: Node, index: Index, place: Place) -> Node:
    constant = index.constant
    if constant == -1:
        return build.inverse(value)
    if constant is not None and constant >= 2:
        options = ("the matrix's own", "of every entry")
        if place.context.pick("powers of square matrices", options, 2) == 1:
            return build.power(value, constant)
    if constant is not None and constant < 0:
        return build.matrix_power(build.inverse(value), -constant)
    return build.matrix_power(value, index)


def _exponent(tree: Tree, place: Place) -> Node:
    exponent = place.read(tree)
    if isinstance(exponent, Divide) and all(isinstance(part, Number) for part in exponent.args):
        # A slash is the only way to type a fraction up there.
        exponent = Number(exponent.args[0].value / exponent.args[1].value)
    if not exponent.is_single:
        raise ReadingError("expected a number as the exponent")
    if isinstance(exponent, Number) and abs(exponent.value) > 10**6:
        raise ReadingError("the exponent is too large")
    return exponent
