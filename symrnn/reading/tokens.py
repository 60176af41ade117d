"""From characters to tokens.

Written by hand rather than taken from Python's tokenizer, because primes (``tanh'(a)``) and ``..`` are not
Python, because every error must say line and column, and because hostile text must neither crash nor stall
the reader.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from symrnn.errors import Location, ReadingError

MAX_CHARACTERS = 2_000_000
MAX_DIGITS = 60
MAX_EXPONENT = 400

Position = tuple[int, int]
"""Line and column, both counted from 1."""


@dataclass(frozen=True)
class Source:
    """A text with a name, split into lines once, so that an error can show the line it speaks of."""

    name: str
    lines: tuple[str, ...]
    first_line: int | None = 1

    @staticmethod
    def of(text: str, location: Location | None = None, name: str = "formula") -> Source:
        """The source of a text that stands at a location (of a larger file), or of a text by itself."""
        lines = tuple(text.split("\n"))
        if location is None:
            return Source(name, lines)
        return Source(location.source, lines, location.line)

    def at(self, position: Position) -> Location:
        """The location of a position; a lone line needs no number."""
        line, column = position
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        number = line if self.first_line is None else self.first_line + line - 1
        shown = _shown(text, column)
        return Location(self.name, number, column, shown)


def _shown(text: str, column: int) -> str:
    """The line without control characters; of a very long one nothing, the column says enough."""
    if len(text) > 200:
        return text[: column - 1].translate(_BLANKED) if column <= 200 else ""
    return text.translate(_BLANKED).rstrip()


_BLANKED = dict.fromkeys([*range(32), 127, 160], " ")


class Token(NamedTuple):
    """One token: ``kind`` is name, number, prime, newline, end, or the operator itself."""

    kind: str
    text: str
    position: Position
    value: Fraction | None = None


_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\f\u00a0]+|\#[^\n]*)
  | (?P<number>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[^\W\d]\w*)
  | (?P<prime>['\u2032\u2019\u2033]+)
  | (?P<op>\*\*|\.\.|==|[@*/+\-()\[\],:;=.])
  | (?P<newline>\n)
    """,
    re.VERBOSE | re.ASCII,
)
# Names may hold letters of any alphabet; numbers and blanks are ASCII alone.
_NAME = re.compile(r"[^\W\d]\w*")

GREEK = MappingProxyType(
    {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta",
        "η": "eta", "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lam", "μ": "mu", "µ": "mu",
        "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi",
        "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
        "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
    }
)  # fmt: skip
"""A Greek letter is read as its name, so that what is printed for a terminal can be typed back."""

_INSTEAD = MappingProxyType(
    {
        "−": "Write the sign as -.", "–": "Write the sign as -.", "—": "Write the sign as -.",
        "·": "Write * or @.", "×": "Write * or @.", "⊙": "Write *.", "∘": "Write *.",
        "⊗": "Write kron(A, B).",
        "ᵀ": "Write .T for the transpose.", "⊤": "Write .T for the transpose.",
        "∂": "Write a derivative as D(L, W), an immediate one as Dplus(L, W).",
        "∑": "Write a sum as sum(e, k, 1, t).", "∏": "Write a product as prod(e, j, t, k+1, -1).",
        "^": "Write ** for a power and .T for the transpose.",
        "\\": "This is not LaTeX: write tau, sum(...), W @ h[t-1].",
        "!": "There is no factorial.", "{": "Write indices in brackets, as in h[t-1].",
        "}": "Write indices in brackets, as in h[t-1].",
        "%": "Remainders do not occur.",
        "$": "Formulas stand without dollar signs.", '"': "Texts do not occur.",
        "&": "Conditions do not occur.",
        "|": "Write norm2(A) for the squared norm, abs(A) for absolute values, det(A).",
        "<": "Comparisons do not occur.", ">": "Comparisons do not occur.", "?": "Conditions do not occur.",
        "²": "Write **2.", "³": "Write **3.", "½": "Write 1/2.",
        "\x00": "The file is not text.", "\ufeff": "Remove the byte order mark.",
    }
)  # fmt: skip


def tokenize(text: str, source: Source) -> list[Token]:
    """All tokens of a text; the last one has the kind ``end``.

    >>> [t.text for t in tokenize("h[t-1] # the state", Source.of("h[t-1]"))]
    ['h', '[', 't', '-', '1', ']', '']

    Raises ReadingError where a character is in no word of the language, or a number is absurdly long.
    """
    if len(text) > MAX_CHARACTERS:
        raise ReadingError(
            f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read",
            location=Location(source.name),
        )
    tokens: list[Token] = []
    offset, line, line_start = 0, 1, 0
    while offset < len(text):
        position = (line, offset - line_start + 1)
        match = _TOKEN.match(text, offset)
        kind = (match.lastgroup or "op") if match else "name"
        word = _name_at(text, offset) if match is None or kind == "name" else match.group()
        if not word:
            raise _stray(text[offset], source, position)
        offset += len(word)
        if kind == "newline":
            tokens.append(Token("newline", "\n", position))
            line, line_start = line + 1, offset
        elif kind != "blank":
            tokens.append(_token(kind, word, source, position))
            if kind == "number" and (joined := _name_at(text, offset)):
                raise ReadingError(
                    f'a number runs into "{joined[:20]}"',
                    location=source.at((line, offset - line_start + 1)),
                    hint="Write * between a number and what it multiplies.",
                )
    tokens.append(Token("end", "", (line, offset - line_start + 1)))
    return tokens


def _name_at(text: str, offset: int) -> str:
    """The longest name that starts here, or nothing; ``h²`` is the name h, for the power is none of it."""
    match = _NAME.match(text, offset)
    word = match.group() if match else ""
    while word and not word.isidentifier():
        word = word[:-1]
    return word


def _token(kind: str, word: str, source: Source, position: Position) -> Token:
    if kind == "number":
        return Token("number", word, position, _number(word, source, position))
    if kind == "prime":
        return Token("prime", "'" * (len(word) + word.count("\u2033")), position)
    if kind == "name":
        return Token("name", spell(word), position)
    return Token(word, word, position)


def spell(word: str) -> str:
    """A name in ASCII where it can be: Greek letters by their names, other letters as Python has them.

    >>> spell("τ"), spell("W_θ"), spell("h")
    ('tau', 'W_theta', 'h')
    """
    if word.isascii():
        return word
    named = "".join(GREEK.get(letter, letter) for letter in word)
    return named if named.isascii() else unicodedata.normalize("NFKC", named)


def _number(word: str, source: Source, position: Position) -> Fraction:
    mantissa, _, exponent = word.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 4 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise ReadingError(
            "the number is too long",
            location=source.at(position),
            hint=f"At most {MAX_DIGITS} digits and exponents up to {MAX_EXPONENT} are read.",
        )
    return Fraction(word)


def _stray(character: str, source: Source, position: Position) -> ReadingError:
    name = unicodedata.name(character, "").lower()
    if character.isprintable():
        shown = f'the character "{character}"'
    else:
        shown = f"the character U+{ord(character):04X}" + (f" ({name})" if name else "")
    hint = _INSTEAD.get(character)
    if hint is None and not character.isprintable():
        hint = "The file may not be a text in UTF-8."
    return ReadingError(f"{shown} is not part of the language", location=source.at(position), hint=hint)
