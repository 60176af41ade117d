"""What inquiries found, as text and for programs; the picture of gradient flow."""

from __future__ import annotations

import json
import sys
from fractions import Fraction

import pytest

from symrnn.drawing.evaluation_text import evaluation_dict, evaluation_text, numbers_text
from symrnn.drawing.flow_picture import save_picture
from symrnn.drawing.flow_text import flow_dict, flow_text
from symrnn.drawing.spectral_text import bound_text, spectral_dict, spectral_text
from symrnn.errors import DataError, MissingExtraError
from symrnn.inquiry.evaluate import evaluate
from symrnn.inquiry.flow import flow
from symrnn.inquiry.norm_bound import step_bound
from symrnn.inquiry.spectral import spectral
from symrnn.reading.question import read_question


def test_values_with_their_stages(library):
    cell = library("scalar_relu")
    found = evaluate(cell, {"V": 1, "W": 1, "h[0]": -1, "x": [1, 1]}, [read_question("h[2]", "V", cell)])
    assert evaluation_text(found) == (
        "z[1] = V * h[0] + W * x[1] = 1 * (-1) + 1 * 1 = -1 + 1 = 0\n"
        "h[1] = relu(z[1]) = relu(0) = 0\n"
        "z[2] = V * h[1] + W * x[2] = 1 * 0 + 1 * 1 = 0 + 1 = 1\n"
        "h[2] = relu(z[2]) = relu(1) = 1\n"
        "D(h[2], V) = relu'(z[2]) * V * relu'(z[1]) * h[0] + relu'(z[2]) * h[1]\n"
        "           = relu'(1) * 1 * relu'(0) * (-1) + relu'(1) * 0\n"
        "           = 1 * 1 * 0 * (-1) + 1 * 0\n"
        "           = 0 + 0\n"
        "           = 0\n"
        "  (a kink of relu was met exactly, and the slope there decides: 0 gives 0; 1/2 gives -1/2; 1 gives -1)\n"
    )
    told = json.loads(json.dumps(evaluation_dict(found)))
    assert told["answers"][0]["kink"]["values"] == {"0": "0", "1/2": "-1/2", "1": "-1"}
    assert told["values"]["h[2]"] == "1"


def test_rounded_numbers_say_so(library):
    cell = library("elman")
    values = {
        "U": [[1]], "W": [["1/2"]], "V": [[1], [2]], "b": [0], "c": [0, 0],
        "x": [[1]], "y": [1], "h[0]": [1],
    }  # fmt: skip
    text = evaluation_text(evaluate(cell, values))
    assert "≈" in text
    assert "because tanh does not stay within the rational numbers" in text


def test_arrays_in_brackets():
    import numpy as np

    array = np.array([[Fraction(1, 2), Fraction(3)]], dtype=object)
    assert numbers_text(array, True) == "[[1/2, 3]]"
    assert numbers_text(array.T, True) == "[1/2, 3].T"
    assert numbers_text(np.array(Fraction(-21, 100), dtype=object), True) == "-0.21"
    assert numbers_text(np.array(Fraction(1, 30), dtype=object), True) == "1/30"
    assert numbers_text(np.array(1 / 3), False) == "0.333333"


def test_a_bound_as_a_formula(library):
    assert bound_text(step_bound(library("jordan"), "y").bound) == "1/16 σ_max(W_y) σ_max(U_h)"
    assert bound_text(step_bound(library("residual"), "h").bound) == "1 + σ_max(W)"
    assert bound_text(None) == "nothing bounds it"


@pytest.mark.parametrize("name", ["elman", "lstm", "linear", "scalar_relu", "delta_rule"])
def test_spectral_facts_as_text(library, name):
    found = spectral(library(name))
    text = spectral_text(found)
    assert all(statement.text in text for statement in found.statements)
    assert json.loads(json.dumps(spectral_dict(found)))["state"] == found.state


def test_flow_as_text(library):
    found = flow(library("scalar_relu"), 12)
    assert "per step a factor of about" in flow_text(found)
    assert flow_text(found, ascii=True).isascii()
    assert json.loads(json.dumps(flow_dict(found), allow_nan=False))["times"] == list(range(1, 13))


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_flow_as_a_picture(library, tmp_path, ending):
    pytest.importorskip("matplotlib")
    target = tmp_path / f"flow.{ending}"
    found = flow(library("bidirectional"), 8)
    save_picture(found, target)
    first = target.read_bytes()
    assert len(first) > 5000
    save_picture(found, target)
    assert target.read_bytes() == first or ending == "svg"


def test_a_picture_of_an_unknown_kind(library, tmp_path):
    with pytest.raises(DataError, match=r'"\.gif"'):
        save_picture(flow(library("elman"), 3), tmp_path / "flow.gif")


def test_without_matplotlib_nothing_is_written(library, tmp_path, monkeypatch):
    monkeypatch.setattr("symrnn.doctor.importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    target = tmp_path / "flow.png"
    with pytest.raises(MissingExtraError, match="pip install matplotlib"):
        save_picture(flow(library("elman"), 3), target)
    assert not target.exists()


def test_a_folder_that_is_not_there(library, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(DataError, match="cannot be written"):
        save_picture(flow(library("elman"), 3), tmp_path / "none" / "flow.png")
