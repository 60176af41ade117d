"""A decorated plain function is the same cell as the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symrnn.emitting.text import to_text
from symrnn.errors import ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import Cell, Start
from symrnn.reading import read_cell
from symrnn.reading.python_reader import cell

from .conftest import CELLS, head_text

# The names in the functions below are the cell's: no function runs, so none is looked up.
# ruff: noqa: B007, F821, F841, RET501, RET504


def same(cell_one: Cell, cell_two: Cell) -> bool:
    fields = ("sizes", "time", "states", "loss", "functions", "equal_sizes", "loss_name")
    return (
        all(getattr(cell_one, f) == getattr(cell_two, f) for f in fields)
        and [(e.name, e.timed, e.expression) for e in cell_one.equations]
        == [(e.name, e.timed, e.expression) for e in cell_two.equations]
        and {(d.name, d.role, d.shape, d.timed, d.attributes, d.value) for d in cell_one.declarations}
        == {(d.name, d.role, d.shape, d.timed, d.attributes, d.value) for d in cell_two.declarations}
    )


def library(name: str) -> Cell:
    return read_cell((CELLS / f"{name}.cell").read_text("utf-8"), name, head_text)


def test_a_step_function_is_the_files_cell() -> None:
    @cell(
        sizes="n, m, K",
        params="U[n,m], W[n,n], V[K,n], b[n], c[K]",
        inputs="x[m]",
        targets="y[K] onehot",
        states="h[n]",
        loss="sum(L[t], t)",
    )
    def elman(x, y, h):  # type: ignore[no-untyped-def]
        """Goodfellow et al. (2016)."""
        a = b + W @ h + U @ x
        h = tanh(a)
        o = c + V @ h
        yhat = softmax(o)
        L = -y.T @ log(yhat)
        return h

    assert isinstance(elman, Cell)
    assert elman.name == "elman"
    assert same(elman, library("elman"))
    assert elman.comments == ("Goodfellow et al. (2016).",)


def test_gates_library_functions_and_states_in_any_order() -> None:
    @cell(
        sizes="n, m",
        params=[
            "W_f[n,m], U_f[n,n], b_f[n]",
            "W_i[n,m], U_i[n,n], b_i[n]",
            "W_c[n,m], U_c[n,n], b_c[n]",
            "W_o[n,m], U_o[n,n], b_o[n]",
        ],
        inputs="x[m]",
        states="h[n], c[n]",
        head="softmax(h)",
        heads=head_text,
    )
    def lstm(x, h, c):  # type: ignore[no-untyped-def]
        f = sigmoid(W_f @ x + U_f @ h + b_f)
        i = sigmoid(W_i @ x + U_i @ h + b_i)
        ctilde = np.tanh(W_c @ x + U_c @ h + b_c)
        c = f * c + i * ctilde
        o = sigmoid(W_o @ x + U_o @ h + b_o)
        h = o * np.tanh(c)
        return h, c

    assert same(lstm, library("lstm"))


def test_what_is_returned_are_the_new_states() -> None:
    @cell(sizes="n, m", params="W[n,n], U[n,m]", inputs="x[m]", states="h[n], s[n] = 0", constants="eta = 0.1")
    def traced(x, h, s):  # type: ignore[no-untyped-def]
        return tanh(W @ h + U @ x), eta * s + (1 - eta) * h

    assert {e.name: to_text(e.expression) for e in traced.equations} == {
        "h": "tanh(W @ h[t-1] + U @ x[t])",
        # Both values of a return are those of the old names, as in Python.
        "s": "eta * s[t-1] + (1 - eta) * h[t-1]",
    }
    assert traced.state["s"].start == Start.EXPRESSION


def test_times_can_be_written_out() -> None:
    @cell(sizes="n", params="A[n,n], B[n,n], lam[s][n]", inputs="x[n]", states="h[n]", time="s = 0..N-1")
    def lagged(x, h):  # type: ignore[no-untyped-def]
        q: Any = x[s] + lam
        g = A @ g[s + 1] + q
        h[s] = A @ h[s - 1] + B @ h[s - 2] + q * s + g
        first = h[0:1, 0] + h[s, 0] + h[0]
        return None

    assert {e.name: to_text(e.expression) for e in lagged.equations} == {
        "q": "x[s] + lam[s]",
        "g": "A @ g[s+1] + q[s]",
        "h": "A @ h[s-1] + B @ h[s-2] + q[s] * s + g[s]",
        "first": "h[s][0:1] + h[s][0] + h[s][0]",
    }
    assert {s.name: s.lags for s in lagged.states} == {"h": (1, 2), "g": (-1,)}


def test_tuples_stacks_slices_and_numbers() -> None:
    @cell(sizes="n, m", params="W[2*n,n+m+1]", inputs="x[m]", states="h[n]", layout="denominator", name="packed")
    def step(x, h):  # type: ignore[no-untyped-def]
        z = W @ np.concatenate((h, x, 1))
        r, u = sigmoid(z[0:n]), sigmoid(z[n : 2 * n])
        h = +r * h**2 * 1e-3 - 0.1 * u

    assert (step.name, step.layout) == ("packed", "denominator")
    assert {e.name: to_text(e.expression) for e in step.equations} == {
        "z": "W @ concat(h[t-1], x[t], 1)",
        "r": "sigmoid(z[t][0:n])",
        "u": "sigmoid(z[t][n:2*n])",
        "h": "r[t] * h[t-1]**2 * 0.001 - 0.1 * u[t]",
    }


def test_the_source_is_needed() -> None:
    namespace: dict[str, Any] = {}
    code = compile("def hidden(h):\n    return h\n", "<nowhere>", "exec")
    exec(code, namespace)
    with pytest.raises(ReadingError, match="source"):
        cell(states="h")(namespace["hidden"])
    with pytest.raises(ReadingError, match=r"plain function|source"):
        cell(states="h")(lambda h: h)
    with pytest.raises(ReadingError, match="source"):
        cell(states="h")(print)


def wrong_condition(x, h):  # type: ignore[no-untyped-def]
    h = tanh(h) if x > 0 else h
    return h


def wrong_loop(x, h):  # type: ignore[no-untyped-def]
    for i in range(3):
        h = tanh(h)
    return h


def wrong_argument(x, g):  # type: ignore[no-untyped-def]
    return x


def wrong_name(x, h):  # type: ignore[no-untyped-def]
    h = tanh(V @ h)


def wrong_shape(x, h):  # type: ignore[no-untyped-def]
    h = tanh(U @ h)


def wrong_twice(x, h):  # type: ignore[no-untyped-def]
    a = W @ h
    a = tanh(a)
    h = a


def wrong_dot(x, h):  # type: ignore[no-untyped-def]
    h = np.dot(W, h)


def wrong_keyword(x, h):  # type: ignore[no-untyped-def]
    h = sum(h, axis=0)


def wrong_number(x, h):  # type: ignore[no-untyped-def]
    h = 1j * h


def wrong_operator(x, h):  # type: ignore[no-untyped-def]
    h = h // 2


def wrong_target(x, h):  # type: ignore[no-untyped-def]
    h[0] = W @ h


def wrong_step(x, h):  # type: ignore[no-untyped-def]
    h = h[0:n:2]


def wrong_method(x, h):  # type: ignore[no-untyped-def]
    h = (W @ h).sum()


def wrong_infinite(x, h):  # type: ignore[no-untyped-def]
    h = 1e999 * h


WRONG: list[tuple[Callable[..., Any], type[SymrnnError], int, str]] = [
    (wrong_condition, ReadingError, 1, "a condition is not in the language"),
    (wrong_loop, ReadingError, 1, "no For"),
    (wrong_argument, ReadingError, 0, '"g" is not declared'),
    (wrong_name, UnknownNameError, 1, 'nothing declares "V"'),
    (wrong_shape, ShapeError, 1, "n×m and n×1"),
    (wrong_twice, SymrnnError, 2, "defined twice"),
    (wrong_dot, ReadingError, 1, "Write A @ B"),
    (wrong_keyword, ReadingError, 1, "no named arguments"),
    (wrong_number, ReadingError, 1, "not a number"),
    (wrong_operator, ReadingError, 1, "FloorDiv"),
    (wrong_target, ReadingError, 1, "left side"),
    (wrong_step, ReadingError, 1, "start and an end"),
    (wrong_method, ReadingError, 1, "only functions are called"),
    (wrong_infinite, ReadingError, 1, "too long"),
]


@pytest.mark.parametrize(("function", "kind", "line", "message"), WRONG, ids=[w[0].__name__ for w in WRONG])
def test_what_is_no_step(function: Callable[..., Any], kind: type[SymrnnError], line: int, message: str) -> None:
    decorate = cell(sizes="n, m", params="W[n,n], U[n,m]", inputs="x[m]", states="h[n]")
    with pytest.raises(kind, match=message) as caught:
        decorate(function)
    location = caught.value.location
    assert location is not None
    assert location.source.endswith("test_python_reader.py")
    assert location.line == function.__code__.co_firstlineno + line


def test_a_wrong_declaration_names_the_decorator() -> None:
    with pytest.raises(ReadingError, match="no attribute") as caught:
        cell(sizes="n", inputs="x[n]", states="h[n] learnt")(wrong_name)
    assert str(caught.value).startswith("@cell of wrong_name")
