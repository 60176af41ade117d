"""Text to tokens: commands, unicode, what is dropped, and where everything stands."""

from __future__ import annotations

import pytest

from symrnn.errors import ReadingError
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_tokens import MAX_LENGTH, Kind, tokenize


def texts(text: str, *words: str) -> list[str]:
    return [token.text for token in tokenize(Source(text), frozenset(words))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac12", ["frac", "12"]),
        (r"\left( a \right)", ["(", "a", ")"]),
        (r"\bigl[ a \bigr]", ["[", "a", "]"]),
        (r"\lVert a \rVert", ["|", "a", "|"]),
        (r"a \, b \; c \! d", ["a", "b", "c", "d"]),
        ("a % a comment\nb", ["a", "\n", "b"]),
        (r"a \% b".replace(r"\% ", ""), ["a", "b"]),
        (r"\operatorname{log\,softmax}", ["logsoftmax"]),
        (r"\mathrm{out}", ["out"]),
        (r"\text{if }", ["if"]),
        (r"\mathrm{W_{hh}}", ["{", "W", "_", "{", "h", "h", "}", "}"]),
        ("Wh", ["W", "h"]),
        ("Wdiag", ["W", "diag"]),
        ("tanh", ["tanh"]),
        ("yhat", ["y", "h", "a", "t"]),
        ("tau", ["tau"]),
        (r"\lam \leq \ldots", ["lambda", "le", "dots"]),
        ("ŷ", ["hat", "y"]),
        ("y\u0302", ["hat", "y"]),
        ("h̃", ["tilde", "h"]),
        ("hₜ₋₁²", ["h", "_", "{", "t", "-", "1", "}", "^", "{", "2", "}"]),
        ("∂Lᵀ", ["partial", "L", "^", "{", "T", "}"]),
        ("½", ["frac", "{", "1", "}", "{", "2", "}"]),
        ("𝐖𝝀", ["W", "lambda"]),
        ("a − b · c", ["a", "-", "b", "cdot", "c"]),
        (r"\begin{aligned}[t] a \end{aligned}", ["aligned", "a", "aligned"]),
        (r"\begin{array}{cc} a & b \end{array}", ["array", "a", "&", "b", "array"]),
        (r"\label{eq:1}\tag{3}\nonumber a", ["a"]),
        (r"a \neq b \not= c", ["a", "ne", "b", "ne", "c"]),
        (r"a := b \coloneqq c", ["a", "=", "b", "=", "c"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_names_of_several_letters_stay_whole_when_they_are_known() -> None:
    assert texts("yhat W1 Whh", "yhat", "W1", "Whh") == ["yhat", "W1", "Whh"]


def test_prose_is_words_only_where_dollars_mark_the_mathematics() -> None:
    kinds = [token.kind for token in tokenize(Source("so $a b$ where $c$"))]
    assert kinds == [Kind.TEXT, Kind.MATH, Kind.NAME, Kind.NAME, Kind.MATH, Kind.TEXT, Kind.MATH, Kind.NAME, Kind.MATH]


def test_every_token_knows_its_place() -> None:
    text = r"W^\top ŷₜ + \operatorname{diag}(h)"
    for token in tokenize(Source(text)):
        assert 0 <= token.start < token.end <= len(text)
    assert [text[t.start : t.end] for t in tokenize(Source(text)) if t.kind is Kind.NAME] == [
        "W",
        "ŷ",
        "ₜ",
        r"\operatorname{diag}",
        "h",
    ]


@pytest.mark.parametrize("text", ["a # b", "☃", r"\begin{figure}", r"\left. a", "1" * 100, "\u0302"])
def test_what_has_no_meaning_is_an_error_with_a_place(text: str) -> None:
    with pytest.raises(ReadingError) as caught:
        texts(text)
    assert caught.value.location is not None


def test_a_giant_text_is_refused() -> None:
    with pytest.raises(ReadingError, match="characters"):
        texts("a" * (MAX_LENGTH + 1))
