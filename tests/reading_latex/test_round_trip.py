"""What symrnn prints as LaTeX reads back, in the first reading, to the same formula."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from symrnn.api import derive, load
from symrnn.emitting.latex import to_latex
from symrnn.emitting.style import PRESETS, Style
from symrnn.errors import SymrnnError
from symrnn.language import Call, Cell, Formula, Index, Layout, Node, Number, Ones, Part, Role, Variable, build
from symrnn.language.traversal import postorder
from symrnn.oracle.compare import relative_error
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.latex_reader import Reading, read_latex
from symrnn.reading.scope import Scope

ONE = Index.of(1)
n, m, K, t, k, tau = (Index.of(name) for name in ("n", "m", "K", "t", "k", "tau"))
TIMES = (t, t - 1, k, tau, Index.of(0), Index.of(2))
SHAPES = {"column": (n, ONE), "classes": (K, ONE), "input": (m, ONE), "row": (ONE, n), "square": (n, n), "wide": (n, m)}

AT = {"t": 3, "k": 2, "i": 0, "j": 1}
"""Times and entries at which formulas are compared."""


def _leaves(shape: tuple[Index, ...]) -> st.SearchStrategy[Node]:
    def whole(*names: str) -> list[st.SearchStrategy[Node]]:
        return [st.sampled_from([Variable(name, Role.PARAMETER, shape) for name in names])]

    def timed(*names: str, role: Role = Role.COMPUTED) -> list[st.SearchStrategy[Node]]:
        return [st.builds(lambda name, time: Variable(name, role, shape, time), *map(st.sampled_from, (names, TIMES)))]

    found = {
        (): [*whole("theta_c"), st.integers(2, 9).map(lambda i: Number(Fraction(i)))],
        (n, ONE): [*whole("b"), *timed("h", "a")],
        (K, ONE): [*whole("c"), *timed("o", "yhat"), *timed("y", role=Role.TARGET)],
        (m, ONE): timed("x", role=Role.INPUT),
        (ONE, n): whole("r"),
        (n, n): [*whole("W", "W_hh"), st.just(build.diag(Variable("b", Role.PARAMETER, (n, ONE))))],
        (n, m): whole("U", "W_xh"),
        (K, n): whole("V"),
    }
    return st.one_of(found.get(shape) or [st.just(Ones(*shape))])


@st.composite
def expressions(draw: st.DrawFn, shape: tuple[Index, ...], depth: int = 3) -> Node:
    """Expressions as people write them: sums, products, functions, binders, transposes."""

    def inner(wanted: tuple[Index, ...]) -> Node:
        return draw(expressions(wanted, depth - 1))

    if depth == 0:
        return draw(_leaves(shape))
    middle = draw(st.sampled_from((n, m, K)))
    rules = [
        lambda: draw(_leaves(shape)),
        lambda: build.add(inner(shape), inner(shape)),
        lambda: build.subtract(inner(shape), inner(shape)),
        lambda: build.times(inner(shape), inner(shape)),
        lambda: build.times(inner(()), inner(shape)),
        lambda: build.neg(inner(shape)),
        lambda: build.power(inner(shape), 2),
        lambda: Call(draw(st.sampled_from(("tanh", "sigmoid", "f"))), (inner(shape),), draw(st.integers(0, 1))),
        lambda: build.sum_over(inner(shape), "t", 1, tau),
        lambda: build.sum_over(inner(shape), "k", 1, t),
        lambda: build.divide(inner(shape), Number(Fraction(3))),
    ]
    if shape:
        rules += [
            lambda: build.matmul(inner((shape[0], middle)), inner((middle, shape[1]))),
            lambda: build.transpose(inner(shape[::-1])),
        ]
    if shape and shape[0] == shape[1]:
        rules += [
            lambda: build.diag(inner((shape[0], ONE))),
            lambda: build.matrix_power(inner(shape), t - k),
            lambda: build.product_over(inner(shape), "j", t, 1, -1),
        ]
    return draw(st.sampled_from(rules))()


def read_back(node: Node | Formula, cell: Cell, style: Style, layout: Layout = Layout.NUMERATOR) -> Reading:
    shape = node.expression.shape if isinstance(node, Formula) else node.shape
    prime = style.transpose == "prime"
    text = to_latex(node, style, layout)
    return read_latex(text, Scope.of(cell).with_indices("i", "j"), layout, prime_transposes=prime, shape=shape)[0]


def agree(one: Node | Formula, other: Node | Formula, evaluator: Evaluator) -> bool:
    """Whether two formulas are the same, or have the same numbers where there are any."""
    if one == other:
        return True
    try:
        wanted = evaluator.evaluate(other, AT)
    except SymrnnError:
        # It asks for x[0], or for a product below the empty one: there is nothing to compare.
        reject()
    found = evaluator.evaluate(one, AT)
    # 1 - tanh² of a large number is zero up to rounding, and tanh′ of it is not quite.
    return relative_error(found, wanted) < 1e-10 or np.allclose(found, wanted, rtol=1e-8, atol=1e-10, equal_nan=True)


@pytest.fixture(scope="module")
def evaluator(cells: dict[str, Cell]) -> Evaluator:
    return Evaluator(cells["elman"], random_instance(cells["elman"], 1, {"n": 3, "m": 2, "K": 4}, 4))


STYLES = {name: style for name, style in PRESETS.items() if name != "goodfellow"} | {
    "goodfellow": Style(letters="bold", time="superscript", matrix="square"),
    "wide": Style(hats="wide", product="dot", hadamard="circ", sizes="shown", sigmoid="name"),
}


@pytest.mark.parametrize("style", STYLES)
@given(data=st.data())
def test_random_expressions(style: str, data: st.DataObject, cells: dict[str, Cell], evaluator: Evaluator) -> None:
    node = data.draw(st.sampled_from([*SHAPES.values(), ()]).flatmap(expressions))
    # A constant that stands alone in a function or a binder has no printed size.
    assume(STYLES[style].sizes == "shown" or not any(isinstance(part, Ones) for part in postorder(node)))
    reading = read_back(node, cells["elman"], STYLES[style])
    assert agree(reading.formula.expression, node, evaluator), to_latex(node, STYLES[style])


def test_every_equation_of_the_cells(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        for equation in cell.equations:
            reading = read_back(equation.expression, cell, STYLES["plain"])
            assert reading.formula.expression == equation.expression
        assert cell.loss is not None
        assert read_back(cell.loss, cell, STYLES["plain"]).formula.expression == cell.loss


@pytest.mark.parametrize("layout", Layout)
def test_a_formula_with_parts(layout: Layout, cells: dict[str, Cell]) -> None:
    cell = cells["elman"]
    h, W = cell.variable("h", t), cell.variable("W")
    lam = Variable("lam_h", Role.PART, (ONE, n), t)
    total = build.sum_over(build.matmul(h.at(t - 1), lam), "t", 1, tau)
    parts = (
        Part("lam_h", t, build.matmul(lam.at(t + 1), build.diag(h), W)),
        Part("lam_h", tau, build.transpose(h.at(tau))),
    )
    formula = Formula(total, parts, cell.variable("L"), W)
    assert read_back(formula, cell, STYLES["plain"], layout).formula == formula


DERIVED = [
    ("elman", "W"), ("lstm", "W_f"), ("lstm_peephole", "p_o"), ("gru", "U_h"), ("stack2_lstm", "W_f1"),
    ("bidirectional", "W_f"), ("delta_rule", "W_k"), ("tied_embedding", "E"), ("lag2", "W1"), ("indrnn", "u"),
    ("autoregressive", "W_ss"), ("learned_start", "U"), ("residual", "W"), ("highway", "R_H1"), ("counter", "w2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameter"), DERIVED, ids=lambda value: str(value))
@pytest.mark.parametrize("style", ["plain", "goodfellow", "magnus"])
def test_derived_formulas(name: str, parameter: str, style: str) -> None:
    cell = load(name)
    known = [p.name for p in cell.parameters]
    shown = Style(**{**STYLES[style].__dict__, "sizes": "shown"})
    evaluator = Evaluator(cell, random_instance(cell, 0, None, 4))
    for layout in Layout:
        asked = parameter if parameter in known else known[0]
        forms = derive(cell, cell.loss_name, asked, layout=layout.value, form=["chain", "closed", "recursion"]).forms
        assert forms
        for formula in forms.values():
            found = read_back(formula, cell, shown, layout).formula
            assert agree(found, formula, evaluator), to_latex(formula, shown, layout)
