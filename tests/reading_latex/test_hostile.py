"""Texts that are no answers: they end in the documented error, soon, and never in anything else."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import Layout
from symrnn.reading.latex_reader import read_latex
from symrnn.reading.scope import Scope

PIECES = [
    r"\frac", r"\partial", r"\sum", r"\prod", "_", "^", "{", "}", "(", ")", "[", "]", r"\left", r"\right", "h", "W",
    "t", "k", "y", "L", r"\delta", r"\tau", r"\top", "'", "+", "-", "=", r"\odot", r"\otimes", "*", "/", ",", ";",
    "1", "2",
    r"\hat", r"\mathbf", r"\operatorname{diag}", r"\tanh", r"\sigma", "&", r"\\", r"\quad", r"\text{where}", "|", r"\|",
    r"\begin{cases}", r"\end{cases}", r"\begin{pmatrix}", r"\end{pmatrix}", "$", "%", "\n", "∂", "ᵀ", "ₜ", "ŷ", "I",
    r"\mathbf{1}", r"\nabla", r"\langle", r"\rangle", r"\bar", "d", r"\sqrt", r"\le", "<", r"\dots", "t=1",
    r"_{t=1}^{\tau}",
    r"h_{t-1}", r"\frac{\partial L}{\partial W}", r"\delta_t =", r"\mathbb{1}_{i=j}", ":", "0", r"\overset",
    r"\substack",
]  # fmt: skip


@pytest.fixture(scope="module")
def scope(cells) -> Scope:
    return Scope.of(cells["elman"])


def _outcome(text: str, scope: Scope, layout: Layout = Layout.NUMERATOR) -> SymrnnError | None:
    """The documented error, or None where the text could be read; anything else is raised."""
    try:
        readings = read_latex(text, scope, layout)
    except SymrnnError as error:
        return error
    assert readings
    return None


def _reads(text: str, scope: Scope) -> None:
    """Reading ends in a result or in the documented error, with a place that is in the text."""
    error = _outcome(text, scope)
    if error is None:
        return
    assert error.message
    assert str(error)
    if error.location is not None and error.location.line is not None:
        lines = text.split("\n")
        assert 1 <= error.location.line <= len(lines)
        assert 1 <= (error.location.column or 1) <= len(lines[error.location.line - 1]) + 1


@given(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join))
@example(r"\sum _ { t } ^ { }")
@example(r"\hat { }")
@example(r"\frac { } { }")
def test_heaps_of_pieces(scope: Scope, text: str) -> None:
    _reads(text, scope)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_heaps_of_glued_pieces(scope: Scope, text: str) -> None:
    _reads(text, scope)


@given(st.text(max_size=60))
def test_any_text(scope: Scope, text: str) -> None:
    _reads(text, scope)


@given(st.binary(max_size=80))
def test_bytes_as_text(scope: Scope, data: bytes) -> None:
    _reads(data.decode("latin-1"), scope)


ANSWER = (
    r"\frac{\partial L}{\partial W} = \sum_{t=1}^{\tau} \delta_t h_{t-1}^\top, \quad \text{where } "
    r"\delta_t = (1 - h_t^2) \odot \left(V^\top(\hat y_t - y_t) + W^\top \delta_{t+1}\right)"
)


@given(st.data())
def test_an_answer_with_a_typing_mistake(scope: Scope, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ANSWER)))
    cut = data.draw(st.integers(0, 6))
    piece = data.draw(st.sampled_from(["", *PIECES]))
    _reads(ANSWER[:at] + piece + ANSWER[at + cut :], scope)


HOSTILE = {
    "parentheses": "(" * 5000 + "W" + ")" * 5000,
    "braces": "{" * 5000 + "W" + "}" * 5000,
    "fractions": r"\frac{" * 3000 + "W" + "}{2}" * 3000,
    "scripts": "h_{" * 3000 + "t" + "}" * 3000,
    "roots": r"\sqrt" * 5000 + "W",
    "accents": r"\hat" * 5000 + "y",
    "minus": "-" * 20000 + "W",
    "a long sum": "+".join(["W"] * 9000),
    "a long product": "W " * 9000,
    "a wide slash": "/".join(["1"] * 5000),
    "many commas": "b," * 5000,
    "sums in sums": r"\sum_t " * 4000 + "h_t",
    "products in products": r"\prod_{j=1}^{t} " * 200 + "W",
    "functions": r"\tanh " * 3000 + "b",
    "primes": "f" + "'" * 20000 + "(b)",
    "a huge number": "9" * 50000 + " W",
    "a huge exponent": r"W^{10^{10}}",
    "a huge power": r"b^{999999999999}",
    "a large range": r"\sum_{t=1}^{1000000000000} b",
    "open choices": r" \otimes ".join([r"\sigma'(h_t)"] * 60),
    "lines": "\n".join(f"a_{i}" for i in range(4000)),
    "environments": r"\begin{pmatrix}" * 500 + "b" + r"\end{pmatrix}" * 500,
    "a giant text": "W + " * 300_000,
    "circular parts": r"\alpha_t = \beta_t, \beta_t = \alpha_t, \alpha_t",
    "unicode": "∂ŷₜ" * 4000,
    "indices": "h_{" + "+".join(["k l m n o p"] * 400) + "}",
    "polynomials": "h_{" + "(k+l+m+n)" * 60 + "}",
    "quads": r"\quad " * 9000 + "b",
    "bars": "|" * 3000 + "b" + "|" * 3000,
    "ampersands": "&" * 9000 + "b",
    "comments": "%" * 50_000,
    "dollars": "$" * 9000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_ends_soon(name: str, scope: Scope) -> None:
    start = time.perf_counter()
    error = _outcome(HOSTILE[name], scope, Layout.DENOMINATOR)
    assert len(str(error or "")) < 2000
    # Generous: the slowest takes two seconds on a slow machine, an exponential one would take for ever.
    assert time.perf_counter() - start < 30


def test_nesting_is_bounded_by_a_message(scope: Scope) -> None:
    with pytest.raises(ReadingError, match="groups inside each other"):
        read_latex("(" * 100 + "W" + ")" * 100, scope)
    assert read_latex("(" * 20 + "W" + ")" * 20, scope)
