"""Every way in which a file is no cell: the line, the reason, the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from symrnn.errors import CellError, ReadingError, ShapeError, SymrnnError, UnknownNameError, UnsupportedError
from symrnn.reading import load_cell_file, read_cell

HEAD = "size n, m\nparam W[n,n], U[n,m], b[n]\ninput x[m]\n"
STEP = "h[t] = tanh(W @ h[t-1] + U @ x[t])\n"

WRONG: list[tuple[str, str, type[SymrnnError], int | None, str]] = [
    ("empty", "", CellError, None, "the file is empty"),
    ("only comments", "# nothing\n\n  # here", CellError, None, "the file is empty"),
    ("no equation", "size n\nparam W[n,n]", CellError, None, "no equation and no loss"),
    (
        "a state that nothing defines",
        HEAD + "state h[n]\no[t] = W @ h[t]",
        CellError,
        4,
        'no equation defines the state "h"',
    ),
    ("a name that nothing declares", HEAD + "h[t] = tanh(Wh @ h[t-1])", UnknownNameError, 4, "nothing declares"),
    ("a misspelt name", "size n\nparam alpha\nloss f = alhpa", UnknownNameError, 3, 'Did you mean "alpha"'),
    ("a misspelt variable", HEAD + STEP + "state1[t] = W @ hh[t]", UnknownNameError, 5, 'Did you mean "h"'),
    ("a misspelt time", HEAD + "h[t] = tanh(W @ h[s-1])", UnknownNameError, 4, "no time, size or bound index"),
    ("a misspelt keyword", "parm W[n,n]", ReadingError, 1, 'Did you mean "param"'),
    ("a misspelt size", "size n\nparam W[n,nn]\nloss f = det(W)", UnknownNameError, 2, 'Did you mean "n"'),
    ("a misspelt attribute", "size K\ntarget y[K] onehott\nloss f = sum(y)", ReadingError, 2, 'Did you mean "onehot"'),
    ("a misspelt function", HEAD + "h[t] = tahn(W @ h[t-1])", UnknownNameError, 4, 'Did you mean "tanh"'),
    (
        "a circle in a step",
        HEAD + "a[t] = W @ c[t]\nc[t] = tanh(a[t])",
        CellError,
        4,
        r"circle: a\[t\] → c\[t\] → a\[t\]",
    ),
    ("a variable of itself", HEAD + "a[t] = W @ a[t] + b", CellError, 4, r"circle: a\[t\] → a\[t\]"),
    ("both directions", HEAD + "h[t] = W @ h[t-1] + W @ h[t+1]", CellError, 4, "at earlier and at later times"),
    (
        "read before it is known",
        HEAD + "f[t] = W @ f[t-1] + g[t]\ng[t] = W @ g[t+1] + p[t]\np[t] = f[t-1]",
        CellError,
        5,
        '"g" is read before it is known',
    ),
    (
        "a quantity of the whole in a step",
        HEAD + "z = sum(h[t], t)\nh[t] = W @ h[t-1] + z",
        CellError,
        4,
        "circle: z → h",
    ),
    (
        "declared twice",
        "size n\nparam W[n,n]\ninput W[n]\nloss f = sum(W)",
        CellError,
        3,
        '"W" is declared twice: as a param in line 2',
    ),
    ("a size as a parameter", "size n\nparam n\nloss f = n", CellError, 2, "declared twice"),
    ("defined twice", HEAD + STEP + "h[t] = b", CellError, 5, '"h" is defined twice: in line 4'),
    ("an input with an equation", HEAD + "x[t] = U.T @ b", CellError, 4, '"x" is declared as an input'),
    ("a parameter with an equation", HEAD + "b = W @ b", CellError, 4, '"b" is declared as a param'),
    ("the loss's name is taken", HEAD + STEP + "loss W = sum(norm2(h[t]), t)", CellError, 5, "loss's name"),
    ("two losses", HEAD + STEP + "loss L = norm2(h[1])\nloss J = norm2(h[2])", ReadingError, 6, 'second "loss"'),
    ("two time lines", "time t = 1..tau\ntime s = 1..N\nloss L = 1", ReadingError, 2, 'second "time"'),
    ("two names", "cell a\ncell b\nloss L = 1", ReadingError, 2, 'second "cell"'),
    (
        "shapes of a product",
        HEAD + "h[t] = U @ h[t-1]\nstate h[n]",
        ShapeError,
        4,
        "n×m and n×1: the inner sizes m and n differ",
    ),
    ("matrix times vector", HEAD + "state h[n]\nh[t] = W * h[t-1]", ShapeError, 5, "Write @ for the matrix product"),
    (
        "a bias of a minibatch",
        "size n, B\nparam W[n,n], b[n]\nstate H[n,B]\nH[t] = W @ H[t-1] + b",
        ShapeError,
        4,
        r"ones\(B\) @ b\.T",
    ),
    (
        "a state of another shape",
        HEAD + "state h[m]\n" + "h[t] = tanh(W @ b + U @ x[t])",
        ShapeError,
        5,
        "h is m×1, and its equation is n×1",
    ),
    (
        "a scalar state with a vector",
        HEAD + "state h\nh[t] = tanh(b + h[t-1])",
        ShapeError,
        5,
        "h is scalar, and its equation is n×1",
    ),
    (
        "an initial value of another shape",
        HEAD + "state h[n] = W\n" + STEP,
        ShapeError,
        4,
        "h is n×1, and its value is n×n",
    ),
    ("an initial value from an input", HEAD + "state h[n] = U @ x\n" + STEP, CellError, 4, "the value of h reads x"),
    (
        "a loss that is no scalar",
        HEAD + STEP + "loss L = sum(h[t], t)",
        ShapeError,
        5,
        "the loss is a scalar, but this is n×1",
    ),
    (
        "an input before the first step",
        HEAD + "h[t] = U @ x[t-1] + W @ h[t-1]",
        CellError,
        4,
        r"x\[0\] is read.*x exists at the times 1..tau",
    ),
    ("an input after the last step", HEAD + "h[t] = U @ x[t+1] + W @ h[t-1]", CellError, 4, r"x\[tau \+ 1\] is read"),
    (
        "the next input as target up to the end",
        HEAD + STEP + "loss L = sum(norm2(x[t+1] - U.T @ h[t]), t)",
        CellError,
        5,
        r"sum\(L\[t\], t, 1, tau - 1\)",
    ),
    (
        "the same through the summand",
        HEAD + STEP + "L[t] = norm2(x[t+1] - U.T @ h[t])\nloss L = sum(L[t], t)",
        CellError,
        5,
        r"wanted by L\[t\]",
    ),
    ("two steps before a target's value", "size n\ntarget d[n] = 0\nh[t] = d[t-2]", CellError, 3, r"d\[-1\] is read"),
    (
        "a variable before the first step",
        HEAD + STEP + "o[t] = W @ h[t]\nloss L = norm2(o[0])",
        CellError,
        6,
        "Only a state",
    ),
    (
        "a state far before the first step",
        HEAD + STEP + "loss L = norm2(h[-3])\nstate q[n]\nq[t] = b",
        CellError,
        5,
        "exists",
    ),
    ("a fixed time in a step", HEAD + STEP + "o[t] = W @ h[1]", UnsupportedError, 5, "not a fixed number of steps"),
    (
        "a sum over the past in a step",
        HEAD + STEP + "o[t] = sum(h[k], k, 1, t)",
        UnsupportedError,
        5,
        "not a fixed number of steps",
    ),
    ("the left side at another time", HEAD + "h[t+1] = W @ h[t]", ReadingError, 4, r"at the time of the step, h\[t\]"),
    ("the left side before the first step", HEAD + "h[0] = b\n" + STEP, ReadingError, 4, r"state h\[n\] = 0"),
    ("another time index", HEAD + "h[k] = tanh(W @ h[k-1])", ReadingError, 4, "time t ="),
    ("a left side that is none", HEAD + "W @ b = h[t]", ReadingError, 4, "left side of an equation"),
    ("a line that is none", HEAD + "W @ b", ReadingError, 4, 'expected "="'),
    ("a loss at no time", HEAD + STEP + "loss L = norm2(h[t])", UnknownNameError, 5, r"sum\(L\[t\], t\)"),
    ("a loss that counts its steps", HEAD + STEP + "loss L = t", UnknownNameError, 5, "whole sequence"),
    ("an equation without its time", HEAD + "h = tanh(W @ h + b)", CellError, 4, r"Write h\[t\] = "),
    ("a forgotten operator", HEAD + "h[t] = tanh(W h[t-1])", ReadingError, 4, "Write @ or"),
    ("a bare variable", HEAD + STEP + "o[t] = W @ h", ReadingError, 5, r"Write h\[t\]"),
    (
        "an input with and without time",
        HEAD + "h[t] = U @ x[t] + U @ x",
        ReadingError,
        4,
        r'"x" has one value per time',
    ),
    ("a value for a parameter", "size n\nparam W[n,n] = 0\nloss f = det(W)", ReadingError, 2, "has no value here"),
    ("learned with a value", "size n\nstate h[n] learned = 0\nh[t] = h[t-1]", ReadingError, 2, "has no value here"),
    ("a shape of three sizes", "size n\nparam W[n,n,n]\nloss f = sum(W)", ReadingError, 2, "one or two sizes"),
    ("a slice as a shape", "size n\nparam W[0:n]\nloss f = sum(W)", ReadingError, 2, "one or two sizes"),
    ("a size that is zero", "param W[0]\nloss f = sum(W)", ReadingError, 1, "not positive"),
    ("a size with a shape", "size n[2]\nloss f = n", ReadingError, 1, "has no shape"),
    ("sizes equal to each other", "size m = K\nsize K = m\nloss f = m", CellError, 1, "equal to itself"),
    ("a size that is the time index", "size t\nloss f = t", CellError, 1, "time index"),
    ("a parameter called like the time", "param t\nloss f = t", CellError, 1, "names the times"),
    ("no times", "time t = 3..1\nloss f = 1", CellError, 1, "hold no step"),
    ("a time line without a range", "time t = 1\nloss f = 1", ReadingError, 1, r'expected "\.\."'),
    ("a function that exists", "function tanh\nloss f = 1", CellError, 1, "a function already"),
    ("a function bound to nothing", "function f = thanh\nloss g = 1", UnknownNameError, 1, 'Did you mean "tanh"'),
    ("a function bound to a reduction", "function f = softmax\nloss g = 1", CellError, 1, "not elementwise"),
    ("an unknown layout", "layout mixed\nloss f = 1", ReadingError, 1, "numerator or layout denominator"),
    ("a style without a value", "size n\nstyle bold=\nloss f = 1", ReadingError, 2, "is no style"),
    ("a missing comma", "size n m\nloss f = n", ReadingError, 1, "no attribute"),
    ("a forgotten parenthesis", HEAD + "a[t] = tanh(W @ b\nh[t] = a[t]", ReadingError, 4, r'or "\)"'),
    ("a head that nobody knows", HEAD + STEP + "head softmax(h)", CellError, 5, "no heads are known"),
    ("not text", "cell a\n\x01\x02", ReadingError, 2, "U\\+0001"),
    ("an expression that ends", HEAD + "h[t] = W @", ReadingError, 4, "found the end"),
]


@pytest.mark.parametrize(("text", "kind", "line", "message"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_wrong_file(text: str, kind: type[SymrnnError], line: int | None, message: str) -> None:
    with pytest.raises(SymrnnError, match=message) as caught:
        read_cell(text, "wrong.cell")
    assert type(caught.value) is kind
    assert caught.value.location is not None
    assert caught.value.location.source == "wrong.cell"
    assert caught.value.location.line == line


def test_a_message_shows_the_line_with_a_caret() -> None:
    with pytest.raises(ShapeError) as caught:
        read_cell(HEAD + "state h[n]\nh[t] = tanh(U @ h[t-1])", "mine.cell")
    assert str(caught.value).splitlines() == [
        "mine.cell, line 5, column 17: @ of n×m and n×1: the inner sizes m and n differ",
        "    h[t] = tanh(U @ h[t-1])",
        "                    ^",
        "  The transposed left factor would fit: m×n and n×1.",
    ]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="no such file"):
        load_cell_file(tmp_path / "none.cell")
    with pytest.raises(ReadingError, match="folder"):
        load_cell_file(tmp_path)
    with pytest.raises(ReadingError):
        load_cell_file("bad\0name.cell")
    binary = tmp_path / "binary.cell"
    binary.write_bytes(b"cell a\nsize \xff\xfe\n")
    with pytest.raises(ReadingError, match="not text in UTF-8") as caught:
        load_cell_file(binary)
    assert caught.value.location is not None
    assert (caught.value.location.line, caught.value.location.column) == (2, 6)
    empty = tmp_path / "empty.cell"
    empty.write_bytes(b"")
    with pytest.raises(CellError, match="empty"):
        load_cell_file(empty)
    huge = tmp_path / "huge.cell"
    huge.write_bytes(b"#" * 9_000_000)
    with pytest.raises(ReadingError, match="too large"):
        load_cell_file(huge)


def test_a_long_chain_of_equations_needs_no_stack() -> None:
    count = 3000
    lines = [f"a{i}[t] = a{i + 1}[t]" for i in range(count)]
    cell = read_cell("\n".join(["size n", "input x[n]", *lines, f"a{count}[t] = x[t]"]))
    assert cell.step_order()[0] == f"a{count}"
    with pytest.raises(CellError, match="circle"):
        read_cell("\n".join(["size n", "state a0[n]", *lines, f"a{count}[t] = a0[t]"]))
