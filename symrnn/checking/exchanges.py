"""The right answer to another question: the derivative by or of something else, the immediate one for the total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symrnn.checking.answers import Reading
from symrnn.checking.asked import Asked
from symrnn.checking.judge import Finding, Judge
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Role, Variable


def exchanged(found: Finding, judge: Judge) -> str | None:
    """Whether this is the derivative by something else, or of something else."""
    asked = found.reading.asked
    if _is_immediate(found.reading, judge):
        other_kind = ("total", "immediate") if asked.immediate else ("immediate", "total")
        return "this is the {} derivative, the {} one is asked for".format(*other_kind)
    for other, text in _others(asked):
        try:
            targets = judge.right_targets(found.reading.formula, replace(found.reading, asked=other))
        except SymrnnError:
            continue
        if targets:
            return f"two results are exchanged: this is the derivative {text}"
    return None


def _is_immediate(reading: Reading, judge: Judge) -> bool:
    """Whether this is the immediate derivative where the total one is asked for, or the other way round."""
    asked = reading.asked
    if not isinstance(asked.of, Variable) or asked.of.time is None:
        return False
    other = replace(reading, asked=replace(asked, immediate=not asked.immediate))
    try:
        return judge.is_right(other)
    except SymrnnError:
        return False


def _others(asked: Asked) -> Iterator[tuple[Asked, str]]:
    cell, by, of = asked.cell, asked.by, asked.of
    if isinstance(by, Variable):
        for name in cell.names():
            if name == by.name:
                continue
            try:
                other = cell.variable(name, by.time)
            except SymrnnError:
                continue
            if other.role is not Role.LOSS and other != of and (other.shape == by.shape or by.time is None):
                yield asked.about(of, other), f"by {to_text(other)}, not by {to_text(by)}"
    if isinstance(of, Variable):
        for name in cell.equation:
            other = cell.variable(name, of.time) if of.time is not None else cell.variable(name, cell.now)
            if other.shape == of.shape and name != of.name and of.time is not None and other != by:
                yield asked.about(other, by), f"of {to_text(other)}, not of {to_text(of)}"
    if isinstance(of, Variable) and of.role is Role.LOSS and of.time is None:
        for name, equation in cell.equation.items():
            if equation.timed and equation.expression.is_single:
                last = cell.variable(name, cell.time.last)
                yield asked.about(last, by), f"of {to_text(last)} alone, not of {to_text(of)}"
    if isinstance(by, Variable) and by.time is not None and by.time.names():
        for step in (-1, 1):
            other = by.at(by.time + step)
            yield asked.about(of, other), f"by {to_text(other)}, not by {to_text(by)}"
