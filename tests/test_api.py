"""What Python users import: every public name, derivations, cells from Python and SymPy, notebooks."""

from __future__ import annotations

import html.parser
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

import symrnn
from symrnn.calculus.recursion import gradient_leaves
from symrnn.checking.generated import arguments
from symrnn.errors import CheckFailedError, QuestionError, ReadingError, SymrnnError, UnknownNameError, UnsupportedError
from symrnn.language import Cell, Layout, Role, Variable
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


def values_of(cell: Cell, seed: int = 0) -> tuple[dict[str, object], Evaluator]:
    """Numbers for a cell as a user gives them, and the evaluator over them."""
    instance = random_instance(cell, seed)
    groups = arguments(cell, instance)
    return {key: array.tolist() for group in groups.values() for key, array in group.items()}, Evaluator(cell, instance)


# Names


def test_every_public_name_is_there_and_listed() -> None:
    for name in symrnn.__all__:
        assert getattr(symrnn, name) is not None
    assert set(symrnn.__all__) <= set(dir(symrnn))
    assert set(symrnn.__all__) == {*symrnn._HOMES, "__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="derrive"):
        symrnn.derrive  # noqa: B018


# Loading


def test_load_takes_names_heads_paths_and_cells(tmp_path: Path) -> None:
    elman = symrnn.load("elman")
    assert elman.name == "elman"
    assert symrnn.load(elman) is elman
    assert symrnn.load("gru+squared_last").loss is not None
    path = tmp_path / "mine.cell"
    path.write_text("param w\nstate h\nh[t] = w*h[t-1]\nloss L = h[tau]**2\n")
    assert symrnn.load(path).name == symrnn.load(str(path)).name == "mine"


@pytest.mark.parametrize("name", ["elmann", "ELMAN!", "", "  ", "elman+", "elman+nothing", "gru+softmax(q)"])
def test_what_cannot_be_loaded_says_why(name: str) -> None:
    with pytest.raises(SymrnnError) as caught:
        symrnn.load(name)
    assert caught.value.exit_code == 2


def test_a_folder_is_no_cell(tmp_path: Path) -> None:
    with pytest.raises(ReadingError):
        symrnn.load(tmp_path)


# Deriving


@pytest.fixture(scope="module")
def derivation() -> symrnn.Derivation:
    return symrnn.derive("elman", "L", "W", form="all", tau=3)


def test_a_derivation_knows_its_question(derivation: symrnn.Derivation) -> None:
    assert derivation.cell.name == "elman"
    assert derivation.layout is Layout.NUMERATOR
    assert derivation.shape == ("n", "n")
    assert derivation.assumptions == ("1ᵀy = 1",)
    assert list(derivation.forms)[:2] == ["chain", "closed"]


def test_every_step_carries_its_error(derivation: symrnn.Derivation) -> None:
    assert derivation.errors is not None
    assert len(derivation.errors) == len(derivation.steps) > 10
    assert derivation.max_error is not None
    assert max(derivation.errors) <= derivation.max_error < 1e-12


def test_the_result_is_the_last_line_of_its_own_derivation() -> None:
    for form in ("chain", "closed", "recursion", "index", "vec"):
        found = symrnn.derive("elman", "L", "W", form=form)
        assert found.result == found.forms[form]
        assert found.result in [step.after for step in found.steps]


def test_questions_are_asked_in_text_nodes_and_sympy() -> None:
    elman = symrnn.load("elman")
    t, k, n = sympy.symbols("t k n", integer=True)
    h = symrnn.state("h", n)
    in_text = symrnn.derive(elman, "h[t]", "h[k]")
    in_sympy = symrnn.derive(elman, h[t], h[k])
    in_nodes = symrnn.derive(elman, in_text.of, in_text.wrt)
    by_symbol = symrnn.derive(elman, symrnn.at(sympy.MatrixSymbol("h", n, 1), t), "h[k]")
    assert in_text.result == in_sympy.result == in_nodes.result == by_symbol.result


def test_a_state_without_a_time_is_no_question() -> None:
    with pytest.raises(QuestionError, match=r"h\[t\]"):
        symrnn.derive("elman", symrnn.state("h", "n"), "W")


@pytest.mark.parametrize("bad", [3, None, [1], object()])
def test_what_is_no_question_is_refused(bad: object) -> None:
    with pytest.raises(SymrnnError):
        symrnn.derive("elman", "L", bad)


@pytest.mark.parametrize(
    "options",
    [
        {"layout": "sideways"}, {"form": "open"}, {"form": "unrolled"}, {"tau": 0, "form": "unrolled"}, {"window": -1},
        {"vec_order": "diagonal"}, {"style": "no_style"}, {"form": ["closed", "opne"]},
    ],
)  # fmt: skip
def test_options_that_are_none_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SymrnnError):
        symrnn.derive("elman", "L", "W", **options)  # type: ignore[arg-type]


def test_a_cell_file_states_its_own_layout_and_style() -> None:
    cell = symrnn.read_cell(
        "layout denominator\nstyle letters=bold\nsize n\nparam W[n,n]\nstate h[n]\n"
        "h[t] = W @ h[t-1]\nloss L = norm2(h[tau])"
    )
    found = symrnn.derive(cell, "L", "W")
    assert found.layout is Layout.DENOMINATOR
    assert found.style.letters == "bold"
    assert symrnn.derive(cell, "L", "W", layout="numerator").layout is Layout.NUMERATOR


def test_a_failing_line_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of the calculus turned wrong: the derivative of tanh without its square."""
    from dataclasses import replace

    from symrnn import primitives
    from symrnn.language import ONE, build

    right = primitives.lookup("tanh")
    assert right is not None
    wrong = replace(right, derivative=lambda y, x: build.subtract(ONE, y))
    cell = symrnn.read_cell(
        "size n\nparam W[n,n]\nstate h[n]\nh[t] = tanh(W @ h[t-1])\nloss L = norm2(h[tau])", "planted"
    )
    lookup = primitives.lookup

    def planted(name: str) -> primitives.Primitive | None:
        return wrong if name == "tanh" else lookup(name)

    for module in ("symrnn.calculus.jacobian", "symrnn.calculus.pullback"):
        monkeypatch.setattr(f"{module}.lookup", planted)
    with pytest.raises(CheckFailedError, match="does not hold"):
        symrnn.derive(cell, "L", "W")
    assert symrnn.derive(cell, "L", "W", check=False).verification is None


# What it looks like


def test_latex_is_an_equation_and_the_report_a_document(derivation: symrnn.Derivation) -> None:
    assert derivation.latex("closed").startswith(r"\frac{\partial L}{\partial W} = ")
    assert derivation.latex_report(whole=True).startswith(r"\documentclass")
    assert derivation._repr_latex_().startswith("$")


def test_html_is_well_formed(derivation: symrnn.Derivation) -> None:
    class Stack(html.parser.HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "wbr", "mspace"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    for text in (derivation.html(), derivation.html(whole=True), derivation._repr_html_()):
        parser = Stack()
        parser.feed(text)
        assert parser.open == []
        assert "<math" in text


def test_pretty_keeps_to_its_width(derivation: symrnn.Derivation) -> None:
    for width in (70, 100):
        widest = max(
            len(line) for line in derivation.pretty(steps=True, width=width).splitlines() if "Every line" not in line
        )
        assert widest <= width + 4
    drawn, plain_drawn = derivation.pretty(), derivation.pretty(ascii=True)
    assert set("∏∑ŷₜ") <= set(drawn)
    assert not set("∏∑ŷₜ") & set(plain_drawn)


def test_to_dict_is_json(derivation: symrnn.Derivation) -> None:
    assert json.loads(json.dumps(derivation.to_dict()))["wrt"] == "W"


def test_a_form_that_was_not_derived_is_named() -> None:
    found = symrnn.derive("elman", "L", "W", form="closed")
    with pytest.raises(QuestionError, match="the vec form was not derived"):
        found.text("vec")


# What it computes


@pytest.mark.parametrize(
    "name", ["elman", "lstm", "gru", "scalar_relu", "bidirectional", "delta_rule", "layernorm_rnn", "lag2"]
)
def test_lambdify_computes_the_closed_form(name: str) -> None:
    cell = symrnn.load(name)
    values, evaluator = values_of(cell)
    loss = Variable(cell.loss_name, Role.LOSS, cell.loss.shape)  # type: ignore[union-attr]
    for leaf in gradient_leaves(cell):
        for layout in Layout:
            found = symrnn.derive(cell, loss, leaf, form="closed", layout=layout, check=False)
            function = found.lambdify()
            times = dict.fromkeys(function.free, 2)
            wanted = evaluator.total(loss, leaf, times)
            got = function(values, **times)
            np.testing.assert_allclose(got, wanted if layout is Layout.NUMERATOR else wanted.T, rtol=1e-6, atol=1e-12)


def test_a_lambdified_formula_has_readable_source_and_refuses_wrong_times() -> None:
    function = symrnn.derive("elman", "h[t]", "h[k]").lambdify()
    assert "product((np.diagflat(1 - h[j] ** 2) @ W for j in range(t, k, -1)), np.eye(n))" in function.source
    values, _ = values_of(symrnn.load("elman"))
    assert function(values, t=3, k=3).tolist() == np.eye(3).tolist()
    with pytest.raises(QuestionError, match="free times are t, k"):
        function(values, t=3)


def test_a_recursion_is_no_formula_to_lambdify() -> None:
    with pytest.raises(QuestionError, match="closed"):
        symrnn.derive("elman", "L", "W", form="recursion").lambdify()
    with pytest.raises(UnsupportedError, match="recursion"):
        symrnn.derive("elman", "L", "W", form="recursion").lambdify("recursion")
    with pytest.raises(UnsupportedError, match="index form"):
        symrnn.derive("elman", "L", "W", form="index").lambdify("index")


def test_evaluate_is_exact_where_the_numbers_are() -> None:
    values = {"V": "1/2", "W": 1, "x": [2, "3/2"], "y": [0, 0], "h[0]": 0}
    cell = symrnn.load("scalar_relu")
    found = symrnn.derive(cell, "h[2]", "V").evaluate(values)
    assert found.exact
    assert found.array == Fraction(2)


def test_sympy_gives_true_matrix_expressions() -> None:
    found = symrnn.derive("elman", "h[t]", "h[k]").sympy(4, {"t": 3, "k": 1})
    assert isinstance(found, sympy.MatrixExpr)
    assert sympy.MatrixSymbol("W", *found.shape) in found.atoms(sympy.MatrixSymbol)


def test_code_is_a_module() -> None:
    assert "def loss_and_gradients" in symrnn.derive("elman", "L", "W").code(plain=True)


def test_verify_of_a_derivation_and_of_a_cell() -> None:
    found = symrnn.derive("elman", "L", "W", check=False)
    assert found.verification is None
    for seed in (0, 1, 2):
        assert found.verify(seed).max_error < 1e-12
    assert symrnn.verify("counter").passed


# Cells from Python


@symrnn.cell(sizes="n, m", params="W[n,n], U[n,m], b[n]", inputs="x[m]", states="h[n]", head="softmax(h)")
def plain(x, h):  # type: ignore[no-untyped-def]
    """A plain cell."""
    return tanh(b + W @ h + U @ x)  # type: ignore[name-defined]  # noqa: F821


def test_a_decorated_function_is_a_cell_with_the_librarys_heads() -> None:
    assert isinstance(plain, Cell)
    assert symrnn.derive(plain, "L", "W").max_error < 1e-12  # type: ignore[operator]
    assert symrnn.derive(plain, "h[t]", "h[k]").text() == "prod(diag(1 - h[j]**2) @ W, j, t, k+1, -1)"


def test_sympy_equations_are_a_cell() -> None:
    t, n, m = sympy.symbols("t n m", integer=True)
    W, U, b = sympy.MatrixSymbol("W", n, n), sympy.MatrixSymbol("U", n, m), sympy.MatrixSymbol("b", n, 1)
    h, x = symrnn.state("h", n), symrnn.state("x", m)
    cell = symrnn.cell_from_sympy(
        {h[t]: symrnn.apply("tanh", b + W @ h[t - 1] + U @ x[t])}, inputs=[x], states=[h], head="squared(h)"
    )
    for leaf in ("W", "U", "b", "x[t]", "h[0]"):
        assert symrnn.derive(cell, "L", leaf).max_error < 1e-12  # type: ignore[operator]
    assert symrnn.verify(cell).passed


def test_an_unknown_head_is_named_in_python_too() -> None:
    with pytest.raises(UnknownNameError, match="sotfmax"):
        symrnn.cell(sizes="n", params="W[n,n]", states="h[n]", head="sotfmax(h)")(_step)


def _step(h):  # type: ignore[no-untyped-def]
    return W @ h  # type: ignore[name-defined]  # noqa: F821


def test_the_options_of_code_are_arguments_in_python() -> None:
    derivation = symrnn.derive("gru", "L", "W")
    assert "DTYPE = 'float32'" in derivation.code(dtype="float32", wrt=["W"])
    assert "swapaxes" in derivation.code(plain=True, layout="numerator")
    assert "WINDOW = 3" in derivation.code(window=3)
    assert "inputs, targets = _masked(inputs, targets)" in derivation.code(lengths=True)
    assert "def _checkpointed(" in derivation.code(checkpoint=True)
    with pytest.raises(QuestionError, match='no layout "mixed"'):
        derivation.code(layout="mixed")
