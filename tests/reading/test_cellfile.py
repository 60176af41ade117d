"""Cell files: declarations, states, times, losses."""

from __future__ import annotations

from pathlib import Path

import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import CellError
from symrnn.language import Cell, Index, Role, Start, Zeros, number
from symrnn.language.node import format_shape
from symrnn.reading import load_cell_file, read_cell

from .conftest import CELLS, PUBLISHED, head_text

FILES = sorted(CELLS.glob("*.cell")) + sorted(PUBLISHED.glob("*.cell"))


def read(*lines: str) -> Cell:
    return read_cell("\n".join(lines), "test.cell")


def shapes(cell: Cell) -> dict[str, str]:
    return {e.name: format_shape(e.expression.shape) for e in cell.equations}


RNN = ("size n, m", "param W[n,n], U[n,m]", "input x[m]", "state h[n]", "h[t] = tanh(W @ h[t-1] + U @ x[t])")


def test_the_cell_of_the_book(elman: Cell) -> None:
    assert elman.name == "elman"
    assert elman.sizes == ("n", "m", "K")
    assert [d.name for d in elman.inputs] == ["x"]
    assert elman.inputs[0].timed
    assert elman.targets[0].attributes == {"onehot"}
    assert elman.constants[0].value == number(1)
    assert [s.name for s in elman.states] == ["h"]
    assert elman.state["h"].lags == (1,)
    assert elman.state["h"].start == Start.GIVEN
    assert elman.step_order() == ("a", "h", "k", "o", "yhat", "L")
    assert to_text(elman.equation["a"].expression) == "b + W @ h[t-1] + U @ x[t]"
    assert elman.loss is not None
    assert to_text(elman.loss) == "sum(L[t], t, 1, tau)"
    assert shapes(elman) == {"a": "n×1", "h": "n×1", "k": "n×1", "o": "K×1", "yhat": "K×1", "L": "1×1"}
    assert elman.equation["a"].line == 12
    assert elman.functions == (("f", None),)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_library_cell_and_every_published_one_is_read(path: Path) -> None:
    cell = load_cell_file(path, head_text)
    assert cell.loss is not None
    assert cell.loss.is_single
    for equation in cell.equations:
        assert all(d.role is not Role.PART for d in cell.declarations), equation


@pytest.mark.parametrize("name", ["lstm", "gru", "elman"])
def test_line_ends_blanks_and_byte_order_marks_do_not_matter(name: str) -> None:
    text = (CELLS / f"{name}.cell").read_text("utf-8")
    plain = read_cell(text, "a.cell", head_text)
    for other in (
        text.replace("\n", "\r\n"),
        text.replace(" = ", "\t=\t"),
        "\ufeff" + text,
        text.replace("\n", "\n\n"),
    ):
        again = read_cell(other, "a.cell", head_text)
        assert [e.expression for e in again.equations] == [e.expression for e in plain.equations]
        assert again.loss is plain.loss


def test_shapes_of_declarations() -> None:
    cell = read(
        "size n, m", "param alpha, b[n], W[4*n, n+m], r[1,m], Q[2,2]", "loss f = alpha*sum(W)*sum(b)*sum(r)*det(Q)"
    )
    found = {d.name: format_shape(d.shape) for d in cell.declarations}
    assert found == {"alpha": "scalar", "b": "n×1", "W": "(4*n)×(m + n)", "r": "1×m", "Q": "2×2"}


def test_equal_sizes_are_put_in_everywhere() -> None:
    cell = read("size n, m, K, q", "size m = K, q = 2*m", "param W[m,K], v[q]", "loss f = trace(W) * sum(v) / m + q")
    assert cell.sizes == ("n", "K")
    assert dict(cell.equal_sizes) == {"m": Index.of("K"), "q": Index.of("K") * 2}
    assert cell.loss is not None
    assert to_text(cell.loss) == "trace(W) * sum(v) / K + 2*K"


def test_a_size_may_be_declared_by_its_equality() -> None:
    assert read("size K", "size m = K", "param W[m,K]", "loss f = det(W)").sizes == ("K",)
    assert read("size m = 3", "param W[m,m]", "loss f = det(W)").declaration["W"].shape == (Index.of(3), Index.of(3))


def test_inputs_with_and_without_time() -> None:
    cell = (
        read(
            *RNN[:2],
            "input x[m], G[n,n], u[n], spare[m], first[n]",
            "target y[n]",
            "state h[n]",
            "h[t] = tanh(W @ h[t-1] + U @ x[t]) + G @ u + first[1]*0",
            "loss L = norm2(h[tau] - y) + G[0,1]",
        )
        if False
        else read(
            *RNN[:2],
            "input x[m], G[n,n], u[n], spare[m]",
            "target y[n]",
            "state h[n]",
            "h[t] = tanh(W @ h[t-1] + U @ x[t]) + G @ u",
            "loss L = norm2(h[tau] - y) + G[0,1]",
        )
    )
    assert {d.name: d.timed for d in (*cell.inputs, *cell.targets)} == {
        "x": True, "G": False, "u": False, "spare": True, "y": False,
    }  # fmt: skip


def test_an_input_may_be_declared_with_time() -> None:
    cell = read("size n", "param w[n]", "input x[t][n]", "const omega[t]", "loss L = sum(omega[t] * (w.T @ x[t]), t)")
    assert cell.declaration["x"].timed
    assert cell.declaration["omega"].timed
    assert cell.declaration["omega"].shape == ()


def test_timed_parameters() -> None:
    cell = read("size n", "param lam[t][n]", "state x[n]", "x[t] = lam[t] * x[t-1]")
    assert cell.declaration["lam"].timed
    assert cell.declaration["lam"].shape == (Index.of("n"), Index.of(1))


def test_constants() -> None:
    cell = read(
        "size K, n", "const eps = 1e-5, gain[n] = 2, A[n,n], third = 1/K", "loss f = trace(A) + eps + third*sum(gain)"
    )
    values = {d.name: d.value for d in cell.constants}
    assert values["eps"] == number("0.00001")
    assert values["A"] is None
    assert values["gain"] is not None
    assert to_text(values["gain"]) == "2 * ones(n)"
    assert values["third"] is not None
    assert to_text(values["third"]) == "1 / K"


def test_how_states_begin() -> None:
    cell = read(
        "size n, B",
        "param S0[n], W[n,n]",
        "const c0[n]",
        "state g[n], z[n] = 0, S[B,n] = ones(B) @ S0.T, q[n] learned, u[n] = c0 + S0, v[n] = 1",
        "g[t] = g[t-1]",
        "z[t] = W @ z[t-1]",
        "S[t] = S[t-1] @ W",
        "q[t] = W @ q[t-1]",
        "u[t] = W @ u[t-1]",
        "v[t] = W @ v[t-1]",
    )
    found = {s.name: (s.start, None if s.initial is None else to_text(s.initial)) for s in cell.states}
    assert found == {
        "g": (Start.GIVEN, None),
        "z": (Start.EXPRESSION, "zeros(n)"),
        "S": (Start.EXPRESSION, "ones(B) @ S0.T"),
        "q": (Start.LEARNED, None),
        "u": (Start.EXPRESSION, "c0 + S0"),
        "v": (Start.EXPRESSION, "ones(n)"),
    }
    assert cell.state["z"].initial == Zeros((Index.of("n"), Index.of(1)))


def test_states_need_no_declaration() -> None:
    cell = read(
        "size n, m",
        "param W[n,n], U[n,m], b[n], w",
        "input x[m]",
        "f[t] = sigmoid(W @ h[t-1] + U @ x[t] + b)",
        "c[t] = f[t] * c[t-1] + (1 - f[t]) * b",
        "h[t] = tanh(c[t])",
        "g[t] = W @ g[t+1] + h[t]",
        "s[t] = w * s[t-1] + sum(x[t])",
    )
    assert {s.name: s.lags for s in cell.states} == {"c": (1,), "h": (1,), "g": (-1,), "s": (1,)}
    assert shapes(cell) == {"f": "n×1", "c": "n×1", "h": "n×1", "g": "n×1", "s": "scalar"}
    assert cell.state["g"].backward


def test_lags() -> None:
    cell = read("size n", "param A[n,n], B[n,n]", "h[t] = A @ h[t-1] + B @ h[t-3]")
    assert cell.state["h"].lags == (1, 3)
    assert [key for _, _, key in cell.initial_keys()] == ["h[0]", "h[-1]", "h[-2]"]


def test_the_times_are_the_authors() -> None:
    cell = read("size n", "param A[n,n]", "time s = 0..N-1", "h[s] = A @ h[s-1]", "loss L = mean(norm2(h[s]), s)")
    assert str(cell.time.length) == "N"
    assert [key for _, _, key in cell.initial_keys()] == ["h[-1]"]
    assert cell.loss is not None
    assert to_text(cell.loss) == "1 / N * sum(norm2(h[s]), s, 0, N-1)"


def test_a_variable_may_have_an_index_name_or_a_sizes() -> None:
    cell = read(
        "size n, H",
        "param W[H,H]",
        "state h[H]",
        "i[t] = sigmoid(h[t-1])",
        "k[t] = W @ i[t]",
        "n[t] = tanh(k[t])",
        "h[t] = n[t] * i[t]",
        "loss L = sum(norm2(k[k]) * k, k) / n",
    )
    assert cell.loss is not None
    assert to_text(cell.loss) == "sum(norm2(k[k]) * k, k, 1, tau) / n"


def test_names_that_sympy_has_are_the_users() -> None:
    names = ("E", "S", "N", "I", "D", "Q", "pi", "beta", "gamma", "zeta")
    cell = read(
        "size p", "param " + ", ".join(f"{name}[p,p]" for name in names), "loss f = trace(" + " @ ".join(names) + ")"
    )
    assert cell.loss is not None
    assert to_text(cell.loss) == "trace(" + " @ ".join(names) + ")"


def test_whole_quantities() -> None:
    cell = read(
        *RNN,
        "A = W - W.T",
        "o[t] = A @ h[t]",
        "pooled = sum(o[t], t) / tau",
        "loss L = norm2(pooled)",
    )
    assert set(cell.whole) == {"A", "pooled"}
    assert cell.variable("A").time is None


@pytest.mark.parametrize(
    "loss",
    [
        "sum(L[t], t)",
        "mean(L[t], t)",
        "L[tau]",
        "sum(L[t], t, 2, tau)",
        "r.T @ h[0] + sum(L[t], t)",
        "0.5*norm2(sum(h[t], t)/tau - y)",
        "sum(L[t], t) + lam*norm2(W)",
        "sum(L[t], t, 1, tau-1) + L[tau]",
        "h[tau][0]",
        "sum(omega[t] * L[t], t)",
        "L[3]",
    ],
)
def test_losses(loss: str) -> None:
    cell = read(*RNN, "target y[n]", "param r[n], lam", "const omega[t]", "L[t] = norm2(h[t])", f"loss L = {loss}")
    assert cell.loss is not None
    assert cell.loss.is_single


def test_the_next_input_as_target() -> None:
    cell = read(*RNN, "param V[m,n]", "L[t] = norm2(V @ h[t] - x[t+1])", "loss L = sum(L[t], t, 1, tau-1)")
    assert "L" in cell.equation
    read(*RNN, "param V[m,n]", "loss L = sum(norm2(V @ h[t] - x[t+1]), t, 1, tau-1)")


def test_feedback_of_a_target_with_a_value_before_the_first_step() -> None:
    cell = read("size n", "param W[n,n]", "target d[n] = 0", "h[t] = W @ d[t-1]", "loss L = sum(norm2(h[t] - d[t]), t)")
    assert cell.declaration["d"].before == Zeros((Index.of("n"), Index.of(1)))


def test_plain_matrix_calculus() -> None:
    cell = read("size n, m", "param a[n], X[n,m], b[m]", "loss f = a.T @ X @ b")
    assert cell.states == ()
    assert cell.equations == ()
    assert cell.loss_name == "f"


def test_a_declared_scalar_takes_a_product_that_is_one_by_one() -> None:
    cell = read("size m", "param w[m], u", "input x[m]", "state h", "h[t] = tanh(w.T @ x[t] + u*h[t-1])")
    assert cell.equation["h"].expression.shape == ()


def test_style_layout_and_comments() -> None:
    cell = read(
        "# From a book.",
        "# Second line.",
        "cell my-cell.2  # eq. 3",
        "layout denominator",
        "style transpose=prime, bold=no",
        "size n",
        "# not a heading",
        "param W[n,n]",
        "loss f = det(W)",
    )
    assert cell.name == "my-cell.2"
    assert cell.layout == "denominator"
    assert cell.style == (("transpose", "prime"), ("bold", "no"))
    signs = read("style goodfellow, transpose=ᵀ  # a comment", "style hadamard=∘", "style[t] = 2 * style[t-1]")
    assert signs.style == (("preset", "goodfellow"), ("transpose", "ᵀ"), ("hadamard", "∘"))
    assert list(signs.equation) == ["style"]
    assert cell.comments == ("From a book.", "Second line.", "eq. 3")


def test_a_cell_without_a_name_has_the_files() -> None:
    assert read_cell("size n\nparam W[n,n]\nloss f = det(W)", "folder/thing.cell").name == "thing"


def test_a_bound_function() -> None:
    cell = read("size n", "param W[n,n]", "function f = tanh, g", "h[t] = g(f(W @ h[t-1]))")
    assert cell.functions == (("f", "tanh"), ("g", None))


def test_a_keyword_may_be_a_variable() -> None:
    cell = read(
        "size n",
        "param W[n,n]",
        "state[t] = tanh(W @ state[t-1])",
        "target[t] = state[t]",
        "loss = sum(norm2(target[t]), t)",
    )
    assert list(cell.equation) == ["state", "target"]
    assert cell.loss_name == "L"


def test_lines_go_on_where_they_are_indented() -> None:
    cell = read(
        "size n", "param W[n,n],", "  b[n]", "h[t] = tanh(W @ h[t-1]", "            + b)", "q[t] = h[t]; p[t] = q[t]"
    )
    assert list(cell.equation) == ["h", "q", "p"]


def test_equations_come_in_any_order() -> None:
    lines = ["o[t] = V @ h[t]", "h[t] = tanh(a[t])", "a[t] = W @ h[t-1] + U @ x[t]"]
    cell = read("size n, m", "param W[n,n], U[n,m], V[m,n]", "input x[m]", *lines)
    assert cell.step_order() == ("a", "h", "o")
    assert shapes(cell) == {"o": "m×1", "h": "n×1", "a": "n×1"}


def test_a_stack_of_many_layers_is_read_in_a_moment() -> None:
    layers = 400
    params = [f"param W_{i}[n,n]" for i in range(layers)]
    lines = [f"h_{i}[t] = tanh(W_{i} @ h_{i}[t-1] + " + (f"h_{i - 1}[t])" if i else "x[t])") for i in range(layers)]
    forward = read("size n", *params, "input x[n]", *lines, f"loss L = sum(norm2(h_{layers - 1}[t]), t)")
    assert len(forward.states) == layers
    backward = read("size n", *params, "input x[n]", *reversed(lines), f"loss L = sum(norm2(h_{layers - 1}[t]), t)")
    assert len(backward.step_order()) == layers


def test_an_initial_value_may_read_an_input_of_the_whole_sequence() -> None:
    """The decoder of an encoder-decoder: its first state is made of the context, which has no time."""
    text = "size n, m, p\nparam C[n,p], W[n,n], U[n,m]\ninput x[m], ctx[p]\nstate h[n] = tanh(C @ ctx)\n"
    cell = read_cell(text + "h[t] = tanh(W @ h[t-1] + U @ x[t])\n")
    assert not cell.declaration["ctx"].timed
    assert cell.declaration["x"].timed
    with pytest.raises(CellError, match="value of h reads x"):
        read_cell(text.replace("C @ ctx", "C @ x") + "h[t] = tanh(W @ h[t-1] + U @ x[t])\n")
