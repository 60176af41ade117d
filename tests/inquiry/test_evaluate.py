"""Exact numbers, held against exam texts worked by hand and against the floating-point oracle."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symrnn.cells import names
from symrnn.emitting.text import to_text
from symrnn.errors import DataError, QuestionError, ReadingError
from symrnn.inquiry.evaluate import evaluate, parse_values, read_values
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.reading.question import read_question

EXAM = {"V": -2, "W": 1, "h[0]": 2, "x": [2, "3/2", 4]}
INCLASS = {
    "W": [["0.3", "0.6"], ["0.2", "0.1"]],
    "V": [["0.4", "0.4"], ["0.9", "0.7"]],
    "b": ["0.1", "0.6"],
    "C": [["0.2", "0.1"], ["0.2", "0.5"]],
    "x": [[0, 1], [0, 1]],
    "h[-1]": [0, 0],
}


def ask(cell, *questions):
    return [read_question(of, by, cell) for of, by in questions]


def test_an_exam_in_fractions(library):
    cell = library("scalar_relu")
    found = evaluate(cell, EXAM, ask(cell, ("h[3]", "V"), ("h[3]", "W"), ("h[3]", "x[1]")))
    assert [found.value("h", t).text() for t in (1, 2, 3)] == ["0", "3/2", "1"]
    assert [line.numbers.text() for line in found.answers] == ["3/2", "1", "0"]
    assert found.exact


def test_every_stage_is_shown_and_equal(library):
    cell = library("inclass")
    found = evaluate(cell, INCLASS, ask(cell, ("o[1]", "h[0]")))
    line = next(f for f in found.forward if to_text(f.of) == "h[1]")
    assert [to_text(stage) for stage in line.stages] == [
        "relu(W @ x[1] + V @ h[0] + b)",
        "relu(concat(hcat(0.3, 0.6), hcat(0.2, 0.1)) @ concat(0, 1) + concat(hcat(0.4, 0.4), hcat(0.9, 0.7)) @ "
        "concat(0.7, 0.7) + concat(0.1, 0.6))",
        "relu(concat(0.6, 0.1) + concat(0.56, 1.12) + concat(0.1, 0.6))",
        "relu(concat(1.26, 1.82))",
        "concat(1.26, 1.82)",
    ]
    assert found.value("o", 1).text() == [["217/500"], ["581/500"]]


def test_a_file_keeps_decimals_exact(tmp_path):
    path = tmp_path / "values.json"
    path.write_text('{"W": [[0.1, "1/3"]], "b": [2]}', encoding="utf-8")
    assert read_values(path) == {"W": [["0.1", "1/3"]], "b": [2]}


@pytest.mark.parametrize("name", names())
def test_numbers_agree_with_the_floating_oracle(library, name):
    """Forward values and one derivative of every cell; the numbers travel as the texts of a values file."""
    cell = library(name)
    instance = random_instance(cell, 3, tau=3)
    values = {key: _texts(value) for key, value in instance.values.items()}
    values.update({key: _texts(value) for key, value in instance.initial.items()})
    values.update({name: size for name, size in instance.sizes.items() if name not in dict(cell.equal_sizes)})
    by = cell.initial_keys()[0][2] if cell.states[0].start != "expression" else cell.parameters[0].name
    if cell.parameters and by == cell.parameters[0].name and cell.parameters[0].timed:
        by += f"[{cell.time.first}]"
    questions = ask(cell, (cell.loss_name, by))
    found = evaluate(cell, values, questions)
    oracle = Evaluator(cell, instance)
    for line in found.forward:
        time = line.of.time.constant if line.of.time is not None else None
        expected = oracle.value(line.of.name, time)
        np.testing.assert_allclose(line.numbers.array.astype(float), expected, rtol=1e-12, atol=1e-14)
    expected = oracle.total(*questions[0])
    np.testing.assert_allclose(found.answers[0].numbers.array.astype(float), expected, rtol=1e-8, atol=1e-12)


def _texts(value):
    if isinstance(value, dict):
        return [_texts(v) for v in value.values()]
    array = np.asarray(value, dtype=float)
    return [_texts(v) for v in array] if array.ndim else str(Fraction(float(array)))


def test_a_kink_is_reported_with_what_it_decides(library):
    cell = library("scalar_relu")
    values = {"V": 1, "W": 1, "h[0]": -1, "x": [1, 1]}
    (answer,) = evaluate(cell, values, ask(cell, ("h[2]", "V"))).answers
    assert answer.kink.functions == ("relu",)
    assert answer.kink.matters
    assert [value.item() for _, value in answer.kink.values] == [0, Fraction(-1, 2), -1]
    (chosen,) = evaluate(cell, values, ask(cell, ("h[2]", "V")), relu0=1).answers
    assert chosen.numbers.text() == "-1"


def test_a_kink_that_decides_nothing(library):
    cell = library("scalar_relu")
    values = {"V": 0, "W": 1, "h[0]": 0, "x": [0, 1]}
    (answer,) = evaluate(cell, values, ask(cell, ("h[2]", "x[1]"))).answers
    assert answer.kink.functions == ("relu",)
    assert not answer.kink.matters


def test_no_kink_no_report(library):
    cell = library("scalar_relu")
    (answer,) = evaluate(cell, EXAM, ask(cell, ("h[3]", "V"))).answers
    assert answer.kink is None


def test_a_function_that_is_not_rational_says_so(written):
    cell = written("param w\ninput x\nstate h\nh[t] = tanh(w*h[t-1] + x[t])\nloss L = h[tau]")
    found = evaluate(cell, {"w": 1, "x": [1], "h[0]": 0}, ask(cell, ("L", "w")))
    assert not found.exact
    assert "tanh" in found.answers[0].numbers.statement


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h[0]": None}, r"missing for h\[0\] \(a number\)"),
        ({"V": None, "W": None}, r"missing for V \(a number\), W \(a number\)"),
        ({"V": [[1]]}, "V is scalar"),
        ({"V": "two"}, '"two" is not a number'),
        ({"v": 1}, 'takes no value "v"'),
    ],
)
def test_bad_numbers(library, change, message):
    cell = library("scalar_relu")
    values = {k: v for k, v in {**EXAM, **change}.items() if v is not None}
    with pytest.raises(DataError, match=message):
        evaluate(cell, values, ask(cell, ("h[3]", "V")))


def test_a_missing_matrix_is_named_with_its_shape(library):
    values = {k: v for k, v in INCLASS.items() if k != "C"}
    cell = library("inclass")
    with pytest.raises(DataError, match=r"C \(2×2\)"):
        evaluate(cell, values, ask(cell, ("o[0]", "W")))


def test_a_question_needs_definite_times(library):
    cell = library("scalar_relu")
    with pytest.raises(QuestionError, match=r"h\[t\] has no definite time"):
        evaluate(cell, EXAM, ask(cell, ("h[t]", "V")))


def test_free_times_may_be_given_apart(library):
    cell = library("scalar_relu")
    (found,) = evaluate(cell, EXAM, ask(cell, ("h[t]", "h[k]")), times={"t": 3, "k": 2}).answers
    assert found.numbers.text() == "-2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"V": 1,', "line 1, column 9"),
        ("[1, 2]", "not an object"),
        ('{"V": NaN}', "NaN is not a number"),
        ('{"V": 1, "V": 2}', "given twice"),
        ("", "not JSON"),
        ('{"W": [1, 2]\n', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_bad_files(text, message):
    with pytest.raises((ReadingError, DataError), match=message):
        parse_values(text)
