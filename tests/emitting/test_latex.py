"""LaTeX: what is printed, that all of it compiles, and that nothing is wider than the page."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrnn.emitting.latex import display, display_formula, escape, standalone, to_latex, to_latex_lines
from symrnn.emitting.style import PRESETS, Style, parse_style
from symrnn.errors import UnsupportedError
from symrnn.language import (
    SCALAR,
    Formula,
    Hadamard,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Node,
    Part,
    Role,
    Sum,
    Transpose,
    Variable,
    build,
)

n, t, tau, ONE = Index.of("n"), Index.of("t"), Index.of("tau"), Index.of(1)
W = Variable("W", Role.PARAMETER, (n, n))
L = Variable("L", Role.LOSS, SCALAR)
h = Variable("h", Role.COMPUTED, (n, ONE), t)

EXPECTED = {
    "cell": r"b + W h_{t - 1} + U x_t",
    "loss": r"-y_t^{\top} \log(\hat{y}_t)",
    "mean": r"\frac{1}{K}\, \sum_{t = 1}^{\tau} L_t",
    "gate of product": r"f_t \odot (W_{hh} h_{t - 1})",
    "product of gate": r"\operatorname{diag}(f_t \odot i_t)\, W_{hh}^{\top}",
    "stack": r"\frac{\partial(h_t; c_t)}{\partial(h_{t - 1}; c_{t - 1})}",
    "index derivative": r"\frac{\partial h_{t, i}}{\partial W_{lj}}",
    "entry of a gradient": r"\frac{\partial L}{\partial W_{ji}}",
    "entry of a denominator": r"\frac{\partial L}{\partial W_{ij}}",
    "matrix square": r"W^{\odot2} + W^2",
    "square of a call": r"1 - \tanh^2(a_t)",
    "layers": r"(h_t^{(1)})^2 + p_{o, t} \odot (h_t^{(1)})^3",
    "negative": r"-2 h_t - \frac{1}{2} - c_t",
    "generic": r"\operatorname{diag}\bigl(f''(a_t)\bigr)\, h_t",
    "numbers": r"\alpha \cdot 3 \cdot \frac{2}{3} \cdot 0.05",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_notation(name: str, bank: dict[str, Node]) -> None:
    assert to_latex(bank[name]) == EXPECTED[name]


def test_a_descending_product_counts_down(bank: dict[str, Node]) -> None:
    assert r"\prod_{j = t}^{k + 1}" in to_latex(bank["product inside"])
    assert to_latex(bank["product inside"]).startswith(r"\biggl(\prod")


def test_a_sum_is_open_to_the_right_only() -> None:
    inner = Sum(W, "r", t, tau)
    assert to_latex(build.matmul(inner, W)).startswith(r"\biggl(\sum")
    assert not to_latex(build.matmul(W, inner)).endswith(r"\biggr)")
    assert r"(h_t + h_t)" in to_latex(Sum(build.add(h, h), "t", ONE, tau))
    circled = to_latex(Hadamard((h, Sum(h, "t", ONE, tau))))
    assert circled.endswith(r"\biggr)")
    scaled = build.times(build.matmul(W, inner), Variable("alpha", Role.PARAMETER, SCALAR))
    assert r"\biggr)" in to_latex(scaled), "the factor after it would fall into the sum"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"\frac{\partial^{+}h_t}{\partial W}"),
        ("immediate=bar", r"\frac{\bar{\partial}h_t}{\partial W}"),
        ("immediate=star", r"\frac{\partial^{\ast}h_t}{\partial W}"),
        ("letters=bold", r"\frac{\partial^{+}\boldsymbol{h}_t}{\partial\boldsymbol{W}}"),
        ("time=superscript", r"\frac{\partial^{+}h^{(t)}}{\partial W}"),
    ],
)
def test_styles_of_an_immediate_derivative(text: str, expected: str) -> None:
    assert to_latex(ImmediateJacobian(h, W, Layout.NUMERATOR), parse_style(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"W^{\top}"),
        ("transpose=T", r"W^{\mathrm{T}}"),
        ("transpose=prime", "W'"),
        ("letters=bold", r"\boldsymbol{W}^{\top}"),
    ],
)
def test_styles_of_a_transpose(text: str, expected: str) -> None:
    assert to_latex(Transpose(W), parse_style(text)) == expected


def test_other_styles(bank: dict[str, Node]) -> None:
    assert r"\circ" in to_latex(bank["gates"], Style(hadamard="circ"))
    assert to_latex(bank["slope"], Style(slopes="evaluated")) == (
        r"\operatorname{diag}\Bigl(\sigma(a_t) \odot \bigl(1 - \sigma(a_t)\bigr)\Bigr)\, W"
    )
    assert r"\begin{bmatrix}" in to_latex(bank["blocks"], Style(matrix="square"))
    assert to_latex(bank["ones"], Style(sizes="shown")) == r"\mathbf{1}_m \mathbf{1}_n^{\top}"
    assert r"\mathrm{yhat}_t" in to_latex(bank["softmax loss"], Style(hats="off"))
    assert r"W \cdot h_{t - 1}" in to_latex(bank["cell"], Style(product="dot"))
    gradient = Jacobian(L, h, Layout.DENOMINATOR)
    assert to_latex(gradient, Style(derivative="nabla")) == r"\nabla_{h_t}L"
    assert to_latex(Jacobian(L, W, Layout.NUMERATOR), Style(total="d")) == r"\frac{\mathrm{d}L}{\mathrm{d}W}"


def recursion(bank: dict[str, Node]) -> Formula:
    lam = Variable("lam", Role.PART, (ONE, n), t)
    return Formula(
        Sum(build.matmul(h, lam), "t", ONE, tau),
        (Part("lam", t, build.matmul(lam.at(t + 1), bank["slope"])), Part("lam", tau, Transpose(h))),
        L,
        W,
    )


def long_sums(bank: dict[str, Node]) -> list[Node]:
    gates = bank["gates"]
    wide = build.add(*[bank[name] for name in ("gates", "layers", "gate of product")])
    closed = bank["closed"].body.body  # type: ignore[attr-defined]
    slopes = build.add(bank["slope"], bank["product of gate"], bank["slope"])
    return [
        build.add(gates, build.neg(gates), build.times(gates, wide), bank["slice"]),
        build.add(bank["closed"], *[closed] * 4),
        build.matmul(*[build.subtract(build.diag(gates), bank["slope"])] * 7, gates),
        Sum(build.matmul(closed, slopes, bank["product of gate"], slopes, slopes), "t", ONE, tau),
    ]


def test_a_formula_is_aligned_at_the_equals_signs(bank: dict[str, Node]) -> None:
    lines = to_latex(recursion(bank)).splitlines()
    assert lines[0] == r"\begin{aligned}"
    assert [line.count("&=") for line in lines] == [0, 1, 1, 1, 0]
    assert lines[3].startswith(r"\frac{\partial L}{\partial W} &=")


def test_an_expression_with_parts_has_no_equals_sign_of_its_own(bank: dict[str, Node]) -> None:
    formula = Formula(recursion(bank).expression, recursion(bank).parts)
    assert to_latex(formula).splitlines()[-2].startswith(r"& \sum")
    assert display_formula(formula).splitlines()[-2].startswith(r"& \sum")


@pytest.mark.parametrize("limit", [15.0, 25.0, 44.0])
def test_breaking_loses_nothing(limit: float, bank: dict[str, Node]) -> None:
    def glyphs(text: str) -> str:
        for blank in (r"\begin{aligned}", r"\end{aligned}", r"\quad {}", r"\\[1ex]", r"\\", r"\,", r"\cdot", "&", " "):
            text = text.replace(blank, "")
        return text

    for expression in [*long_sums(bank), *bank.values()]:
        lines = to_latex_lines(expression, limit=limit)
        assert glyphs("".join(lines)) == glyphs(to_latex(expression))


def compile_latex(pdflatex: str, source: str, folder: Path) -> str:
    """The log of a run that must have succeeded."""
    (folder / "bank.tex").write_text(source, "utf-8")
    run = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "bank.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


@pytest.mark.tex
def test_every_formula_compiles_in_every_style(pdflatex: str, tmp_path: Path, bank: dict[str, Node]) -> None:
    styles = [
        *PRESETS.values(),
        Style(immediate="bar", total="d", hats="wide", power="circled", product="dot"),
    ]
    styles += [Style(immediate="star", hats="off", hadamard="ast", sigmoid="name")]
    rows = [
        rf"\noindent {escape(name)}: $\displaystyle {to_latex(node, style)}$\par"
        for style in styles
        for name, node in bank.items()
    ]
    body = "\\section*{All}\n" + "\n".join(rows)
    body += "".join(f"\n\\[ {to_latex(recursion(bank), style)} \\]" for style in styles)
    compile_latex(pdflatex, standalone(body), tmp_path)


@pytest.mark.tex
def test_long_formulas_stay_on_the_page(pdflatex: str, tmp_path: Path, bank: dict[str, Node]) -> None:
    left = Jacobian(L, W, Layout.NUMERATOR)
    displays = [
        display(left, [bank["chain"], node], style)
        for node in long_sums(bank)
        for style in (Style(), PRESETS["goodfellow"])
    ]
    displays.append(display_formula(recursion(bank)))
    displays += [display(None, [node]) for node in long_sums(bank)]
    log = compile_latex(pdflatex, standalone("\n".join(displays), "Long & wide"), tmp_path)
    assert "Overfull" not in log


@pytest.mark.tex
@settings(max_examples=1)
@given(data=st.data())
def test_random_formulas_compile(
    pdflatex: str,
    tmp_path_factory: pytest.TempPathFactory,
    expressions: st.SearchStrategy[Node],
    data: st.DataObject,
) -> None:
    drawn = data.draw(st.lists(expressions, min_size=30, max_size=60))
    rows = "\n".join(rf"\noindent $\displaystyle {to_latex(node)}$\par" for node in drawn)
    compile_latex(pdflatex, standalone("\\section*{Random}\n" + rows), tmp_path_factory.mktemp("random"))


def test_an_unknown_node_is_named() -> None:
    class Mystery(Node):
        __slots__ = ()

        @classmethod
        def infer_shape(cls, *args: object) -> tuple[Index, ...]:
            return SCALAR

    with pytest.raises(UnsupportedError, match="Mystery"):
        to_latex(build.add(L, Mystery()))


def test_a_loss_that_is_a_one_by_one_product_is_no_vector() -> None:
    """In elman L[t] is -y.T @ log(yhat), 1×1: it counts as a scalar and stays plain where vectors are bold."""
    from symrnn.api import derive

    text = derive("elman", "L", "h[t]", form="recursion", style="letters=bold", check=False).latex()
    assert r"\boldsymbol{L}" not in text
    assert r"\partial L" in text
    assert r"\boldsymbol{h}" in text
