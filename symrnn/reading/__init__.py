"""Text, SymPy expressions and Python functions in; language nodes and cells out.  Parsed, never evaluated."""

from symrnn.reading.cell_checks import build_cell
from symrnn.reading.cellfile import load_cell_file, read_cell
from symrnn.reading.expression import read_expression
from symrnn.reading.formula import read_formula
from symrnn.reading.question import read_question
from symrnn.reading.scope import Scope, Symbol

__all__ = [
    "Scope",
    "Symbol",
    "build_cell",
    "load_cell_file",
    "read_cell",
    "read_expression",
    "read_formula",
    "read_question",
]
