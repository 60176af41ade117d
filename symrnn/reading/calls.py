"""The functions of the language: one rule per name, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from symrnn.errors import ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import (
    Commutation,
    Concat,
    Delta,
    Determinant,
    Entry,
    Eye,
    HStack,
    ImmediateJacobian,
    Index,
    Jacobian,
    Kron,
    Node,
    Number,
    Ones,
    Slice,
    Trace,
    Unvec,
    Variable,
    Vec,
    Zeros,
    build,
    index_max,
    index_min,
)
from symrnn.primitives import lookup
from symrnn.primitives import names as primitive_names
from symrnn.reading.binders import (
    count_arguments,
    read_hadamard_product,
    read_mean,
    read_product,
    read_sum,
)
from symrnn.reading.hints import nearest
from symrnn.reading.reader import Reader
from symrnn.reading.syntax import Apply, Num

Rule = Callable[[Reader, Apply], Node]


def read_call(reader: Reader, call: Apply) -> Node:
    """A function applied: one of the language, a primitive, or a generic function that the cell declares."""
    name, order = _function(call, reader)
    rule = RULES.get(name)
    if rule is not None and name not in reader.scope.functions:
        if order and not _is_primitive(name):
            raise ReadingError(f"{name} has no primes", hint="A prime marks the derivative of an elementwise function.")
        if not order:
            return rule(reader, call)
    if order > 2:
        raise ReadingError(f"{name} with {order} primes: first and second derivatives are known")
    if name in reader.scope.functions or _is_primitive(name):
        return build.apply(name, *(reader.read(a) for a in call.arguments), order=order)
    raise _no_function(name, reader)


def _is_primitive(name: str) -> bool:
    return lookup(name) is not None


def _function(call: Apply, reader: Reader) -> tuple[str, int]:
    """The function's name and its primes; ``tanh_prime`` is tanh with one."""
    name, order = call.name, call.order
    while name.endswith("_prime") and not (name in reader.scope.functions or name in RULES or _is_primitive(name)):
        name, order = name.removesuffix("_prime"), order + 1
    return name, order


_SYNONYMS = MappingProxyType(
    {
        "sigma": "Write sigmoid(...).", "logistic": "Write sigmoid(...).", "ReLU": "Write relu(...).",
        "ln": "Write log(...).", "transpose": "Write A.T.", "T": "Write A.T.",
        "norm": "Write norm2(A), the sum of squares.",
        "matmul": "Write A @ B.", "mul": "Write A * B.", "outer": "Write a @ b.T.", "square": "Write a**2.",
        "hstack": "Write hcat(A, B).", "vstack": "Write concat(A, B).", "stack": "Write concat(A, B).",
        "identity": "Write eye(n).", "I": "Write eye(n).", "inverse": "Write inv(A).", "pow": "Write a**b.",
        "grad": "Write D(L, W).", "d": "Write D(L, W).", "softsign": "Write a / (1 + abs(a)).",
        "product": "Write prod(e, j, t, k+1, -1).",
    }
)  # fmt: skip


def _no_function(name: str, reader: Reader) -> SymrnnError:
    scope = reader.scope
    if name in scope.whole or name in scope.timed:
        way = f"Write {name}[{scope.time.index}] for its value at a time." if name in scope.timed else None
        return ReadingError(f'"{name}" is a variable, not a function', hint=way or "Write @ or * between factors.")
    known = [*RULES, *primitive_names(), *scope.functions]
    generic = f"Declare a generic elementwise function with the line: function {name}"
    hint = _SYNONYMS.get(name) or nearest(name, known, generic)
    return UnknownNameError(f'there is no function "{name}"', hint=hint)


def _unary(make: Callable[[Node], Node]) -> Rule:
    def rule(reader: Reader, call: Apply) -> Node:
        count_arguments(call, (1,), f"{call.name}(A)")
        return make(reader.read(call.arguments[0]))

    return rule


def _variadic(make: Callable[..., Node]) -> Rule:
    def rule(reader: Reader, call: Apply) -> Node:
        if not call.arguments:
            raise ReadingError(f"{call.name} takes at least one argument", hint=f"Write {call.name}(A, B).")
        return make(*(reader.read(a) for a in call.arguments))

    return rule


def _kron(reader: Reader, call: Apply) -> Node:
    count_arguments(call, (2,), "kron(A, B)")
    left, right = (reader.read(a) for a in call.arguments)
    return Kron(left, right)


def _sizes(call: Apply, reader: Reader, counts: tuple[int, ...], usage: str) -> list[Index]:
    count_arguments(call, counts, usage)
    return [reader.index(a) for a in call.arguments]


def _eye(reader: Reader, call: Apply) -> Node:
    return Eye(*_sizes(call, reader, (1,), "eye(n)"))


def _ones(reader: Reader, call: Apply) -> Node:
    rows, *columns = _sizes(call, reader, (1, 2), "ones(n) or ones(n, m)")
    return Ones(rows, columns[0] if columns else Index.of(1))


def _zeros(reader: Reader, call: Apply) -> Node:
    axes = _sizes(call, reader, (1, 2, 3), "zeros(n) or zeros(n, m)")
    return Zeros((axes[0], Index.of(1)) if len(axes) == 1 else tuple(axes))


def _commutation(reader: Reader, call: Apply) -> Node:
    return Commutation(*_sizes(call, reader, (2,), "commutation(p, q)"))


def _delta(reader: Reader, call: Apply) -> Node:
    return Delta(*_sizes(call, reader, (2,), "delta(i, j)"))


def _unvec(reader: Reader, call: Apply) -> Node:
    count_arguments(call, (3,), "unvec(v, p, q)")
    vector, rows, columns = call.arguments
    return Unvec(reader.read(vector), reader.index(rows), reader.index(columns))


def _matrix_power(reader: Reader, call: Apply) -> Node:
    count_arguments(call, (2,), "matrix_power(W, t-k)")
    return build.matrix_power(reader.read(call.arguments[0]), reader.index(call.arguments[1]))


def _frac(reader: Reader, call: Apply) -> Node:
    count_arguments(call, (2,), "frac(1, 3)")
    top, bottom = call.arguments
    if not (isinstance(top, Num) and isinstance(bottom, Num)) or bottom.value == 0:
        raise ReadingError("frac takes two numbers, the second not zero", hint="Write a / b for a quotient.")
    return Number(top.value / bottom.value)


def _extremum(reader: Reader, call: Apply) -> Node:
    if not call.arguments:
        raise ReadingError(f"{call.name} takes at least one argument")
    indices = [reader.index(a) for a in call.arguments]
    return build.index_number((index_max if call.name == "max" else index_min)(*indices))


def _derivative(kind: type[Jacobian] | type[ImmediateJacobian]) -> Rule:
    def rule(reader: Reader, call: Apply) -> Node:
        count_arguments(call, (2,), f"{call.name}(L, W)")
        of, by = (reader.read(a) for a in call.arguments)
        check_by(by)
        return kind(of, by, reader.layout)

    return rule


def check_by(by: Node) -> None:
    """Raise ReadingError unless one can differentiate by it: a variable, an entry, a block, or a stack."""
    if isinstance(by, (Concat, HStack)):
        for part in by.args[0]:
            check_by(part)
    elif isinstance(by, (Entry, Slice, Vec)):
        check_by(by.args[0])
    elif not isinstance(by, Variable):
        raise ReadingError(
            "one differentiates by a variable, an entry or a block of it, or a stack of variables",
            hint="Write D(L, W), D(L, W[i,j]), D(L, W[:, 0:n]) or D(L, concat(h[t], c[t])).",
        )


def _hadamard(*factors: Node) -> Node:
    shapes = {f.shape for f in factors if not f.is_single}
    if len(shapes) > 1:
        raise ShapeError("hadamard takes factors of one shape")
    return build.times(*factors)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "diag": _unary(build.diag),
        "inv": _unary(build.inverse),
        "trace": _unary(Trace),
        "det": _unary(Determinant),
        "vec": _unary(Vec),
        "concat": _variadic(build.concat),
        "hcat": _variadic(build.hcat),
        "hadamard": _variadic(_hadamard),
        "kron": _kron,
        "eye": _eye,
        "ones": _ones,
        "zeros": _zeros,
        "commutation": _commutation,
        "delta": _delta,
        "unvec": _unvec,
        "matrix_power": _matrix_power,
        "frac": _frac,
        "max": _extremum,
        "min": _extremum,
        "sum": read_sum,
        "mean": read_mean,
        "prod": read_product,
        "hprod": read_hadamard_product,
        "D": _derivative(Jacobian),
        "Dplus": _derivative(ImmediateJacobian),
    }
)


def function_names() -> tuple[str, ...]:
    """Every function of the language, the primitives included."""
    return tuple(dict.fromkeys((*RULES, *primitive_names())))
