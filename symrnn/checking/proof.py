"""Equality shown without numbers: the answer is, up to harmless rewriting, one of the derived forms."""

from __future__ import annotations

from symrnn.checking.answers import Reading
from symrnn.checking.stations import Bench


def proof_of(reading: Reading, bench: Bench) -> str | None:
    """How the answer was shown to be right, None where rewriting does not get there."""
    return None
