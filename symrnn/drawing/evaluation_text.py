"""Values for given numbers as text, *symbolic = substituted = result*, and as data for programs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symrnn.emitting.rules_leaves import SIMPLE_DENOMINATOR
from symrnn.emitting.text import number_text, to_text
from symrnn.inquiry.evaluate import Evaluation, Kink, Line
from symrnn.inquiry.substitute import DIGITS
from symrnn.language.derivative import Jacobian
from symrnn.language.node import Node

Render = Callable[[Node], str]


def evaluation_text(
    found: Evaluation, render: Render = to_text, *, staged: bool = True, width: int = 100, approx: str = "≈"
) -> str:
    """One line for every value, with its stages under each other where they don't fit on the line.

    ``staged=False`` leaves out what stands between the symbol and the result.  Results are plain numbers: exact ones
    fractions (decimals where they end), others rounded.
    """
    lines = [_line(line, render, staged, width, approx) for line in (*found.forward, *found.answers)]
    notes = dict.fromkeys(line.numbers.statement for line in (*found.forward, *found.answers) if line.numbers.statement)
    return "\n".join([*lines, *(f"({note})" for note in notes)]) + "\n"


def left_side(line: Line) -> Node:
    """What a line is of: a variable, or the inert derivative."""
    return line.of if line.by is None else Jacobian(line.of, line.by, line.layout)


def _line(line: Line, render: Render, staged: bool, width: int, approx: str) -> str:
    left = render(left_side(line))
    result = numbers_text(line.numbers.array, line.numbers.exact)
    parts = [*(render(stage) for stage in line.stages[:-1]), result] if staged else [result]
    # The last stage of numbers that are not exact is rounded, and says so.
    signs = ["="] * len(parts)
    if not line.numbers.exact:
        signs[-1] = approx
    together = left + "".join(f" {sign} {part}" for sign, part in zip(signs, parts, strict=True))
    if len(together) > width or "\n" in together:
        indent = "\n" + " " * (min(len(left), 12) + 1)
        together = left + indent.join(
            f"{'' if i else ' '}{sign} {part}" for i, (sign, part) in enumerate(zip(signs, parts, strict=True))
        )
    return together + ("" if line.kink is None else f"\n  ({kink_text(line.kink)})")


def kink_text(kink: Kink) -> str:
    """Whether a slope at a kink was used, and what it decided."""
    names = ", ".join(kink.functions)
    if not kink.matters:
        return f"a kink of {names} was met exactly, but the slope there changes nothing"
    shown = "; ".join(f"{slope} gives {numbers_text(value, True)}" for slope, value in kink.values)
    return f"a kink of {names} was met exactly, and the slope there decides: {shown}"


def numbers_text(array: Any, exact: bool) -> str:
    """An array in brackets, a column as ``[1/2, 3].T``; exact numbers as fractions, or decimals where they end.

    >>> import numpy as np
    >>> numbers_text(np.array([[Fraction(3, 2)], [Fraction(21, 100)]], dtype=object), True)
    '[3/2, 0.21].T'
    """
    if array.ndim == 2 and array.shape[1] == 1 < array.shape[0]:
        return f"{_nested(array.reshape(-1).tolist(), exact)}.T"
    return _nested(array.tolist(), exact)


def _nested(entry: Any, exact: bool) -> str:
    if isinstance(entry, list):
        return f"[{', '.join(_nested(inner, exact) for inner in entry)}]"
    return _exact_text(Fraction(entry)) if exact else f"{float(entry):.{DIGITS}g}"


def _exact_text(value: Fraction) -> str:
    decimal = number_text(value)
    simple = value.denominator <= SIMPLE_DENOMINATOR
    return str(value) if simple or "frac" in decimal else decimal


def evaluation_dict(found: Evaluation) -> dict[str, Any]:
    """For programs: exact numbers as texts such as "3/2", others as floats."""
    return {
        "cell": found.cell.name,
        "sizes": dict(found.sizes),
        "relu0": str(found.relu0),
        "exact": found.exact,
        "values": {to_text(line.of): line.numbers.text() for line in found.forward},
        "answers": [_answer(line) for line in found.answers],
    }


def _answer(line: Line) -> dict[str, Any]:
    return {
        "of": to_text(line.of),
        "wrt": None if line.by is None else to_text(line.by),
        "layout": line.layout.value,
        "value": line.numbers.text(),
        "exact": line.numbers.exact,
        "note": line.numbers.statement,
        "stages": [to_text(stage) for stage in line.stages],
        "kink": None
        if line.kink is None
        else {
            "functions": list(line.kink.functions),
            "matters": line.kink.matters,
            "values": {str(slope): numbers_text(value, True) for slope, value in line.kink.values},
        },
    }
