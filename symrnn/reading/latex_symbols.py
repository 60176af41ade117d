"""The vocabulary of LaTeX formulas, as data: letters, functions, signs, and what may be dropped."""

from __future__ import annotations

import string
from collections.abc import Mapping


def _words(text: str) -> list[str]:
    return text.split()


_SMALL = _words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon phi "
    "chi psi omega"
)
_CAPITAL = _words("Gamma Delta Theta Lambda Xi Upsilon Phi Psi Omega")

GREEK = frozenset([*_SMALL, *_CAPITAL, *_words("varepsilon vartheta varpi varrho varphi Pi Sigma ell")])

_GREEK_LETTERS = dict(zip("αβγδεζηθικλμνξπρςστυφχψω", _SMALL, strict=True)) | dict(
    zip("ΓΔΘΛΞΥΦΨΩ", _CAPITAL, strict=True)
)

UNICODE: Mapping[str, str] = {
    **{letter: rf"\{name} " for letter, name in _GREEK_LETTERS.items()},
    "ϵ": r"\varepsilon ", "ϕ": r"\varphi ", "ϑ": r"\vartheta ", "ℓ": r"\ell ",
    "Σ": r"\sum ", "∑": r"\sum ", "Π": r"\prod ", "∏": r"\prod ",
    "∂": r"\partial ", "∇": r"\nabla ", "⊙": r"\odot ", "∘": r"\circ ", "⊗": r"\otimes ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∙": r"\cdot ", "×": r"\times ", "∗": "*", "−": "-", "–": "-", "±": r"\pm ",
    "⊤": r"\top ", "⊺": r"\intercal ", "′": "'", "″": "''", "’": "'", "‖": r"\|", "∥": r"\|",
    "⟨": r"\langle ", "⟩": r"\rangle ", "√": r"\sqrt ", "∞": r"\infty ", "…": r"\dots ", "⋯": r"\dots ",
    "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "∈": r"\in ", "≡": "=", "≔": "=",
    "≜": "=", "𝟙": r"\ones ", "𝟏": r"\ones ", "⇒": r"\implies ", "⟹": r"\implies ", "∀": r"\forall ",
    "⁡": "", "⁢": "", "\u200b": "", "\ufeff": "", "\u2009": " ", "\u202f": " ", "\u00a0": " ",
    "⨀": r"\bigodot ",
}  # fmt: skip

ACCENTS_COMBINING: Mapping[str, str] = {
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "ddot",
    "\u030c": "check", "\u0306": "breve",
}  # fmt: skip

ACCENTS: Mapping[str, str] = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve", "acute": "acute", "grave": "grave",
    "mathring": "ring",
    # An arrow says that a letter is a vector and is no part of its name.
    "vec": "", "overrightarrow": "", "underline": "",
}  # fmt: skip
"""The command of an accent, and what it adds to a name."""

ALIASES: Mapping[str, str] = {
    "lam": "lambda", "eps": "epsilon", "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne",
    "lt": "<", "gt": ">", "ldots": "dots", "cdots": "dots", "dotsc": "dots", "dotsb": "dots", "vdots": "dots",
    "lVert": "|", "rVert": "|", "Vert": "|", "parallel": "|", "lvert": "vert", "rvert": "vert", "mid": "vert",
    "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")",
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac",
    "intop": "int", "ast": "*", "bullet": "cdot", "cdotp": "cdot", "centerdot": "cdot", "T": "intercal",
    "transp": "intercal", "tp": "intercal", "prime": "'", "coloneqq": "=", "coloneq": "=", "triangleq": "=",
    "equiv": "=", "doteq": "=", "eqdef": "=", "Rightarrow": "implies", "Longrightarrow": "implies",
    "Leftrightarrow": "implies", "iff": "implies", "therefore": "implies", "hadamard": "odot", "kron": "otimes",
    "diff": "partial", "mathbbm": "mathbb", "mathds": "mathbb", "dd": "differential", "dif": "differential",
    "colon": ":", "vartriangle": "Delta", "varDelta": "Delta",
}  # fmt: skip

_ESCAPED_SPACES = {",", ";", ":", "!", " ", ">", "\n", "/"}
SPACES = frozenset(_ESCAPED_SPACES) | {
    "thinspace", "medspace", "thickspace", "negthinspace", "enspace", "hfill", "nobreakspace", "space", "xspace",
}  # fmt: skip

GAPS = frozenset({"quad", "qquad"})

DROPPED = frozenset(
    {"displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "limits", "nolimits", "nonumber", "notag",
     "bigl", "bigr", "bigm", "Bigl", "Bigr", "Bigm", "biggl", "biggr", "biggm", "Biggl", "Biggr", "Biggm",
     "big", "Big", "bigg", "Bigg", "middle", "mathstrut", "strut", "allowbreak", "nobreak", "noindent", "par",
     "centering", "small", "large", "footnotesize", "normalsize", "mathop", "mathbin", "mathrel", "mathopen",
     "mathclose", "mathord", "mathinner", "ensuremath", "boxed", "-", "hline"}
)  # fmt: skip
"""Commands without a meaning of their own; the argument of some of them stays, braces and all."""

SIZES = frozenset({"left", "right"})

DROPPED_WITH_ARGUMENT = frozenset(
    {"hspace", "vspace", "label", "tag", "phantom", "hphantom", "vphantom", "color", "cite", "ref", "eqref", "footnote"}
)

FONTS = frozenset(
    {"mathbf", "boldsymbol", "bm", "bf", "bold", "mathbb", "mathcal", "mathscr", "mathfrak", "mathnormal", "pmb",
     "symbf", "symbfit", "symbfup", "symup", "symit", "vb", "mathrm", "mathsf", "mathtt", "mathit", "text", "rm",
     "cal", "textbf", "textit", "textrm", "mbox", "operatorname"}
)  # fmt: skip
r"""Fonts, which say nothing about what a letter is; ``\mathbf 1`` and ``\mathbf 0`` are the exceptions."""

JOINED_FONTS = frozenset(
    {"operatorname", "mathrm", "mathsf", "mathtt", "mathit", "text", "textrm", "textit", "textsf", "texttt", "textbf",
     "textnormal", "mbox", "intertext", "shortintertext"}
)  # fmt: skip

FUNCTION_WORDS = frozenset(
    {"tanh", "sin", "cos", "exp", "log", "ln", "det", "max", "min", "diag", "softmax", "sigmoid", "relu", "ReLU",
     "tr", "Tr", "trace", "vec", "sign", "sgn", "concat", "softplus", "Diag", "var"}
) - {"vec"}  # fmt: skip
r"""Commands that TeX or common preambles define as upright words; ``\vec`` is an accent."""

BARE_WORDS = FUNCTION_WORDS | frozenset(
    {"vec", "sqrt", "sigm", "logsoftmax", "layernorm", "LeakyReLU", "trace", "eye", "ones", "zeros", "transpose",
     "hcat", "blockdiag", "kron", "mean", "norm", "abs", "inv"}
)  # fmt: skip
"""Words that stay whole when they are typed without any command."""

OPENERS: Mapping[str, str] = {
    **dict.fromkeys(_words("where with let here define defining"), "where"),
    **dict.fromkeys(_words("and then so hence thus therefore also"), "and"),
    **dict.fromkeys(_words("if for when"), "if"),
    **dict.fromkeys(_words("otherwise else"), "otherwise"),
    "unless": "unless",
}
"""The words that may stand between formulas, and what they do to the next one."""

FILLERS = frozenset(
    _words(
        "the is are we have get obtain obtains that this following as a an of by gradient derivative recursion given "
        "all each every times time steps step finally first then now denotes which it gives yields follows from in "
        "above below before usual holds"
    )
)
"""Prose that says nothing about a formula."""

PROSE = frozenset({w for w in OPENERS if len(w) > 2} | {"if"})
"""Words typed bare that can't be products of letters."""

RELATIONS = frozenset({"=", "<", ">", "le", "ge", "ne", "in"})

NO_EQUALITIES = frozenset(_words("approx propto sim simeq cong ll gg to mapsto leftarrow rightarrow gets"))
"""Signs between formulas that claim something else than equality."""

OPERATORS: Mapping[str, str] = {
    "odot": "odot", "circ": "odot", "otimes": "otimes", "cdot": "cdot", "times": "times", "*": "*", "/": "/",
    "@": "matmul", "div": "/", "oslash": "oslash",
}  # fmt: skip
"""Signs and commands between factors; what stands side by side has the operator ``""``."""

BIG: Mapping[str, str] = {"sum": "sum", "prod": "prod", "coprod": "", "bigodot": "hprod", "int": "", "bigcirc": "hprod"}
"""Operators with bounds; those without a meaning here map to the empty text."""

LETTERS = frozenset(string.ascii_letters)

NAME_ALIASES: Mapping[str, str] = {
    "lambda": "lam", "varphi": "phi", "vartheta": "theta", "varepsilon": "epsilon", "eps": "epsilon",
    "varrho": "rho", "varsigma": "sigma", "ell": "l",
}  # fmt: skip
"""Spellings of one letter; names of a cell and of a formula are compared after this."""

FUNCTION_NAMES: Mapping[str, str] = {
    "ln": "log", "relu": "relu", "leakyrelu": "leaky_relu", "lrelu": "leaky_relu", "sigm": "sigmoid",
    "logistic": "sigmoid", "logsoftmax": "log_softmax", "ln_": "layernorm", "layernorm": "layernorm",
    "norm": "layernorm", "smax": "softmax", "sqrt": "sqrt", "softmax": "softmax",
}  # fmt: skip
"""Function words, in small letters, and the primitives that they name."""

SIGNS: Mapping[str, str] = {
    "<": "<", ">": ">", "*": "*", "'": "'", "=": "=", ":": ":", "[": "[", "]": "]", "(": "(", ")": ")", "vert": "|",
}  # fmt: skip
"""Commands (after their aliases) that are signs."""

TREE_SIGNS: Mapping[str, str] = {
    "partial": "partial", "nabla": "nabla", "ones": "ones", "infty": "infinity", "dots": "dots",
}  # fmt: skip
"""Commands that stand for themselves in a formula."""

BRACES = frozenset({"underbrace", "overbrace", "overbracket", "underbracket"})
"""Annotations, whose text says nothing about the formula."""

COMMANDS = frozenset(
    {*ACCENTS, *BIG, *FONTS, *OPERATORS, *BRACES, *TREE_SIGNS, "frac", "sqrt", "le", "ge", "top", "tau", "delta",
     "operatorname", "mathrm", "left", "right", "begin", "end", "quad", "text", "sigma", "lambda", "theta", "tanh",
     "diag"}
)  # fmt: skip
"""Commands that are known, for "did you mean"."""
