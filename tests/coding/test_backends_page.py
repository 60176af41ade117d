"""The page about generated code has an example of every option, and each example runs."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from symrnn.cli import main
from symrnn.cli.commands.code import configure

PAGE = (Path(__file__).parents[2] / "docs" / "backends.md").read_text("utf-8")
EXAMPLES = re.findall(r"^\| `symrnn code ([^`]+)`", PAGE, flags=re.MULTILINE)


def test_every_option_has_an_example() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    configure(parser)
    options = [action.option_strings for action in parser._actions if action.option_strings]
    words = {word for example in EXAMPLES for word in shlex.split(example)}
    assert len(options) > 8
    assert [names for names in options if not words & set(names)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(example)
    if "--backend" in words:
        pytest.importorskip(words[words.index("--backend") + 1])
    monkeypatch.chdir(tmp_path)
    assert main(["code", *words]) == 0
    written = capsys.readouterr().out + "".join(p.read_text("utf-8") for p in tmp_path.iterdir())
    if "--step-latex" in words:
        assert written.startswith("% ") or "\\begin{aligned}" in written
        return
    assert "def loss_and_gradients(" in written
    compile(written, "generated.py", "exec")
