"""PDF: through pdflatex where it is found, otherwise through a headless Chromium where that is."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from symrnn.doctor import find
from symrnn.errors import DataError, MissingExtraError

PATIENCE = 120
"""Seconds that a program may take."""

CHROMIUM_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")


def pdf_of_latex(source: str) -> bytes:
    """The document compiled; raises DataError with TeX's own message, MissingExtraError without TeX."""
    program = find("pdflatex").require()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sheet.tex").write_text(source, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
        done = _run(command, folder)
        made = Path(folder) / "sheet.pdf"
        if done.returncode != 0 or not made.is_file():
            raise DataError(f"pdflatex could not make a PDF: {tex_problem(done.stdout)}")
        return made.read_bytes()


def tex_problem(log: str) -> str:
    r"""The first error of a TeX log with its place.

    >>> tex_problem("...\n! Undefined control sequence.\nl.7 \\nosuch\n")
    '! Undefined control sequence. l.7 \\nosuch'
    """
    found = re.search(r"^(!.*?)$.*?(^l\.\d+.*?)$", log, re.MULTILINE | re.DOTALL)
    return f"{found.group(1)} {found.group(2)}" if found else (log.strip().splitlines() or ["no output"])[-1]


def pdf_of_html(page: str) -> bytes:
    """The page printed by a headless Chromium."""
    program = find("Chromium").require()
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "sheet.html", Path(folder) / "sheet.pdf"
        source.write_text(page, encoding="utf-8")
        command = [program, *CHROMIUM_OPTIONS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"]
        done = _run([*command, source.as_uri()], folder)
        if not made.is_file():
            raise DataError(f"Chromium could not make a PDF: {done.stderr.strip().splitlines()[-1:]}")
        return made.read_bytes()


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{command[0]} took more than {PATIENCE} seconds") from None


def road() -> str | None:
    """How PDF is made on this machine: ``pdflatex``, ``chromium``, or None."""
    if find("pdflatex").present and find("LaTeX packages").present:
        return "pdflatex"
    return "chromium" if find("Chromium").present else None


def require_road() -> str:
    """The same, with what to install where there is none."""
    found = road()
    if found is None:
        tex, browser = find("pdflatex"), find("Chromium")
        raise MissingExtraError(
            "a PDF needs pdflatex or Chromium, and neither is here",
            hint=f"To get one: {tex.install}, or {browser.install}",
        )
    return found
