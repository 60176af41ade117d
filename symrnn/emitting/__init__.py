"""Formulas out: text, LaTeX, MathML, the terminal, and SymPy.

One file per output format.  The formats that are mathematics (LaTeX, MathML, the terminal) share the step
from a node to notation (:mod:`symrnn.emitting.typeset`), so that they cannot disagree about a parenthesis.
"""
