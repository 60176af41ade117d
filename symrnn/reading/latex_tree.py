r"""What a LaTeX formula looks like before anybody knows what its letters mean.

Nothing is decided here: ``h(t)`` is a name beside a group, ``\sigma'(a) W`` is four items side by side, and a sum
sign is an item in a row of factors.  Every part knows where it stands in the text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From and to (exclusive), as offsets into the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was typed."""

    at: Span
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A letter, a Greek letter without its backslash, or an upright word; ``accents`` from the inside out."""

    at: Span
    text: str
    accents: tuple[str, ...] = ()
    upright: bool = False

    @property
    def key(self) -> str:
        """The name with its accents, as ``yhat``."""
        return self.text + "".join(self.accents)


@dataclass(frozen=True, slots=True)
class Sign:
    """``partial``, ``nabla``, ``ones``, ``zeros``, ``infinity``, ``dots``."""

    at: Span
    kind: str


@dataclass(frozen=True, slots=True)
class Script:
    """What stands below or above.

    ``items`` are separated by commas.  ``key`` is the text without signs, ``hh`` or ``out``, None where it is more
    than letters and digits.  Of a superscript, ``transposed`` tells of a final ⊤ and ``mark`` is a sign that
    stands first, or alone: ``+``, ``odot``, ``star``; ``primes`` are counted apart.
    """

    at: Span
    items: tuple[Tree, ...]
    key: str | None = None
    transposed: bool = False
    mark: str | None = None
    primes: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, or nothing but primes."""
        return not self.items and not self.transposed and self.mark is None


@dataclass(frozen=True, slots=True)
class Scripted:
    """Something with a subscript, a superscript, primes."""

    at: Span
    base: Tree
    sub: Script | None = None
    sup: Script | None = None
    primes: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Something in delimiters: ``kind`` is the opening one, ``‖`` and ``⟨`` included; ``{`` for invisible braces.

    ``rows`` are separated by semicolons, their cells by commas.
    """

    at: Span
    kind: str
    rows: tuple[tuple[Tree, ...], ...]

    @property
    def single(self) -> Tree | None:
        """What stands in it, where that is one thing."""
        return self.rows[0][0] if len(self.rows) == 1 and len(self.rows[0]) == 1 else None


@dataclass(frozen=True, slots=True)
class Matrix:
    """An environment with rows of cells; ``kind`` is its name without a star."""

    at: Span
    kind: str
    rows: tuple[tuple[Tree, ...], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of ``cases``: a value, and when it holds (None: otherwise)."""

    at: Span
    value: Tree
    condition: tuple[Tree, ...] | None


@dataclass(frozen=True, slots=True)
class Cases:
    """Values by condition."""

    at: Span
    lines: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Fraction:
    """One thing over another."""

    at: Span
    top: Tree
    bottom: Tree


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    at: Span
    body: Tree


@dataclass(frozen=True, slots=True)
class Big:
    """A sum or product sign with what stands below and above it; ``kind`` is sum, prod or hprod."""

    at: Span
    kind: str
    lower: Script | None
    upper: Script | None


@dataclass(frozen=True, slots=True)
class Factors:
    """A row of factors, each with the sign before it (``""`` for standing beside, and for the first)."""

    at: Span
    items: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """A sum of terms, each with its sign, ``+``, ``-`` or ``±``."""

    at: Span
    items: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    r"""``a = b``, ``1 \le k \le t``: members and the signs between them."""

    at: Span
    members: tuple[Tree, ...]
    signs: tuple[str, ...]


Tree = Number | Name | Sign | Scripted | Group | Matrix | Cases | Fraction | Root | Big | Factors | Terms | Relation


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of an answer: members joined by equality signs, and the word that introduced it.

    ``role``: ``main``, ``where`` (a part, after "where" or "with") or ``if`` (a condition on the line before).
    """

    at: Span
    members: tuple[Tree, ...]
    role: str = "main"
    conditions: tuple[Tree, ...] = ()


def strip_group(tree: Tree) -> Tree:
    """The inside of invisible braces and round parentheses around one thing."""
    while isinstance(tree, Group) and tree.kind in "{(" and tree.single is not None:
        tree = tree.single
    return tree


def factors_of(tree: Tree) -> tuple[tuple[str, Tree], ...]:
    """The factors side by side in a tree; one for anything else."""
    if isinstance(tree, Terms) and len(tree.items) == 1 and tree.items[0][0] == "+":
        return factors_of(tree.items[0][1])
    if isinstance(tree, Group) and tree.kind == "{" and tree.single is not None:
        return factors_of(tree.single)
    return tree.items if isinstance(tree, Factors) else (("", tree),)
