"""A cell from a decorated plain Python function: the function's source is read, the function never runs.

In a step function a state that is read before its assignment is the one of the step before; every other variable is
of this step.  So the body below says ``h[t] = tanh(b + W @ h[t-1] + U @ x[t])``::

    @cell(sizes="n, m", params="W[n,n], U[n,m], b[n]", inputs="x[m]", states="h[n]", loss="sum(norm2(h[t]), t)")
    def plain(x, h):
        h = tanh(b + W @ h + U @ x)
        return h

What the decorator is given is the cell file's own language (see ``docs/language.md``); times may also be written out
in the body, as ``h[t-2]``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symrnn.errors import Location, ReadingError
from symrnn.language import Cell
from symrnn.reading.cell_checks import build_cell
from symrnn.reading.definitions import read_pieces
from symrnn.reading.heads import Heads, with_head
from symrnn.reading.python_syntax import tree_of
from symrnn.reading.statements import Declared, Defined, Draft, read_statements
from symrnn.reading.syntax import (
    Apply,
    Chain,
    Minus,
    Name,
    Num,
    Raised,
    SpanItem,
    Subscript,
    Transposed,
    Tree,
)
from symrnn.reading.tokens import Position, Source
from symrnn.reading.uses import names_in, value_arguments

Lines = str | Iterable[str]


def cell(
    *,
    sizes: Lines = "",
    params: Lines = "",
    inputs: Lines = "",
    targets: Lines = "",
    states: Lines = "",
    constants: Lines = "",
    functions: Lines = "",
    time: str = "t = 1..tau",
    loss: str | None = None,
    loss_name: str = "L",
    head: str | None = None,
    heads: Heads | None = None,
    layout: str | None = None,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Cell]:
    """A decorator that makes a Cell of a step function.

    Every argument is written as in a cell file: ``params="W[n,n], b[n]"``, ``states="h[n] = 0"``,
    ``time="t = 0..N-1"``, ``loss="sum(L[t], t)"``, ``head="softmax(h)"``.

    Raises ReadingError, CellError, ShapeError or UnknownNameError with the file and the line.
    """
    kinds = {
        "size": sizes,
        "param": params,
        "input": inputs,
        "target": targets,
        "state": states,
        "const": constants,
        "function": functions,
    }
    lines = [f"{kind} {text}" for kind, given in kinds.items() for text in _texts(given)]
    lines.append(f"time {time}")
    lines += [f"layout {layout}"] if layout is not None else []
    lines += [f"loss {loss_name} = {loss}"] if loss is not None else []

    def decorate(function: Callable[..., Any]) -> Cell:
        draft = _draft(function, "\n".join(lines))
        draft.name = name or draft.name
        pieces = read_pieces(draft, function.__name__)
        if head is not None:
            pieces = with_head(pieces, None, heads, head)
        return build_cell(pieces)

    return decorate


def _texts(given: Lines) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    return [" ".join(text.split()) for text in texts if text.strip()]


@dataclass(frozen=True)
class _FunctionSource(Source):
    """The decorator's lines followed by the function's; each knows what a message calls it."""

    declared: int = 0
    file: str = ""
    function_line: int = 1

    def at(self, position: Position) -> Location:
        line, column = position
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else None
        if line <= self.declared:
            return Location(self.name, None, column, text)
        return Location(self.file, self.function_line + line - self.declared - 1, column, text)


def _draft(function: Callable[..., Any], declarations: str) -> Draft:
    text, file, first = _source_of(function)
    declared = declarations.count("\n") + 1
    lines = (*declarations.split("\n"), *text.split("\n"))
    source = _FunctionSource(f"@cell of {function.__name__}", lines, 1, declared, file, first)
    draft = read_statements(declarations, source)
    tree = _syntax(text)
    if not isinstance(tree, ast.FunctionDef):
        raise ReadingError("a cell is made of a plain function", location=source.at((declared + 1, 1)))
    draft.comments = tuple((ast.get_docstring(tree) or "").splitlines())
    draft.equations += _Body(draft, source, declared).read(tree)
    return draft


def _source_of(function: Callable[..., Any]) -> tuple[str, str, int]:
    """The function's text without its indentation, its file and its first line."""
    try:
        lines, first = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or "function"
    except (OSError, TypeError):
        raise ReadingError(
            f'the source of "{getattr(function, "__name__", function)}" is not to be found',
            hint="Define the function in a file or a notebook cell, or write a cell file.",
        ) from None
    return textwrap.dedent("".join(lines)), file, first


def _syntax(text: str) -> ast.stmt | None:
    """The function's syntax tree; None for a lambda in the middle of a line, which is none by itself."""
    try:
        return ast.parse(text).body[0]
    except SyntaxError:
        return None


@dataclass
class _Body:
    """Reads a function's statements from first to last, and knows what each name is by then."""

    draft: Draft
    source: Source
    offset: int

    def __post_init__(self) -> None:
        self.now = self.draft.time.index if self.draft.time is not None else "t"
        self.states = [d.name for d in self.draft.declared if d.kind == "state"]
        declared = self.draft.declared
        self.stepwise = {d.name for d in declared if d.kind in ("input", "target") or _has_time(d, self.now)}
        self.assigned: set[str] = set()

    def read(self, function: ast.FunctionDef) -> list[Defined]:
        self._check_arguments(function)
        equations: list[Defined] = []
        for statement in function.body:
            equations += self._statement(statement)
        return equations

    def _check_arguments(self, function: ast.FunctionDef) -> None:
        known = {d.name for d in self.draft.declared} | {self.now}
        arguments = function.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if argument.arg not in known:
                raise ReadingError(
                    f'the argument "{argument.arg}" is not declared',
                    location=self._at(argument),
                    hint=f'Declare it, as in inputs="{argument.arg}[m]", states="{argument.arg}[n]" or params=...',
                )

    def _at(self, node: ast.expr | ast.stmt | ast.arg) -> Location:
        return self.source.at(self._position(node))

    def _position(self, node: ast.expr | ast.stmt | ast.arg) -> Position:
        return (node.lineno + self.offset, node.col_offset + 1)

    def _statement(self, statement: ast.stmt) -> list[Defined]:
        match statement:
            case ast.Assign(targets=[target], value=value):
                return self._assignment(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self._assignment(target, value)
            case ast.Return(value=value):
                return self._return(value)
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                return []
            case _:
                raise ReadingError(
                    f"a step function has assignments and a return, no {type(statement).__name__}",
                    location=self._at(statement),
                    hint="Write one equation per line, as in h = tanh(W @ h).",
                )

    def _assignment(self, target: ast.expr, value: ast.expr) -> list[Defined]:
        """One equation, or several at once: ``h, c = tanh(a), f * c``."""
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
        trees = [self._timed(tree_of(v, self.source, self.offset)) for _, v in pairs]
        return [self._define(self._target(t), tree, t) for (t, _), tree in zip(pairs, trees, strict=True)]

    def _target(self, target: ast.expr) -> str:
        match target:
            case ast.Name(id=name):
                return name
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name(id=index)) if index == self.now:
                return name
            case _:
                raise ReadingError(
                    "the left side of an assignment is a name",
                    location=self._at(target),
                    hint=f"Write h = ... or h[{self.now}] = ...",
                )

    def _define(self, name: str, tree: Tree, place: ast.expr | ast.stmt) -> Defined:
        position = self._position(place)
        self.assigned.add(name)
        return Defined(name, Name(self.now, position), tree, position)

    def _return(self, value: ast.expr | None) -> list[Defined]:
        """What is returned: the states' new values where no assignment gave them, else nothing new."""
        if value is None:
            return []
        items = value.elts if isinstance(value, ast.Tuple) else [value]
        if len(items) == len(self.states):
            pairs = zip(self.states, items, strict=True)
            missing = [(name, item) for name, item in pairs if name not in self.assigned]
            trees = [self._timed(tree_of(item, self.source, self.offset)) for _, item in missing]
            return [self._define(name, tree, item) for (name, item), tree in zip(missing, trees, strict=True)]
        for item in items:
            self._timed(tree_of(item, self.source, self.offset))
        return []

    def _timed(self, tree: Tree) -> Tree:
        """The tree with the times that a step function leaves out."""
        match tree:
            case Name(name=name, position=position):
                time = self._time_of(name, position)
                return tree if time is None else Subscript(tree, (time,), position)
            case Subscript(base=Name() as base, items=items) if self._says_time(base.name, items):
                return Subscript(base, items, tree.position)
            case Subscript(base=base, items=items):
                return Subscript(self._timed(base), items, tree.position)
            case Apply(name=name, order=order, arguments=arguments):
                return Apply(name, order, self._arguments(name, arguments), tree.position)
            case Transposed(operand=operand):
                return Transposed(self._timed(operand), tree.position)
            case Minus(operand=operand):
                return Minus(self._timed(operand), tree.position)
            case Chain(first=first, rest=rest):
                timed = tuple((operator, self._timed(operand)) for operator, operand in rest)
                return Chain(self._timed(first), timed, tree.position)
            case Raised(base=base, exponent=exponent):
                return Raised(self._timed(base), self._timed(exponent), tree.position)
            case Num():
                return tree

    def _arguments(self, name: str, arguments: tuple[Tree, ...]) -> tuple[Tree, ...]:
        count = len(value_arguments(name, arguments))
        return (*(self._timed(a) for a in arguments[:count]), *arguments[count:])

    def _says_time(self, name: str, items: tuple[Tree | SpanItem, ...]) -> bool:
        timed = name in self.assigned or name in self.states or name in self.stepwise
        return timed and not isinstance(items[0], SpanItem) and self.now in names_in(items[0])

    def _time_of(self, name: str, position: Position) -> Tree | None:
        """The time of a bare name: this step, the one before for a state not yet assigned, None for no time."""
        now = Name(self.now, position)
        if name in self.assigned or name in self.stepwise:
            return now
        if name in self.states:
            return Chain(now, (("-", Num(Fraction(1), position)),), position)
        return None


def _has_time(declared: Declared, now: str) -> bool:
    first = declared.brackets[0] if declared.brackets else ()
    return len(first) == 1 and isinstance(first[0], Name) and first[0].name == now
