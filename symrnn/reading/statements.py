"""A cell file's statements, before the names in them mean anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from symrnn.errors import ReadingError, did_you_mean
from symrnn.reading.parser import Parser, statements
from symrnn.reading.syntax import Name, SpanItem, Subscript, Tree
from symrnn.reading.tokens import Position, Source, Token, tokenize


@dataclass(frozen=True)
class Declared:
    """One declared name: ``param lam[t][n]``, ``state h[n] = 0``, ``target y[K] onehot``, ``size m = K``."""

    kind: str
    name: str
    brackets: tuple[tuple[Tree, ...], ...]
    attributes: tuple[str, ...]
    value: Tree | None
    position: Position


@dataclass(frozen=True)
class Defined:
    """One equation, ``name[t] = e`` or ``name = e``."""

    name: str
    time: Tree | None
    tree: Tree
    position: Position


@dataclass(frozen=True)
class TimeLine:
    """``time t = 1..tau``."""

    index: str
    first: Tree
    last: Tree
    position: Position


@dataclass(frozen=True)
class HeadLine:
    """``head softmax(h)`` in a cell file, ``head softmax(s[d])`` in a head file."""

    name: str
    arguments: tuple[Declared, ...]
    position: Position


@dataclass
class Draft:
    """Everything that a file says, in the order it says it."""

    source: Source
    name: str | None = None
    declared: list[Declared] = field(default_factory=list)
    functions: list[tuple[str, str | None, Position]] = field(default_factory=list)
    equations: list[Defined] = field(default_factory=list)
    time: TimeLine | None = None
    loss: Defined | None = None
    head: HeadLine | None = None
    layout: str | None = None
    style: list[tuple[str, str]] = field(default_factory=list)
    comments: tuple[str, ...] = ()


def read_statements(text: str, source: Source) -> Draft:
    """The draft of a cell or head file.

    Raises ReadingError with line and column where a line is neither a declaration nor an equation.
    """
    draft = Draft(source, comments=_comments(source.lines))
    text = _STYLE.sub(lambda line: _style(line, draft, text), text)
    for tokens in statements(tokenize(text, source), source, indented=True):
        parser = Parser(tokens, source)
        rule = _KEYWORDS.get(tokens[0].text) if tokens[0].kind == "name" else None
        if rule is not None and not _is_equation(tokens):
            parser.take()
            rule(parser, draft, tokens[0])
        else:
            draft.equations.append(_equation(parser))
        if parser.here.kind != "end":
            raise parser.expected("the end of the line")
    return draft


# The values of a style are signs that are in no formula, as in style transpose=ᵀ hadamard=∘.
_STYLE = re.compile(r"^[ \t]*style[ \t]+(?![\[=])([^#\n]*)", re.MULTILINE)


def _style(line: re.Match[str], draft: Draft, text: str) -> str:
    """Note a style line's keys and values, a bare word being a preset's name; blanks stand in its place."""
    for word in line.group(1).replace(",", " ").split():
        key, equals, value = word.partition("=")
        if equals and not (key and value):
            number = text.count("\n", 0, line.start()) + 1
            raise ReadingError(
                f'"{word}" is no style',
                location=draft.source.at((number, 1)),
                hint="Write style transpose=prime, bold=no.",
            )
        draft.style.append((key, value) if equals else ("preset", word))
    return " " * len(line.group())


def _is_equation(tokens: Sequence[Token]) -> bool:
    """Whether a line that begins with a keyword is an equation of that name: ``state[t] = ...``."""
    return tokens[1].kind == "[" or (tokens[1].kind == "=" and tokens[0].text != "loss")


def _comments(lines: Sequence[str]) -> tuple[str, ...]:
    """The comments above the first statement, and the one beside the cell's name."""
    found: list[str] = []
    for line in lines:
        code, mark, comment = line.partition("#")
        if mark and (not code.strip() or code.split()[:1] in (["cell"], ["head"])):
            found.append(comment.strip())
        if code.strip() and code.split()[0] not in ("cell", "head"):
            break
    return tuple(found)


def _equation(parser: Parser) -> Defined:
    position = parser.here.position
    first = parser.here
    left = parser.expression()
    name, time = _left_side(left)
    if name is None or parser.here.kind != "=":
        raise _no_statement(parser, first, left)
    parser.take("=")
    return Defined(name, time, parser.expression(), position)


def _left_side(left: Tree) -> tuple[str | None, Tree | None]:
    if isinstance(left, Name):
        return left.name, None
    if isinstance(left, Subscript) and isinstance(left.base, Name) and len(left.items) == 1:
        (item,) = left.items
        if not isinstance(item, SpanItem):
            return left.base.name, item
    return None, None


def _no_statement(parser: Parser, first: Token, left: Tree) -> ReadingError:
    if isinstance(left, Name) and parser.here.kind == "name":
        hint = did_you_mean(left.name, _KEYWORDS)
        return ReadingError(
            f'"{left.name}" begins no declaration', location=parser.source.at(first.position), hint=hint
        )
    if parser.here.kind != "=":
        return parser.expected('"="', "A line is a declaration (size n, m) or an equation (h[t] = tanh(a[t])).")
    return ReadingError(
        "the left side of an equation is a name or a name at the time of the step",
        location=parser.source.at(first.position),
        hint="Write h[t] = ..., or z = ... for a quantity of the whole sequence.",
    )


def _declarations(kind: str) -> Callable[[Parser, Draft, Token], None]:
    def rule(parser: Parser, draft: Draft, keyword: Token) -> None:
        draft.declared.append(_declared(parser, kind))
        while parser.skip(","):
            draft.declared.append(_declared(parser, kind))

    return rule


def _declared(parser: Parser, kind: str) -> Declared:
    name = parser.take("name")
    brackets = []
    while parser.here.kind == "[":
        brackets.append(_sizes(parser))
    attributes = []
    while parser.here.kind == "name":
        attributes.append(parser.take().text)
    value = parser.expression() if parser.skip("=") else None
    if parser.here.kind not in (",", "end"):
        raise parser.expected(
            '"[", "=", "," or the end of the line', f"Several names are separated by commas: {kind} a, b"
        )
    return Declared(kind, name.text, tuple(brackets), tuple(attributes), value, name.position)


def _sizes(parser: Parser) -> tuple[Tree, ...]:
    location = parser.location()
    items = parser.items()
    sizes = tuple(item for item in items if not isinstance(item, SpanItem))
    if len(sizes) != len(items) or len(sizes) > 2:
        raise ReadingError("a shape has one or two sizes", location=location, hint="Write b[n] or W[n,m].")
    return sizes


def _cell(parser: Parser, draft: Draft, keyword: Token) -> None:
    _once(draft.name, parser, keyword)
    words = [parser.take("name").text]
    while parser.here.kind in ("name", "number", "-", "."):
        words.append(parser.take().text)
    draft.name = "".join(words)


def _once(known: object, parser: Parser, keyword: Token) -> None:
    if known is not None:
        raise ReadingError(f'there is a second "{keyword.text}" line', location=parser.source.at(keyword.position))


def _time(parser: Parser, draft: Draft, keyword: Token) -> None:
    _once(draft.time, parser, keyword)
    name = parser.take("name")
    parser.take("=")
    first = parser.expression()
    if not parser.skip(".."):
        raise parser.expected('".."', "Write time t = 1..tau.")
    draft.time = TimeLine(name.text, first, parser.expression(), name.position)


def _function(parser: Parser, draft: Draft, keyword: Token) -> None:
    while True:
        name = parser.take("name")
        bound = parser.take("name").text if parser.skip("=") else None
        draft.functions.append((name.text, bound, name.position))
        if not parser.skip(","):
            return


def _loss(parser: Parser, draft: Draft, keyword: Token) -> None:
    _once(draft.loss, parser, keyword)
    position = parser.here.position
    name = "L" if parser.here.kind == "=" else parser.take("name").text
    if not parser.skip("="):
        raise parser.expected('"="', "Write loss L = sum(L[t], t).")
    draft.loss = Defined(name, None, parser.expression(), position)


def _head(parser: Parser, draft: Draft, keyword: Token) -> None:
    _once(draft.head, parser, keyword)
    draft.head = head_line(parser)


def head_line(parser: Parser) -> HeadLine:
    """``NAME(VAR)``, or ``NAME`` alone."""
    name = parser.take("name")
    arguments: list[Declared] = []
    if parser.skip("("):
        arguments.append(_formal(parser))
        while parser.skip(","):
            arguments.append(_formal(parser))
        parser.take(")")
    return HeadLine(name.text, tuple(arguments), name.position)


def _formal(parser: Parser) -> Declared:
    name = parser.take("name")
    brackets = (_sizes(parser),) if parser.here.kind == "[" else ()
    return Declared("input", name.text, brackets, (), None, name.position)


def _layout(parser: Parser, draft: Draft, keyword: Token) -> None:
    _once(draft.layout, parser, keyword)
    word = parser.take("name")
    if word.text not in ("numerator", "denominator"):
        raise ReadingError(
            f'"{word.text}" is no layout',
            location=parser.source.at(word.position),
            hint="Write layout numerator or layout denominator.",
        )
    draft.layout = word.text


_KEYWORDS: dict[str, Callable[[Parser, Draft, Token], None]] = {
    "cell": _cell,
    "time": _time,
    "function": _function,
    "loss": _loss,
    "head": _head,
    "layout": _layout,
    **{kind: _declarations(kind) for kind in ("size", "param", "const", "input", "target", "state")},
}
