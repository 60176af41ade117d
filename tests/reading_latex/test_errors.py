"""What can't be read says where, what was expected there and what to do; nothing is guessed."""

from __future__ import annotations

import pytest

from symrnn.errors import ReadingError, ShapeError, SymrnnError, UnknownNameError

WRONG = [
    # latex, kind, line, column, words of the message
    ("", ReadingError, 1, 1, "expected a formula"),
    ("%only a comment", ReadingError, 1, 1, "expected a formula"),
    (r"W h_{t-1} +", ReadingError, 1, 12, "expected an expression, but the formula ends here"),
    (r"(W h_t", ReadingError, 1, 7, "expected “)” for the “(” of line 1, column 1"),
    (r"W h_t)", ReadingError, 1, 6, "expected an operator or the end of the formula, found “)”"),
    (r"\left( W h_t \right]", ReadingError, 1, 20, "expected “)”"),
    (r"\frac{\partial L}", ReadingError, 1, 18, "expected an expression"),
    (r"\frac{\partial L}{\partial Q}", UnknownNameError, 1, 28, "nothing declares “Q”"),
    (r"\sum_t \detla_t", ReadingError, 1, 8, "expected an expression, found “\\detla”"),
    ("a_t +\n  \\foo b", ReadingError, 2, 3, "found “\\foo”"),
    (r"W_{hx} h_t", UnknownNameError, 1, 1, "nothing declares “W_{hx}”"),
    (r"\sum_{t=1} h_t", ReadingError, 1, 1, "expected the upper bound"),
    (r"\sum^{\tau} h_t", ReadingError, 1, 1, "expected an index under the sign"),
    (r"\sum_t", ReadingError, 1, 1, "expected what is added up"),
    (r"\sum_{q} W", ReadingError, 1, 1, "nothing says over what the index “q” runs"),
    (r"\sum_{t \in S} h_t", ReadingError, 1, 7, "expected bounds"),
    (r"\sum_{t=1}^{T} h_t", UnknownNameError, 1, 13, "“T” is no time"),
    (r"h", ReadingError, 1, 1, "has one value per time"),
    (r"\hat y + b", ReadingError, 1, 1, "has one value per time"),
    (r"\tanh", ReadingError, 1, 1, "stands without an argument"),
    (r"\tanh + b", ReadingError, 1, 1, "stands without an argument"),
    (r"\tanh^{-1}(b)", ReadingError, 1, 1, "inverse of a function"),
    (r"\frac{\partial^2 L}{\partial b^2}", ReadingError, 1, 1, "second derivatives"),
    (r"\frac{\partial L}{\partial (W h_t)}", ReadingError, 1, 28, "one differentiates by a variable"),
    (r"\nabla L", ReadingError, 1, 1, "stands without the variable"),
    (r"\int b", ReadingError, 1, 1, "found “\\int”"),
    (r"b \pm c", ReadingError, 1, 3, "found “\\pm”"),
    (r"b \approx c", ReadingError, 1, 3, "only an equality is a claim"),
    (r"W^{h}", ReadingError, 1, 1, "the exponent of a square matrix"),
    (r"b^\dagger", ReadingError, 1, 1, "has no meaning here"),
    (r"b'", ReadingError, 1, 1, "a prime stands behind something that is no function"),
    (r"W_{1,2,3}", ShapeError, 1, 1, "an entry takes 2 indices here, but there are 3"),
    (r"b_{n}^{3", ReadingError, 1, 9, "expected “}”"),
    (r"b^2^3", ReadingError, 1, 4, "a second superscript"),
    (r"h_t^{(2)}", ReadingError, 1, 1, "has a time below and another number above"),
    (r"h_b", ReadingError, 1, 3, "“b” is a variable"),
    (r"W b + c", ShapeError, 1, 7, "+ of n×1 and K×1: the shapes differ"),
    (r"U h_t", ShapeError, 1, 3, "@ of n×m and n×1: the inner sizes m and n differ"),
    (r"b \odot W", ShapeError, 1, 9, "* of n×1 and n×n: the shapes differ"),
    (r"b h_t", ShapeError, 1, 3, "@ of n×1 and n×1"),
    (r"W h_t c b", ShapeError, 1, 7, "@ of n×1 and K×1"),
    (r"I + I", ShapeError, 1, 1, "not determined"),
    (r"\mathbf{1}", ShapeError, 1, 1, "not determined"),
    (r"\operatorname{diag}(W)", ShapeError, 1, 1, "diag takes a vector"),
    (r"b/0", ShapeError, 1, 3, "division by zero"),
    (r"\begin{tikzpicture} b \end{tikzpicture}", ReadingError, 1, 1, "the environment “tikzpicture” is not known"),
    (r"\begin{pmatrix} b & c \\ b \end{pmatrix}", ReadingError, 1, 1, "different lengths"),
    (r"\begin{pmatrix} b", ReadingError, 1, 18, "expected “\\end{pmatrix}”"),
    (r"where b", ReadingError, 1, 7, "expected a definition"),
    (r"b where", ReadingError, 1, None, "expected a formula after “where”"),
    (r"$b$ but not $c$", ReadingError, 1, 5, "found the word “but”"),
    (r"\text{some prose} b", ReadingError, 1, 1, "found the word “some”"),
    (r"\delta_t = b, \delta_t = h_t", ReadingError, 1, None, "“delta” is defined twice"),
    (r"\delta_t = b \delta_{t+1}' ", ReadingError, 1, None, None),
    (r"\lambda_\tau = b, \quad \lambda_t = c", ReadingError, 1, None, None),
    ("b ☃ c", ReadingError, 1, 3, "“☃” has no meaning"),
    ("b # c", ReadingError, 1, 3, "“#” has no meaning"),
    (r"\left. b \right|_{t}", ReadingError, 1, 1, "invisible delimiter"),
    ("b^{", ReadingError, 1, 4, "expected “}”"),
    ("b_", ReadingError, 1, 3, "expected a script"),
    (r"\sqrt[3]{b}", ReadingError, 1, 6, "only square roots"),
    (r"\hat{W h_t}", ReadingError, 1, 5, "expected one letter under “\\hat”"),
    (r"\unvec(b)", ReadingError, 1, 1, "found “\\unvec”"),
    (r"\operatorname{unvec}(b)", ReadingError, 1, 1, "unvec needs its two sizes"),
    (r"\operatorname{softmax}'(o_t)", ShapeError, 1, 1, "not elementwise"),
    (r"\tanh'''(b)", ReadingError, 1, 1, "first and second derivatives"),
    (r"\tanh_2(b)", ReadingError, 1, 1, "subscript on the function"),
    (r"\frac{\partial L}{\partial W} = b = ", ReadingError, 1, 36, "expected an expression"),
    (r"\sum_{t,t} h_t", ReadingError, 1, 1, "one index stands there twice"),
    (r"\|h_t\|_1", ReadingError, 1, 1, "Euclidean"),
    (r"\langle b \rangle", ReadingError, 1, 1, "expected two vectors"),
    (r"\begin{cases} b & t = 1 \end{cases} + \begin{cases} b & \end{cases}", ReadingError, 1, None, None),
]


@pytest.mark.parametrize(("latex", "kind", "line", "column", "words"), WRONG, ids=lambda v: str(v)[:40])
def test_an_error_says_where_and_what(latex, kind, line, column, words, read) -> None:
    with pytest.raises(SymrnnError) as caught:
        read(latex)
    error = caught.value
    assert isinstance(error, (kind, UnknownNameError, ShapeError) if words is None else kind), str(error)
    if words is not None:
        assert words in error.message
    if column is not None:
        assert error.location is not None
        assert (error.location.line, error.location.column) == (line, column), str(error)


@pytest.mark.parametrize(
    ("latex", "hint"),
    [
        (r"\detla_t", "delta"),
        (r"\sum_t \theta_d h_t", "theta_c"),
        (r"\sum_{t=1}^{T} h_t", "--names T=tau"),
        (r"h", "h_t"),
        (r"b \odot W", "Write @"),
        (r"U^\top x_t", "transposed left factor"),
        (r"I + I", r"\mathbf{1}_n"),
    ],
)
def test_an_error_says_the_way_out(latex: str, hint: str, read) -> None:
    with pytest.raises(SymrnnError) as caught:
        read(latex)
    assert hint in (caught.value.hint or "")


def test_the_error_shows_the_line(read) -> None:
    with pytest.raises(ReadingError) as caught:
        read("a_t + b \\\\\n  b + )", "elman")
    shown = str(caught.value)
    assert "LaTeX, line 2, column 7" in shown
    assert shown.splitlines()[1:3] == ["      b + )", "          ^"]


def test_a_nonconformable_formula_is_a_shape_error_in_every_reading(read) -> None:
    latex = r"W^\top (\nabla_{h_{t+1}} L) \operatorname{diag}(1 - h_{t+1}^2) + V^\top (\nabla_{o_t} L)"
    with pytest.raises(ShapeError, match="n×n"):
        read(latex)


def test_names_that_bind_nothing(read) -> None:
    with pytest.raises(UnknownNameError, match="taau"):
        read("b", names={"T": "taau"})
    with pytest.raises(ReadingError, match="expected one name"):
        read("b", names={"T+1": "tau"})
