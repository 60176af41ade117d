r"""The step function's own LaTeX, by latexify: an independent second reading of the equations as Python code.

latexify sets a Python function in mathematics, and is right about index notation, ``a[t] = b + W @ h[t - 1]``.  It is
silently wrong elsewhere: ``*`` and ``@`` both become a blank, so that a Hadamard product reads as a matrix product;
``.T`` is printed as it stands; a name with an underscore gets a backslash.  So statements are handed to it one by one,
only those that it sets right, with names spelled as everywhere in symrnn; the others are refused with the reason.
Results, and whatever is verified, never come from here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from symrnn.emitting.latex import box_latex
from symrnn.emitting.names import named
from symrnn.emitting.text import to_text
from symrnn.errors import MissingExtraError, UnsupportedError
from symrnn.language import (
    Add,
    Call,
    Cell,
    Divide,
    Equation,
    Hadamard,
    IndexNumber,
    MatMul,
    Neg,
    Node,
    Number,
    Power,
    Variable,
)

INSTALL = "pip install latexify-py"


@dataclass(frozen=True)
class StepLatex:
    """The lines that latexify sets right, in order, and why it was not asked for the others."""

    lines: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    def text(self) -> str:
        """An ``aligned`` block; what was refused stands above it as comments."""
        comments = [f"% {name}: {reason}" for name, reason in self.refused]
        rows = " \\\\\n".join(line.replace(" = ", " &= ", 1) for line in self.lines)
        return "\n".join([*comments, "\\begin{aligned}", rows, "\\end{aligned}"])


def step_source(cell: Cell) -> str:
    r"""The step as a Python function in index notation.

    >>> from symrnn.cells import source_text
    >>> from symrnn.reading.cellfile import read_cell
    >>> print(step_source(read_cell("size n\nparam W[n,n]\nstate h[n]\nh[t] = tanh(W @ h[t-1])")))
    def step(t):
        h[t] = tanh(W @ h[t - 1])
    """
    lines = [f"    {statement(cell.equation[name], cell.time.index)}" for name in cell.step_order()]
    return "\n".join([f"def step({cell.time.index}):", *lines])


def statement(equation: Equation, index: str) -> str:
    """One equation as a Python statement."""
    source = f"{equation.name}[{index}] = {to_text(equation.expression)}"
    try:
        return ast.unparse(ast.parse(source))
    except SyntaxError:  # a prime, as in tanh'(a), is notation of ours and no Python
        raise UnsupportedError(f"{source} is no Python statement") from None


def step_latex(cell: Cell) -> StepLatex:
    """The step's equations as latexify reads them.

    Raises UnsupportedError where it sets none of them right, MissingExtraError where it isn't installed.
    """
    lines, refused = [], []
    for name in cell.step_order():
        try:
            lines.append(equation_latex(cell.equation[name], cell.time.index))
        except UnsupportedError as problem:
            refused.append((name, problem.message))
    if not lines:
        raise UnsupportedError(
            f'latexify sets none of the equations of "{cell.name}" right: {refused[0][0]}, {refused[0][1]}'
            if refused
            else f'the cell "{cell.name}" has no equations',
            hint="Ask for symrnn's own LaTeX: symrnn show CELL --as latex.",
        )
    return StepLatex(tuple(lines), tuple(refused))


def equation_latex(equation: Equation, index: str) -> str:
    """One equation; raises UnsupportedError for a shape of code that latexify would set wrongly."""
    _require_right(equation.expression)
    tree = ast.parse(statement(equation, index))
    return str(_codegen().visit(tree.body[0]))


@singledispatch
def _require_right(node: Node) -> None:
    """Raise for what latexify doesn't set right."""
    raise UnsupportedError(f"latexify has no notation for {to_text(node)}")


@_require_right.register(Variable)
@_require_right.register(Number)
@_require_right.register(IndexNumber)
def _(node: Node) -> None:
    """Names, times and numbers come out right."""


@_require_right.register(Add)
@_require_right.register(Neg)
def _(node: Node) -> None:
    for child in node.children:
        _require_right(child)


@_require_right.register
def _(node: MatMul) -> None:
    for factor in node.children:
        if isinstance(factor, (Hadamard, Divide)):
            raise UnsupportedError(f"latexify would drop the signs of {to_text(node)}, where * and @ mix")
        _require_right(factor)


@_require_right.register
def _(node: Hadamard) -> None:
    if sum(not factor.is_single for factor in node.children) > 1:
        raise UnsupportedError(f"latexify would print the Hadamard product {to_text(node)} as a matrix product")
    for factor in node.children:
        if isinstance(factor, MatMul):
            raise UnsupportedError(f"latexify would drop the signs of {to_text(node)}, where * and @ mix")
        _require_right(factor)


@_require_right.register
def _(node: Divide) -> None:
    if not node.args[1].is_single:
        raise UnsupportedError(f"latexify would print the elementwise quotient {to_text(node)} as one of scalars")
    for child in node.children:
        _require_right(child)


@_require_right.register
def _(node: Power) -> None:
    if not node.is_single:
        raise UnsupportedError(f"latexify would print the elementwise power {to_text(node)} as one of scalars")
    for child in node.children:
        _require_right(child)


@_require_right.register
def _(node: Call) -> None:
    if node.order:
        raise UnsupportedError(f"latexify has no notation for {to_text(node)}")
    for child in node.children:
        _require_right(child)


def _codegen() -> Any:
    """The code generator of latexify with symrnn's spelling of names."""
    try:
        from latexify.codegen import FunctionCodegen
    except ImportError:
        raise MissingExtraError("latexify is not installed", hint=f"Get it with: {INSTALL}") from None
    codegen = FunctionCodegen(use_math_symbols=True)
    codegen._expression_codegen._identifier_converter = _Names()
    return codegen


class _Names:
    """Stands in for latexify's converter, which knows letters and Greek names alone."""

    def convert(self, name: str) -> tuple[str, bool]:
        """A name's LaTeX, and whether it is one letter."""
        latex = box_latex(named(name).box)
        # A name with a subscript takes its time below all of it: two subscripts in a row are no LaTeX.
        return (f"{{{latex}}}" if "_" in latex else latex), len(name) == 1
