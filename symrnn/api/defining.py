"""Cells defined in Python: a decorated step function, or SymPy equations; the library's heads fit on both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from symrnn import cells
from symrnn.language import Cell
from symrnn.reading import python_reader


def cell(**declarations: Any) -> Callable[[Callable[..., Any]], Cell]:
    """A decorator that makes a cell of a plain step function; the function's source is read and never runs.

    In the body a state that is read before it is assigned is the one of the step before::

        @symrnn.cell(sizes="n, m", params="W[n,n], U[n,m], b[n]", inputs="x[m]", states="h[n]", head="softmax(h)")
        def plain(x, h):
            h = tanh(b + W @ h + U @ x)
            return h

    The declarations are those of a cell file: ``sizes``, ``params``, ``inputs``, ``targets``, ``states``,
    ``constants``, ``functions``, ``time``, ``loss``, ``loss_name``, ``head``, ``layout``, ``name``.
    """
    return python_reader.cell(**{"heads": cells.head_text, **declarations})


def cell_from_sympy(equations: Iterable[Any] | Mapping[Any, Any], **declarations: Any) -> Cell:
    """The cell of SymPy equations ``Eq(h[t], …)``, where ``h = symrnn.state("h", n)`` or ``at(symbol, t)``.

    Matrix symbols without a time are parameters unless they are named as ``inputs``, ``targets``, ``states`` or
    ``constants``; ``loss`` is an expression or text, ``head`` one of the library's.

    >>> import sympy, symrnn
    >>> t, n = sympy.symbols("t n", integer=True)
    >>> W, h = sympy.MatrixSymbol("W", n, n), symrnn.state("h", n)
    >>> linear = symrnn.cell_from_sympy({h[t]: W @ h[t - 1]}, states=[h], loss="sum(norm2(h[t]), t)")
    >>> symrnn.derive(linear, h[t], h[t - 1]).text()
    'W'
    """
    from symrnn.reading import sympy_reader

    return sympy_reader.cell_from_sympy(equations, **{"heads": cells.head_text, **declarations})
