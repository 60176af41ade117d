"""LaTeX as people write it, cut into tokens: commands, names, numbers and signs, each with its place in the text.

Comments, spacing and sizes of delimiters go; formulas typed in unicode (``∂``, ``ŷₜ``, ``Wᵀ``, ``½``) come out as the
same tokens as their commands.  What a token means is the parser's affair.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from symrnn.errors import ReadingError
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_symbols import (
    ACCENTS_COMBINING,
    ALIASES,
    BARE_WORDS,
    DROPPED,
    DROPPED_WITH_ARGUMENT,
    FUNCTION_WORDS,
    GAPS,
    GREEK,
    JOINED_FONTS,
    PROSE,
    SIGNS,
    SIZES,
    SPACES,
    UNICODE,
)

MAX_LENGTH = 100_000
"""Characters; a page of formulas has about 3000."""

MAX_TOKENS = 20_000

MAX_DIGITS = 40


class Kind(Enum):
    """What a token is."""

    COMMAND = "command"
    NAME = "name"
    NUMBER = "number"
    SIGN = "sign"
    TEXT = "words"
    GAP = "gap"
    LINE = "line"
    ROW = "row"
    MATH = "math"
    BEGIN = "begin"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    r"""One token; ``start`` and ``end`` are its offsets in the text.

    ``text`` of a command has no backslash; ``upright`` marks a name that was set as one word (``\mathrm{out}``).
    """

    kind: Kind
    text: str
    start: int
    end: int
    upright: bool = False

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind is Kind.SIGN and self.text in signs

    def is_command(self, *names: str) -> bool:
        """Whether it is one of these commands."""
        return self.kind is Kind.COMMAND and self.text in names


_PATTERN = re.compile(
    r"""
      (?P<comment>(?<!\\)%[^\n]*)
    | (?P<line>\n)
    | (?P<space>[^\S\n]+|~)
    | (?P<row>\\\\(?:\s*\[[^\]\n]*\])?|\\cr\b|\\newline\b)
    | (?P<environment>\\(?P<edge>begin|end)\s*\{(?P<env>[A-Za-z]+\*?)\})
    | (?P<math>\$\$?|\\[()\[\]])
    | (?P<command>\\[A-Za-z]+\*?)
    | (?P<escape>\\.)
    | (?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    | (?P<letters>[A-Za-z]+)
    | (?P<primes>'+)
    | (?P<colon>:=)
    | (?P<sign>[-+*/=<>!:;,.&^_{}()\[\]|@])
    """,
    re.VERBOSE | re.DOTALL,
)

_MATRICES = frozenset(
    {
        "matrix",
        "pmatrix",
        "bmatrix",
        "Bmatrix",
        "vmatrix",
        "Vmatrix",
        "smallmatrix",
        "psmallmatrix",
        "bsmallmatrix",
        "array",
    }
)
_CASES = frozenset({"cases", "dcases", "rcases"})
_DISPLAYS = frozenset(
    {"equation", "align", "aligned", "gather", "gathered", "multline", "split", "eqnarray", "displaymath", "math",
     "alignat", "alignedat", "flalign", "document", "subequations", "dmath", "center", "IEEEeqnarray"}
)  # fmt: skip


def tokenize(source: Source, words: frozenset[str] = frozenset()) -> tuple[Token, ...]:
    r"""The tokens of a text; ``words`` are names of several letters that stay whole when typed bare.

    >>> [t.text for t in tokenize(Source(r"\hat{y}_t - Wᵀ"))]
    ['hat', '{', 'y', '}', '_', 't', '-', 'W', '^', '{', 'T', '}']

    Raises ReadingError for a character that has no meaning in a formula, and for a text beyond MAX_LENGTH.
    """
    if len(source.text) > MAX_LENGTH:
        raise ReadingError(
            f"the text has {len(source.text)} characters; at most {MAX_LENGTH} are read",
            hint="Check one formula at a time.",
        )
    tokens: list[Token] = []
    for token in _Scanner(source, words).scan():
        tokens.append(token)
        if len(tokens) > MAX_TOKENS:
            raise source.error(f"the text has more than {MAX_TOKENS} tokens", token.start)
    return tuple(tokens)


class _Scanner:
    """One pass over a text."""

    def __init__(self, source: Source, words: frozenset[str]) -> None:
        self.source = source
        self.text = source.text
        self.words = words
        self.at = 0
        # Where dollars mark the mathematics, what stands outside is prose.
        self.has_prose = re.search(r"(?<!\\)\$|\\[(\[]", self.text) is not None
        self.in_math = not self.has_prose

    def scan(self) -> Iterator[Token]:
        while self.at < len(self.text):
            yield from self._next()

    def _next(self) -> Iterator[Token]:
        match = _PATTERN.match(self.text, self.at)
        start = self.at
        if match is None:
            yield from self._unicode(start)
            return
        self.at = match.end()
        kind, text = match.lastgroup or "", match.group()
        if match.group("environment"):
            yield from self._environment(match)
        elif kind in ("command", "escape"):
            yield from self._command(text[1:], start)
        elif kind == "letters" and unicodedata.combining(self.text[self.at : self.at + 1] or " "):
            # The last letter has an accent of its own, as y and U+0302.
            self.at -= 1
            if len(text) > 1:
                yield from self._letters(text[:-1], start)
            self.at = match.end()
            yield from self._letter_with_accents(match.end() - 1)
        elif kind == "letters":
            yield from self._letters(text, start)
        elif kind == "math":
            self._switch(text)
            yield Token(Kind.MATH, text, start, self.at)
        elif kind == "primes":
            yield from (Token(Kind.SIGN, "'", start + i, start + i + 1) for i in range(len(text)))
        elif kind == "number" and len(text) > MAX_DIGITS:
            raise self.source.error(f"a number with {len(text)} digits; at most {MAX_DIGITS} are read", start)
        elif kind in _PLAIN:
            yield Token(_PLAIN[kind], "=" if kind == "colon" else text, start, self.at)
        elif kind not in ("comment", "space"):
            raise self.source.error(f"“{text}” has no meaning here", start)

    def _switch(self, text: str) -> None:
        if text in (r"\(", r"\["):
            self.in_math = True
        elif text in (r"\)", r"\]"):
            self.in_math = False
        else:
            self.in_math = not self.in_math

    def _environment(self, match: re.Match[str]) -> Iterator[Token]:
        name = match.group("env").rstrip("*")
        opens = match.group("edge") == "begin"
        if name in _DISPLAYS:
            self._skip_options(name, opens)
            if self.has_prose and name not in ("document", "center", "subequations", "split", "aligned", "gathered"):
                self.in_math = opens
            yield Token(Kind.MATH, name, match.start(), match.end())
            return
        if name not in _MATRICES and name not in _CASES:
            raise self.source.error(
                f"the environment “{name}” is not known",
                match.start(),
                hint="Known: aligned, align, cases, pmatrix, bmatrix and their like.",
            )
        if opens:
            self._skip_options(name, opens)
        yield Token(Kind.BEGIN if opens else Kind.END, name, match.start(), match.end())

    def _skip_options(self, name: str, opens: bool) -> None:
        if not opens:
            return
        pattern = r"\s*(?:\[[a-z]*\])?" + (r"\s*\{[^{}\n]*\}" if name in ("array", "alignat", "alignedat") else "")
        if found := re.compile(pattern).match(self.text, self.at):
            self.at = found.end()

    def _command(self, name: str, start: int) -> Iterator[Token]:
        spelled, name = name, ALIASES.get(name, name)
        if spelled in SPACES or name in DROPPED:
            return
        if name in SIGNS and spelled not in "|{}[]":
            yield Token(Kind.SIGN, SIGNS[name], start, self.at)
        elif name in SIZES:
            yield from self._delimiter(start)
        elif name in DROPPED_WITH_ARGUMENT:
            self._skip_argument()
        elif name in GAPS:
            yield Token(Kind.GAP, name, start, self.at)
        elif name in GREEK:
            yield Token(Kind.NAME, name, start, self.at)
        elif name in JOINED_FONTS:
            yield from self._joined(name, start)
        elif name in FUNCTION_WORDS:
            yield Token(Kind.NAME, name, start, self.at, upright=True)
        elif name == "not":
            yield from self._negated(start)
        elif len(name) == 1 and not name.isalpha() and name not in "|{}":
            raise self.source.error(f"“\\{name}” has no meaning here", start)
        else:
            yield Token(Kind.COMMAND, name, start, self.at)

    def _delimiter(self, start: int) -> Iterator[Token]:
        r"""``\left(`` is ``(``; ``\left.`` is no delimiter at all and can't be paired."""
        if found := re.compile(r"\s*\.").match(self.text, self.at):
            self.at = found.end()
            raise self.source.error("an invisible delimiter “\\left.” or “\\right.” leaves a pair half open", start)
        yield from ()

    def _negated(self, start: int) -> Iterator[Token]:
        if found := re.compile(r"\s*=").match(self.text, self.at):
            self.at = found.end()
            yield Token(Kind.COMMAND, "ne", start, self.at)
            return
        raise self.source.error("“\\not” is only read before “=”", start)

    def _skip_argument(self) -> None:
        if found := re.compile(r"\*?\s*\{[^{}]*\}").match(self.text, self.at):
            self.at = found.end()

    def _joined(self, font: str, start: int) -> Iterator[Token]:
        r"""``\mathrm{out}`` is one name; anything but a word in it is read as if the font weren't there."""
        found = re.compile(r"\*?\s*(?:\{([^{}$^]*)\}|([A-Za-z0-9]))").match(self.text, self.at)
        if found is None:
            if font == "operatorname":
                raise self.source.error("expected a name in braces after “\\operatorname”", start)
            return
        content = found.group(1) if found.group(1) is not None else found.group(2)
        plain = re.sub(r"\\[,;:! ]|\s|~", " ", content).replace(r"\_", "_").strip()
        word = plain.replace(" ", "") if font == "operatorname" else plain
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", word) and word.lower() not in PROSE:
            self.at = found.end()
            yield Token(Kind.NAME, word, start, self.at, upright=True)
        elif font.startswith(("text", "mbox", "intertext")) and re.fullmatch(r"[A-Za-z ,.:;()'-]*", plain):
            self.at = found.end()
            yield Token(Kind.TEXT, plain.strip(" ,.:;").lower(), start, self.at)

    def _letters(self, run: str, start: int) -> Iterator[Token]:
        if not self.in_math or (run.lower() in PROSE and len(run) > 1):
            yield Token(Kind.TEXT, run.lower(), start, self.at)
            return
        glued = re.compile(r"[A-Za-z][A-Za-z0-9]*").match(self.text, start)
        if glued is not None and glued.group() in self.words:
            self.at = glued.end()
            yield Token(Kind.NAME, glued.group(), start, self.at, upright=True)
            return
        whole = ALIASES.get(run, run)
        is_letter = len(run) > 2 and whole in GREEK
        if len(run) > 1 and (run in self.words or is_letter or run in BARE_WORDS):
            yield Token(Kind.NAME, whole if is_letter else run, start, self.at, upright=True)
            return
        tail = next((w for w in sorted(BARE_WORDS, key=len, reverse=True) if len(w) > 2 and run.endswith(w)), "")
        for offset, letter in enumerate(run[: len(run) - len(tail)]):
            yield Token(Kind.NAME, letter, start + offset, start + offset + 1)
        if tail:
            yield Token(Kind.NAME, tail, self.at - len(tail), self.at, upright=True)

    def _unicode(self, start: int) -> Iterator[Token]:
        character = self.text[start]
        self.at = start + 1
        style = unicodedata.decomposition(character).partition(">")[0]
        if character in UNICODE:
            yield from self._spelled(UNICODE[character], start)
        elif style in ("<super", "<sub"):
            yield from self._script(style, start)
        elif style == "<fraction":
            top, _, bottom = unicodedata.normalize("NFKC", character).partition("\u2044")
            yield from self._spelled(rf"\frac{{{top}}}{{{bottom}}}", start)
        elif unicodedata.combining(character):
            raise self.source.error("an accent stands alone; type it after its letter", start)
        else:
            yield from self._letter_with_accents(start)

    def _script(self, style: str, start: int) -> Iterator[Token]:
        plain = ""
        while self.at - 1 < len(self.text) and (
            unicodedata.decomposition(self.text[self.at - 1]).partition(">")[0] == style
        ):
            plain += unicodedata.normalize("NFKC", self.text[self.at - 1])
            self.at += 1
        self.at -= 1
        sign = "^" if style == "<super" else "_"
        yield from self._spelled(f"{sign}{{{plain}}}", start)

    def _letter_with_accents(self, start: int) -> Iterator[Token]:
        r"""``ŷ`` is ``\hat y``, ``𝐖`` is W; a letter without a meaning is an error."""
        decomposed = unicodedata.normalize("NFKD", self.text[start])
        base, accents = decomposed[0], list(decomposed[1:])
        while self.at < len(self.text) and unicodedata.combining(self.text[self.at]):
            accents.append(self.text[self.at])
            self.at += 1
        unknown = next((a for a in accents if a not in ACCENTS_COMBINING), None)
        spelled = base if base.isascii() and base.isalnum() else UNICODE.get(base)
        if spelled is None or unknown is not None:
            raise self.source.error(f"the character “{self.text[start]}” has no meaning in a formula", start)
        commands = "".join(rf"\{ACCENTS_COMBINING[a]} " for a in reversed(accents))
        yield from self._spelled(commands + spelled, start)

    def _spelled(self, latex: str, start: int) -> Iterator[Token]:
        """The tokens of what a unicode character stands for, at that character's place."""
        inner = _Scanner(Source(latex), self.words)
        inner.in_math = True
        for token in inner.scan():
            yield replace(token, start=start, end=self.at)


_PLAIN = {
    "line": Kind.LINE,
    "row": Kind.ROW,
    "number": Kind.NUMBER,
    "sign": Kind.SIGN,
    "colon": Kind.SIGN,
}
