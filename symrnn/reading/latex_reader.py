r"""LaTeX answers, as people write them, to formulas: every way in which the print can be meant.

The text is cut into tokens (:mod:`latex_tokens`), parsed without knowing any name (:mod:`latex_syntax`), and then
understood in the scope of a cell (:mod:`latex_meaning`).  Where print leaves something open, there is one reading
for each choice, the most literal first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symrnn.errors import Location, ReadingError, SymrnnError
from symrnn.language import Formula, Layout, Node, Shape
from symrnn.reading.latex_answer import Answer, read_answer
from symrnn.reading.latex_choices import Choices, every_reading, runs_for
from symrnn.reading.latex_context import Context, Place
from symrnn.reading.latex_indices import names_in, separate
from symrnn.reading.latex_lexicon import Lexicon, name_key, script_key
from symrnn.reading.latex_lines import read_statements
from symrnn.reading.latex_meaning import single, value
from symrnn.reading.latex_names import bare_name
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_syntax import Parser
from symrnn.reading.latex_tokens import tokenize
from symrnn.reading.latex_tree import Case, Name, Scripted, Statement
from symrnn.reading.scope import Scope, ShapeUnknown, time_names

MAX_READINGS = 32

Choice = tuple[str, str]
"""What was open, and how it was taken."""


@dataclass(frozen=True)
class Reading:
    """One way to read a text.

    ``formula``: the answer.  ``choices``: what was open, and how it was taken, as pairs of words; nothing where
    the print left nothing open.  ``claims``: everything that is said of a derivative, each equality sign of a
    chain a claim of its own, the answer last.  ``equalities``: expressions that were said to be equal.
    """

    formula: Formula
    choices: tuple[Choice, ...] = ()
    claims: tuple[Formula, ...] = ()
    equalities: tuple[tuple[Node, Node], ...] = ()

    @property
    def description(self) -> str:
        """The choices in one line.

        >>> from symrnn.language import ONE
        >>> Reading(Formula(ONE), (("the product's factors are", "descending"),)).description
        "the product's factors are: descending"
        """
        return "; ".join(f"{key}: {taken}" for key, taken in self.choices)


def read_latex(
    text: str,
    scope: Scope,
    layout: Layout = Layout.NUMERATOR,
    *,
    names: Mapping[str, str] | None = None,
    entries_from: int = 0,
    prime_transposes: bool = False,
    shape: Shape | None = None,
    location: Location | None = None,
) -> tuple[Reading, ...]:
    r"""All readings of a LaTeX answer in the scope of a cell, the most literal first; at most MAX_READINGS.

    ``names`` binds other names to the cell's (``{"T": "tau", "W_{xh}": "U"}``), ``entries_from`` is the number of
    the first entry, ``prime_transposes`` reads ``A'`` as the transpose of what isn't a function, ``shape`` is that of
    the answer, from which an I or a bold 1 standing alone has its size.  Inert derivatives are in the given layout.

    >>> from symrnn.language import Index, Role
    >>> from symrnn.reading.scope import Symbol
    >>> n, one = Index.of("n"), Index.of(1)
    >>> scope = Scope(
    ...     timed={"h": Symbol(Role.COMPUTED, (n, one))}, whole={"W": Symbol(Role.PARAMETER, (n, n))},
    ...     indices=frozenset({"t", "tau"}), free=True,
    ... )
    >>> literal, other = read_latex(r"\prod_{j=k+1}^{t} \operatorname{diag}(1 - h_j^2) W", scope)[:2]
    >>> literal.description, other.description
    ("...ascending", "...descending")

    Raises ReadingError or UnknownNameError with line, column and what was expected; ShapeError where the shapes
    don't fit in any reading.
    """
    source = Source(text, location.source if location is not None else "LaTeX")
    lexicon = Lexicon.of(scope)
    lexicon = lexicon.renamed((_key(p, lexicon), _plain(meant, lexicon)) for p, meant in (names or {}).items())
    scope = scope.with_indices(*({"k"} - scope.whole.keys() - scope.sizes.keys()))
    asked = _Asked(source, scope, lexicon, layout, entries_from, prime_transposes, shape)
    found: dict[Formula, Reading] = {}
    failure: SymrnnError | None = None
    for statements, note in _line_breaks(source, lexicon):
        try:
            for reading in asked.readings(statements, note):
                found.setdefault(reading.formula, reading)
                if len(found) >= MAX_READINGS:
                    return tuple(found.values())
        except SymrnnError as error:
            failure = failure or error
    if not found and failure is not None:
        raise failure
    return tuple(found.values())


@dataclass(frozen=True)
class _Asked:
    """One text and how it is to be read."""

    source: Source
    scope: Scope
    lexicon: Lexicon
    layout: Layout
    entries_from: int
    prime_transposes: bool
    shape: Shape | None

    def readings(self, statements: Sequence[Statement], note: Choice | None) -> Iterator[Reading]:
        """Every reading of these statements; a note says how the text was cut into them."""
        letters = _entry_letters(statements, self.lexicon, self.scope)

        def read(choices: Choices) -> Answer:
            place = self._place(choices, letters)
            try:
                return read_answer(statements, place)
            except ShapeUnknown as unknown:
                raise ReadingError(f"the shape of “{unknown}” does not follow from its definition") from None

        for answer, choices in every_reading(read, runs_for(len(self.source.text))):
            made = (*([note] if note is not None else []), *choices.described())
            yield Reading(answer.formula, made, answer.claims, answer.equalities)

    def _place(self, choices: Choices, letters: frozenset[str] = frozenset()) -> Place:
        context = Context(
            self.source,
            choices,
            self.layout,
            value,
            single,
            self.scope,
            self.lexicon,
            self.entries_from,
            self.prime_transposes,
            letters,
            self.shape,
        )
        return Place(context, self.scope, self.lexicon)


def _line_breaks(source: Source, lexicon: Lexicon) -> list[tuple[tuple[Statement, ...], Choice | None]]:
    """The statements of a text; in two ways, the likelier first, where plain line breaks may separate or join lines."""
    ways: dict[str, tuple[Statement, ...]] = {}
    likely = ""
    failure: SymrnnError | None = None
    for way, joined in (("separate", False), ("joined", True)):
        try:
            lines = read_statements(source, lexicon.words(), joined)
        except SymrnnError as error:
            failure = failure or error
            continue
        if not lines.likely and not joined:
            return [(lines.statements, None)]
        ways[way], likely = lines.statements, likely or lines.likely
    if not ways:
        assert failure is not None
        raise failure
    if len(ways) == 1:
        return [(statements, None) for statements in ways.values()]
    order = sorted(ways, key=lambda way: way != likely)
    return [(ways[way], ("plain line breaks", f"leave lines {way}")) for way in order]


def _key(printed: str, lexicon: Lexicon) -> str:
    r"""The spelling of a name as it is printed, ``W_{xh}`` or ``\hat p``."""
    source = Source(printed, "--names")
    parser = Parser(source, tokenize(source, lexicon.words()), len(printed))
    tree = parser.whole()
    name = bare_name(tree)
    if name is None:
        raise source.error("expected one name, as in T=tau or W_{xh}=U", 0)
    key = name_key(name)
    if isinstance(tree, Scripted):
        key += (script_key(tree.sub) or "") + (script_key(tree.sup) or "") + "prime" * tree.primes
    return key


def _plain(meant: str, lexicon: Lexicon) -> str:
    r"""The cell's name that is meant, which may be typeset too, as ``\hat y``."""
    return _key(meant, lexicon) if set(meant) & set("\\{^") else meant


def _entry_letters(statements: Sequence[Statement], lexicon: Lexicon, scope: Scope) -> frozenset[str]:
    """Letters that count entries somewhere: the i and j of ``W_{ij}``, the i of ``h_{t,i}``."""
    found: set[str] = set()
    context = Context(Source(""), Choices(), Layout.NUMERATOR, value, single, scope, lexicon)
    place = Place(context, scope, lexicon)
    for tree in _below(statements, Scripted):
        assert isinstance(tree, Scripted)
        name = bare_name(tree)
        if name is None or tree.sub is None or lexicon.find(name_key(name) + (tree.sub.key or " ")) is not None:
            continue
        items = separate(tree.sub.items, place)
        if len(items) > 1:
            found |= {name_key(n) for item in items for n in names_in(item) if isinstance(item, Name)}
    for case in _below(statements, Case):
        letters = {name_key(n) for n in names_in(getattr(case, "condition", None) or ())}
        # A condition on a time (k = t) is about times.
        found |= set() if letters & time_names(scope.time) else letters
    return frozenset(found - time_names(scope.time))


def _below(tree: object, kind: type) -> list[object]:
    """Everything of a type in the statements, without recursion."""
    found, stack = [], [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, kind):
            found.append(node)
        if isinstance(node, tuple):
            stack.extend(node)
        elif hasattr(node, "__slots__"):
            stack.extend(getattr(node, slot) for slot in node.__slots__ if slot not in ("at", "key", "kind"))
    return found
