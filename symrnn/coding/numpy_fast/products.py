"""Products as statements: entry by entry, row by row, or one matrix product into memory that is there."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symrnn.coding.numpy_fast.labels import dense_rows, is_labelled, label_places
from symrnn.coding.numpy_fast.values import Operand
from symrnn.planning.fission import reads
from symrnn.planning.graph import Op

if TYPE_CHECKING:
    from symrnn.coding.numpy_fast.statements import StatementWriter


def write_scaled(writer: StatementWriter, source: str, coefficient: Fraction, out: str) -> None:
    """A value times a number, written to memory; nothing to do for once the value in its own place."""
    if coefficient == 1:
        if source != out:
            writer.call("copyto", out, source)
    elif coefficient == -1:
        writer.call("negative", source, out)
    else:
        writer.call("multiply", source, writer.work.constant(coefficient), out)


def write_product(writer: StatementWriter, op: Op, target: Operand) -> bool:
    """The statements of a product; False where there is no rule but the general one."""
    _, labels, out, extents = op.data
    if extents:
        return False
    args = reads(op)
    summed = {x for names in labels for x in names} - set(out)
    if len(args) == 2 and not out and any(is_labelled(writer, a) for a in args) and target.rows:
        return _pick(writer, op, target)
    if labels == ((0,), (0,)) and not out and target.rows:
        return _inner(writer, op, target)
    if len(args) == 1 and summed:
        return _row_sum(writer, op, target)
    if summed:
        return _contraction(writer, op, target)
    return _elementwise(writer, op, target)


def _elementwise(writer: StatementWriter, op: Op, target: Operand) -> bool:
    coefficient, labels, out, _ = op.data
    operands = [writer.read(a) for a in reads(op)]
    if writer.apart(operands, target):
        return False
    pairs = list(zip(operands, labels, strict=True))
    pairs.sort(key=lambda p: p[0].source != target.source)
    if target.columns and any(len(n) > 1 for n in labels):
        return False
    shown = [writer.aligned(o, n, out, target) for o, n in pairs]
    if len(shown) == 1:
        write_scaled(writer, shown[0], coefficient, target.source)
        return True
    writer.call("multiply", shown[0], shown[1], target.source)
    for source in shown[2:]:
        writer.call("multiply", target.source, source, target.source)
    if coefficient != 1:
        write_scaled(writer, target.source, coefficient, target.source)
    return True


def _row_sum(writer: StatementWriter, op: Op, target: Operand) -> bool:
    coefficient, labels, out, _ = op.data
    operand = writer.read(reads(op)[0])
    if len(labels[0]) != 1 or out or not (operand.rows or (operand.batch and not operand.time)):
        return False
    axis = "0" if operand.columns else "1"
    writer.call("add.reduce", operand.source, axis, "None", target.source)
    if coefficient != 1:
        write_scaled(writer, target.source, coefficient, target.source)
    return True


def _inner(writer: StatementWriter, op: Op, target: Operand) -> bool:
    """The inner product of two vectors in every row."""
    operands = [writer.read(a) for a in reads(op)]
    if not all(o.rows for o in operands):
        return False
    if any(o.columns for o in operands):
        a, b = (o.source if o.columns else f"{o.source}.T" for o in operands)
        writer.call("add.reduce", f"{a} * {b}", "0", "None", target.source)
    else:
        a, b = (o.source for o in operands)
        writer.lines.append(f"np.einsum('ri,ri->r', {a}, {b}, out={target.source})")
    if op.data[0] != 1:
        write_scaled(writer, target.source, op.data[0], target.source)
    return True


def _pick(writer: StatementWriter, op: Op, target: Operand) -> bool:
    """Σ_k y_k x_k for a one-hot y: the entry at the label."""
    args = reads(op)
    label = next(a for a in args if is_labelled(writer, a))
    other = writer.read(next(a for a in args if a is not label))
    if not other.rows or len(other.op.axes) != 1:
        return False
    name = writer.work.data_names[label.op.data[0]]
    dense = dense_rows(writer, label, other)
    axis = "0" if other.columns else "1"
    writer.lines.append(f"if {name}_labels is None:")
    writer.lines.append(
        f"    {writer.work.function('add.reduce')}({dense} * {other.source}, {axis}, None, {target.source})"
    )
    writer.lines.append("else:")
    writer.lines.append(f"    places = {label_places(writer, label, other)}")
    writer.lines.append(f"    {other.source}.take(places, None, {target.source})")
    if op.data[0] != 1:
        write_scaled(writer, target.source, op.data[0], target.source)
    return True


def _contraction(writer: StatementWriter, op: Op, target: Operand) -> bool:
    """A vector by a matrix without time and batch: one matrix product for all rows."""
    coefficient, labels, out, _ = op.data
    args = reads(op)
    if len(args) != 2 or len(out) != 1:
        return False
    pairs = list(zip(args, labels, strict=True))
    vectors = [(a, n) for a, n in pairs if len(n) == 1]
    matrices = [(a, n) for a, n in pairs if len(n) == 2]
    if len(vectors) != 1 or len(matrices) != 1 or len(set(matrices[0][1])) != 2:
        return False
    vector, matrix = writer.read(vectors[0][0]), writer.read(matrices[0][0])
    stacked = vector.rows or (vector.batch and not vector.time)
    if not stacked or matrix.rows or matrix.time or matrix.batch:
        return False
    flip = matrices[0][1][0] == out[0]
    _multiply(writer, vector, matrix, flip, target)
    if coefficient != 1:
        write_scaled(writer, target.source, coefficient, target.source)
    return True


def _multiply(writer: StatementWriter, vector: Operand, matrix: Operand, flip: bool, target: Operand) -> None:
    """``target = vector @ matrix`` (transposed if ``flip``), rows or columns on either side."""
    work = writer.work
    base = matrix.source
    if target.columns:
        left = base if flip else f"{base}.T"
        right = vector.source if vector.columns else f"{vector.source}.T"
        writer.lines.append(f"{left}.dot({right}, {target.source})")
        return
    left = f"{vector.source}.T" if vector.columns else vector.source
    if matrix.op.timed:
        right = f"{base}.T" if flip else base
    elif flip:
        right = work.derive(matrix.op, f"{base}_t", f"{base}.T")
    elif writer.reversed_weights and matrix.op.kind == "data":
        right = work.derive(matrix.op, f"{base}_r", f"np.ascontiguousarray({base}.T).T if batch > 1 else {base}")
    else:
        right = base
    writer.lines.append(f"{left}.dot({right}, {target.source})")
