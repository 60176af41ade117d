"""Hostile and random text: only the documented errors, never a crash, never a hang."""

from __future__ import annotations

import contextlib
import random
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symrnn.errors import SymrnnError
from symrnn.language import Cell
from symrnn.reading import Scope, load_cell_file, read_cell, read_expression, read_formula, read_question

from .conftest import CELLS, ELMAN, head_text

NAMES = "W U V b c h x y a o L t k j i n m K tau D Dplus f alpha beta"
SIGNS = "+ - * @ / ** ( ) [ ] , : ; = . .. ' .T == \n # 0 1 2 0.5 1e3 []"
CALLS = "sum( prod( diag( concat( eye( ones( tanh( softmax( inv( matrix_power( norm2( vec( kron( max( h[t-1] h[t]"
LINES = "size param const input target state function time loss head cell layout style onehot learned 1..tau"
ODD = ("\t", " ", "\x00", "é", "τ", "²", "\u2028")
WORDS = (*(word for text in (NAMES, SIGNS, CALLS, LINES) for word in text.split(" ")), *ODD)

soup = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
glued = st.lists(st.sampled_from(WORDS), max_size=30).map("".join)
anything = st.one_of(soup, glued, st.text(max_size=200))


@given(anything)
@example("W[" * 30)
@example("sum(" * 59 + "b" + ", t)" * 59)
def test_any_text_as_an_expression_or_formula(elman: Cell, text: str) -> None:
    scope = Scope.of(elman)
    for read in (read_expression, read_formula):
        with contextlib.suppress(SymrnnError):
            read(text, scope)
    with contextlib.suppress(SymrnnError):
        read_question(text, text, elman)


@given(anything)
def test_any_text_as_a_cell(text: str) -> None:
    for whole in (text, ELMAN + text):
        with contextlib.suppress(SymrnnError):
            read_cell(whole, "fuzz.cell", head_text)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.cell"
    path.write_bytes(data)
    with contextlib.suppress(SymrnnError):
        load_cell_file(path)


FILES = sorted(CELLS.glob("*.cell"))


@given(st.sampled_from(FILES), st.integers(0, 2**32))
def test_a_file_with_a_slip_in_it(path: Path, seed: int) -> None:
    """Letters dropped, doubled, swapped or replaced, words exchanged: a cell, or one message that says where."""
    text, dice = list(path.read_text("utf-8")), random.Random(seed)
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(text) - 1)
        match dice.randrange(4):
            case 0:
                del text[place]
            case 1:
                text.insert(place, text[place])
            case 2:
                text[place], text[place + 1] = text[place + 1], text[place]
            case _:
                text[place] = dice.choice(WORDS)
    problem: SymrnnError | None = None
    try:
        read_cell("".join(text), "slip.cell", head_text)
    except SymrnnError as error:
        problem = error
    assert problem is None or (problem.location is not None and str(problem))


HOSTILE = {
    "brackets": "(" * 20_000,
    "closed brackets": "(" * 20_000 + "b" + ")" * 20_000,
    "square brackets": "W[" * 20_000,
    "calls": "tanh(" * 20_000,
    "signs": "-" * 20_000,
    "powers": "2" + "**2" * 20_000,
    "transposes": "W" + ".T" * 20_000,
    "subscripts": "W" + "[0]" * 20_000,
    "primes": "f" + "'" * 20_000 + "(b)",
    "digits": "9" * 20_000,
    "exponent": "1e" + "9" * 20_000,
    "quotients": "alpha" + "/3" * 20_000,
    "mixed operators": "alpha" + "*2/3" * 20_000,
    "a long sum": "alpha" + "+1" * 30_000,
    "a long product": "W" + "@W" * 20_000,
    "a wide call": "concat(" + "b," * 20_000 + "b)",
    "a wide index": "W[" + "0," * 20_000 + "0]",
    "polynomials": "*".join(f"({'+'.join(f'j{i}{k}' for i in range(50))})" for k in range(50)).join(("h[", "]")),
    "numbers of times": "*".join(["(t + tau + n + m + K)"] * 100),
    "a long product of sizes": "*".join(["n"] * 20_000),
    "a long sum of times": "+".join(["t"] * 20_000),
    "maxima": "h[" + "max(t," * 50 + "1" + ")" * 50 + "]",
    "a wide maximum": "h[max(" + ",".join(f"j{i}" for i in range(20_000)) + ")]",
    "a name": "W" * 20_000,
    "lines": "\n" * 20_000,
    "semicolons": ";" * 20_000,
    "parts": ";".join(f"a{i} = b" for i in range(20_000)),
    "nulls": "\x00" * 20_000,
    "sums": "sum(" * 1000 + "b",
    "an undecided product": "+".join(f"prod(W, j, i{k}, l{k})" for k in range(2000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_stopped_in_a_moment(text: str, elman: Cell) -> None:
    scope = Scope.of(elman)
    limit, start = sys.getrecursionlimit(), time.monotonic()
    for read in (read_expression, read_formula):
        with contextlib.suppress(SymrnnError):
            read(text, scope)
    with contextlib.suppress(SymrnnError):
        read_cell(ELMAN + text, "hostile.cell")
    assert time.monotonic() - start < 20
    assert sys.getrecursionlimit() == limit


CELLS_TO_STOP = {
    "names": "param " + ", ".join(f"a{i}" for i in range(20_000)) + "\nloss f = a1",
    "sizes": "size " + ", ".join(f"n{i}" for i in range(5_000)) + "\nloss f = n1",
    "equal sizes": "size n0\n" + "\n".join(f"size n{i + 1} = n{i} + 1" for i in range(1_000)) + "\nloss f = n9",
    "growing sizes": "size n0\n" + "\n".join(f"size n{i + 1} = n{i}*n{i}" for i in range(200)) + "\nloss f = n9",
    "lags": "size n\n" + "h[t] = " + " + ".join(f"h[t-{i}]" for i in range(1, 2_000)) + "\nstate h[n]",
    "undefined": "\n".join(f"a{i}[t] = a{i + 1}[t-1]" for i in range(1_000)),
    "a circle": "\n".join(f"a{i}[t] = a{(i + 1) % 1_000}[t-1]" for i in range(1_000)),
    "two ways": "\n".join(f"a{i}[t] = a{i + 1}[t] + a{i + 1}[t]" for i in range(1_000)) + "\ninput x\na1000[t] = x[t]",
    "ranges": "input x\na[t] = x[t]\nloss L = " + " + ".join(f"sum(a[t], t, {i}, tau)" for i in range(1, 1_000)),
    "digits in a time": "time t = 1.." + "9" * 50 + "\ninput x\nloss L = sum(x[t], t)",
}


@pytest.mark.parametrize("text", CELLS_TO_STOP.values(), ids=CELLS_TO_STOP.keys())
def test_hostile_cells_are_read_or_refused_in_a_moment(text: str) -> None:
    start = time.monotonic()
    with contextlib.suppress(SymrnnError):
        read_cell(text, "hostile.cell")
    assert time.monotonic() - start < 20
