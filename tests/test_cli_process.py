"""The command line as a process of its own: what only shows there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import symrnn

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(symrnn.__file__).parents[1])}


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "symrnn", *argv]


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    full = {**ENVIRONMENT, **environment}
    return subprocess.run(command(*argv), capture_output=True, timeout=120, check=False, env=full)


def test_it_runs_as_a_module() -> None:
    done = run("derive", "elman", "--wrt", "W", PYTHONIOENCODING="utf-8")
    assert done.returncode == 0
    assert "∂W" in done.stdout.decode()
    assert done.stderr == b""


def test_exit_codes_and_streams() -> None:
    done = run("derive", "elman", "--wrt", "Q")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"symrnn: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "argv", [["list"], ["show", "lstm"], ["derive", "lstm", "--wrt", "W_f", "--steps", "--form", "all"]]
)
def test_a_closed_pipe_ends_quietly(argv: list[str]) -> None:
    process = subprocess.Popen(command(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) in (0, 141)
    assert err == b""


def test_an_error_into_a_closed_stderr_is_still_exit_code_2() -> None:
    process = subprocess.Popen(
        command("show", "nothing"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(timeout=60) == 2


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX")
def test_ctrl_c_ends_with_one_line() -> None:
    # A derivation that takes a while: every derivative of a large unrolled form.
    argv = ["derive", "elman", "--wrt", "W", "--form", "unrolled", "--tau", "100"]
    process = subprocess.Popen(command(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    try:
        time.sleep(1.0)
        for _ in range(10):  # a person whose first Ctrl-C came while something was being loaded presses again
            process.send_signal(signal.SIGINT)
            try:
                _, err = process.communicate(timeout=6)
                break
            except subprocess.TimeoutExpired:
                continue
        assert process.returncode == 130
        assert err == b"symrnn: interrupted\n"
    finally:
        process.kill()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "argv", [["derive", "elman", "--wrt", "W", "--steps"], ["show", "lstm"], ["verify", "elman"], ["list"]]
)
def test_a_terminal_without_unicode_gets_ascii(encoding: str, argv: list[str]) -> None:
    done = run(*argv, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    text = done.stdout.decode(encoding)
    told = run(*argv, PYTHONIOENCODING="utf-8").stdout.decode()
    assert text.count("?") == told.count("?")  # every character has a spelling
    if argv[0] == "derive":
        assert "dL" in text


def test_an_error_message_with_unicode_on_an_ascii_terminal(tmp_path: Path) -> None:
    path = tmp_path / "grün.cell"
    path.write_text("size n\nparam W[n,n]\nstate h[n]\nh[t] = W @ h[t-1].T\n", "utf-8")
    done = run("show", str(path), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"1xn" in done.stderr


def test_a_full_disk_is_a_message() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("show", "lstm"), stdout=full, stderr=subprocess.PIPE, timeout=60, check=False, env=ENVIRONMENT
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr


def test_writing_to_a_device_does_not_replace_it() -> None:
    done = run("show", "elman", "-o", os.devnull)
    assert done.returncode == 0
    assert not Path(os.devnull).is_file()


def imported(*argv: str) -> set[str]:
    """The modules that a command loads."""
    script = (
        "import sys; from symrnn.cli import main; code = main(sys.argv[1:])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *argv], capture_output=True, timeout=120, check=True, env=ENVIRONMENT
    )
    return set(done.stderr.decode().split())


def test_import_symrnn_loads_nothing_else() -> None:
    watched = "('symrnn', 'numpy', 'sympy')"
    script = f"import sys, symrnn; print('\\n'.join(m for m in sys.modules if m.split('.')[0] in {watched}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=ENVIRONMENT, timeout=60)
    assert done.stdout.split() == [b"symrnn"]


def test_the_overview_and_the_list_need_no_numpy() -> None:
    assert not {"numpy", "sympy"} & imported("list")
    assert not {"numpy", "sympy"} & imported("--help")


def test_a_derivation_needs_no_sympy_and_no_format_but_its_own() -> None:
    modules = imported("derive", "elman", "--wrt", "W")
    unwanted = {
        "sympy",
        "lark",
        "jinja2",
        "latexify",
        "matplotlib",
        "tqdm",
        "symrnn.emitting.mathml",
        "symrnn.coding.numpy_module",
    }
    assert not unwanted & modules
