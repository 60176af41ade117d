"""Where a command writes: standard output and error, whatever characters they can show."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from pathlib import Path
from typing import TextIO

from symrnn.files import write_atomically

WIDTH, NARROWEST, WIDEST = 100, 60, 140

PROBE = "∂Σ∏τ⊙ŷ⊤ᵀ⁺≤⎛│"
"""What formulas are drawn with."""

SPELLED = {
    "∂": "d", "∇": "grad ", "Σ": "sum", "∏": "prod", "Π": "prod", "⊙": "o", "∘": "o", "⊗": "(x)", "⊤": "T", "ᵀ": "T",
    "′": "'", "″": "''", "≤": "<=", "≥": ">=", "≠": "!=", "·": "*", "×": "x", "−": "-", "–": "-", "—": "-",
    "…": "...", "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "∞": "inf", "√": "sqrt", "∈": "in", "≈": "~",
    "½": "1/2", "‖": "||", "“": '"', "”": '"', "‘": "'", "’": "'", "•": "*", "✓": "ok", "✗": "x", "█": "#",
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lam", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Λ": "Lambda",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "Θ": "Theta",
}  # fmt: skip


def ascii_of(text: str) -> str:
    """The text in ASCII: Greek letters spelled, accents dropped, a ``?`` for what has no other spelling.

    >>> ascii_of("∂L/∂ŷ ≤ τ")
    'dL/dy <= tau'
    """
    if text.isascii():
        return text
    return "".join(_ascii_character(c) for c in text)


def _ascii_character(character: str) -> str:
    if character.isascii():
        return character
    if character in SPELLED:
        return SPELLED[character]
    if unicodedata.combining(character):
        return ""
    plain = "".join(SPELLED.get(c, c) for c in unicodedata.normalize("NFKD", character))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain.isascii() else "?"


class Terminal:
    """Standard output and standard error of one run."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self.err = err

    @property
    def unicode(self) -> bool:
        """Whether the output can show formulas as they are drawn."""
        return _can_show(self.out, PROBE)

    @property
    def interactive(self) -> bool:
        """Whether somebody looks at the output as it comes."""
        return self.out.isatty()

    def width(self) -> int:
        """How many columns there are, within reason."""
        return max(NARROWEST, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDEST))

    def write(self, text: str) -> None:
        """Write to standard output; where its encoding has not all of the characters, in ASCII."""
        _write(self.out, text)

    def error(self, message: str) -> None:
        """Write one message to standard error; if nobody reads that, so be it."""
        try:
            _write(self.err, message.rstrip("\n") + "\n")
            self.err.flush()
        except (OSError, ValueError):
            pass

    def deliver(self, text: str, path: str | None) -> None:
        """Write to a file, whole or not at all, or to standard output where the path is None or ``-``."""
        if path is None or path == "-":
            self.write(text)
        else:
            write_atomically(Path(path), text)

    def flush(self) -> None:
        """Hand everything on to whoever reads it."""
        self.out.flush()

    def abandon(self) -> None:
        """Nobody reads any more: let the interpreter's own last flush go nowhere instead of failing."""
        if self.out is sys.stdout:
            try:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.out.fileno())
            except (OSError, ValueError):
                sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays open till the end


def _can_show(stream: TextIO, text: str) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(stream: TextIO, text: str) -> None:
    stream.write(text if _can_show(stream, text) else ascii_of(text))
