"""The command line in one process: every command, every format, every kind of bad input."""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

import pytest

from symrnn.cli import BAD_INPUT, FINE, OWN_MISTAKE, commands, main
from symrnn.cli.commands import derive as derive_command
from symrnn.cli.terminal import SPELLED, Terminal, ascii_of
from symrnn.errors import CheckFailedError

Captured = pytest.CaptureFixture[str]


def run(*argv: str) -> int:
    return main(list(argv))


def fails(captured: Captured, *argv: str) -> str:
    """The message of a command line that is bad input."""
    code = run(*argv)
    out, err = captured.readouterr()
    assert code == BAD_INPUT, (code, out, err)
    assert out == ""
    assert err.startswith("symrnn: ")
    assert "Traceback" not in err
    return err


def shown(captured: Captured, *argv: str) -> str:
    """What a good command line prints."""
    code = run(*argv)
    out, err = captured.readouterr()
    assert code == FINE, err
    assert err == ""
    return out


# The edge


def test_without_a_command_the_overview_and_exit_code_2(capsys: Captured) -> None:
    assert run() == BAD_INPUT
    assert "usage: symrnn COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [["--help"], ["-h"], ["help"]])
def test_the_overview_names_every_command_with_a_sentence(capsys: Captured, asked: list[str]) -> None:
    lines = shown(capsys, *asked).splitlines()
    for name in commands.names():
        (line,) = [line for line in lines if line.split()[:1] == [name] and line.startswith("  ")]
        assert len(line.split()) > 2


@pytest.mark.parametrize("name", commands.names())
def test_every_command_explains_itself(capsys: Captured, name: str) -> None:
    told = shown(capsys, name, "--help")
    assert told.startswith(f"usage: symrnn {name}")
    assert commands.summary(name) in told.replace("\n", " ")
    assert told == shown(capsys, "help", name)


@pytest.mark.parametrize("name", commands.names())
def test_every_option_of_every_command_is_explained(name: str) -> None:
    parser = argparse.ArgumentParser()
    commands.load(name).configure(parser)
    assert [action.dest for action in parser._actions if not action.help] == []


def test_the_version(capsys: Captured) -> None:
    import symrnn

    assert shown(capsys, "--version") == f"symrnn {symrnn.__version__}\n"


def test_a_misspelt_command_gets_a_suggestion(capsys: Captured) -> None:
    assert 'Did you mean "derive"?' in fails(capsys, "deriv", "elman")


def test_a_misspelt_option_gets_a_suggestion(capsys: Captured) -> None:
    assert 'Did you mean "--layout"?' in fails(capsys, "derive", "elman", "--wrt", "W", "--layuot=numerator")


def test_a_missing_option_is_named(capsys: Captured) -> None:
    assert "--wrt" in fails(capsys, "derive", "elman")


def test_a_wrong_choice_lists_the_right_ones(capsys: Captured) -> None:
    assert "'denominator'" in fails(capsys, "derive", "elman", "--wrt", "W", "--layout", "denom")


@pytest.mark.parametrize("seed", ["x", "-1", "1.5"])
def test_a_seed_is_a_whole_number(capsys: Captured, seed: str) -> None:
    assert "--seed" in fails(capsys, "derive", "elman", "--wrt", "W", f"--seed={seed}")


def test_a_failed_check_is_exit_code_1(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise CheckFailedError("step 3 does not hold")

    monkeypatch.setattr(derive_command, "run", broken)
    assert run("derive", "elman", "--wrt", "W") == 1
    assert capsys.readouterr().err == "symrnn: step 3 does not hold\n"


def test_a_mistake_of_symrnns_own_is_no_traceback(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(derive_command, "run", broken)
    assert run("derive", "elman", "--wrt", "W") == OWN_MISTAKE
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "ZeroDivisionError: oh" in err
    monkeypatch.setenv("SYMRNN_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("derive", "elman", "--wrt", "W")


@pytest.mark.parametrize(("problem", "code"), [(RecursionError(), 2), (MemoryError(), 2), (KeyboardInterrupt(), 130)])
def test_what_the_machine_says_no_to_is_a_message(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int
) -> None:
    def broken(*_: object) -> int:
        raise problem

    monkeypatch.setattr(derive_command, "run", broken)
    assert run("derive", "elman", "--wrt", "W") == code
    assert len(capsys.readouterr().err.splitlines()) == 1


# list


def test_list_has_every_cell_with_where_it_comes_from(capsys: Captured) -> None:
    from symrnn import cells

    lines = shown(capsys, "list").splitlines()
    assert [line.split()[0] for line in lines] == list(cells.names())
    assert all(len(line.split()) > 1 for line in lines)
    assert shown(capsys, "list", "--names").split() == list(cells.names())
    assert shown(capsys, "list", "--heads", "--names").split() == list(cells.head_names())


# derive


@pytest.mark.parametrize("form", [None, "chain", "closed", "recursion", "index", "vec", "all"])
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("format", ["pretty", "text", "latex", "html", "json"])
def test_derive_in_every_form_layout_and_format(capsys: Captured, form: str | None, layout: str, format: str) -> None:
    options = ["--form", form] if form else []
    out = shown(capsys, "derive", "elman", "--wrt", "W", "--layout", layout, "--as", format, "--steps", *options)
    assert out.endswith("\n")
    if format == "json":
        assert json.loads(out)["layout"] == layout


def test_json_has_exactly_what_it_promises(capsys: Captured) -> None:
    out = shown(
        capsys,
        "derive",
        "elman",
        "--of",
        "L",
        "--wrt",
        "U",
        "--form",
        "all",
        "--tau",
        "3",
        "--as",
        "json",
        "--seed",
        "5",
    )
    found = json.loads(out)
    assert list(found) == ["of", "wrt", "layout", "shape", "forms", "steps", "verified", "assumptions"]
    assert (found["of"], found["wrt"], found["layout"], found["shape"]) == ("L", "U", "numerator", ["m", "n"])
    assert {"chain", "closed", "recursion", "unrolled", "index", "vec"} <= found["forms"].keys()
    assert all(form.keys() == {"text", "latex"} for form in found["forms"].values())
    wanted = {"rule", "before", "after", "reason", "shape", "error"}
    assert found["steps"]
    assert all(step.keys() == wanted for step in found["steps"])
    assert all(step["error"] < 1e-12 for step in found["steps"])
    assert found["verified"].keys() == {"seed", "sizes", "tau", "max_error"}
    assert found["verified"]["seed"] == 5
    assert found["verified"]["sizes"].keys() == {"n", "m", "K"}
    assert found["verified"]["tau"] >= 4
    assert found["verified"]["max_error"] < 1e-12
    assert found["assumptions"] == ["1ᵀy = 1"]


def test_the_text_of_every_form_reads_back_to_the_same_formula(capsys: Captured) -> None:
    from symrnn.api import derive, load
    from symrnn.reading.formula import read_formula
    from symrnn.reading.scope import Scope

    cell = load("elman")
    derivation = derive(cell, "L", "W", form="all", tau=3)
    for name, formula in derivation.forms.items():
        again = read_formula(derivation.text(name), Scope.of(cell))
        assert again.expression == formula.expression, name
    claims = [block for block in derivation.text_report().split("\n\n") if " form" in block.split("\n")[0]]
    assert len(claims) == len(derivation.forms)
    for claim in claims:
        lines = "\n".join(line for line in claim.splitlines() if not line.startswith("#"))
        assert read_formula(lines, Scope.of(cell)).by is not None


def test_the_range_of_free_times_is_stated(capsys: Captured) -> None:
    assert "1 ≤ k ≤ t ≤ τ" in shown(capsys, "derive", "elman", "--of", "h[t]", "--wrt", "h[k]")
    assert r"1 \le k \le t \le \tau" in shown(
        capsys, "derive", "elman", "--of", "h[t]", "--wrt", "h[k]", "--as", "latex"
    )
    assert "# 1 <= k <= t <= tau" in shown(capsys, "derive", "elman", "--of", "h[t]", "--wrt", "h[k]", "--as", "text")


def test_of_is_the_loss_unless_given(capsys: Captured) -> None:
    plain = shown(capsys, "derive", "elman", "--wrt", "b")
    assert plain == shown(capsys, "derive", "elman", "--of", "L", "--wrt", "b")


def test_style_changes_the_notation(capsys: Captured) -> None:
    out = shown(capsys, "derive", "elman", "--wrt", "W", "--as", "latex", "--style", "letters=bold", "transpose=prime")
    assert r"\boldsymbol{W}" in out or r"\mathbf{W}" in out
    assert r"\top" not in out
    assert 'Did you mean "letters"?' in fails(capsys, "derive", "elman", "--wrt", "W", "--style", "leters=bold")


def test_unrolled_counts_its_terms_and_refuses_too_many(capsys: Captured) -> None:
    out = shown(capsys, "derive", "elman", "--wrt", "W", "--form", "unrolled", "--tau", "3")
    assert "6 terms" in out
    assert "--tau" in fails(capsys, "derive", "elman", "--wrt", "W", "--form", "unrolled")
    assert "20100 terms" in fails(capsys, "derive", "elman", "--wrt", "W", "--form", "unrolled", "--tau", "200")


def test_a_window_truncates(capsys: Captured) -> None:
    out = shown(capsys, "derive", "elman", "--wrt", "W", "--form", "closed", "--window", "2", "--as", "text")
    assert "k, max(1,t-2), t)" in out
    assert "window" in fails(capsys, "derive", "elman", "--wrt", "W", "--window=-1")


def test_output_files_are_whole_or_not_there(capsys: Captured, tmp_path: Path) -> None:
    target = tmp_path / "W.tex"
    assert shown(capsys, "derive", "elman", "--wrt", "W", "--as", "latex", "--standalone", "-o", str(target)) == ""
    assert target.read_text("utf-8").startswith(r"\documentclass")
    assert list(tmp_path.iterdir()) == [target]
    before = target.read_text("utf-8")
    fails(capsys, "derive", "elman", "--wrt", "Q", "-o", str(target))
    assert target.read_text("utf-8") == before
    assert "cannot be written" in fails(capsys, "derive", "elman", "--wrt", "W", "-o", str(tmp_path / "no" / "W.tex"))


def test_standalone_is_for_documents(capsys: Captured) -> None:
    assert "--standalone" in fails(capsys, "derive", "elman", "--wrt", "W", "--standalone")
    assert shown(capsys, "derive", "elman", "--wrt", "W", "--as", "html", "--standalone").startswith("<!DOCTYPE html>")


# code, verify


def test_code_runs_without_symrnn(capsys: Captured, tmp_path: Path) -> None:
    import subprocess
    import sys

    shown(capsys, "code", "elman", "-o", str(tmp_path / "elman.py"))
    script = (
        "import sys; sys.modules['symrnn'] = None\n"
        "import elman, numpy as np\n"
        "p = {k: np.full(s, .1) for k, s in dict(U=(3, 2), W=(3, 3), V=(4, 3), b=(3,), c=(4,)).items()}\n"
        "loss, g = elman.loss_and_gradients(p, {'x': np.ones((5, 2))}, {'y': np.zeros(5, int)}, {'h': np.ones(3)})\n"
        "assert g['W'].shape == (3, 3) and loss > 0\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)


def test_code_prints_to_standard_output(capsys: Captured) -> None:
    assert "def loss_and_gradients(" in shown(capsys, "code", "elman", "--plain")


def test_code_for_some_gradients_only(capsys: Captured) -> None:
    out = shown(capsys, "code", "elman", "--plain", "--wrt", "W,b")
    assert "grad_W" in out
    assert "grad_V" not in out
    assert '"Wx"' in fails(capsys, "code", "elman", "--wrt", "Wx")
    assert "names nothing" in fails(capsys, "code", "elman", "--wrt", "W,,b")


def test_code_in_a_type_and_a_layout(capsys: Captured) -> None:
    out = shown(capsys, "code", "gru", "--dtype", "float32", "--layout", "numerator", "--plain")
    assert "DTYPE = 'float32'" in out
    assert "swapaxes(-1, -2)" in out
    assert "swapaxes" not in shown(capsys, "code", "gru", "--plain", "--layout", "denominator")


@pytest.mark.parametrize("option", [["--layout", "numerator"], ["--window", "3"], ["--lengths"], ["--checkpoint"]])
def test_options_that_only_numpy_code_has(capsys: Captured, tmp_path: Path, option: list[str]) -> None:
    target = tmp_path / "out.py"
    assert "is for NumPy code" in fails(capsys, "code", "gru", "--backend", "jax", *option, "-o", str(target))
    assert not target.exists()


def test_code_options_that_make_no_sense(capsys: Captured) -> None:
    assert "float16" in fails(capsys, "code", "gru", "--dtype", "float16")
    assert "below 0" in fails(capsys, "code", "gru", "--window", "-1")
    assert "no checkpoints" in fails(capsys, "code", "gru", "--window", "2", "--checkpoint")
    assert "--window has no" in fails(capsys, "code", "gru", "--step-latex", "--window", "0")


@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_code_with_a_window(capsys: Captured, plain: list[str]) -> None:
    assert "WINDOW = 2" in shown(capsys, "code", "lstm", "--window", "2", *plain)


@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_code_for_different_lengths(capsys: Captured, plain: list[str]) -> None:
    assert "h_new[t]" in shown(capsys, "code", "gru", "--lengths", "--wrt", "W", *plain)
    assert "no input" in fails(capsys, "code", "autoregressive", "--lengths", *plain)


def test_code_with_checkpoints(capsys: Captured) -> None:
    out = shown(capsys, "code", "lstm", "--checkpoint", "--dtype", "float32", "--wrt", "W_f,h[0]")
    assert "def _checkpointed(" in out
    assert "runs backward" in fails(capsys, "code", "bidirectional", "--checkpoint")
    assert "keeps every state" in fails(capsys, "code", "lstm", "--checkpoint", "--plain")


def test_the_steps_own_latex(capsys: Captured) -> None:
    out = shown(capsys, "code", "elman", "--step-latex")
    assert "a_{t} &= b + W h_{t - 1} + U x_{t}" in out


def test_verify_prints_one_table(capsys: Captured) -> None:
    out = shown(capsys, "verify", "elman", "--seed", "3")
    assert "seed 3" in out
    assert "All agree" in out
    for name in ("U", "W", "V", "b", "c", "x[t]", "h[0]"):
        assert any(line.split()[:1] == [name] for line in out.splitlines())
    found = json.loads(shown(capsys, "verify", "elman", "--as", "json"))
    assert found["passed"] is True


def test_verify_exits_1_on_a_mismatch(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    from symrnn.checking import checked_code

    emit = checked_code.emit
    monkeypatch.setattr(checked_code, "emit", lambda *a: emit(*a).replace("np.tanh(", "np.sin("))
    assert run("verify", "elman") == 1
    out = capsys.readouterr().out
    assert "WRONG W, plain code" in out


@pytest.mark.parametrize("slope", ["0", "0.5", "1"])
def test_verify_takes_the_slope_at_a_kink(capsys: Captured, slope: str) -> None:
    assert "All agree" in shown(capsys, "verify", "scalar_relu", "--relu0", slope)


def test_verify_of_a_cell_without_a_loss(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "bare.cell"
    path.write_text("size n\nparam w\ninput x[n]\nstate h[n]\nh[t] = w*h[t-1] + x[t]\n")
    assert "no loss" in fails(capsys, "verify", str(path))
    assert "All agree" in shown(capsys, "verify", f"{path}+upstream(h)")


# show, depends, evaluate


def test_show_tells_equations_shapes_counts_and_draws(capsys: Captured) -> None:
    out = shown(capsys, "show", "lstm", "--sizes", "n=4,m=3,K=2")
    assert "= 138" in out
    assert "two biases per sum" in out
    assert "c[0] given with the data" in out
    assert "Unrolled over 3 steps" in out


def test_show_as_cell_reads_back(capsys: Captured, tmp_path: Path) -> None:
    from symrnn.api import load

    for name in ("elman", "lstm", "lag2", "bidirectional", "delta_rule"):
        path = tmp_path / f"{name}.cell"
        shown(capsys, "show", name, "--as", "cell", "-o", str(path))
        assert load(path).equations == tuple(
            type(e)(e.name, e.timed, e.expression, again.line)
            for e, again in zip(load(name).equations, load(path).equations, strict=True)
        )


@pytest.mark.parametrize(("format", "start"), [("latex", r"\begin{align*}"), ("svg", "<svg"), ("tikz", r"\begin{tikz")])
def test_show_in_other_formats(capsys: Captured, format: str, start: str) -> None:
    assert shown(capsys, "show", "elman", "--as", format).startswith(start)


def test_show_in_json(capsys: Captured) -> None:
    found = json.loads(shown(capsys, "show", "elman", "--as", "json", "--sizes", "n=3,m=2,K=4"))
    assert found["parameters"]["value"] == 3 * 2 + 3 * 3 + 4 * 3 + 3 + 4


@pytest.mark.parametrize("sizes", ["n=3,q=1", "n", "n=x", "n=0,m=1,K=1"])
def test_show_with_sizes_that_are_none(capsys: Captured, sizes: str) -> None:
    fails(capsys, "show", "elman", "--sizes", sizes)


def test_depends_tells_readings_apart(capsys: Captured) -> None:
    out = shown(capsys, "depends", "augmented", "--of", "L", "--wrt", "h[t]", "--on", "W")
    assert "W[:, 0:n]" in out
    assert "does not depend" in out
    found = json.loads(
        shown(
            capsys, "depends", "augmented", "--of", "L", "--wrt", "h[t]", "--on", "W", "--as", "json", "--blocks-only"
        )
    )
    assert len(found["blocks"]) == 3
    assert "parameter" in fails(capsys, "depends", "elman", "--wrt", "W", "--on", "x")


@pytest.fixture
def counter_values(tmp_path: Path) -> str:
    path = tmp_path / "numbers.json"
    path.write_text(
        json.dumps({"w1": 1, "w2": "1/2", "w3": 1.5, "b2": 0, "b3": 0, "x": [3, 1], "d": [0, 0], "h[0]": 0})
    )
    return str(path)


def results(out: str) -> dict[str, Fraction]:
    """The values that lines ``name = … = value`` end with, however exact numbers are written."""
    lines = [line.split(" = ") for line in out.splitlines() if " = " in line]
    return {line[0]: Fraction(line[-1]) for line in lines}


def test_evaluate_is_exact(capsys: Captured, counter_values: str) -> None:
    everything = results(shown(capsys, "evaluate", "counter", "--values", counter_values))
    assert everything["h[2]"] == Fraction(5, 2)
    assert everything["L"] == Fraction(549, 32)
    derivative = results(shown(capsys, "evaluate", "counter", "--values", counter_values, "--wrt", "w2"))
    assert derivative == {"D(L, w2)": Fraction(135, 8)}
    staged = shown(capsys, "evaluate", "counter", "--values", counter_values, "--stages")
    assert "h[1] = w1 * x[1] + w2 * h[0] + b2 = 1 * 3 + " in staged
    found = json.loads(
        shown(
            capsys,
            "evaluate",
            "counter",
            "--values",
            counter_values,
            "--of",
            "h[t]",
            "--wrt",
            "w2",
            "--times",
            "t=2",
            "--as",
            "json",
        )
    )
    assert found["exact"] is True
    (answer,) = found["answers"]
    assert (answer["of"], answer["wrt"], answer["value"]) == ("h[2]", "w2", "3")


def test_evaluate_an_expression(capsys: Captured, counter_values: str) -> None:
    options = ["evaluate", "counter", "--values", counter_values, "--of", "2*h[t] + w3", "--times", "t=2"]
    assert results(shown(capsys, *options)) == {"2 * h[2] + w3": Fraction(13, 2)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--of", "h[t]", "--wrt", "w2"], "no definite time"),
        (["--of", "h[t]", "--wrt", "w2", "--times", "t=1,q=2"], 'no free time "q"'),
        (["--of", "h[t] +"], "column"),
        (["--of", "h[t]", "--times", "t"], "name=number"),
    ],
)
def test_evaluate_says_what_is_wrong_with_a_question(
    capsys: Captured, counter_values: str, options: list[str], expected: str
) -> None:
    assert expected in fails(capsys, "evaluate", "counter", "--values", counter_values, *options)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"w1": [1', "line 1"),
        ("[1]", "not an object"),
        ('{"w9": 1}', 'takes no value "w9"'),
        ('{"w1": "abc"}', '"abc" is not a number'),
        ('{"x": [[1, 2], [3]]}', "x"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_evaluate_says_what_is_wrong_with_the_numbers(
    capsys: Captured, tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    assert expected in fails(capsys, "evaluate", "counter", "--values", str(path))


def test_flow_prints_and_draws(capsys: Captured, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "flow.png"
    out = shown(capsys, "flow", "elman", "--tau", "6", "--sigma", "0.5", "-o", str(picture))
    assert "per step a factor of about" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(shown(capsys, "flow", "elman", "--tau", "4", "--as", "json"))
    assert len(found["states"]["h"]["log10_norm"]) == 4
    assert ".xyz" in fails(capsys, "flow", "elman", "--tau", "4", "-o", str(tmp_path / "flow.xyz"))


def test_flow_tells_spectral_facts(capsys: Captured) -> None:
    assert "spectral radius" in shown(capsys, "flow", "linear", "--spectral")
    assert "--spectral" in fails(capsys, "flow", "linear", "--assume", "orthogonal")
    assert "no state" in fails(capsys, "flow", "linear", "--state", "q")


# Cells that are none


BAD_CELLS = {
    "unknown name": ("param W[n,n]\nsize n\nstate h[n]\nh[t] = tanh(Q @ h[t-1])", ["line 4", '"Q"']),
    "transposed product": (
        "size n, m\nparam U[n,m]\nstate h[n]\nh[t] = tanh(U @ h[t-1])",
        ["line 4", "n×m", "n×1", "inner sizes"],
    ),
    "* between a matrix and a vector": (
        "size n\nparam W[n,n]\nstate h[n]\nh[t] = tanh(W * h[t-1])",
        ["line 4", "n×n", "n×1", "@"],
    ),
    "undefined state": ("size n\nparam W[n,n]\nstate h[n], g[n]\nh[t] = W @ h[t-1]", ['"g"']),
    "cycle": ("size n\nstate h[n]\na[t] = b[t] + h[t-1]\nb[t] = a[t]\nh[t] = a[t]", ["a", "b", "circle"]),
    "size clash": ("size n, m\nparam b[m]\nstate h[n]\nh[t] = h[t-1] + b", ["line 4", "n×1", "m×1"]),
    "empty": ("", ["empty"]),
    "blank": ("\n# nothing\n\n", ["empty"]),
    "declared twice": ("size n\nparam W[n,n], W[n]\nstate h[n]\nh[t] = W @ h[t-1]", ['"W"', "line 2"]),
    "no Python": ("h[t] = __import__('os').system('true')", ["line 1"]),
    "misspelt function": ("size n\nstate h[n]\nh[t] = tahn(h[t-1])", ["tahn", 'Did you mean "tanh"?']),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_cell_that_is_none_gets_a_message(capsys: Captured, tmp_path: Path, name: str) -> None:
    text, expected = BAD_CELLS[name]
    path = tmp_path / "bad.cell"
    path.write_text(text)
    message = fails(capsys, "derive", str(path), "--of", "h[t]", "--wrt", "h[k]")
    for part in (*expected, "bad.cell"):
        assert part in message


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00c", b"cell x\nparam \xe9\n", b"cell x\n\0\n", bytes(range(256)) * 10]
)
def test_a_file_that_is_no_text_gets_a_message(capsys: Captured, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "binary.cell"
    path.write_bytes(content)
    assert "binary.cell" in fails(capsys, "show", str(path))


def test_names_that_are_none_get_a_suggestion(capsys: Captured) -> None:
    assert 'Did you mean "elman"?' in fails(capsys, "derive", "elmann", "--wrt", "W")
    assert 'Did you mean "softmax"?' in fails(capsys, "show", "gru+sotfmax")
    assert "Did you mean" in fails(capsys, "derive", "elman", "--wrt", "yhatt")
    assert "no such file" in fails(capsys, "derive", "./no.cell", "--wrt", "W")
    assert "See `symrnn list`" in fails(capsys, "derive", "zzzzzzzz", "--wrt", "W")


def test_a_file_in_the_working_folder_is_suggested_not_taken(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.cell").write_text("param w\nstate h\nh[t] = w*h[t-1]\n")
    assert "./mine.cell" in fails(capsys, "show", "mine")
    assert "mine" in shown(capsys, "show", "./mine.cell")
    assert "mine" in shown(capsys, "show", "mine.cell")


@pytest.mark.parametrize(
    ("of", "wrt", "expected"),
    [
        ("L", "y[t]", None),
        ("L", "yhat", "yhat"),
        ("h[0-5]", "W", "outside"),
        ("h[t]", "L", "loss"),
        ("", "W", "empty"),
        ("L", "W +", "column"),
        ("L", "tanh(W)", "variable"),
        ("L", "W[i,j,k]", "indices"),
        ("h[t", "W", "column"),
    ],
)
def test_questions_that_are_none_get_a_message(capsys: Captured, of: str, wrt: str, expected: str | None) -> None:
    if expected is None:
        return
    assert expected in fails(capsys, "derive", "elman", "--of", of, "--wrt", wrt)


@pytest.mark.parametrize("tau", ["0", "-3"])
def test_no_steps_are_no_sequence(capsys: Captured, tau: str) -> None:
    assert f"tau = {tau}" in fails(capsys, "derive", "elman", "--wrt", "W", "--form", "unrolled", f"--tau={tau}")


# The terminal


def test_ascii_of_spells_what_formulas_are_drawn_with() -> None:
    everything = "".join(SPELLED) + "ŷc̃ℝ²₁ˣ⎛⎞☃"
    assert ascii_of(everything).isascii()
    assert ascii_of("∂L/∂ŷₜ ≤ τ⁻¹") == "dL/dyt <= tau-1"
    assert ascii_of("plain") == "plain"


def test_a_terminal_without_utf8_gets_ascii_formulas(tmp_path: Path) -> None:
    import io

    raw = io.BytesIO()
    narrow = Terminal(io.TextIOWrapper(raw, encoding="ascii"), io.StringIO())
    wide = Terminal(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO())
    assert (narrow.unicode, wide.unicode) == (False, True)
    narrow.write("∂L/∂W for t ≤ τ\n")
    narrow.flush()
    assert raw.getvalue() == b"dL/dW for t <= tau\n"
