r"""Names as they are printed, and what they are in the cell: ``\hat y`` is yhat, ``W_{hh}`` is W_hh or Whh.

Both sides are brought to one spelling, letters without signs in between; :class:`Lexicon` is the dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from symrnn.errors import UnknownNameError, did_you_mean
from symrnn.language import Index
from symrnn.primitives import lookup
from symrnn.reading.latex_symbols import FUNCTION_NAMES, NAME_ALIASES
from symrnn.reading.latex_tree import Group, Name, Number, Script, Tree
from symrnn.reading.scope import Scope

SPECIAL_FUNCTIONS: Mapping[str, str] = {
    "diag": "diag", "Diag": "diag", "tr": "trace", "Tr": "trace", "trace": "trace", "det": "det", "vec": "vec",
    "unvec": "unvec", "inv": "inv", "transpose": "transpose", "concat": "concat", "hcat": "hcat", "kron": "kron",
    "LN": "layernorm", "hadamard": "hadamard",
}  # fmt: skip
"""Words that are functions of the language but no primitives."""


@dataclass(frozen=True)
class Entry:
    """What one printed name stands for.

    ``name``: as the cell or a part spells it.  ``timed`` and ``whole``: whether it has a value per time, and one
    for the whole sequence.  ``index``: the size or time that it is.  ``function``: the function that it is.
    """

    name: str
    timed: bool = False
    whole: bool = False
    index: Index | None = None
    function: str | None = None

    @property
    def is_variable(self) -> bool:
        """Whether it has a value, at a time or for the sequence."""
        return self.timed or self.whole

    @property
    def is_value(self) -> bool:
        """Whether the bare name is an expression: a variable, or a size or time that is no function's name too."""
        return self.is_variable or (self.index is not None and self.function is None)


def spelled(name: str) -> str:
    """The one spelling of a cell's name.

    >>> spelled("W_hh"), spelled("y_hat"), spelled("lambda_1")
    ('Whh', 'yhat', 'lam1')
    """
    return "".join(_spelled_piece(piece) for piece in name.split("_") if piece)


def _spelled_piece(piece: str) -> str:
    stem = piece.rstrip("0123456789")
    return NAME_ALIASES.get(stem, stem) + piece[len(stem) :]


@dataclass(frozen=True)
class Lexicon:
    """Printed names, in their one spelling, and what they stand for."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    @staticmethod
    def of(scope: Scope) -> Lexicon:
        """The names of a scope."""
        entries: dict[str, Entry] = {}
        for name, index in scope.sizes.items():
            _add(entries, Entry(name, index=index))
        for name in sorted(scope.indices):
            _add(entries, Entry(name, index=Index.of(name)))
        for name in sorted(scope.functions):
            _add(entries, Entry(name, function=name))
        for name in scope.whole:
            _add(entries, Entry(name, whole=True))
        for name in scope.timed:
            _add(entries, Entry(name, timed=True))
        if scope.summand is not None:
            _add(entries, Entry(scope.summand[0], timed=True))
        return Lexicon(entries)

    def find(self, key: str) -> Entry | None:
        """What a spelling stands for."""
        return self.entries.get(key)

    def renamed(self, names: Iterable[tuple[str, str]]) -> Lexicon:
        """The lexicon with more spellings: ``("T", "tau")`` lets T stand for tau.

        Raises UnknownNameError where the target is nothing.
        """
        entries = dict(self.entries)
        for key, target in names:
            entries[key] = self._target(target)
        return Lexicon(entries)

    def _target(self, target: str) -> Entry:
        known = self.find(spelled(target))
        if known is not None:
            return known
        function = SPECIAL_FUNCTIONS.get(target) or FUNCTION_NAMES.get(target.lower(), target.lower())
        if lookup(function) is not None or target in SPECIAL_FUNCTIONS:
            return Entry(target, function=function)
        raise UnknownNameError(
            f'names: "{target}" is nothing that this cell knows',
            hint=did_you_mean(target, [e.name for e in self.entries.values()]),
        )

    def with_parts(self, parts: Iterable[tuple[str, str, bool]]) -> Lexicon:
        """The lexicon with a formula's parts: spelling, name, and whether it has a time; they hide what there was."""
        entries = dict(self.entries)
        own: dict[str, Entry] = {}
        for key, name, timed in parts:
            hidden = entries.get(key)
            unhidden = hidden if hidden is not None and hidden.name == name else Entry(name)
            before = own.get(key, unhidden)
            own[key] = replace(before, timed=before.timed or timed, whole=before.whole or not timed)
        return Lexicon({**entries, **own})

    def words(self) -> frozenset[str]:
        """Names of several letters, which stay whole when they are typed bare."""
        names = {e.name for e in self.entries.values()} | set(self.entries)
        return frozenset(n for n in names if len(n) > 1 and n.isalnum() and n.isascii())


def _add(entries: dict[str, Entry], entry: Entry) -> None:
    key = spelled(entry.name)
    before = entries.get(key)
    if before is None or before.name != entry.name:
        # Of two names with one spelling (W_hh and Whh) the first wins; variables win over sizes of that letter.
        if before is not None and before.is_variable:
            return
        if before is not None:
            entry = replace(entry, index=entry.index or before.index)
        entries[key] = entry
        return
    entries[key] = replace(
        before,
        timed=before.timed or entry.timed,
        whole=before.whole or entry.whole,
        index=before.index or entry.index,
        function=before.function or entry.function,
    )


def name_key(name: Name) -> str:
    """The spelling of a printed letter with its accents."""
    return NAME_ALIASES.get(name.text, name.text) + "".join(name.accents)


def script_key(script: Script | None) -> str | None:
    """The spelling of a script: ``hh``, or the number of ``h^{(1)}``."""
    if script is None or script.mark is not None:
        return None
    if script.key is not None:
        return script.key
    if len(script.items) == 1 and isinstance(script.items[0], Group) and script.items[0].kind == "(":
        inner = script.items[0].single
        return tree_key(inner) if inner is not None else None
    return None


def tree_key(tree: Tree) -> str | None:
    """The spelling of one index in a script, None where it is more than letters and digits."""
    if isinstance(tree, Name):
        return name_key(tree)
    if isinstance(tree, Number):
        return tree.text
    return None


def built_in(name: Name) -> str | None:
    """The function that a printed name is by itself: sigma is the sigmoid, words are primitives."""
    if name.accents:
        return None
    text = name.text
    if text in SPECIAL_FUNCTIONS:
        return SPECIAL_FUNCTIONS[text]
    if text == "sigma":
        return "sigmoid"
    if len(text) < 2:
        return None
    found = FUNCTION_NAMES.get(text.lower(), text.lower())
    primitive = lookup(found) or lookup(text)
    return primitive.name if primitive is not None else None
