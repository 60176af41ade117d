"""Targets that may come as class labels: their entries are picked, not multiplied with ones and zeros."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.values import Operand
from symrnn.language import Role
from symrnn.planning.graph import Arg

if TYPE_CHECKING:
    from symrnn.coding.numpy_fast.statements import StatementWriter


def is_labelled(writer: StatementWriter, arg: Arg) -> bool:
    """Whether an operand is a target that may come as class labels, read as it stands."""
    if arg.op.kind != "data" or arg.op.data[1] is not Role.TARGET or not arg.op.timed:
        return False
    slot = writer.work.interface.slot[arg.op.data[0]]
    return slot.labels and slot.before is None and bool(arg.op.axes)


def _skipped(writer: StatementWriter, arg: Arg) -> str:
    """How many steps lie before those that a stage reads of a given sequence."""
    time = writer.work.schedule.program.system.time
    assert writer.context.stage.domain is not None
    return writer.work.factor(writer.context.stage.domain[0] + arg.shift - time.first)


def label_places(writer: StatementWriter, arg: Arg, target: Operand) -> str:
    """The places of the labels' entries in an array of (rows, classes) or (classes, rows)."""
    work = writer.work
    name = work.data_names[arg.op.data[0]]
    work.labelled.add(arg.op.data[0])
    classes = work.index(arg.op.axes[0])
    skipped = _skipped(writer, arg)
    labels = writer.context.here(f"{name}_labels")
    if skipped != "0":
        expression = f"None if {name}_labels is None else {name}_labels[{skipped} * batch :]"
        labels = writer.context.here(work.begin(f"{name}_moved", expression))
    count = work.make("counting", f"np.arange({writer.context.width} * batch)")
    mine = writer.context.beginning("place", count)
    if target.columns:
        return f"{labels} * len({mine}) + {mine}"
    return f"{mine} * {classes} + {labels}"


def add_one_hot(writer: StatementWriter, arg: Arg, coefficient: Fraction, target: Operand) -> None:
    """Add a target times a number: dense rows, or that number at the labels' places."""
    work = writer.work
    name = work.data_names[arg.op.data[0]]
    places = label_places(writer, arg, target)
    sign = "+" if coefficient > 0 else "-"
    amount = py.unparse(py.fraction(abs(coefficient)))
    dense = dense_rows(writer, arg, target)
    writer.lines.append(f"if {name}_labels is None:")
    writer.lines.append(f"    {target.source}[...] {sign}= {dense if amount == '1' else f'{amount} * {dense}'}")
    writer.lines.append("else:")
    if f"places = {places}" not in writer.lines and f"    places = {places}" not in writer.lines:
        writer.lines.append(f"    places = {places}")
    writer.lines.append(f"    {target.source}.reshape(-1)[places] {sign}= {amount}")


def dense_rows(writer: StatementWriter, arg: Arg, target: Operand) -> str:
    """The rows of a target that came as vectors, lying as the statement's result does."""
    name = writer.work.data_names[arg.op.data[0]]
    classes = writer.work.index(arg.op.axes[0])
    skipped = _skipped(writer, arg)
    shifted = "" if skipped == "0" else f"[{skipped}:]"
    rows = writer.context.here(f"{name}{shifted}.reshape(-1, {classes})")
    return f"{rows}.T" if target.columns else rows
