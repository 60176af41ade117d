"""From tokens to trees: Python's expression grammar, as far as the language has it.

============  ==========================================================
sum           term (("+" | "-") term)*
term          operand (("*" | "@" | "/") operand)*
operand       "-" operand | postfix ("**" operand)?
postfix       atom ("[" items "]" | ".T")*
atom          number | name | name primes? "(" arguments ")" | "(" sum ")"
============  ==========================================================

Nesting is counted, so that no text can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.errors import Location, ReadingError
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
    depth,
)
from symrnn.reading.tokens import Source, Token, tokenize

MAX_NESTING = 60
MAX_DEPTH = 120

_STARTS = "a number, a name or a parenthesis"
_SPELLED = {"newline": "the end of the line", "end": "the end"}


class Parser:
    """Reads trees off a list of tokens; ``here`` is the next one."""

    def __init__(self, tokens: Sequence[Token], source: Source) -> None:
        self._tokens = tokens
        self._next = 0
        self._nesting = 0
        self.source = source

    @property
    def here(self) -> Token:
        """The token that comes next; the last one stays."""
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    @property
    def after(self) -> Token:
        """The token after the next."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def location(self) -> Location:
        """Where the next token stands."""
        return self.source.at(self.here.position)

    def take(self, kind: str | None = None) -> Token:
        """The next token, which must be of this kind."""
        token = self.here
        if kind is not None and token.kind != kind:
            raise self.expected({"name": "a name", "number": "a number"}.get(kind, f'"{kind}"'))
        self._next += 1
        return token

    def skip(self, kind: str) -> bool:
        """Whether the next token is of this kind; it is taken if so."""
        if self.here.kind != kind:
            return False
        self._next += 1
        return True

    def expected(self, what: str, hint: str | None = None) -> ReadingError:
        """The error that says what should stand here."""
        found = _SPELLED.get(self.here.kind, f'"{self.here.text[:40]}"')
        return ReadingError(
            f"expected {what}, but found {found}", location=self.location(), hint=hint or self._way_out(what)
        )

    def _way_out(self, what: str) -> str | None:
        kind = self.here.kind
        if "operator" in what and kind in ("name", "number", "("):
            return "Write @ or * between factors; only functions are followed by a bracket."
        if kind == "prime":
            return "A prime marks the derivative of a function, as in tanh'(a); write W.T for a transpose."
        if kind == "==":
            return "Write one = sign."
        if kind == "..":
            return "A range of times stands in a time line alone, as in time t = 1..tau."
        return None

    def whole(self) -> Tree:
        """One expression up to the end of the tokens."""
        tree = self.expression()
        if self.here.kind != "end":
            raise self.expected("an operator or the end")
        return tree

    def expression(self) -> Tree:
        """One expression; stops before what cannot continue it."""
        tree = self._sum()
        if depth(tree) > MAX_DEPTH:
            raise self._too_deep(tree)
        return tree

    def _too_deep(self, tree: Tree) -> ReadingError:
        return ReadingError(
            "the expression is nested too deeply",
            location=self.source.at(tree.position),
            hint="Give a part of it a name of its own, on a line before.",
        )

    def _sum(self) -> Tree:
        first = self._term()
        rest: list[tuple[str, Tree]] = []
        position = self.here.position
        while self.here.kind in ("+", "-"):
            operator = self.take().kind
            rest.append((operator, self._term()))
        return Chain(first, tuple(rest), position) if rest else first

    def _term(self) -> Tree:
        first = self._operand()
        rest: list[tuple[str, Tree]] = []
        position = self.here.position
        while self.here.kind in ("*", "@", "/"):
            operator = self.take().kind
            rest.append((operator, self._operand()))
        return Chain(first, tuple(rest), position) if rest else first

    def _operand(self) -> Tree:
        signs = []
        while self.here.kind in ("-", "+"):
            signs.append(self.take())
            if len(signs) > MAX_NESTING:
                raise ReadingError("too many signs in a row", location=self.location())
        tree = self._postfix()
        if self.here.kind == "**":
            position = self.take().position
            self._enter()
            tree = Raised(tree, self._operand(), position)
            self._nesting -= 1
        for sign in reversed(signs):
            if sign.kind == "-":
                tree = Minus(tree, sign.position)
        return tree

    def _enter(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ReadingError(
                f"brackets and powers are nested more than {MAX_NESTING} deep",
                location=self.location(),
                hint="Give a part of it a name of its own, on a line before.",
            )

    def _postfix(self) -> Tree:
        tree = self._atom()
        while True:
            token = self.here
            if token.kind == "[":
                tree = Subscript(tree, tuple(self.items()), token.position)
            elif token.kind == ".":
                self.take()
                if self.here.kind != "name" or self.here.text != "T":
                    raise self.expected('"T"', "The transpose .T is the only thing that follows a point.")
                tree = Transposed(tree, self.take().position)
            elif token.kind == "(":
                raise self.expected("an operator", "Write @ or * between factors; only functions are called.")
            elif token.kind == "prime":
                raise self.expected("an operator")
            else:
                return tree

    def items(self) -> list[Tree | SpanItem]:
        """What stands in brackets: entries, times, ranges."""
        self._open("[")
        items: list[Tree | SpanItem] = []
        while True:
            items.append(self._item())
            if not self._more("]", items):
                return items

    def _item(self) -> Tree | SpanItem:
        position = self.here.position
        start = None if self.here.kind == ":" else self._sum()
        if not self.skip(":"):
            assert start is not None
            return start
        stop = None if self.here.kind in (",", "]") else self._sum()
        if self.here.kind == ":":
            raise self.expected('"]"', "A slice has a start and an end and takes every entry between them.")
        return SpanItem(start, stop, position)

    def _open(self, bracket: str) -> None:
        self._enter()
        self.take(bracket)

    def _more(self, closing: str, items: Sequence[object]) -> bool:
        """Whether a comma follows and something after it; takes the closing bracket if not."""
        if len(items) > 10_000:
            raise ReadingError("too many items", location=self.location())
        if self.skip(",") and self.here.kind != closing:
            return True
        if not self.skip(closing):
            raise self.expected(f'an operator, "," or "{closing}"')
        self._nesting -= 1
        return False

    def _atom(self) -> Tree:
        token = self.here
        if token.kind == "number":
            self.take()
            assert token.value is not None
            return Num(token.value, token.position)
        if token.kind == "name":
            self.take()
            order = len(self.take().text) if self.here.kind == "prime" and self.after.kind == "(" else 0
            if self.here.kind == "(":
                return Apply(token.text, order, tuple(self._arguments()), token.position)
            return Name(token.text, token.position)
        if token.kind == "(":
            self._open("(")
            inside = self._sum()
            if not self.skip(")"):
                raise self.expected('an operator or ")"')
            self._nesting -= 1
            return inside
        raise self.expected(_STARTS)

    def _arguments(self) -> list[Tree]:
        self._open("(")
        arguments: list[Tree] = []
        if self.skip(")"):
            self._nesting -= 1
            return arguments
        while True:
            arguments.append(self._sum())
            if not self._more(")", arguments):
                return arguments


def parse(text: str, source: Source) -> Tree:
    """The tree of one expression; line ends count as blanks.

    >>> parse("W @ h[t-1]", Source.of("W @ h[t-1]")).rest[0][0]
    '@'
    """
    tokens = [t for t in tokenize(text, source) if t.kind != "newline"]
    return Parser(tokens, source).whole()


def statements(tokens: Sequence[Token], source: Source, indented: bool = False) -> list[list[Token]]:
    """The tokens of each statement, ended by its own ``end`` token; a line, or what ``;`` separates.

    Inside brackets a line end counts as a blank, with ``indented`` only where the next line is indented, so
    that a forgotten parenthesis is found on its own line.
    """
    found: list[list[Token]] = []
    current: list[Token] = []
    depth = 0
    for index, token in enumerate(tokens):
        depth = max(0, depth + _BRACKETS.get(token.kind, 0))
        unfinished = depth > 0 or (bool(current) and current[-1].kind in _UNFINISHED)
        line_ends = token.kind == "newline" and not (unfinished and _goes_on(tokens, index, indented))
        if token.kind == "end" or line_ends or (token.kind == ";" and not depth):
            if current:
                found.append([*current, Token("end", "", token.position)])
            current, depth = [], 0
        elif token.kind != "newline":
            current.append(token)
    return found


_BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}
_UNFINISHED = frozenset({"+", "-", "*", "@", "/", "**", "=", ","})


def _goes_on(tokens: Sequence[Token], index: int, indented: bool) -> bool:
    following = next((t for t in tokens[index + 1 :] if t.kind != "newline"), None)
    return following is not None and following.kind != "end" and (not indented or following.position[1] > 1)
