"""Which optional programs and libraries are there, what each is for, and how to get the missing ones.

symrnn derives, checks and writes formulas and NumPy code with what it is installed with; everything here
adds to that.  Nothing is imported or started to find out whether it is there, except that `kpsewhich`, where
TeX is installed, is asked which LaTeX packages it knows.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import MissingExtraError, UnknownNameError, did_you_mean

# The packages that the sheets' documents load; TikZ is asked for apart, since they do without it.
LATEX_PACKAGES = (
    "amsmath", "mathtools", "bm", "geometry", "hyperref", "microtype", "booktabs", "lmodern",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One optional program or library as it was found on this machine.

    `found` is its path or version, None where it is missing; `note` says what is missing if it is incomplete.
    """

    name: str
    purpose: str
    install: str
    found: str | None
    note: str = ""

    @property
    def present(self) -> bool:
        """Whether it can be used."""
        return self.found is not None

    def require(self) -> str:
        """Its path or version.

        Raises:
            MissingExtraError: with what it is for and the command that installs it.
        """
        if self.found is None:
            note = f" ({self.note})" if self.note else ""
            message = f"{self.name} is not installed{note}; it is needed {self.purpose}."
            raise MissingExtraError(message, hint=f"To get it: {self.install}")
        return self.found


@dataclass(frozen=True)
class Extra:
    """What to look for: `look` gives what was found and a note, `install` a command by package manager."""

    name: str
    purpose: str
    look: Callable[[], tuple[str | None, str]]
    install: Mapping[str, str] = field(default_factory=dict)

    def examine(self) -> Finding:
        """Look for it here and now."""
        found, note = self.look()
        return Finding(self.name, self.purpose, _command(self.install), found, note)


def _command(install: Mapping[str, str]) -> str:
    """The command for the package manager that is here; Debian's where none of them is."""
    if "pip" in install:
        return f"{sys.executable or 'python'} -m pip install {install['pip']}"
    manager = next((name for name in install if shutil.which(name)), next(iter(install)))
    return install[manager]


def _program(*names: str) -> Callable[[], tuple[str | None, str]]:
    def look() -> tuple[str | None, str]:
        return next((path for name in names if (path := shutil.which(name))), None), ""

    return look


def _module(module: str, distribution: str, *beside: str) -> Callable[[], tuple[str | None, str]]:
    def look() -> tuple[str | None, str]:
        if importlib.util.find_spec(module) is None:
            return None, ""
        missing = [name for name in beside if importlib.util.find_spec(name) is None]
        if missing:
            return None, f"{', '.join(missing)} is missing beside it"
        try:
            return importlib.metadata.version(distribution), ""
        except importlib.metadata.PackageNotFoundError:
            return "version unknown", ""

    return look


def _latex(*packages: str) -> Callable[[], tuple[str | None, str]]:
    def look() -> tuple[str | None, str]:
        program = shutil.which("kpsewhich")
        if program is None:
            return None, "TeX's kpsewhich was not found"
        try:
            asked = subprocess.run(
                [program, *(f"{name}.sty" for name in packages)],
                capture_output=True, text=True, timeout=20, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None, "TeX's kpsewhich gave no answer"
        known = {line.replace("\\", "/").rpartition("/")[2] for line in asked.stdout.splitlines()}
        missing = [name for name in packages if f"{name}.sty" not in known]
        return (None, f"missing: {', '.join(missing)}") if missing else (", ".join(packages), "")

    return look


EXTRAS = (
    Extra(
        "pdflatex",
        "to make PDF from the sheets' and derivations' LaTeX",
        _program("pdflatex"),
        {
            "apt-get": "apt-get install texlive-latex-recommended lmodern",
            "dnf": "dnf install texlive-scheme-medium",
            "brew": "brew install --cask mactex-no-gui",
            "winget": "winget install MiKTeX.MiKTeX",
        },
    ),
    Extra(
        "LaTeX packages",
        "to compile the LaTeX documents that symrnn writes",
        _latex(*LATEX_PACKAGES),
        {
            "apt-get": "apt-get install texlive-latex-recommended lmodern",
            "tlmgr": "tlmgr install amsmath mathtools tools geometry hyperref microtype booktabs lm",
            "dnf": "dnf install texlive-scheme-medium",
        },
    ),
    Extra(
        "TikZ",
        "to draw the unrolled graph in PDF made by pdflatex (left out without it)",
        _latex("tikz"),
        {
            "apt-get": "apt-get install texlive-pictures",
            "tlmgr": "tlmgr install pgf",
            "dnf": "dnf install texlive-pgf",
        },
    ),
    Extra(
        "Chromium",
        "to make PDF from a sheet's HTML where pdflatex is missing",
        _program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"),
        {
            "apt-get": "apt-get install chromium",
            "dnf": "dnf install chromium",
            "brew": "brew install --cask chromium",
            "winget": "winget install Google.Chrome",
        },
    ),
    Extra(
        "matplotlib",
        "to draw pictures (gradient flow, spectra, benchmarks)",
        _module("matplotlib", "matplotlib"),
        {"pip": "matplotlib"},
    ),
    Extra(
        "numba",
        "to run and check code that is generated for Numba",
        # Numba calls BLAS through SciPy.
        _module("numba", "numba", "scipy"),
        {"pip": "numba scipy"},
    ),
    Extra(
        "JAX",
        "to run and check code that is generated for JAX",
        _module("jax", "jax"),
        {"pip": "jax"},
    ),
    Extra(
        "PyTorch",
        "to run and check code that is generated for PyTorch",
        _module("torch", "torch"),
        {"pip": "torch"},
    ),
)


def report(extras: tuple[Extra, ...] = EXTRAS) -> list[Finding]:
    """Look for every extra, in a fixed order.

    >>> [finding.name for finding in report()]
    ['pdflatex', 'LaTeX packages', 'TikZ', 'Chromium', 'matplotlib', 'numba', 'JAX', 'PyTorch']
    """
    return [extra.examine() for extra in extras]


def find(name: str, extras: tuple[Extra, ...] = EXTRAS) -> Finding:
    """One extra by its name, in whatever case; `find("JAX").require()` is how a command insists on it.

    >>> find("jaxx")
    Traceback (most recent call last):
    symrnn.errors.UnknownNameError: there is no optional program or library "jaxx" that symrnn uses
      Did you mean "JAX"?
    """
    for extra in extras:
        if extra.name.lower() == name.lower():
            return extra.examine()
    raise UnknownNameError(
        f'there is no optional program or library "{name}" that symrnn uses',
        hint=_nearest(name, [extra.name for extra in extras]),
    )


def _nearest(name: str, known: list[str]) -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in known}
    hint = did_you_mean(name.lower(), by_lower)
    for lower, candidate in by_lower.items():
        hint = hint.replace(f'"{lower}"', f'"{candidate}"') if hint else None
    return hint


def text(findings: list[Finding]) -> str:
    """The findings as a table for the terminal, the missing ones with the command that installs them.

    >>> print(text([Finding("numba", "to compile", "pip install numba", None),
    ...             Finding("JAX", "to run elsewhere", "pip install jax", "0.4")]))
    missing  numba  to compile
                    get it: pip install numba
    present  JAX    to run elsewhere
                    found: 0.4
    <BLANKLINE>
    1 of 2 are there. symrnn works without the others; what they are for is left out.
    """
    width = max((len(finding.name) for finding in findings), default=0)
    margin = " " * (len("present") + 2 + width + 2)
    lines = []
    for finding in findings:
        state = "present" if finding.present else "missing"
        lines.append(f"{state}  {finding.name:<{width}}  {finding.purpose}")
        if finding.note:
            lines.append(f"{margin}{finding.note}")
        outcome = f"found: {finding.found}" if finding.present else f"get it: {finding.install}"
        lines.append(f"{margin}{outcome}")
    return "\n".join([*lines, "", _summary(findings)])


def _summary(findings: list[Finding]) -> str:
    there = sum(finding.present for finding in findings)
    if there == len(findings):
        return f"All {there} are there."
    rest = "symrnn works without the others; what they are for is left out."
    return f"{there} of {len(findings)} are there. {rest}"
