"""What went wrong: the neighbourhood of an answer is searched for a formula that is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symrnn.checking.answers import Answer, Reading
from symrnn.checking.asked import Asked
from symrnn.checking.judge import Finding
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Counterexample, Repair


@dataclass(frozen=True)
class Diagnosis:
    """The mistake in a sentence, right formulas one change away, and the smallest numbers that show it."""

    mistake: str | None = None
    repairs: tuple[Repair, ...] = ()
    counterexample: Counterexample | None = None
    reading: str | None = None


def diagnose(found: Finding, readings: Sequence[Reading], bench: Bench) -> Diagnosis:
    return Diagnosis()


def diagnose_unconformable(answer: Answer, asked: Asked, bench: Bench) -> Diagnosis:
    return Diagnosis()
