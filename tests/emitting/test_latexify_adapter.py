"""latexify sets what it is given right, and is given nothing that it would set wrongly."""

from __future__ import annotations

import builtins
import contextlib
import re
import subprocess
from pathlib import Path

import pytest

from symrnn.api import load, read_cell
from symrnn.cells import names
from symrnn.emitting.latex import standalone
from symrnn.emitting.latexify_adapter import equation_latex, step_latex, step_source
from symrnn.errors import MissingExtraError, UnsupportedError
from symrnn.language import Cell

HEAD = "size n\nparam W[n,n], V[n,n], W_hh[n,n], b[n], g[n], alpha, beta\nstate h[n]\n"


def cell(right: str) -> Cell:
    return read_cell(f"{HEAD}h[t] = {right}")


@pytest.mark.parametrize(
    ("right", "latex"),
    [
        ("W @ h[t-1] + b", "h_{t} = W h_{t - 1} + b"),
        ("tanh(W @ h[t-1] - b)", r"h_{t} = \tanh \mathopen{}\left( W h_{t - 1} - b \mathclose{}\right)"),
        ("alpha * h[t-1]", r"h_{t} = \alpha \cdot h_{t - 1}"),
        ("W_hh @ h[t-2] + h[t-1]", "h_{t} = {W_{hh}} h_{t - 2} + h_{t - 1}"),
        ("h[t-1] / alpha", r"h_{t} = \frac{h_{t - 1}}{\alpha}"),
        ("-(W @ h[t-1])", "h_{t} = -W h_{t - 1}"),
    ],
)
def test_index_notation_comes_out_right(right: str, latex: str) -> None:
    found = equation_latex(cell(right).equation["h"], "t")
    assert found.replace(r"\cdot ", "").replace("  ", " ") == latex.replace(r"\cdot ", "").replace("  ", " ")


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        ("g * h[t-1]", "Hadamard"),
        ("W @ (g * h[t-1])", "* and @ mix"),
        ("alpha * (W @ h[t-1])", "* and @ mix"),
        ("W.T @ h[t-1]", "W.T"),
        ("h[t-1]**2", "elementwise power"),
        ("b / h[t-1]", "elementwise quotient"),
        ("tanh'(h[t-1])", "no notation"),
        ("concat(h[t-1][0:n-1], alpha)", "no notation"),
        ("diag(g) @ h[t-1]", "no notation"),
    ],
)
def test_what_it_would_set_wrongly_is_refused_with_the_reason(right: str, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(reason)):
        equation_latex(cell(right).equation["h"], "t")


@pytest.mark.parametrize("name", names())
def test_every_library_cell_is_set_or_refused_line_by_line(name: str) -> None:
    library = load(name)
    assert step_source(library).startswith(f"def step({library.time.index}):\n")
    try:
        found = step_latex(library)
    except UnsupportedError:
        return
    assert len(found.lines) + len(found.refused) == len(library.step_order())
    for line in found.lines:
        assert ".T" not in line
        assert r"\_" not in line
        assert line.count("{") == line.count("}")
        assert not re.search(r"_\{[^{}]*\}_", line), "two subscripts in a row"


def test_a_cell_of_which_nothing_can_be_set_says_so() -> None:
    with pytest.raises(UnsupportedError, match="none of the equations"):
        step_latex(cell("g * h[t-1]"))


def test_where_latexify_is_missing_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import_ = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("latexify"):
            raise ImportError(name)
        return import_(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pip install latexify-py"):
        step_latex(load("elman"))


@pytest.mark.tex
def test_everything_that_it_sets_compiles(pdflatex: str, tmp_path: Path) -> None:
    displays = []
    for name in names():
        with contextlib.suppress(UnsupportedError):
            displays.append(f"\\[\n{step_latex(load(name)).text()}\n\\]")
    source = tmp_path / "steps.tex"
    source.write_text(standalone("\n".join(displays)), "utf-8")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=tmp_path, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode("latin-1")[-1500:]
