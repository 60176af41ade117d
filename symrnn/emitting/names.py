"""Names with their time and entries, and times and sizes, as boxes."""

from __future__ import annotations

from fractions import Fraction as Rational

from symrnn.emitting.boxes import Accent, Box, Fence, Glyph, Kind, Row, Scripts, beside, flat_row
from symrnn.emitting.notation import GREEK, Notation, latex_letters, notate
from symrnn.emitting.rules import COMMA, MINUS, NEGATIVE, PLUS, SLASH, Set, Tight, joined, number_glyph
from symrnn.emitting.style import PLAIN, Style
from symrnn.language import Index
from symrnn.language.index import Atom, shown_terms


def letters_box(letters: str, upright: bool, bold: bool = False) -> Box:
    """The letters of a name: one slanted glyph each, or one upright word."""
    if upright:
        kind = Kind.WORD
        return Glyph(letters, latex_letters(letters, True), kind, plain=_ascii(letters), bold=bold)
    glyphs = [
        Glyph(c, latex_letters(c, False), Kind.NUMBER if c.isdigit() else Kind.LETTER, _ascii(c), bold) for c in letters
    ]
    return flat_row(*glyphs)


def _ascii(letters: str) -> str:
    """The typed name of a Greek letter, for terminals without it."""
    return _TYPED.get(letters, "")


_ALIASES = ("lamda", "lambda", "epsilon", "varepsilon")
_TYPED = {character: name for name, (character, _) in GREEK.items() if name not in _ALIASES}


def named(
    name: str,
    style: Style = PLAIN,
    *,
    bold: bool = False,
    time: Index | None = None,
    entries: tuple[Index, ...] = (),
) -> Set:
    """A name with its accents, its time and, for an entry, its component indices.

    A number at the end of a timed name says which layer: ``h1[t]`` is h with (1) above and t below.
    """
    notation = notate(name, accents=style.hats != "off")
    below: list[Box] = [_script(n) for n in notation.subscripts]
    above: list[Box] = [_script(n) for n in notation.superscripts]
    if notation.primes:
        above.insert(0, prime(notation.primes))
    if notation.starred:
        above.insert(0, Glyph("∗", r"\ast", Kind.WORD, plain="*"))
    if notation.number and time is not None and not below and style.time == "subscript":
        above.append(Fence(number_glyph(notation.number)))
    elif notation.number:
        below.append(number_glyph(notation.number))
    base = _accented(notation, style, bold)
    if time is not None and style.time == "superscript":
        above.append(Fence(index_box(time)))
    elif time is not None:
        below.append(index_box(time))
    if entries and below and time is None:
        inner = Fence(_scripted(base, below, above))
        return Set(Scripts(inner, entries_box(entries)), Tight.ATOM)
    below += [entries_box(entries)] if entries else []
    return Set(_scripted(base, below, above), Tight.SCRIPTED if above else Tight.ATOM)


def _scripted(base: Box, below: list[Box], above: list[Box]) -> Box:
    if not below and not above:
        return base
    return Scripts(base, joined(below) if below else None, flat_row(*above) if above else None)


def _accented(notation: Notation, style: Style, bold: bool) -> Box:
    box = letters_box(notation.letters, notation.upright, bold)
    for accent in notation.accents:
        box = Accent(box, "wide" if accent == "hat" and style.hats == "wide" else accent)
    return box


def _script(notation: Notation) -> Box:
    """A script of a name: letters and the digits after them, without a comma."""
    parts = [_accented(notation, PLAIN, False)]
    if notation.number:
        parts.append(number_glyph(notation.number))
    return flat_row(*parts)


def prime(count: int) -> Glyph:
    """So many primes."""
    text = "′″‴"[count - 1] if count < 4 else "′" * count
    return Glyph(text, r"\prime" * count, Kind.SIGN, plain="'" * count)


def entries_box(indices: tuple[Index, ...]) -> Box:
    """Component indices: ``ij`` where each is a letter, else with commas."""
    boxes: list[Box] = [index_box(index) for index in indices]
    if all(isinstance(box, Glyph) and box.kind is Kind.LETTER for box in boxes):
        return flat_row(*boxes)
    return joined(boxes)


def index_box(index: Index) -> Box:
    """A time, a size or a bound."""
    return index_set(index).box


def index_set(index: Index) -> Set:
    """A time, a size or a bound, and how tightly it binds."""
    if not index.terms:
        return Set(number_glyph("0"), Tight.ATOM)
    items: list[Box] = []
    for monomial, coefficient in shown_terms(index):
        if items:
            items.append(MINUS if coefficient < 0 else PLUS)
        elif coefficient < 0:
            items.append(NEGATIVE)
        items.append(_monomial(monomial, abs(Rational(coefficient))))
    box = flat_row(*items)
    if len(index.terms) > 1 or index.terms[0][1] < 0:
        return Set(box, Tight.SUM)
    return Set(box, Tight.PRODUCT if isinstance(box, Row) else Tight.ATOM)


def _monomial(atoms: tuple[Atom, ...], size: Rational) -> Box:
    """``4 n``, ``n²`` or ``n m/2``."""
    top, bottom = size.numerator, size.denominator
    factors = [_atom_power(atom, atoms.count(atom)) for atom in dict.fromkeys(atoms)]
    if top != 1 or not factors:
        factors.insert(0, number_glyph(str(top)))
    product = joined(factors, beside())
    return product if bottom == 1 else flat_row(product, SLASH, number_glyph(str(bottom)))


def _atom_power(atom: Atom, power: int) -> Box:
    return _atom(atom) if power == 1 else Scripts(_atom(atom), sup=number_glyph(str(power)))


def _atom(atom: Atom) -> Box:
    if isinstance(atom, str):
        return named(atom).box
    function = Glyph(atom.kind, f"\\{atom.kind}", Kind.FUNCTION)
    return flat_row(function, Fence(joined([index_box(argument) for argument in atom.args], COMMA)))
