"""From a name as it is typed to the notation that a mathematician writes: ``yhat`` is ŷ, ``W_hh`` is W with a
subscript.

The parts of a name are separated by ``_``; the first is the letter, the others are its subscripts, unless
one says an accent (``y_hat``, ``h_prime``).  Two underscores start a superscript (``W__ss``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

GREEK: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "alpha": ("α", r"\alpha"),
        "beta": ("β", r"\beta"),
        "gamma": ("γ", r"\gamma"),
        "delta": ("δ", r"\delta"),
        "epsilon": ("ε", r"\varepsilon"),
        "eps": ("ε", r"\varepsilon"),
        "varepsilon": ("ε", r"\varepsilon"),
        "zeta": ("ζ", r"\zeta"),
        "eta": ("η", r"\eta"),
        "theta": ("θ", r"\theta"),
        "vartheta": ("ϑ", r"\vartheta"),
        "iota": ("ι", r"\iota"),
        "kappa": ("κ", r"\kappa"),
        "lam": ("λ", r"\lambda"),
        "lamda": ("λ", r"\lambda"),
        "lambda": ("λ", r"\lambda"),
        "mu": ("μ", r"\mu"),
        "nu": ("ν", r"\nu"),
        "xi": ("ξ", r"\xi"),
        "pi": ("π", r"\pi"),
        "rho": ("ρ", r"\rho"),
        "sigma": ("σ", r"\sigma"),
        "tau": ("τ", r"\tau"),
        "upsilon": ("υ", r"\upsilon"),
        "phi": ("ϕ", r"\phi"),
        "varphi": ("φ", r"\varphi"),
        "chi": ("χ", r"\chi"),
        "psi": ("ψ", r"\psi"),
        "omega": ("ω", r"\omega"),
        "Gamma": ("Γ", r"\Gamma"),
        "Delta": ("Δ", r"\Delta"),
        "Theta": ("Θ", r"\Theta"),
        "Lambda": ("Λ", r"\Lambda"),
        "Xi": ("Ξ", r"\Xi"),
        "Pi": ("Π", r"\Pi"),
        "Sigma": ("Σ", r"\Sigma"),
        "Upsilon": ("Υ", r"\Upsilon"),
        "Phi": ("Φ", r"\Phi"),
        "Psi": ("Ψ", r"\Psi"),
        "Omega": ("Ω", r"\Omega"),
    }
)
"""Greek letters by name: the character and the LaTeX command."""

ACCENTS = ("hat", "tilde", "bar", "dot")
"""What may stand at the end of a letter's name, or after an underscore."""

_LATEX_OF = dict(GREEK.values())


@dataclass(frozen=True)
class Notation:
    """One name, taken apart.

    ``letters`` is one character, or a word that is set upright.  ``number`` are the digits at its end, kept
    apart because ``h1[t]`` is the first layer's h at time t, and has its number elsewhere than ``W1``.
    """

    letters: str
    upright: bool = False
    accents: tuple[str, ...] = ()
    primes: int = 0
    starred: bool = False
    number: str = ""
    subscripts: tuple[Notation, ...] = ()
    superscripts: tuple[Notation, ...] = ()

    @property
    def latex(self) -> str:
        """The letters alone, in LaTeX, not bold."""
        return latex_letters(self.letters, self.upright)


def latex_letters(letters: str, upright: bool) -> str:
    r"""Letters in LaTeX's mathematics.

    >>> latex_letters("λ", False), latex_letters("loss", True), latex_letters("x", False)
    ('\\lambda', '\\mathrm{loss}', 'x')
    """
    if letters in _LATEX_OF:
        return _LATEX_OF[letters]
    if not (letters.isascii() and letters.isalnum()):
        shown = letters.replace("_", r"\_")
        return rf"\text{{{shown}}}"
    return rf"\mathrm{{{letters}}}" if upright else letters


@lru_cache(maxsize=4096)
def notate(name: str, accents: bool = True) -> Notation:
    """Take a name apart; with ``accents=False`` a name with a hat stays a word.

    >>> notate("theta_c")
    Notation(letters='θ', ..., subscripts=(Notation(letters='c', ...),), ...)
    >>> notate("c_tilde") == notate("ctilde")
    True
    >>> notate("W1").number, notate("b_out").subscripts[0].upright
    ('1', True)
    """
    lower, _, upper = name.strip("_").partition("__")
    head, *rest = [part for part in lower.split("_") if part] or [name]
    marks = [part for part in rest if accents and part in (*ACCENTS, "prime", "star")]
    letters, inner, number = _head(head, accents)
    return Notation(
        letters,
        upright=len(letters) > 1,
        accents=(*inner, *(mark for mark in marks if mark in ACCENTS)),
        primes=marks.count("prime"),
        starred="star" in marks,
        number=number,
        subscripts=tuple(_script(part) for part in rest if part not in marks),
        superscripts=tuple(_script(part) for part in upper.split("_") if part),
    )


def _head(word: str, accents: bool) -> tuple[str, tuple[str, ...], str]:
    """The letter (or the word), its accents and the digits at its end."""
    stem = word.rstrip("0123456789") or word
    number = word[len(stem) :]
    if stem in GREEK:
        return GREEK[stem][0], (), number
    for accent in ACCENTS:
        bare = stem.removesuffix(accent)
        if accents and bare != stem and (len(bare) == 1 or bare in GREEK):
            return GREEK.get(bare, (bare,))[0], (accent,), number
    return stem, (), number


def _script(part: str) -> Notation:
    """A subscript: ``hh`` are two letters, ``out`` is a word (three letters and more with a vowel)."""
    stem = part.rstrip("0123456789")
    number = part[len(stem) :]
    if not stem:
        return Notation(part)
    letters, accents, _ = _head(stem, True)
    if accents or stem in GREEK:
        return Notation(letters, accents=accents, number=number)
    word = len(stem) > 2 and any(vowel in stem.lower() for vowel in "aeiouy")
    return Notation(stem, upright=word, number=number)
