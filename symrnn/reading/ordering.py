"""Which of two indices comes first, decided from the symbols: 1 ≤ k ≤ t ≤ tau, never from numbers.

A product printed without a step descends or ascends according to its bounds: ``prod(e, j, t, k+1)`` descends,
because t ≥ k, and ``prod(e, j, k+1, t)`` ascends.  The same facts tell whether an input is read outside its
times.
"""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.language import Index, TimeRange
from symrnn.language.index import Extremum

_SEARCH_DEPTH = 8


@dataclass(frozen=True)
class Facts:
    """Ranges ``lower ≤ name ≤ upper`` that are known to hold, the later ones nearer to the expression.

    >>> facts = Facts.of(TimeRange())
    >>> facts.nonnegative(Index.of("tau") - "k"), facts.nonnegative(Index.of("k") - "t")
    (True, False)
    """

    ranges: tuple[tuple[str, Index, Index], ...] = ()

    @staticmethod
    def of(time: TimeRange) -> Facts:
        """What holds for the free t and k of a formula about a cell: first ≤ k ≤ t ≤ last."""
        now = Index.of(time.index)
        facts: list[tuple[str, Index, Index]] = [(time.index, time.first, time.last)]
        if time.index != "k":
            facts.append(("k", time.first, now))
        return Facts(tuple(facts))

    def with_range(self, name: str, lower: Index, upper: Index) -> Facts:
        """The facts inside a sum or product; what was known of an outer index of this name is forgotten."""
        kept = [f for f in self.ranges if f[0] != name and name not in f[1].names() | f[2].names()]
        if name in lower.names() | upper.names():
            # The bounds speak of the outer index: of the inner one nothing is known but itself.
            lower = upper = Index.of(name)
        return Facts((*kept, (name, lower, upper)))

    def nonnegative(self, index: Index) -> bool:
        """Whether the index is provably ≥ 0 (False also where nothing is known)."""
        return self._prove(index, _SEARCH_DEPTH)

    def _prove(self, index: Index, depth: int) -> bool:
        if index.constant is not None:
            return index.constant >= 0
        if depth == 0 or any(len(monomial) > 1 for monomial, _ in index.terms):
            return False
        return any(self._prove(lowered, depth - 1) for lowered in self._lowered(index))

    def _lowered(self, index: Index) -> list[Index]:
        """Indices that are no larger: one symbol each replaced by its bound."""
        found = []
        for monomial, coefficient in index.terms:
            atom = monomial[0] if monomial else None
            if isinstance(atom, Extremum):
                found += _lowered_extremum(index, atom, coefficient > 0)
            elif atom is not None:
                for name, lower, upper in self.ranges:
                    if name == atom:
                        found += [index.substitute({name: b}) for b in _bounds(lower, upper, coefficient > 0)]
                if coefficient > 0 and all(name != atom for name, _, _ in self.ranges):
                    # A length or a size is at least one.
                    found.append(index.substitute({atom: Index.of(1)}))
        return found


def _bounds(lower: Index, upper: Index, low: bool) -> list[Index]:
    """The bounds to put for a symbol: from below if its sign is positive; any argument of a max bounds it."""
    bound, kind = (lower, "max") if low else (upper, "min")
    if len(bound.terms) == 1 and bound.terms[0][1] == 1 and len(bound.terms[0][0]) == 1:
        atom = bound.terms[0][0][0]
        if isinstance(atom, Extremum) and atom.kind == kind:
            return list(atom.args)
    return [bound]


def _lowered_extremum(index: Index, atom: Extremum, positive: bool) -> list[Index]:
    rest = Index.build({m: c for m, c in index.terms if m != (atom,)})
    coefficient = next(c for m, c in index.terms if m == (atom,))
    # max(a, b) ≥ a, and -min(a, b) ≥ -a: one argument may stand for the whole.
    if (atom.kind == "max") == positive and isinstance(coefficient, int):
        return [rest + argument * coefficient for argument in atom.args]
    return []


def direction(first: Index, last: Index, facts: Facts) -> int | None:
    """1 if a product from first to last ascends, -1 if it descends, None where the symbols don't decide it.

    >>> t, k = Index.of("t"), Index.of("k")
    >>> direction(t, k + 1, Facts.of(TimeRange())), direction(k + 1, t, Facts.of(TimeRange()))
    (-1, 1)
    >>> direction(Index.of(3), Index.of(1), Facts()) is None
    True

    A range holds for a direction where its number of factors, the empty product included, is never negative.
    """
    difference = first - last
    if difference.constant is not None:
        return -1 if difference.constant == 0 and first.constant is None else None
    descends = facts.nonnegative(difference + 1)
    ascends = facts.nonnegative(-difference + 1)
    if descends == ascends:
        return None
    return -1 if descends else 1
