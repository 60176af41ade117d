"""What Python users import, through ``symrnn`` itself: cells, derivations, checks.

>>> import symrnn
>>> print(symrnn.derive("elman", of="h[t]", wrt="h[k]").text())
prod(diag(1 - h[j]**2) @ W, j, t, k+1, -1)
"""

from symrnn.api.derivation import Derivation
from symrnn.api.deriving import derive
from symrnn.api.loading import load, read_cell
from symrnn.api.verifying import verify

__all__ = ["Derivation", "derive", "load", "read_cell", "verify"]
