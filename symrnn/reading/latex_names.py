"""Letters that carry scripts, and what to say about one that nothing declares."""

from __future__ import annotations

from symrnn.errors import ReadingError, SymrnnError, UnknownNameError, did_you_mean
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_lexicon import built_in, name_key
from symrnn.reading.latex_tree import Name, Script, Scripted, Tree


def bare_name(tree: Tree) -> Name | None:
    """The letter that carries the scripts, None for anything that isn't a name."""
    if isinstance(tree, Scripted):
        return tree.base if isinstance(tree.base, Name) else None
    return tree if isinstance(tree, Name) else None


def scripts_of(tree: Tree) -> tuple[Script | None, Script | None, int]:
    """Subscript, superscript and primes of a tree."""
    return (tree.sub, tree.sup, tree.primes) if isinstance(tree, Scripted) else (None, None, 0)


def unknown(tree: Tree, place: Place) -> SymrnnError:
    """The error for a name that nothing declares."""
    name = bare_name(tree)
    shown = place.excerpt(tree)
    key = name_key(name) if name is not None else shown
    sub = scripts_of(tree)[0]
    wanted = key + (sub.key or "" if sub is not None else "")
    entry = place.lexicon.find(key)
    if entry is not None and entry.timed:
        now = place.scope.time.index
        return ReadingError(f"“{shown}” has one value per time", hint=f"Write its time, as in {entry.name}_{now}.")
    if name is not None and (built_in(name) or (entry is not None and entry.function)):
        return ReadingError(f"“{shown}” is a function", hint="Write what it is applied to, in parentheses.")
    hint = did_you_mean(wanted, [e.name for e in place.lexicon.entries.values()])
    return UnknownNameError(
        f"nothing declares “{shown}”", hint=f"{hint or ''} Another name for it is bound with --names.".strip()
    )
