"""Formulas in the terminal: pictures, one line, ASCII, and lines that fit."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.emitting.canvas import columns
from symrnn.emitting.style import PRESETS, Style
from symrnn.emitting.unicode_text import can_show_unicode, to_unicode
from symrnn.language import Formula, Index, Node, Part, Role, Sum, Variable, build

n, t, tau, ONE = Index.of("n"), Index.of("t"), Index.of("tau"), Index.of(1)

PICTURES = {
    "chain": """\
 τ   t  ∂Lₜ ∂oₜ ∂hₜ ∂⁺hₖ
 ∑   ∑  ─── ─── ─── ────
t=1 k=1 ∂oₜ ∂hₜ ∂hₖ  ∂W""",
    "product inside": """\
⎛k+1                  ⎞ ∂⁺hₖ
⎜ ∏  (diag(1 − hⱼ²) W)⎟ ────
⎝j=t                  ⎠  ∂b""",
    "stack": """\
  ∂(hₜ; cₜ)
─────────────
∂(hₜ₋₁; cₜ₋₁)""",
    "slice": """\
⎛hₜ⎞       + hₜ
⎝cₜ⎠_{0:n}""",
    "powers of blocks": """\
⎛diag(oₜ ⊙ tanh′(cₜ)) W    diag(fₜ)   ⎞ᵀ
⎝diag(cₜ ⊙ oₜ ⊙ fₜ) Wₕₕ  diag(fₜ ⊙ iₜ)⎠""",
}
LINES = {
    "gates": ("fₜ ⊙ cₜ₋₁ + iₜ ⊙ c̃ₜ", "f_t (.) c_{t-1} + i_t (.) ctilde_t"),
    "mean": ("(1/K) ∑[t=1..τ] Lₜ", "(1/K) sum[t=1..tau] L_t"),
    "index derivative": ("∂h_{t,i}/∂Wₗⱼ", "dh_{t,i}/dW_lj"),
    "power": ("Wᵗ⁻ᵏ (W + I)⁻¹", "W^{t-k} (W + I)^{-1}"),
    "layers": ("(hₜ⁽¹⁾)² + p_{o,t} ⊙ (hₜ⁽¹⁾)³", "(h_t^{(1)})^2 + p_{o,t} (.) (h_t^{(1)})^3"),
    "norms": ("λ ‖W‖_F² + ⟨hₜ, cₜ⟩ + ‖hₜ‖²", "lam ||W||_F^2 + <h_t, c_t> + ||h_t||^2"),
    "roots": ("hₜ/(√(var(hₜ) + ε))", "h_t/(sqrt(var(h_t) + eps))"),
    "slope": ("diag(σ′(aₜ)) W", "diag(sigmoid'(a_t)) W"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str, bank: dict[str, Node]) -> None:
    assert to_unicode(bank[name]) == PICTURES[name]


@pytest.mark.parametrize("name", LINES)
def test_one_line(name: str, bank: dict[str, Node]) -> None:
    shown = tuple(to_unicode(bank[name], linear=True, ascii=plain) for plain in (False, True))
    assert shown == LINES[name]


@pytest.mark.parametrize("style", [*PRESETS.values(), Style(immediate="star", total="d", hadamard="ast")], ids=str)
def test_ascii_is_ascii(style: Style, bank: dict[str, Node]) -> None:
    for name, node in bank.items():
        for linear in (False, True):
            assert to_unicode(node, style, ascii=True, linear=linear).isascii(), name


@given(data=st.data())
def test_every_line_of_a_picture_fits(data: st.DataObject, expressions: st.SearchStrategy[Node]) -> None:
    node = data.draw(expressions)
    whole = to_unicode(node, linear=True)
    assert "\n" not in whole
    assert columns(whole) > 0
    assert to_unicode(node, ascii=True).isascii()


def test_long_formulas_are_broken_to_the_width(bank: dict[str, Node]) -> None:
    gates = build.subtract(build.diag(bank["gates"]), bank["slope"])
    long = build.add(bank["closed"], bank["chain"], build.matmul(*[gates] * 4))
    for width in (60, 80, 120):
        lines = to_unicode(long, width=width).splitlines()
        assert max(columns(line) for line in lines) <= width


def test_a_formula_lines_its_parts_up(bank: dict[str, Node]) -> None:
    lam = Variable("lam", Role.PART, (ONE, n), t)
    W = Variable("W", Role.PARAMETER, (n, n))
    h = Variable("h", Role.COMPUTED, (n, ONE), t)
    formula = Formula(
        Sum(build.matmul(h, lam), "t", ONE, tau),
        (Part("lam", t, build.matmul(lam.at(t + 1), W)),),
        Variable("L", Role.LOSS, ()),
        W,
    )
    assert to_unicode(formula).splitlines() == [
        "λₜ = λₜ₊₁ W",
        "",
        "∂L    τ",
        "── =  ∑  hₜ λₜ",
        "∂W   t=1",
    ]


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("no-such", False), (None, False)]
)
def test_what_a_stream_can_show(encoding: str | None, expected: bool) -> None:
    class Stream(io.StringIO):
        @property
        def encoding(self) -> str | None:  # type: ignore[override]
            return encoding

    assert can_show_unicode(Stream()) is expected
