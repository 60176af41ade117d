"""The process in which a user's Python function runs, with limits: ``python -m symrnn.checking.function_runner``.

It is started only where somebody asked for it with ``--code``.  The function gets numbers and gives numbers, as JSON;
nothing that it does reaches the process that judges it.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symrnn.checking.workers import serve
from symrnn.errors import ReadingError

GROUPS = ("params", "inputs", "targets", "initial")


def begin(setup: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What calls the function of the setup for each message."""
    function = _function(Path(setup["file"]), str(setup["function"]))
    parameters = list(inspect.signature(function).parameters)
    grouped = parameters[:1] == [GROUPS[0]]

    def call(message: dict[str, Any]) -> dict[str, Any]:
        groups = {name: _arrays(message["groups"][name]) for name in GROUPS}
        try:
            if grouped:
                found = _gradient(function(**groups), str(message["key"]))
            else:
                values = {key: array for group in groups.values() for key, array in group.items()}
                sizes = {name: size for name, size in message["sizes"].items() if name in parameters[1:]}
                found = function(values, **{**sizes, **message["times"]})
            return {"value": np.asarray(found, dtype=float).tolist()}
        except Exception as problem:  # whatever the function does wrong is the answer's mistake
            return {"problem": f"{type(problem).__name__}: {problem}"}

    return call


def _function(path: Path, name: str) -> Callable[..., Any]:
    found = importlib.util.spec_from_file_location("answer", path)
    if found is None or found.loader is None or not path.is_file():
        raise ReadingError(f'there is no Python file "{path}"')
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise ReadingError(f'"{path}" has no function "{name}"')
    return function


def _arrays(group: dict[str, Any]) -> dict[str, Any]:
    return {key: np.array(value, dtype=float) for key, value in group.items()}


def _gradient(result: Any, key: str) -> Any:
    """One gradient of ``(loss, gradients)``, as generated code gives them."""
    return result[1][key] if isinstance(result, tuple) and len(result) == 2 else result


if __name__ == "__main__":
    sys.exit(serve(begin))
