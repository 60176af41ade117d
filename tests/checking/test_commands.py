"""The commands check, layout and grade, from the command line to the exit code."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from symrnn.cli import main

RIGHT = "sum(yhat[t] - y[t], t)"
ELMAN = ["check", "elman", "--of", "L", "--wrt", "c"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.mark.parametrize(
    ("answer", "code", "verdict"),
    [
        (RIGHT, 0, "correct"),
        ("-" + RIGHT, 1, "negated"),
        (RIGHT.replace("y[t], t", "h[t], t"), 1, "nonconformable"),
        ("sum(", 2, "unreadable"),
    ],
)
def test_exit_codes_and_json(capsys, answer: str, code: int, verdict: str) -> None:
    found, out, err = run(capsys, *ELMAN, "--json", f" {answer}")
    assert (found, json.loads(out)["verdict"], err) == (code, verdict, "")


def test_an_answer_from_a_file_and_from_standard_input(capsys, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "answer.tex"
    path.write_text(r"\sum_{t=1}^{\tau} (\hat y_t - y_t)", encoding="utf-8")
    code, out, _ = run(capsys, *ELMAN, str(path))
    assert code == 0
    assert "denominator layout" in out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(RIGHT.encode())))
    assert run(capsys, *ELMAN, "-")[0] == 0


def test_a_claim_says_its_question(capsys) -> None:
    assert run(capsys, "check", "elman", f"D(L, c) = {RIGHT}")[0] == 0
    code, _, err = run(capsys, "check", "elman", RIGHT)
    assert code == 2
    assert "by what" in err


def test_names_and_entries(capsys) -> None:
    assert run(capsys, *ELMAN, "--names", "T=tau,p=yhat", "sum(p[t] - y[t], t, 1, T)")[0] == 0
    assert (
        run(
            capsys,
            "check",
            "elman",
            "--of",
            "L",
            "--wrt",
            "c[0]",
            "--entries-from",
            "1",
            "sum(yhat[t][1] - y[t][1], t)",
        )[0]
        == 0
    )
    code, _, err = run(capsys, *ELMAN, "--names", "T", RIGHT)
    assert code == 2
    assert "no pair" in err


def test_a_wrong_answer_in_words(capsys) -> None:
    code, out, _ = run(
        capsys, "check", "elman", "--of", "h[t]", "--wrt", "h[k]", "prod(diag(1-h[j]**2)@W, j, k+1, t, 1)"
    )
    assert code == 1
    assert "right up to N = 2, wrong from N = 3" in out
    assert "wrong order" in out
    assert "smallest counterexample" in out


def test_a_numeric_exercise(capsys, tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text('{"V": -3, "W": 3, "h[0]": 0, "x": [2, 3, 1], "y": [0, 0, 0]}', encoding="utf-8")
    common = ["check", "scalar_relu", "--of", "h[3]", "--values", str(values)]
    assert run(capsys, *common, "3")[0] == 0
    assert run(capsys, *common, "2")[0] == 1
    assert run(capsys, *common, "three")[0] == 2


CODE = """
import numpy as np

def right(values, **times):
    return np.diag(1 - 0 * values["b"]) @ values["W"] * 0 + 1

def gradient(params, inputs, targets, initial):
    W, U, V, b, c = (params[k] for k in "WUVbc")
    h, total = initial["h[0]"], 0 * c
    for x, y in zip(inputs["x"], targets["y"]):
        h = np.tanh(b + W @ h + U @ x)
        o = c + V @ h
        p = np.exp(o) / np.exp(o).sum()
        total = total + p - y
    return 0.0, {"c": total}

def broken(values, **times):
    raise ValueError("no idea")

def by_W(values, tau, transposed=True, skipped=0):
    W, U, V, b, c, h = (values[k] for k in ("W", "U", "V", "b", "c", "h[0]"))
    hs, errors = [h], []
    for x, y in zip(values["x"], values["y"]):
        hs.append(np.tanh(b + W @ hs[-1] + U @ x))
        p = np.exp(c + V @ hs[-1])
        errors.append(p / p.sum() - y)
    delta, total = 0 * h, 0 * W
    for t in range(tau, skipped, -1):
        delta = (1 - hs[t] ** 2) * (V.T @ errors[t - 1] + (W.T if transposed else W) @ delta)
        total += np.outer(delta, hs[t - 1])
    return total

def from_zero(values, tau):
    return by_W(values, tau, skipped=1)

def untransposed(values, tau):
    return by_W(values, tau, transposed=False)

def squared(values, tau):
    return by_W(values, tau) ** 2
"""


def test_a_function_is_run_only_when_asked_for(capsys, tmp_path: Path) -> None:
    path = tmp_path / "answer.py"
    path.write_text(CODE, encoding="utf-8")
    code, out, _ = run(capsys, *ELMAN, "--code", f"{path}:gradient", "--json")
    assert (code, json.loads(out)["layout"]) == (0, "both")
    assert run(capsys, *ELMAN, "--code", f"{path}:right")[0] == 1
    code, out, _ = run(capsys, *ELMAN, "--code", f"{path}:broken", "--json")
    assert code == 2
    assert "no idea" in json.loads(out)["mistake"]
    assert run(capsys, *ELMAN, "--code", f"{path}:missing")[0] == 2
    assert run(capsys, *ELMAN, "--code", str(path))[0] == 2
    # Without the flag the file is an answer's text, and no formula.
    assert run(capsys, *ELMAN, str(path))[0] == 2


@pytest.mark.parametrize(
    ("function", "verdict", "assumption"),
    [
        ("by_W", "correct", None),
        ("from_zero", "assumption", "h[0] = 0"),
        ("untransposed", "assumption", "W symmetric"),
        ("squared", "wrong", None),
    ],
)
def test_a_function_that_is_right_under_an_assumption(
    capsys, tmp_path: Path, function: str, verdict: str, assumption: str | None
) -> None:
    path = tmp_path / "answer.py"
    path.write_text(CODE, encoding="utf-8")
    asked = ("check", "elman", "--of", "L", "--wrt", "W", "--layout", "denominator")
    _, out, _ = run(capsys, *asked, "--code", f"{path}:{function}", "--json")
    shown = json.loads(out)
    assert (shown["verdict"], shown["assumption"]) == (verdict, assumption)


@pytest.mark.parametrize("bad", [["--layout", "row"], ["--entries-from", "2"], [], ["a", "b"]])
def test_bad_options_are_one_message(capsys, bad: list[str]) -> None:
    code, out, err = run(capsys, *ELMAN, *bad)
    assert (code, out) == (2, "")
    assert err.startswith("symrnn: ")


def test_layout_of_one_formula(capsys) -> None:
    common = ["layout", "--of", "x.T @ A @ x", "--wrt", "x", "--declare", "A[n,n], x[n]"]
    code, out, _ = run(capsys, *common, "x.T @ (A + A.T)")
    assert (code, out) == (0, "numerator layout\n")
    code, out, _ = run(capsys, *common, "(A + A.T) @ x", "--convert", "--json")
    shown = json.loads(out)
    assert (code, shown["layout"], shown["converted"]) == (0, "denominator", "x.T @ (A.T + A)")
    code, out, _ = run(capsys, *common, "A.T @ x")
    assert code == 1
    assert "a term is missing: A" in out


def test_layouts_of_a_text(capsys, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("D(x.T @ A @ x, x) = (A + A.T) @ x\nD(A @ x, x) = A\n", encoding="utf-8")
    code, out, _ = run(capsys, "layout", str(path), "--declare", "A[n,n], x[n]")
    assert code == 1
    assert "line 2 switches from denominator to numerator layout" in out
    code, out, _ = run(capsys, "layout", str(path), "--declare", "A[n,n], x[n]", "--json")
    assert json.loads(out)["switches"] == [{"line": 2, "from": "denominator", "to": "numerator"}]


def test_grade(capsys, tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text('cell = "elman"\nof = "L"\nwrt = "c"\n[points]\ncorrect = 2\n', encoding="utf-8")
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "a.txt").write_text(RIGHT, encoding="utf-8")
    report = tmp_path / "report.csv"
    code, _, err = run(capsys, "grade", str(tmp_path / "q.toml"), str(tmp_path / "answers"), "-o", str(report))
    assert code == 0
    assert "1 answers: 1 correct" in err
    assert report.read_text(encoding="utf-8").splitlines()[1].startswith("a.txt,2,correct")
    assert run(capsys, "grade", str(tmp_path / "q.toml"), str(tmp_path / "nowhere"))[0] == 2


@pytest.mark.parametrize("answer", ["log(W - W)", "W / (W - W)", "1e400*W", "matrix_power(W, -3)", "inv(W - W)"])
def test_numbers_that_are_none_are_still_json(capsys, answer: str) -> None:
    code, out, err = run(capsys, "check", "elman", "--of", "L", "--wrt", "W", "--json", answer)
    assert (code, err) == (1, "")
    assert json.loads(out)["verdict"] == "wrong"


TRUNCATED = """
import numpy as np

def one_step(params, inputs, targets, initial):
    W, U, V, b, c = (params[k] for k in "WUVbc")
    h, total = initial["h[0]"], 0 * W
    for x, y in zip(inputs["x"], targets["y"]):
        before, h = h, np.tanh(b + W @ h + U @ x)
        o = c + V @ h
        p = np.exp(o) / np.exp(o).sum()
        total = total + np.outer((1 - h**2) * (V.T @ (p - y)), before)
    return total

def of_another_shape(params, inputs, targets, initial):
    return params["V"]
"""


def test_the_mistake_of_a_function(capsys, tmp_path: Path) -> None:
    path = tmp_path / "answer.py"
    path.write_text(TRUNCATED, encoding="utf-8")
    by_w = ["check", "elman", "--of", "L", "--wrt", "W", "--json", "--code"]
    code, out, _ = run(capsys, *by_w, f"{path}:one_step")
    shown = json.loads(out)
    assert (code, shown["verdict"], shown["window"]) == (1, "truncated", 0)
    code, out, _ = run(capsys, *by_w, f"{path}:of_another_shape")
    assert (code, json.loads(out)["verdict"]) == (1, "wrong")
    assert "returns an array of shape" in json.loads(out)["mistake"]


@pytest.mark.parametrize("answer", ["-(W.T@h[t])", r"-\frac{1}{2}W", "-W @ W.T"])
def test_an_answer_may_begin_with_a_minus(capsys, answer: str) -> None:
    assert main(["check", "elman", "--of", "L", "--wrt", "W", answer]) == 1
    assert capsys.readouterr().out.startswith("wrong")
