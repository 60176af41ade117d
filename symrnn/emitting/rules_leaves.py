"""The notation of numbers, constant matrices and variables."""

from __future__ import annotations

from fractions import Fraction as Rational

from symrnn.emitting.boxes import Box, Fraction, Glyph, Kind, Scripts, flat_row
from symrnn.emitting.names import entries_box, index_box, index_set, letters_box, named
from symrnn.emitting.rules import NEGATIVE, TRANSPOSE, Set, Setter, Tight, number_glyph, rule
from symrnn.emitting.text import number_text
from symrnn.language import Delta, Eye, Index, IndexNumber, Number, Ones, Variable, Zeros

TIMES = Glyph("×", r"\times", Kind.SIGN, plain="x")

SIMPLE_DENOMINATOR = 9
"""Up to here a fraction is written as one; 1/20 was typed 0.05, and is shown so."""


@rule.register
def _(node: Number, setter: Setter) -> Set:
    return number_set(node.value, decimal=setter.style.numbers == "decimal")


def number_set(value: Rational, slashed: bool = False, decimal: bool = False) -> Set:
    """A number: an integer, a fraction with a small denominator, or the decimals that were typed.

    ``decimal`` writes every number with decimals that has finitely many.
    """
    size = abs(value)
    text = number_text(size)
    tight = Tight.ATOM
    box: Box
    ends = "frac" not in text
    if size.denominator == 1 or (ends and (decimal or size.denominator > SIMPLE_DENOMINATOR)):
        box = number_glyph(text)
    elif slashed:
        box = number_glyph(f"{size.numerator}/{size.denominator}")
    else:
        box = Fraction(number_glyph(str(size.numerator)), number_glyph(str(size.denominator)))
        tight = Tight.FRACTION
    return Set(box, tight) if value >= 0 else Set(flat_row(NEGATIVE, box), Tight.SUM)


@rule.register
def _(node: IndexNumber, setter: Setter) -> Set:
    return index_set(node.index)


@rule.register
def _(node: Variable, setter: Setter) -> Set:
    return variable_set(node, setter)


def variable_set(node: Variable, setter: Setter, entries: tuple[Index, ...] = ()) -> Set:
    """A variable, or its entry; what has several entries is bold where the style has it so, and its entries are not."""
    bold = setter.style.letters == "bold" and not node.is_single and not entries
    return named(node.name, setter.style, bold=bold, time=node.time, entries=entries)


def _bold(setter: Setter) -> bool:
    return setter.style.letters == "bold"


@rule.register
def _(node: Eye, setter: Setter) -> Set:
    return _sized(letters_box("I", False, _bold(setter)), (node.args[0],), setter)


@rule.register
def _(node: Ones, setter: Setter) -> Set:
    one = Glyph("1", r"\mathbf{1}", Kind.WORD, bold=True)
    if node.is_row and not node.is_column:
        sub = index_box(node.shape[1]) if setter.style.sizes == "shown" else None
        return Set(Scripts(one, sub, TRANSPOSE[setter.style.transpose]), Tight.SCRIPTED)
    if node.is_column:
        return _sized(one, node.shape[:1], setter)
    return Set(Scripts(one, sizes_box(node.shape)), Tight.ATOM)


@rule.register
def _(node: Zeros, setter: Setter) -> Set:
    zero = Glyph("0", "0", Kind.NUMBER)
    return _sized(zero, node.shape, setter) if node.shape else Set(zero, Tight.ATOM)


def _sized(box: Box, sizes: tuple[Index, ...], setter: Setter) -> Set:
    return Set(box if setter.style.sizes == "hidden" else Scripts(box, sizes_box(sizes)), Tight.ATOM)


def sizes_box(sizes: tuple[Index, ...]) -> Box:
    """``n×m``."""
    items: list[Box] = []
    for size in sizes:
        items += [TIMES, index_box(size)] if items else [index_box(size)]
    return flat_row(*items)


@rule.register
def _(node: Delta, setter: Setter) -> Set:
    return Set(Scripts(letters_box("δ", False), entries_box(node.args)), Tight.ATOM)
