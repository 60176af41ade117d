"""One module per command, found by its name: a file here is all it takes to add one.

A module's docstring is what ``--help`` says, its first line the summary.  ``configure(parser)`` declares the options,
``run(options, terminal)`` does the work and returns the exit code.  What a command needs is imported inside ``run``, so
that starting one command doesn't load what another needs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

ORDER = (
    "list", "show", "derive", "code", "verify", "depends", "evaluate", "flow",
    "check", "grade", "layout", "sheet", "new", "bench", "doctor",
)  # fmt: skip
"""The order of the overview; what isn't named here comes after."""


@cache
def names() -> tuple[str, ...]:
    """The commands there are."""
    found = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    return tuple(sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)))


def load(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"{__name__}.{name}")


def summary(name: str) -> str:
    """The first line of what a command says of itself."""
    return (load(name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
