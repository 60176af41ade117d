"""One formula's tokens to a tree: sums of rows of factors, scripts, groups, fractions, sum signs, matrices.

An operator-precedence parser over tokens; it neither knows names nor decides anything (:mod:`latex_tree`).
"""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.errors import ReadingError, did_you_mean
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import ACCENTS, BIG, FONTS, OPERATORS, RELATIONS
from symrnn.reading.latex_tokens import Kind, Token
from symrnn.reading.latex_tree import (
    Big,
    Case,
    Cases,
    Factors,
    Fraction,
    Group,
    Matrix,
    Name,
    Number,
    Relation,
    Root,
    Script,
    Scripted,
    Sign,
    Span,
    Terms,
    Tree,
    factors_of,
)

MAX_DEPTH = 48
"""Groups inside groups; people stop at five or so."""

_CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "|": "|", "‖": "‖", "⟨": "⟩"}
_CASES = frozenset({"cases", "dcases", "rcases"})
_BRACES = frozenset({"underbrace", "overbrace", "overbracket", "underbracket"})
_TRANSPOSES = frozenset({"top", "intercal"})
_SIGNS = {"partial": "partial", "nabla": "nabla", "ones": "ones", "infty": "infinity", "dots": "dots"}
_MARKS = frozenset({"star", "dagger", "+", "-", "*", "ddagger"})
_COMMANDS = frozenset(
    {*ACCENTS, *BIG, *FONTS, *OPERATORS, *_BRACES, *_SIGNS, "frac", "sqrt", "le", "ge", "top", "tau", "operatorname",
     "mathrm", "left", "right", "begin", "end", "quad", "text", "delta", "sigma", "lambda", "theta", "tanh", "diag"}
)  # fmt: skip


class Parser:
    """A cursor over the tokens of one formula; every method that reads something moves it past that."""

    def __init__(self, source: Source, tokens: Sequence[Token], end: int, depth: int = 0) -> None:
        self.source = source
        self.tokens = list(tokens)
        self.end = end
        self.at = 0
        self.depth = depth
        self.open: list[str] = []

    # -- the cursor ---------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token | None:
        """The next token, None at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    @property
    def offset(self) -> int:
        """Where the next token stands in the text."""
        return self.token.start if self.token is not None else self.end

    @property
    def behind(self) -> int:
        """Where the last token that was read ends."""
        return self.tokens[self.at - 1].end if self.at else self.offset

    def expected(self, what: str) -> ReadingError:
        """An error that says what should stand here and what does."""
        token = self.token
        if token is None:
            return self.source.error(f"expected {what}, but the formula ends here", self.end)
        hint = did_you_mean(token.text, _COMMANDS) if token.kind is Kind.COMMAND else None
        return self.source.error(
            f"expected {what}, found “{self.source.excerpt(token.start, token.end)}”",
            token.start,
            hint=hint if hint and hint.startswith("Did") else None,
        )

    def sign(self, *signs: str) -> Token | None:
        """The next token if it is one of these signs; then it has been read."""
        token = self.token
        if token is not None and token.is_sign(*signs):
            self.at += 1
            return token
        return None

    def deeper(self) -> None:
        """One more nesting; raises ReadingError when there are too many."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.source.error(f"more than {MAX_DEPTH} groups inside each other", self.offset)

    # -- relations, sums, products ------------------------------------------------------------------------------

    def whole(self) -> Tree:
        """Everything up to the end as one relation or expression."""
        tree = self.relation()
        if self.token is not None:
            raise self.expected("an operator or the end of the formula")
        return tree

    def relation(self, slices: bool = False) -> Tree:
        """An expression, or several with ``=``, ``≤``, ``∈`` between them; with ``slices`` also ``a:b``."""
        start = self.offset
        signs: list[str] = []
        members = [self._member(slices)]
        while (found := self._relation_sign(slices)) is not None:
            signs.append(found)
            members.append(self._member(slices))
        return Relation(Span(start, self.behind), tuple(members), tuple(signs)) if signs else members[0]

    def _member(self, slices: bool) -> Tree:
        token = self.token
        if slices and (token is None or token.is_sign(":", ",", ";", "]")):
            return Sign(Span(self.offset, self.offset), "nothing")
        return self.expression()

    def _relation_sign(self, slices: bool) -> str | None:
        token = self.token
        if token is None or token.kind not in (Kind.SIGN, Kind.COMMAND):
            return None
        if token.text in RELATIONS or (slices and token.is_sign(":")):
            self.at += 1
            return token.text
        return None

    def expression(self) -> Tree:
        """A sum of terms."""
        start = self.offset
        terms = [(self._signs() or "+", self.factors())]
        while (sign := self._signs()) is not None:
            terms.append((sign, self.factors()))
        if len(terms) == 1 and terms[0][0] == "+":
            return terms[0][1]
        return Terms(Span(start, self.behind), tuple(terms))

    def _signs(self) -> str | None:
        """``+``, ``-``, or several of them, which multiply."""
        sign = None
        while (found := self.sign("+", "-")) is not None:
            sign = "+" if (sign or "+") == found.text else "-"
        return sign

    def factors(self) -> Tree:
        """A row of factors with the signs between them."""
        start = self.offset
        items = [("", self.factor())]
        while True:
            operator = self._operator()
            if operator is None and not self._starts_factor():
                break
            items.append((operator or "", self.factor()))
        return items[0][1] if len(items) == 1 else Factors(Span(start, self.behind), tuple(items))

    def _operator(self) -> str | None:
        token = self.token
        if token is None or token.kind not in (Kind.SIGN, Kind.COMMAND) or token.text not in OPERATORS:
            return None
        self.at += 1
        return OPERATORS[token.text]

    def _starts_factor(self) -> bool:
        token = self.token
        if token is None:
            return False
        if token.kind is Kind.SIGN:
            return token.text in "([{" or (token.text == "|" and self.open[-1:] != ["|"])
        if token.kind is Kind.COMMAND:
            if token.text == "|":
                return self.open[-1:] != ["‖"]
            return token.text not in RELATIONS and token.text not in ("}", "rangle", "forall", "implies")
        return token.kind in (Kind.NAME, Kind.NUMBER, Kind.BEGIN)

    # -- one factor ---------------------------------------------------------------------------------------------

    def factor(self) -> Tree:
        """An atom with its scripts and primes."""
        start = self.offset
        base = self.atom()
        if isinstance(base, Big):
            return base
        sub: Script | None = None
        sup: Script | None = None
        primes = 0
        while (mark := self.sign("_", "^", "'")) is not None or self._empty_braces():
            if mark is None:
                # ``h_t{}^\top``: what follows goes on the whole.
                if sub is not None or sup is not None or primes:
                    base = Scripted(Span(start, self.behind), base, sub, sup, primes)
                    sub, sup, primes = None, None, 0
                continue
            if mark.text == "'":
                primes += 1
                continue
            script = self._script(mark)
            if mark.text == "^" and script.mark == "'":
                primes += len(script.key or "'")
                continue
            if (sub if mark.text == "_" else sup) is not None:
                which = "subscript" if mark.text == "_" else "superscript"
                raise self.source.error(f"a second {which}", mark.start, hint="Put the first into braces, as in {x^2}^3.")
            sub, sup = (script, sup) if mark.text == "_" else (sub, script)
        if sub is None and sup is None and not primes:
            return base
        return Scripted(Span(start, self.behind), base, sub, sup, primes)

    def _empty_braces(self) -> bool:
        """Whether ``{}`` stands here; then it has been read."""
        found = self.tokens[self.at : self.at + 2]
        if len(found) == 2 and found[0].is_sign("{") and found[1].is_sign("}"):
            self.at += 2
            return True
        return False

    def atom(self) -> Tree:
        """A name, a number, a group, a command with its arguments."""
        while self._empty_braces():
            pass
        token = self.token
        if token is None:
            raise self.expected("an expression")
        span = Span(token.start, token.end)
        if token.kind is Kind.NAME:
            self.at += 1
            return Name(span, token.text, (), token.upright)
        if token.kind is Kind.NUMBER:
            self.at += 1
            return Number(span, token.text)
        if token.kind is Kind.BEGIN:
            return self._environment(token)
        if token.is_sign("{"):
            return self._braces()
        if token.is_sign("(", "[", "|"):
            return self._group(token.text)
        if token.kind is Kind.COMMAND:
            return self._command(token)
        raise self.expected("an expression")

    def _group(self, kind: str) -> Tree:
        start = self.offset
        self.at += 1
        self.deeper()
        self.open.append(kind)
        rows: list[tuple[Tree, ...]] = []
        cells: list[Tree] = [self.relation(slices=kind == "[")]
        while (separator := self.sign(",", ";")) is not None:
            if separator.text == ";":
                rows.append(tuple(cells))
                cells = []
            cells.append(self.relation(slices=kind == "["))
        rows.append(tuple(cells))
        self._close(kind, start)
        self.open.pop()
        self.depth -= 1
        return Group(Span(start, self.behind), kind, tuple(rows))

    def _close(self, kind: str, start: int) -> None:
        closing, token = _CLOSING[kind], self.token
        commands = {"\\}": "}", "‖": "|", "⟩": "rangle"}
        if token is not None and (token.is_sign(closing) or token.is_command(commands.get(closing, " "))):
            self.at += 1
            return
        where = self.source.location(start)
        raise self.expected(f"“{closing}” for the “{kind}” of line {where.line}, column {where.column}")

    def _braces(self) -> Tree:
        """Invisible braces: what stands in them, as one thing."""
        start = self.offset
        self.at += 1
        self.deeper()
        self.open.append("{")
        inner = self.relation()
        if self.sign("}") is None:
            raise self.expected("“}”")
        self.open.pop()
        self.depth -= 1
        if isinstance(inner, (Name, Number, Group, Fraction, Root, Matrix, Sign, Cases)):
            return inner
        return Group(Span(start, self.behind), "{", ((inner,),))

    def argument(self) -> Tree:
        """What a command takes: braces, or the next single thing (of a number only its first digit)."""
        token = self.token
        if token is not None and token.is_sign("{"):
            return self._braces()
        if token is not None and token.kind is Kind.NUMBER:
            return Number(Span(token.start, token.start + 1), self._digit(token).text)
        self.deeper()
        found = self.atom()
        self.depth -= 1
        return found

    def _digit(self, token: Token) -> Token:
        """The first digit of a number, as TeX takes it; the rest stays."""
        first = Token(Kind.NUMBER, token.text[0], token.start, token.start + 1)
        rest = token.text[1:]
        if rest:
            self.tokens[self.at] = Token(Kind.NUMBER, rest, token.start + 1, token.end)
        else:
            self.at += 1
        return first

    # -- commands -----------------------------------------------------------------------------------------------

    def _command(self, token: Token) -> Tree:
        name, start = token.text, token.start
        if name == "|":
            return self._group("‖")
        if name == "{":
            return self._group("\\{")
        if name == "langle":
            return self._group("⟨")
        if name not in _COMMANDS and name not in ("textcolor", "differential"):
            raise self.expected("an expression")
        self.at += 1
        if name in _SIGNS:
            return Sign(Span(start, token.end), _SIGNS[name])
        if name == "differential":
            return Name(Span(start, token.end), "d", (), True)
        if name in FONTS:
            return self._font(start)
        if name in ACCENTS:
            return self._accented(name, start)
        if name == "frac":
            top, bottom = self.argument(), self.argument()
            return Fraction(Span(start, self.behind), top, bottom)
        if name == "sqrt":
            if self.token is not None and self.token.is_sign("["):
                raise self.expected("the radicand: only square roots are read")
            radicand = self.argument()
            return Root(Span(start, self.behind), radicand)
        if BIG.get(name):
            return self._big(BIG[name], start)
        if name in _BRACES:
            return self._annotated()
        if name == "textcolor":
            self.argument()
            return self.argument()
        self.at -= 1
        raise self.expected("an expression")

    def _font(self, start: int) -> Tree:
        inner = self.argument()
        if isinstance(inner, Number) and inner.text in ("0", "1"):
            return Sign(Span(start, self.behind), "ones" if inner.text == "1" else "zeros")
        return inner

    def _accented(self, command: str, start: int) -> Tree:
        inner = self.argument()
        accent = ACCENTS[command]
        bare = factors_of(inner)
        tree = bare[0][1] if len(bare) == 1 else inner
        if isinstance(tree, Group) and tree.kind == "{" and tree.single is not None:
            tree = tree.single
        span = Span(start, self.behind)
        if isinstance(tree, Name):
            return Name(span, tree.text, (*tree.accents, *([accent] if accent else [])), tree.upright)
        if isinstance(tree, Scripted) and isinstance(tree.base, Name):
            base = tree.base
            accents = (*base.accents, *([accent] if accent else []))
            return Scripted(span, Name(span, base.text, accents, base.upright), tree.sub, tree.sup, tree.primes)
        if isinstance(tree, Sign) and tree.kind == "partial" and accent == "bar":
            # ∂̄ is one of the marks of the immediate derivative.
            return Sign(span, "immediate")
        if not accent:
            return inner
        raise self.source.error(f"expected one letter under “\\{command}”", inner.at.start)

    def _big(self, kind: str, start: int) -> Tree:
        lower: Script | None = None
        upper: Script | None = None
        while (mark := self.sign("_", "^")) is not None:
            if (lower if mark.text == "_" else upper) is not None:
                raise self.source.error("a second bound on the same side", mark.start)
            script = self._script(mark)
            lower, upper = (script, upper) if mark.text == "_" else (lower, script)
        return Big(Span(start, self.behind), kind, lower, upper)

    def _annotated(self) -> Tree:
        r"""``\underbrace{e}_{text}`` is e."""
        inner = self.argument()
        while self.sign("_", "^") is not None:
            if self.sign("{") is None:
                self.at += 1
            else:
                self._skip_braces()
        return inner

    def _skip_braces(self) -> None:
        level = 1
        while level and self.token is not None:
            level += self.token.is_sign("{") - self.token.is_sign("}")
            self.at += 1

    # -- scripts ------------------------------------------------------------------------------------------------

    def _script(self, mark: Token) -> Script:
        start = self.offset
        inner = self._script_tokens()
        script = ScriptParser(self.source, inner, self.behind, self.depth + 1)
        return script.superscript(start) if mark.text == "^" else script.subscript(start)

    def _script_tokens(self) -> list[Token]:
        """The tokens of a script: those in the braces, or the next single thing's."""
        token = self.token
        if token is None:
            raise self.expected("a script")
        begin = self.at
        if token.is_sign("{"):
            self.at += 1
            self._skip_braces()
            if not self.tokens[self.at - 1].is_sign("}") or self.at - begin < 2:
                raise self.expected("“}”")
            return self.tokens[begin + 1 : self.at - 1]
        if token.kind is Kind.NUMBER:
            return [self._digit(token)]
        if token.kind is Kind.COMMAND and (token.text in FONTS or token.text in ACCENTS or token.text == "frac"):
            self.atom()
        elif token.is_sign("(", "["):
            # ``h^(t)``, typed without braces, can only mean the whole group.
            self.atom()
        elif token.kind in (Kind.NAME, Kind.COMMAND) or token.is_sign("*", "+", "-", "'"):
            self.at += 1
        else:
            raise self.expected("a script")
        return self.tokens[begin : self.at]

    # -- environments -------------------------------------------------------------------------------------------

    def _environment(self, begin: Token) -> Tree:
        self.at += 1
        self.deeper()
        self.open.append("{")
        rows: list[tuple[Tree, ...]] = []
        lines: list[Case] = []
        is_cases = begin.text in _CASES
        while not self._at_end(begin):
            if is_cases:
                lines.append(self._case())
            else:
                rows.append(self._row())
            token = self.token
            if token is not None and token.kind is Kind.ROW:
                self.at += 1
            elif not self._at_end(begin):
                raise self.expected("“\\\\” or the end of the environment")
        self.at += 1
        self.open.pop()
        self.depth -= 1
        span = Span(begin.start, self.behind)
        if is_cases:
            return Cases(span, tuple(lines))
        widths = {len(row) for row in rows}
        if len(widths) != 1:
            raise self.source.error("the rows of a matrix have different lengths" if rows else "an empty matrix", begin.start)
        return Matrix(span, begin.text, tuple(rows))

    def _at_end(self, begin: Token) -> bool:
        token = self.token
        if token is None:
            raise self.expected(f"“\\end{{{begin.text}}}”")
        if token.kind is Kind.END and token.text != begin.text:
            raise self.expected(f"“\\end{{{begin.text}}}”")
        return token.kind is Kind.END

    def _row(self) -> tuple[Tree, ...]:
        cells = [self.relation()]
        while self.sign("&") is not None:
            cells.append(self.relation())
        return tuple(cells)

    def _case(self) -> Case:
        start = self.offset
        value = self.expression()
        condition: list[Tree] = []
        self.sign(",")
        self.sign("&")
        otherwise = False
        while (token := self.token) is not None and token.kind not in (Kind.ROW, Kind.END):
            if token.kind is Kind.TEXT:
                otherwise = otherwise or token.text in ("otherwise", "else")
                if not set(token.text.split()) <= {"if", "for", "when", "otherwise", "else", "and", "all"}:
                    raise self.expected("a condition")
                self.at += 1
            elif self.sign(",", ".") is None:
                condition.append(self.relation())
        if not condition and not otherwise:
            raise self.expected("a condition, or “otherwise”")
        return Case(Span(start, self.behind), value, None if otherwise else tuple(condition))


class ScriptParser(Parser):
    """The inside of a script."""

    def subscript(self, start: int) -> Script:
        """Comma-separated indices, names, bounds."""
        key = _key(self.tokens)
        self._unstack()
        return Script(Span(start, self.end), self._items(), key)

    def superscript(self, start: int) -> Script:
        """A power, a time, a transpose, a name, or a mark."""
        span = Span(start, self.end)
        tokens = self.tokens
        if tokens and all(t.is_sign("'") for t in tokens):
            return Script(span, (), "'" * len(tokens), mark="'")
        transposed = bool(tokens) and self._is_transpose(tokens)
        if transposed:
            tokens = self.tokens = tokens[:-1]
        mark = None
        if tokens and tokens[0].kind in (Kind.COMMAND, Kind.SIGN):
            first = tokens[0].text
            if OPERATORS.get(first) in ("odot", "otimes"):
                mark = OPERATORS[first]
            elif first in _MARKS and len(tokens) == 1 and not (first == "-" and transposed):
                mark = first
        if transposed and len(tokens) == 1 and tokens[0].is_sign("-"):
            # ``A^{-T}`` is the transposed inverse.
            return Script(span, (Number(span, "-1"),), None, transposed)
        if mark is not None:
            self.at = 1
        return Script(span, self._items() if self.token is not None else (), _key(tokens), transposed, mark)

    def _is_transpose(self, tokens: Sequence[Token]) -> bool:
        last = tokens[-1]
        if last.kind is Kind.COMMAND and last.text in _TRANSPOSES:
            return True
        before = tokens[-2] if len(tokens) > 1 else None
        return last.kind is Kind.NAME and last.text == "T" and before is not None and before.is_sign(")", "-")

    def _unstack(self) -> None:
        r"""``\substack{1 \le k \\ k \le t}`` is two conditions."""
        if self.tokens and self.tokens[0].is_command("substack"):
            inner = self.tokens[2:-1]
            self.tokens = [Token(Kind.SIGN, ",", t.start, t.end) if t.kind is Kind.ROW else t for t in inner]

    def _items(self) -> tuple[Tree, ...]:
        self.deeper()
        self.open.append("{")
        if self.at >= len(self.tokens):
            raise self.expected("something in the script")
        items = [self.relation(slices=True)]
        while self.sign(",", ";") is not None:
            items.append(self.relation(slices=True))
        if self.at < len(self.tokens):
            raise self.expected("an operator or the end of the script")
        return tuple(items)


def _key(tokens: Sequence[Token]) -> str | None:
    """The letters and digits of a script as one word, or None where there is more in it."""
    kept = []
    for token in tokens:
        if token.kind in (Kind.NAME, Kind.NUMBER):
            kept.append(token.text)
        elif not (token.is_sign("{", "}", ",", "_") or (token.kind is Kind.COMMAND and token.text in FONTS)):
            return None
    return "".join(kept) or None
