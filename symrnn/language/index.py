"""Times and sizes: polynomials with integer coefficients over named integer symbols.

``t - 1``, ``4*n``, ``n + m``, ``n*m`` and ``max(1, t - w)`` all are an :class:`Index`.  They are canonical, so
that ``n + m == m + n``, hashable, and evaluated millions of times by the checker; SymPy's own integers do the
same at thirty times the cost, which is why it stands at the edges (:mod:`symrnn.reading.sympy_reader`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Union

from symrnn.errors import DataError

Atom = Union[str, "Extremum"]
Monomial = tuple[Atom, ...]
IndexLike = Union["Index", int, str]


@dataclass(frozen=True)
class Extremum:
    """``max`` or ``min`` of several indices, as it occurs in bounds."""

    kind: str
    args: tuple[Index, ...]

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(str(a) for a in self.args)})"


def _atom_key(atom: Atom) -> tuple[int, str]:
    return (0, atom) if isinstance(atom, str) else (1, str(atom))


def _monomial_key(monomial: Monomial) -> tuple[int, list[tuple[int, str]]]:
    return (-len(monomial), [_atom_key(a) for a in monomial])


@dataclass(frozen=True, eq=True)
class Index:
    """A polynomial ``sum coefficient * product of atoms``, its terms in a canonical order.

    >>> Index.of("t") - 1
    Index('t - 1')
    >>> Index.of("n") + "m" == Index.of("m") + "n"
    True
    >>> (Index.of("n") * 4).value({"n": 3})
    12
    """

    terms: tuple[tuple[Monomial, Fraction | int], ...]

    @staticmethod
    def of(value: IndexLike) -> Index:
        """An index from an integer, a name, or an index."""
        if isinstance(value, Index):
            return value
        return _from_name(value) if isinstance(value, str) else _from_int(int(value))

    @staticmethod
    def build(terms: Mapping[Monomial, Fraction | int]) -> Index:
        """The canonical index with these terms; zero coefficients are dropped."""
        kept = {m: c for m, c in terms.items() if c != 0}
        ordered = sorted(kept, key=_monomial_key)
        return Index(tuple((m, _plain(kept[m])) for m in ordered))

    def __add__(self, other: IndexLike) -> Index:
        return _sum(self, Index.of(other))

    __radd__ = __add__

    def __neg__(self) -> Index:
        return Index(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: IndexLike) -> Index:
        return _sum(self, -Index.of(other))

    def __rsub__(self, other: IndexLike) -> Index:
        return _sum(Index.of(other), -self)

    def __mul__(self, other: IndexLike) -> Index:
        return _product(self, Index.of(other))

    __rmul__ = __mul__

    def divided_by(self, divisor: int) -> Index:
        """The index over an integer, kept exact: ``n/2``."""
        return Index(tuple((m, _plain(Fraction(c) / divisor)) for m, c in self.terms))

    @property
    def constant(self) -> int | None:
        """The integer that this index is, or None where a symbol occurs."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0] and isinstance(self.terms[0][1], int):
            return self.terms[0][1]
        return None

    @property
    def name(self) -> str | None:
        """The name, where the index is one bare symbol."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            atom = self.terms[0][0][0]
            return atom if isinstance(atom, str) else None
        return None

    def names(self) -> frozenset[str]:
        """All symbols in it."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found.update(*(a.names() for a in atom.args))
        return frozenset(found)

    def value(self, numbers: Mapping[str, int]) -> int:
        """The integer at these numbers; a symbol without a number is a :class:`DataError`."""
        total: Fraction | int = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                product = product * _atom_value(atom, numbers)
            total = total + product
        if isinstance(total, Fraction):
            if total.denominator != 1:
                raise DataError(f"the index {self} is {total} at {dict(numbers)}, which is not an integer")
            return total.numerator
        return total

    def substitute(self, replacements: Mapping[str, Index]) -> Index:
        """Replace symbols by indices, all at once."""
        if not any(name in replacements for name in self.names()):
            return self
        total = _from_int(0)
        for monomial, coefficient in self.terms:
            product = Index.build({(): coefficient})
            for atom in monomial:
                product = product * _atom_substitute(atom, replacements)
            total = total + product
        return total

    def __str__(self) -> str:
        return format_index(self)

    def __repr__(self) -> str:
        return f"Index({str(self)!r})"


def _plain(number: Fraction | int) -> Fraction | int:
    return number.numerator if isinstance(number, Fraction) and number.denominator == 1 else number


@lru_cache(maxsize=4096)
def _from_int(value: int) -> Index:
    return Index((((), value),)) if value else Index(())


@lru_cache(maxsize=4096)
def _from_name(name: str) -> Index:
    return Index((((name,), 1),))


@lru_cache(maxsize=16384)
def _sum(left: Index, right: Index) -> Index:
    terms: dict[Monomial, Fraction | int] = dict(left.terms)
    for monomial, coefficient in right.terms:
        terms[monomial] = terms.get(monomial, 0) + coefficient
    return Index.build(terms)


@lru_cache(maxsize=16384)
def _product(left: Index, right: Index) -> Index:
    terms: dict[Monomial, Fraction | int] = {}
    for m1, c1 in left.terms:
        for m2, c2 in right.terms:
            monomial = tuple(sorted(m1 + m2, key=_atom_key))
            terms[monomial] = terms.get(monomial, 0) + c1 * c2
    return Index.build(terms)


def _atom_value(atom: Atom, numbers: Mapping[str, int]) -> int:
    if isinstance(atom, Extremum):
        pick = max if atom.kind == "max" else min
        return pick(a.value(numbers) for a in atom.args)
    try:
        return numbers[atom]
    except KeyError:
        raise DataError(f'the symbol "{atom}" has no number') from None


def _atom_substitute(atom: Atom, replacements: Mapping[str, Index]) -> Index:
    if isinstance(atom, Extremum):
        return _extremum(atom.kind, [a.substitute(replacements) for a in atom.args])
    return replacements.get(atom, _from_name(atom))


def _extremum(kind: str, args: Iterable[Index]) -> Index:
    pick = max if kind == "max" else min
    kept: dict[Index, None] = {}
    for arg in args:
        # Numbers that differ by a constant are comparable: max(t, t - 1) is t.
        rival = next((k for k in kept if (k - arg).constant is not None), None)
        if rival is None:
            kept[arg] = None
        elif pick((rival - arg).constant or 0, 0) == 0 and rival != arg:
            kept = {(arg if k == rival else k): None for k in kept}
    if len(kept) == 1:
        return next(iter(kept))
    atom = Extremum(kind, tuple(sorted(kept, key=str)))
    return Index((((atom,), 1),))


def index_max(*args: IndexLike) -> Index:
    """The larger of several indices.

    >>> str(index_max(1, Index.of("t") - 2)), str(index_max(Index.of("t"), Index.of("t") - 1))
    ('max(1, t - 2)', 't')
    """
    return _extremum("max", [Index.of(a) for a in args])


def index_min(*args: IndexLike) -> Index:
    """The smaller of several indices."""
    return _extremum("min", [Index.of(a) for a in args])


def shown_terms(index: Index) -> list[tuple[Monomial, Fraction | int]]:
    """The canonical order, except that no leading minus is shown where a plus could lead: ``t - k``, not ``-k + t``."""
    terms = list(index.terms)
    leading = next((i for i, (_, coefficient) in enumerate(terms) if coefficient > 0), 0)
    return [terms[leading], *terms[:leading], *terms[leading + 1 :]]


def format_index(index: Index, name: Callable[[Atom], str] = str, times: str = "*") -> str:
    """Text of an index; the emitters pass their own spelling of symbols and of the product sign."""
    if not index.terms:
        return "0"
    parts: list[str] = []
    for monomial, coefficient in shown_terms(index):
        magnitude = abs(coefficient)
        factors = [name(a) for a in monomial]
        if magnitude != 1 or not factors:
            factors.insert(0, str(magnitude) if isinstance(magnitude, int) else f"({magnitude})")
        sign = "-" if coefficient < 0 else "+"
        if parts:
            parts.append(f" {sign} ")
        elif sign == "-":
            parts.append("-")
        parts.append(times.join(factors))
    return "".join(parts)
