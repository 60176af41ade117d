"""What all tests share: how hard hypothesis tries, and where the programs are that look at our output."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# Timings vary with the load of the machine, so no deadline; what must be fast is measured in benchmarks/.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=40, **_COMMON)
settings.register_profile("ci", max_examples=80, derandomize=True, print_blob=True, **_COMMON)
settings.register_profile("thorough", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def _program(*names: str) -> str:
    """The first of these programs that is installed; skips the test that asks for it where none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"{names[0]} is not installed")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that can run headless."""
    return _program("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def pdflatex() -> str:
    """Path of pdflatex."""
    return _program("pdflatex")


@pytest.fixture(scope="session")
def pdftotext() -> str:
    """Path of pdftotext, which reads a PDF's text back."""
    return _program("pdftotext")


@pytest.fixture(scope="session")
def pdftoppm() -> str:
    """Path of pdftoppm, which turns a PDF's pages into pictures."""
    return _program("pdftoppm")
