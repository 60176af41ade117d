"""Say which optional programs and libraries are there, and how to get the others."""

from __future__ import annotations

import argparse

from symrnn import doctor
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Print the findings."""
    terminal.write(doctor.text(doctor.report()) + "\n")
    return 0
