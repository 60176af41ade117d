"""Python source from syntax trees: statements are ``ast`` nodes and are unparsed one by one, with comments between.

``ast.unparse`` puts the parentheses, so they cannot go missing; comments, which it would drop, are ours.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction

WIDTH = 100
"""Where a comment is wrapped."""


def name(text: str) -> ast.expr:
    """A name, or a dotted one: ``np.tanh``."""
    head, *rest = text.split(".")
    node: ast.expr = ast.Name(head, ast.Load())
    for attribute in rest:
        node = ast.Attribute(node, attribute, ast.Load())
    return node


def attribute(value: ast.expr, text: str) -> ast.expr:
    """``value.text``."""
    return ast.Attribute(value, text, ast.Load())


def call(function: str | ast.expr, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
    """A call."""
    head = name(function) if isinstance(function, str) else function
    return ast.Call(head, list(arguments), [ast.keyword(k, v) for k, v in keywords.items()])


def method(value: ast.expr, text: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
    """``value.text(...)``."""
    return call(attribute(value, text), *arguments, **keywords)


def constant(value: object) -> ast.expr:
    """A literal; a negative number is written with its sign outside, as Python reads it."""
    if isinstance(value, (int, float)) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)  # type: ignore[arg-type]


def fraction(value: Fraction) -> ast.expr:
    """An exact number: an integer, a float that is exactly it or its decimal text, or a quotient."""
    if value.denominator == 1:
        return constant(int(value))
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        return constant(float(value))
    return binary(constant(value.numerator), "/", constant(value.denominator))


_OPERATORS: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "@": ast.MatMult,
    "**": ast.Pow,
    "//": ast.FloorDiv,
    "%": ast.Mod,
}


def binary(left: ast.expr, operator: str, right: ast.expr) -> ast.expr:
    """``left operator right``."""
    return ast.BinOp(left, _OPERATORS[operator](), right)


def chain(operator: str, operands: Iterable[ast.expr]) -> ast.expr:
    """``a * b * c``, left to right."""
    result: ast.expr | None = None
    for operand in operands:
        result = operand if result is None else binary(result, operator, operand)
    assert result is not None
    return result


def negative(value: ast.expr) -> ast.expr:
    """``-value``."""
    return ast.UnaryOp(ast.USub(), value)


def subscript(value: ast.expr, *indices: ast.expr) -> ast.expr:
    """``value[i, j]``."""
    inner = indices[0] if len(indices) == 1 else ast.Tuple(list(indices), ast.Load())
    return ast.Subscript(value, inner, ast.Load())


def slice_(start: ast.expr | None = None, stop: ast.expr | None = None, step: ast.expr | None = None) -> ast.expr:
    """``start:stop:step``."""
    return ast.Slice(start, stop, step)


def tuple_(items: Iterable[ast.expr]) -> ast.expr:
    """``(a, b)``."""
    return ast.Tuple(list(items), ast.Load())


def list_(items: Iterable[ast.expr]) -> ast.expr:
    """``[a, b]``."""
    return ast.List(list(items), ast.Load())


def parse(text: str) -> ast.expr:
    """A fixed expression written as text (of ours, never a user's)."""
    return ast.parse(text, mode="eval").body


def verbatim(text: str) -> ast.expr:
    """An atomic expression whose text is known already."""
    return ast.Name(text, ast.Load())


def unparse(node: ast.AST) -> str:
    """The text of a tree."""
    return ast.unparse(ast.fix_missing_locations(node))


class Source:
    """A module under construction: statements, comments, indentation."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def text(self) -> str:
        """The module."""
        return "\n".join(self.lines).rstrip() + "\n"

    def raw(self, line: str = "") -> None:
        """One line as it stands."""
        self.lines.append(("    " * self.depth + line) if line else "")

    def block(self, lines: str) -> None:
        """Several fixed lines of ours."""
        for line in lines.strip("\n").split("\n"):
            self.raw(line)

    def blank(self, count: int = 1) -> None:
        """Empty lines; never more than asked for."""
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        self.lines.extend([""] * count)

    def comment(self, text: str) -> None:
        """A comment, wrapped at spaces."""
        for line in wrap(text, WIDTH - 4 * self.depth):
            self.raw(f"# {line}")

    def assign(self, target: ast.expr | str, value: ast.expr) -> None:
        """``target = value``."""
        left = name(target) if isinstance(target, str) else target
        self.raw(f"{unparse(left)} = {unparse(value)}")

    def augment(self, target: ast.expr | str, value: ast.expr) -> None:
        """``target += value``."""
        left = name(target) if isinstance(target, str) else target
        self.raw(f"{unparse(left)} += {unparse(value)}")

    def do(self, value: ast.expr) -> None:
        """An expression as a statement."""
        self.raw(unparse(value))

    @contextmanager
    def indented(self, header: str) -> Iterator[None]:
        """``header:`` and an indented body."""
        self.raw(f"{header}:")
        self.depth += 1
        yield
        self.depth -= 1


def wrap(text: str, width: int) -> list[str]:
    """Text cut at spaces, continuation lines indented by two more."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current = ""
        for word in paragraph.split(" "):
            if current.strip() and len(current) + 1 + len(word) > width - 2:
                lines.append(current.rstrip())
                current = "  " + word
            else:
                current = f"{current} {word}" if current else word
        lines.append(current)
    return lines


class Names:
    """Python names for a cell's names: the same wherever Python and what is already taken allow it.

    >>> names = Names({"np"})
    >>> names.give("h"), names.give("lambda"), names.give("np"), names.give("h")
    ('h', 'lambda_', 'np_', 'h_')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def give(self, wanted: str) -> str:
        """A free name like the wanted one."""
        letters = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted)
        candidate = letters if letters[:1].isalpha() or letters[:1] == "_" else f"v_{letters}"
        if keyword.iskeyword(candidate) or candidate in self.taken:
            numbered = (f"{candidate}_{count}" if count > 1 else f"{candidate}_" for count in range(1, 10**6))
            candidate = next(c for c in numbered if c not in self.taken)
        self.taken.add(candidate)
        return candidate
