"""The author's notation, as one small immutable value that is passed along and never global.

A style is written ``key=value``, several separated by commas or blanks, perhaps after the name of a preset:
``goodfellow, transpose=prime``.  A cell file's ``style`` line, the command's option and a sheet all say it
that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from symrnn.errors import ReadingError, UnknownNameError, did_you_mean


@dataclass(frozen=True)
class Style:
    """How formulas look.  Each field is one key; :data:`CHOICES` has its values and their other spellings.

    ``letters``: vectors and matrices plain or bold.  ``transpose``: ⊤, T or ′.  ``hadamard``: ⊙, ∘ or *.
    ``immediate``: the mark of the immediate derivative, ∂⁺, ∂̄ or ∂*.  ``total``: ∂ or d for the total one.
    ``slopes``: the derivative of an activation as σ′(a) or worked out.  ``sigmoid``: σ or its name.
    ``hats``: ŷ as a hat, a wide hat, or the bare name.  ``time``: h_t or h^(t).  ``power``: h² or h^⊙2 for
    the elementwise power of a vector (of a matrix it is always marked).  ``product``: factors side by side
    or with dots.
    ``numbers``: 3/5 or, where it ends, 0.6.  ``matrix``: round or square brackets.  ``sizes``: I and 1, or with
    their sizes.  ``derivative``: a fraction, or ∇ for a scalar's gradient in denominator layout.

    >>> Style().transpose
    'top'
    """

    letters: str = "plain"
    transpose: str = "top"
    hadamard: str = "odot"
    immediate: str = "plus"
    total: str = "partial"
    slopes: str = "prime"
    sigmoid: str = "sigma"
    hats: str = "hat"
    time: str = "subscript"
    power: str = "plain"
    product: str = "none"
    numbers: str = "fraction"
    matrix: str = "round"
    sizes: str = "hidden"
    derivative: str = "fraction"

    def __post_init__(self) -> None:
        for key in CHOICES:
            object.__setattr__(self, key, _value(key, getattr(self, key)))

    def __str__(self) -> str:
        changed = [
            f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != f.default
        ]
        return ", ".join(changed) or "plain"


CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "letters": {"plain": ("italic",), "bold": ()},
        "transpose": {"top": ("⊤", "ᵀ", r"\top"), "T": (), "prime": ("'", "′")},
        "hadamard": {"odot": ("⊙", r"\odot"), "circ": ("∘", r"\circ"), "ast": ("*", "∗", r"\ast")},
        "immediate": {"plus": ("∂⁺", "+"), "bar": ("∂̄", "-"), "star": ("∂*", "*")},
        "total": {"partial": ("∂",), "d": ()},
        "slopes": {"prime": ("σ'", "σ′", "'"), "evaluated": ()},
        "sigmoid": {"sigma": ("σ",), "name": ("sigmoid",)},
        "hats": {"hat": (), "wide": ("widehat",), "off": ("none",)},
        "time": {"subscript": ("h_t",), "superscript": ("h^(t)", "h^{(t)}")},
        "power": {"plain": (), "circled": ("odot", "⊙")},
        "product": {"none": (), "dot": ("·", "cdot")},
        "numbers": {"fraction": (), "decimal": ()},
        "matrix": {"round": ("pmatrix", "("), "square": ("bmatrix", "[")},
        "sizes": {"hidden": ("off",), "shown": ("on",)},
        "derivative": {"fraction": (), "nabla": ("∇", "gradient")},
    }
)
"""Every key with its values, and what else may be written for each."""


def _value(key: str, written: str) -> str:
    """The canonical spelling of a value; raises UnknownNameError where the key doesn't have it."""
    for value, spellings in CHOICES[key].items():
        if written == value or written in spellings:
            return value
    known = [s for value, spellings in CHOICES[key].items() for s in (value, *spellings)]
    near = did_you_mean(written, known) or ""
    values = ", ".join(CHOICES[key])
    raise UnknownNameError(
        f'the style\'s "{key}" cannot be "{written}"',
        hint=near if near.startswith("Did") else f"Choose one of: {values}.",
    )


PLAIN = Style()

PRESETS: Mapping[str, Style] = MappingProxyType(
    {
        "plain": PLAIN,
        # Goodfellow, Bengio, Courville, "Deep Learning" (2016), chapter 10.
        "goodfellow": Style(letters="bold", time="superscript", matrix="square", derivative="nabla"),
        # Pascanu, Mikolov, Bengio (2013).
        "pascanu": Style(letters="bold", transpose="T"),
        # Magnus and Neudecker, "Matrix Differential Calculus".
        "magnus": Style(transpose="prime", sizes="shown"),
        # The papers on LSTMs that write ∘ and give the derivatives of the gates in full.
        "gates": Style(hadamard="circ", slopes="evaluated"),
    }
)
"""Named styles, a starting point each."""


def parse_style(text: str, base: Style = PLAIN) -> Style:
    """The style that a text describes, on top of a base.

    Raises ReadingError for something that is neither a preset nor ``key=value``, UnknownNameError for a key,
    value or preset that doesn't exist.

    >>> parse_style("letters=bold, transpose=ᵀ hadamard=∘")
    Style(letters='bold', transpose='top', hadamard='circ', ...)
    >>> str(parse_style("goodfellow, matrix=round"))
    'letters=bold, time=superscript, derivative=nabla'
    """
    style = base
    for word in text.replace(",", " ").split():
        key, equals, value = word.partition("=")
        if not equals:
            style = _preset(word)
        elif not key or not value:
            raise ReadingError(f'the style "{word}" is not of the form key=value', hint=_keys())
        else:
            style = style_from_pairs([(key, value)], style)
    return style


def style_from_pairs(pairs: Iterable[tuple[str, str]], base: Style = PLAIN) -> Style:
    """The style from keys and values, as a cell file holds them; the key ``preset`` names a preset."""
    style = base
    for key, value in pairs:
        if key == "preset":
            style = _preset(value)
        elif key in CHOICES:
            style = replace(style, **{key: value})
        else:
            raise UnknownNameError(
                f'a style has no key "{key}"', hint=did_you_mean(key, [*CHOICES, "preset"])
            )
    return style


def _preset(name: str) -> Style:
    found = PRESETS.get(name)
    if found is None:
        raise UnknownNameError(
            f'there is no style "{name}"', hint=did_you_mean(name, PRESETS) or "Write key=value, or a preset."
        )
    return found


def _keys() -> str:
    return f"Keys: {', '.join(CHOICES)}; presets: {', '.join(PRESETS)}."
