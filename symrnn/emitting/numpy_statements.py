"""One operation as one or two NumPy calls that write into given memory, the same in loops and for all times at once.

The rule for a kind of operation says which calls; what it has no call for is written as an expression and stored.
Operands are names, so the statements need no parentheses; expressions go through syntax trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from symrnn.emitting import python_source as py
from symrnn.emitting.numpy_contractions import BATCH, TIME
from symrnn.emitting.numpy_values import Operand, StageContext, Workspace
from symrnn.errors import UnsupportedError
from symrnn.language import Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op

ONE = Fraction(1)
UNARY = {"tanh": "tanh", "exp": "exp", "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "abs": "abs"}


@dataclass
class StatementWriter:
    """Writes the statements of one stage; ``lines`` collects them."""

    work: Workspace
    context: StageContext
    lines: list[str]
    reversed_weights: Callable[[Op], bool] = lambda op: False

    def write(self, op: Op, target: Operand) -> None:
        """The statements that put an operation's value into its memory."""
        rule = _RULES.get(op.kind)
        if rule is None or not rule(self, op, target):
            self.store(op, target)

    def call(self, function: str, *arguments: str) -> None:
        """One call."""
        self.lines.append(f"{self.work.function(function)}({', '.join(arguments)})")

    def read(self, arg: Arg) -> Operand:
        """An operand."""
        return self.context.read(arg)

    # ---- operands in the axes of a result

    def fits(self, operand: Operand, target: Operand) -> bool:
        """Whether broadcasting needs nothing but axes put in: leading axes are the target's, in one or apart."""
        return target.rows == operand.rows or not (operand.time or operand.batch)

    def aligned(self, operand: Operand, names: Labels, out: Labels, target: Operand) -> str:
        """The operand's source with axes put in, so that entry meets entry."""
        if target.columns:
            return self._in_columns(operand, names)
        if operand.op.kind == "number" or (not operand.op.axes and not (operand.rows or operand.time or operand.batch)):
            return operand.source
        load = self.load(operand)
        lead = self._lead(target)
        return py.unparse(self.work.writer.aligned(load, names, (*lead, *out), exact=False))

    def _in_columns(self, operand: Operand, names: Labels) -> str:
        if names and not operand.columns:
            return (
                f"{operand.source}.T"
                if operand.rows
                else self.work.derive(operand.op, f"{operand.source}_column", f"{operand.source}[:, None]")
            )
        return operand.source

    def _lead(self, operand: Operand) -> Labels:
        if operand.rows:
            return (TIME,)
        return ((TIME,) if operand.time else ()) + ((BATCH,) if operand.batch else ())

    def load(self, operand: Operand) -> arrays.Load:
        """A stand-in for the expression writer; times and examples in one axis count as time."""
        return self.work.load(operand.source, operand.op, operand.rows or operand.time, operand.batch)

    # ---- the general way

    def store(self, op: Op, target: Operand) -> None:
        """``target[...] = expression``."""
        apart = self.apart([self.read(a) for a in reads(op)], target)
        expression = py.unparse(self.work.writer.expression(self.array(op, apart), exact=False))
        self.lines.append(f"{self.opened(target, apart)}[...] = {expression}")

    def apart(self, operands: list[Operand], target: Operand) -> bool:
        """Whether times and examples need axes of their own, because an operand has only one of the two."""
        return target.rows and any(o.time or o.batch for o in operands)

    def opened(self, operand: Operand, apart: bool) -> str:
        """An operand with separate axes for times and examples."""
        if not (apart and operand.rows):
            return operand.source
        if operand.columns:
            raise UnsupportedError("a value in columns meets one without a batch")
        axes = ", ".join(["-1", "batch", *(self.work.index(a) for a in operand.op.axes)])
        return f"{operand.source}.reshape({axes})"

    def expression(self, op: Op, apart: bool) -> str:
        """The value of an operation as an expression."""
        return py.unparse(self.work.writer.expression(self.array(op, apart)))

    def stand_in(self, arg: Arg, apart: bool) -> Array:
        """An operand as a leaf of an array expression."""
        operand = self.read(arg)
        if operand.op.kind == "number":
            return arrays.Literal(operand.op.data[0])
        if operand.op.kind == "count" and not operand.op.timed:
            return arrays.Count(operand.op.data[0])
        if operand.columns:
            raise UnsupportedError("a value in columns has no general form")
        if apart and operand.rows:
            return self.work.load(self.opened(operand, True), operand.op, True, True)
        return self.load(operand)

    def array(self, op: Op, apart: bool) -> Array:
        """The operation as an array expression of leaves."""
        parts = [self.stand_in(a, apart) for a in reads(op)]
        if op.kind == "plus":
            terms = []
            for part, coefficient in zip(parts, op.data, strict=True):
                names = tuple(range(len(part.axes)))
                terms.append(part if coefficient == 1 else arrays.Einsum(coefficient, ((part, names),), names, ()))
            return arrays.Plus(tuple(terms))
        if op.kind == "product":
            coefficient, labels, out, extents = op.data
            return arrays.Einsum(coefficient, tuple(zip(parts, labels, strict=True)), out, extents)
        if op.kind == "apply":
            return arrays.Apply(op.data[0], tuple(parts), op.data[1])
        if op.kind == "cut":
            return arrays.Cut(parts[0], *op.data)
        if op.kind == "element":
            return arrays.Element(parts[0], *op.data)
        if op.kind == "join":
            return arrays.Join(tuple(parts), *op.data)
        if op.kind == "reshape":
            return arrays.Reshape(parts[0], *op.data)
        if op.kind == "rowmax":
            return arrays.Largest(parts[0])
        if op.kind == "linalg":
            return arrays.Linalg(op.data[0], parts[0], op.data[1])
        raise UnsupportedError(f"fast NumPy code has no rule for {op.kind}")


Rule = Callable[[StatementWriter, Op, Operand], bool]


def _order(pairs: list[tuple[Operand, Fraction, Labels]], target: Operand) -> list[tuple[Operand, Fraction, Labels]]:
    """What lies in the target's memory first, then what is added."""
    return sorted(pairs, key=lambda p: (p[0].source != target.source, p[1] != 1))


def _plus(writer: StatementWriter, op: Op, target: Operand) -> bool:
    names = tuple(range(len(op.axes)))
    pairs = []
    for arg, coefficient in zip(reads(op), op.data, strict=True):
        if _is_labelled(writer, arg) and target.rows and len(op.args) > 1:
            continue
        pairs.append((writer.read(arg), coefficient, names if arg.op.axes else ()))
    if writer.apart([p for p, _, _ in pairs], target):
        return False
    if not all(abs(c) == 1 for _, c, _ in pairs) and len(pairs) > 1:
        return False
    _linear(writer, _order(pairs, target), names, target)
    for arg, coefficient in zip(reads(op), op.data, strict=True):
        if _is_labelled(writer, arg) and target.rows and len(op.args) > 1:
            _add_one_hot(writer, arg, coefficient, target)
    return True


def _linear(
    writer: StatementWriter, pairs: list[tuple[Operand, Fraction, Labels]], names: Labels, target: Operand
) -> None:
    shown = [(writer.aligned(o, n, names, target), c) for o, c, n in pairs]
    out = target.source
    first, c = shown[0]
    if len(shown) == 1:
        _scaled(writer, first, c, out)
        return
    second, d = shown[1]
    if c == 1:
        writer.call("add" if d == 1 else "subtract", first, second, out)
    elif d == 1:
        writer.call("subtract", second, first, out)
    else:
        writer.call("negative", first, out)
        writer.call("subtract", out, second, out)
    for source, coefficient in shown[2:]:
        writer.call("add" if coefficient == 1 else "subtract", out, source, out)


def _scaled(writer: StatementWriter, source: str, coefficient: Fraction, out: str) -> None:
    if coefficient == 1:
        if source != out:
            writer.call("copyto", out, source)
    elif coefficient == -1:
        writer.call("negative", source, out)
    else:
        writer.call("multiply", source, writer.work.constant(coefficient), out)


def _is_labelled(writer: StatementWriter, arg: Arg) -> bool:
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


def _add_one_hot(writer: StatementWriter, arg: Arg, coefficient: Fraction, target: Operand) -> None:
    work = writer.work
    name = work.data_names[arg.op.data[0]]
    places = label_places(writer, arg, target)
    sign = "+" if coefficient > 0 else "-"
    amount = py.unparse(py.fraction(abs(coefficient)))
    dense = _dense_rows(writer, arg, target)
    writer.lines.append(f"if {name}_labels is None:")
    writer.lines.append(f"    {target.source}[...] {sign}= {dense if amount == '1' else f'{amount} * {dense}'}")
    writer.lines.append("else:")
    if f"places = {places}" not in writer.lines and f"    places = {places}" not in writer.lines:
        writer.lines.append(f"    places = {places}")
    writer.lines.append(f"    {target.source}.reshape(-1)[places] {sign}= {amount}")


def _dense_rows(writer: StatementWriter, arg: Arg, target: Operand) -> str:
    name = writer.work.data_names[arg.op.data[0]]
    classes = writer.work.index(arg.op.axes[0])
    skipped = _skipped(writer, arg)
    shifted = "" if skipped == "0" else f"[{skipped}:]"
    rows = writer.context.here(f"{name}{shifted}.reshape(-1, {classes})")
    return f"{rows}.T" if target.columns else rows


def _product(writer: StatementWriter, op: Op, target: Operand) -> bool:
    _, labels, out, extents = op.data
    if extents:
        return False
    args = reads(op)
    summed = {x for names in labels for x in names} - set(out)
    if len(args) == 2 and not out and any(_is_labelled(writer, a) for a in args) and target.rows:
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
        _scaled(writer, shown[0], coefficient, target.source)
        return True
    writer.call("multiply", shown[0], shown[1], target.source)
    for source in shown[2:]:
        writer.call("multiply", target.source, source, target.source)
    if coefficient != 1:
        _scaled(writer, target.source, coefficient, target.source)
    return True


def _row_sum(writer: StatementWriter, op: Op, target: Operand) -> bool:
    coefficient, labels, out, _ = op.data
    operand = writer.read(reads(op)[0])
    if len(labels[0]) != 1 or out or not (operand.rows or (operand.batch and not operand.time)):
        return False
    axis = "0" if operand.columns else "1"
    writer.call("add.reduce", operand.source, axis, "None", target.source)
    if coefficient != 1:
        _scaled(writer, target.source, coefficient, target.source)
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
        _scaled(writer, target.source, op.data[0], target.source)
    return True


def _pick(writer: StatementWriter, op: Op, target: Operand) -> bool:
    """Σ_k y_k x_k for a one-hot y: the entry at the label."""
    args = reads(op)
    label = next(a for a in args if _is_labelled(writer, a))
    other = writer.read(next(a for a in args if a is not label))
    if not other.rows or len(other.op.axes) != 1:
        return False
    name = writer.work.data_names[label.op.data[0]]
    dense = _dense_rows(writer, label, other)
    axis = "0" if other.columns else "1"
    writer.lines.append(f"if {name}_labels is None:")
    writer.lines.append(
        f"    {writer.work.function('add.reduce')}({dense} * {other.source}, {axis}, None, {target.source})"
    )
    writer.lines.append("else:")
    writer.lines.append(f"    places = {label_places(writer, label, other)}")
    writer.lines.append(f"    {other.source}.take(places, None, {target.source})")
    if op.data[0] != 1:
        _scaled(writer, target.source, op.data[0], target.source)
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
        _scaled(writer, target.source, coefficient, target.source)
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
    elif writer.reversed_weights(matrix.op):
        right = work.derive(matrix.op, f"{base}_r", f"np.ascontiguousarray({base}.T).T if batch > 1 else {base}")
    else:
        right = base
    writer.lines.append(f"{left}.dot({right}, {target.source})")


def _apply(writer: StatementWriter, op: Op, target: Operand) -> bool:
    name, order = op.data
    operands = [writer.read(a) for a in reads(op)]
    if writer.apart(operands, target):
        return False
    names = tuple(range(len(op.axes)))
    out = target.source
    shown = [writer.aligned(o, names if o.op.axes else (), names, target) for o in operands]
    if order == 1 and name == "relu":
        writer.call("heaviside", shown[0], writer.work.constant(Fraction(writer.work.relu0)), out)
        return True
    if order:
        return False
    if name in UNARY:
        writer.call(UNARY[name], shown[0], out)
    elif name == "reciprocal":
        writer.call("divide", writer.work.constant(ONE), shown[0], out)
    elif name == "relu":
        writer.lines.append(
            f"{writer.work.function('maximum')}({shown[0]}, {writer.work.constant(Fraction(0))}, out={out})"
        )
    elif name == "softplus":
        writer.call("logaddexp", shown[0], writer.work.constant(Fraction(0)), out)
    elif name == "power":
        writer.call("power", shown[0], shown[1], out)
    elif name == "sigmoid":
        half = writer.work.constant(Fraction(1, 2))
        writer.call("multiply", shown[0], half, out)
        writer.call("tanh", out, out)
        writer.call("multiply", out, half, out)
        writer.call("add", out, half, out)
    else:
        return False
    return True


def _rowmax(writer: StatementWriter, op: Op, target: Operand) -> bool:
    operand = writer.read(reads(op)[0])
    axis = "0" if operand.columns else "-1"
    writer.call("maximum.reduce", operand.source, axis, "None", target.source)
    return True


def _reshape(writer: StatementWriter, op: Op, target: Operand) -> bool:
    operand = writer.read(reads(op)[0])
    if operand.columns or target.columns or not (operand.rows == target.rows and operand.batch == target.batch):
        return False
    writer.call("copyto", target.source, f"{operand.source}.reshape({target.source}.shape)")
    return True


def _batchsum(writer: StatementWriter, op: Op, target: Operand) -> bool:
    operand = writer.read(reads(op)[0])
    if not operand.rows:
        axis = "1" if operand.time else "0"
        writer.lines.append(f"{target.source}[...] = {operand.source}.sum({axis})")
        return True
    if operand.columns:
        return False
    writer.call("add.reduce", writer.opened(operand, True), "1", "None", target.source)
    return True


def _join(writer: StatementWriter, op: Op, target: Operand) -> bool:
    axis, _ = op.data
    operands = [writer.read(a) for a in reads(op)]
    if writer.apart(operands, target) or target.columns:
        return False
    lead = len(writer._lead(target))
    start = arrays.Index.of(0)
    names = tuple(range(len(op.axes)))
    for operand in operands:
        whole = len(operand.op.axes) == len(op.axes)
        stop = start + (operand.op.axes[axis] if whole else 1)
        begin = "" if start.constant == 0 else writer.work.index(start)
        where = ", ".join([":"] * (lead + axis) + [f"{begin}:{writer.work.index(stop)}"])
        own = names if whole else tuple(x for x in names if x != axis)
        writer.lines.append(f"{target.source}[{where}] = {writer.aligned(operand, own, names, target)}")
        start = stop
    return True


_RULES: Mapping[str, Rule] = {
    "plus": _plus,
    "product": _product,
    "apply": _apply,
    "rowmax": _rowmax,
    "join": _join,
    "batchsum": _batchsum,
    "reshape": _reshape,
}
