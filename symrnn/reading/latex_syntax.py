"""One formula's tokens to a tree: sums of rows of factors, scripts, groups, fractions, sum signs, matrices.

An operator-precedence parser over tokens; it neither knows names nor decides anything (:mod:`latex_tree`).
"""

from __future__ import annotations

from collections.abc import Sequence

from symrnn.reading.latex_cursor import Cursor
from symrnn.reading.latex_environments import read_environment
from symrnn.reading.latex_groups import read_group
from symrnn.reading.latex_scripts import script_key, superscript_marks, unstacked
from symrnn.reading.latex_symbols import (
    ACCENTS,
    BIG,
    BRACES,
    COMMANDS,
    FONTS,
    NO_EQUALITIES,
    OPERATORS,
    RELATIONS,
    TREE_SIGNS,
)
from symrnn.reading.latex_tokens import Kind, Token
from symrnn.reading.latex_tree import (
    Big,
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


class Parser(Cursor):
    """A cursor over the tokens of one formula; every method that reads something moves it past that."""

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
        if token.is_command(*NO_EQUALITIES):
            raise self.source.error(f"expected =, found “\\{token.text}”: only an equality is a claim", token.start)
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
            return token.text not in RELATIONS | NO_EQUALITIES | {"}", "rangle", "forall", "implies"}
        return token.kind in (Kind.NAME, Kind.NUMBER, Kind.BEGIN)

    # -- one factor ---------------------------------------------------------------------------------------------

    def factor(self) -> Tree:
        """An atom with its scripts and primes."""
        start = self.offset
        base = self.atom()
        if isinstance(base, Big):
            return self._bounded(base, start)
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
            primes += script.primes
            if mark.text == "^" and script.is_empty:
                continue
            if (sub if mark.text == "_" else sup) is not None:
                which = "subscript" if mark.text == "_" else "superscript"
                raise self.source.error(
                    f"a second {which}", mark.start, hint="Put the first into braces, as in {x^2}^3."
                )
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
            return read_environment(self, token)
        if token.is_sign("{"):
            return self._braces()
        if token.is_sign("(", "[", "|"):
            return read_group(self, token.text)
        if token.kind is Kind.COMMAND:
            return self._command(token)
        raise self.expected("an expression")

    def _braces(self) -> Tree:
        """Invisible braces: what stands in them, as one thing."""
        start = self.offset
        self.at += 1
        self.enter("{")
        inner = self.relation()
        if self.sign("}") is None:
            raise self.expected("“}”")
        self.leave()
        if isinstance(inner, (Name, Number, Group, Fraction, Root, Matrix, Sign, Cases, Big)):
            return inner
        return Group(Span(start, self.behind), "{", ((inner,),))

    def argument(self) -> Tree:
        """What a command takes: braces, or the next single thing (of a number only its first digit)."""
        token = self.token
        if token is not None and token.is_sign("{"):
            return self._braces()
        if token is not None and token.kind is Kind.NUMBER:
            return Number(Span(token.start, token.start + 1), self._digit(token).text)
        self.enter("")
        found = self.atom()
        self.leave()
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
            return read_group(self, "‖")
        if name == "{":
            return read_group(self, "\\{")
        if name == "langle":
            return read_group(self, "⟨")
        if name not in COMMANDS and name not in ("textcolor", "differential"):
            raise self.expected("an expression")
        self.at += 1
        if name in TREE_SIGNS:
            return Sign(Span(start, token.end), TREE_SIGNS[name])
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
            return Big(Span(start, token.end), BIG[name], None, None)
        if name in BRACES:
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

    def _bounded(self, big: Big, start: int) -> Big:
        """The sign with what stands below and above it."""
        lower, upper = big.lower, big.upper
        while (mark := self.sign("_", "^")) is not None:
            if (lower if mark.text == "_" else upper) is not None:
                raise self.source.error("a second bound on the same side", mark.start)
            script = self._script(mark)
            lower, upper = (script, upper) if mark.text == "_" else (lower, script)
        return Big(Span(start, self.behind), big.kind, lower, upper)

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
        """A sub- or superscript: its marks first (:mod:`latex_scripts`), then what is left between commas."""
        start = self.offset
        tokens = self._script_tokens()
        span = Span(start, self.behind)
        if mark.text == "_":
            return Script(span, self._items(unstacked(tokens), span), script_key(tokens))
        marks = superscript_marks(tokens)
        if marks.inverse:
            return Script(span, (Number(span, "-1"),), None, True, None, marks.primes)
        optional = marks.transposed or marks.mark is not None or marks.primes
        items = self._items(marks.rest, span) if marks.rest or not optional else ()
        return Script(span, items, script_key(marks.rest), marks.transposed, marks.mark, marks.primes)

    def _items(self, tokens: Sequence[Token], span: Span) -> tuple[Tree, ...]:
        """What stands between the commas of a script."""
        inner = Parser(self.source, tokens, span.end, self.depth)
        inner.enter("{")
        if inner.is_done():
            raise inner.expected("something in the script")
        items = [inner.relation(slices=True)]
        while inner.sign(",", ";") is not None:
            items.append(inner.relation(slices=True))
        if not inner.is_done():
            raise inner.expected("an operator or the end of the script")
        return tuple(items)

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
