"""The way out of an unknown name: the nearest known one, or how to declare it."""

from __future__ import annotations

from collections.abc import Iterable

from symrnn.errors import UnknownNameError, did_you_mean
from symrnn.reading.scope import Scope


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """The nearest known name as a hint, or another hint where none is near.

    >>> nearest("alpa", ["alpha", "beta"], "Declare it.")
    'Did you mean "alpha"?'
    >>> nearest("q", ["alpha", "beta"], "Declare it.")
    'Declare it.'
    """
    hint = did_you_mean(name, known)
    return hint if hint is not None and hint.startswith("Did") else otherwise


def unknown_variable(name: str, scope: Scope) -> UnknownNameError:
    """The error of a variable that nothing declares."""
    now = scope.time.index
    if name == now:
        return unbound_time(scope)
    otherwise = f"Declare it by a line, as param {name}[n], or define it: {name}[{now}] = ..."
    if scope.free:
        otherwise = f"Declare it in the cell, or define it as a part: {name} = ..."
    return UnknownNameError(f'nothing declares "{name}"', hint=nearest(name, scope.names(), otherwise))


def unbound_time(scope: Scope) -> UnknownNameError:
    """The error of a t in an expression that has none: the loss, a quantity of the whole sequence."""
    now, last = scope.time.index, scope.time.last
    return UnknownNameError(
        f'"{now}" has no value here: this is about the whole sequence',
        hint=f"Add up over it, as in sum(L[{now}], {now}), or take one time, as in L[{last}].",
    )


def unknown_index(name: str, scope: Scope) -> UnknownNameError:
    """The error of a name in brackets that is no index."""
    if name == scope.time.index:
        return unbound_time(scope)
    otherwise = f"Declare a size by a line, as size {name}; an index of a sum is bound by it: sum(e, {name}, 1, tau)."
    if scope.free:
        otherwise = "Free indices are single small letters, as the k of h[k]."
    hint = nearest(name, {*scope.indices, *scope.sizes}, otherwise)
    return UnknownNameError(f'"{name}" is no time, size or bound index', hint=hint)
