"""What an operation computes, in a line that a reader of the code understands."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from symrnn.language import Index
from symrnn.planning.graph import Arg, Op, deref

LONGEST = 96


class Describer:
    """Formulas of operations in the cell's variables; ``short`` gives names for what gets too long."""

    def __init__(self, index: str, short: Mapping[Op, str]) -> None:
        self.index, self.short = index, short

    def formula(self, op: Op) -> str:
        """The right-hand side of an operation."""
        return self._write(op, 0)

    def value(self, arg: Arg) -> str:
        """An operand by its name where it has one, else by its formula in parentheses where needed."""
        inner = deref(arg)
        return self._reference(inner, 0)

    def _at(self, name: str, shift: int) -> str:
        head, bracket, _ = name.partition("[")
        if not bracket:
            return name
        return f"{head}[{str(Index.of(self.index) + shift).replace(' ', '')}]"

    def _reference(self, arg: Arg, shift: int, tight: bool = False) -> str:
        op, total = arg.op, (arg.shift + shift if arg.op.timed else 0)
        if op.names:
            return self._at(op.names[0], total)
        if op.kind == "data":
            return self._at(f"{op.data[0]}[t]", total) if op.timed else str(op.data[0])
        if op.kind == "number":
            return _number(op.data[0])
        text = self._write(op, total)
        if len(text) > LONGEST and op in self.short:
            return self.short[op]
        loose = op.kind == "plus" or (op.kind == "product" and " " in text and tight)
        return f"({text})" if loose and tight else text

    def _write(self, op: Op, shift: int) -> str:
        args = [deref(a) for a in op.args]
        if op.kind == "plus":
            return self._sum(args, op.data, shift)
        if op.kind == "product":
            return self._product(op, args, shift)
        if op.kind == "apply":
            name = op.data[0] + "'" * op.data[1]
            if name == "reciprocal":
                return f"1 / {self._reference(args[0], shift, tight=True)}"
            if name == "power":
                return f"{self._reference(args[0], shift, tight=True)}**{self._reference(args[1], shift, tight=True)}"
            return f"{name}({', '.join(self._reference(a, shift) for a in args)})"
        if op.kind == "rowmax":
            return f"max({self._reference(args[0], shift)})"
        if op.kind == "total":
            inner = self._reference(args[0], shift)
            return f"sum({inner}, {self.index}, {op.data[0]}, {op.data[1]})".replace(" + ", "+")
        if op.kind == "at":
            return f"({self._reference(args[0], 0)}) at {self.index} = {op.data[0]}"
        if op.kind == "batchsum":
            return f"the sum over examples of {self._reference(args[0], shift)}"
        inside = ", ".join(self._reference(a, shift) for a in args)
        return f"{op.kind}({inside})"

    def _sum(self, args: list[Arg], coefficients: tuple[Fraction, ...], shift: int) -> str:
        parts: list[str] = []
        for arg, coefficient in zip(args, coefficients, strict=True):
            text = self._reference(arg, shift, tight=abs(coefficient) != 1 or coefficient < 0)
            if abs(coefficient) != 1:
                text = f"{_number(abs(coefficient))} * {text}"
            if parts:
                parts.append(f" {'-' if coefficient < 0 else '+'} {text}")
            else:
                parts.append(f"-{text}" if coefficient < 0 else text)
        return "".join(parts)

    def _product(self, op: Op, args: list[Arg], shift: int) -> str:
        coefficient, labels, out, _ = op.data
        front = "" if coefficient == 1 else f"{_number(coefficient)} * "
        summed = {x for names in labels for x in names} - set(out)
        texts = [self._reference(a, shift, tight=True) for a in args]
        if len(args) == 1:
            return front + (f"sum({self._reference(args[0], shift)})" if summed else f"{texts[0]}.T")
        if not summed and all(names in ((), out) for names in labels):
            return front + " * ".join(texts)
        if len(args) == 2:
            return front + self._pair(texts, labels, out, summed)
        return front + " * ".join(texts)

    def _pair(
        self, texts: list[str], labels: tuple[tuple[int, ...], ...], out: tuple[int, ...], summed: set[int]
    ) -> str:
        (a, b), (la, lb) = texts, labels
        if la == lb and not out:
            return f"dot({a}, {b})"
        if not summed:
            return f"{a} @ {b}.T" if out[:1] == la else f"{b} @ {a}.T"
        if len(la) == 1:
            return f"{a} @ {b}" if lb[0] in summed else f"{b} @ {a}"
        if len(lb) == 1:
            return f"{a} @ {b}" if la[-1] in summed else f"{b} @ {a}"
        return f"{a} @ {b}"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return repr(float(value)) if rest == 1 else f"{value.numerator}/{value.denominator}"
