"""One operation as one or two NumPy calls that write into given memory, the same in loops and for all times at once.

The rule for a kind of operation says which calls; what it has no call for is written as an expression and stored.
Operands are names, so the statements need no parentheses; expressions go through syntax trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.labels import add_one_hot, is_labelled
from symrnn.coding.numpy_fast.products import write_product, write_scaled
from symrnn.coding.numpy_fast.values import Operand, StageContext, Workspace
from symrnn.coding.numpy_source.contractions import BATCH, TIME
from symrnn.errors import UnsupportedError
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op

ONE = Fraction(1)
UNARY = {"tanh": "tanh", "exp": "exp", "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "abs": "abs"}


@dataclass
class StatementWriter:
    """Writes the statements of one stage; ``lines`` collects them.

    ``reversed_weights``: given matrices are laid out column by column, once for a whole loop of products with them.
    """

    work: Workspace
    context: StageContext
    lines: list[str]
    reversed_weights: bool = False

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
        lead = self.lead(target)
        return py.unparse(self.work.writer.aligned(load, names, (*lead, *out), exact=False))

    def _in_columns(self, operand: Operand, names: Labels) -> str:
        if names and not operand.columns:
            return (
                f"{operand.source}.T"
                if operand.rows
                else self.work.derive(operand.op, f"{operand.source}_column", f"{operand.source}[:, None]")
            )
        return operand.source

    def lead(self, operand: Operand) -> Labels:
        """The axes before the features: rows of times and examples in one, or each its own."""
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
        if is_labelled(writer, arg) and target.rows and len(op.args) > 1:
            continue
        pairs.append((writer.read(arg), coefficient, names if arg.op.axes else ()))
    if writer.apart([p for p, _, _ in pairs], target):
        return False
    if not all(abs(c) == 1 for _, c, _ in pairs) and len(pairs) > 1:
        return False
    _linear(writer, _order(pairs, target), names, target)
    for arg, coefficient in zip(reads(op), op.data, strict=True):
        if is_labelled(writer, arg) and target.rows and len(op.args) > 1:
            add_one_hot(writer, arg, coefficient, target)
    return True


def _linear(
    writer: StatementWriter, pairs: list[tuple[Operand, Fraction, Labels]], names: Labels, target: Operand
) -> None:
    shown = [(writer.aligned(o, n, names, target), c) for o, c, n in pairs]
    out = target.source
    first, c = shown[0]
    if len(shown) == 1:
        write_scaled(writer, first, c, out)
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
    lead = len(writer.lead(target))
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
    "product": write_product,
    "apply": _apply,
    "rowmax": _rowmax,
    "join": _join,
    "batchsum": _batchsum,
    "reshape": _reshape,
}
