"""What is said about an answer: the verdict, and everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import Any

VERDICTS = (
    "correct",
    "transposed",
    "mixed",
    "negated",
    "scaled",
    "truncated",
    "assumption",
    "nonconformable",
    "wrong",
    "unreadable",
)

EXIT_CODES = {"correct": 0, "unreadable": 2}
"""What is neither ends with 1."""


@dataclass(frozen=True)
class Factor:
    """A constant factor c: a number, or a number times a size, a length or a scalar of the cell (or over one)."""

    number: Fraction | float
    symbol: str | None = None
    over: bool = False

    @property
    def is_minus_one(self) -> bool:
        """Whether nothing but the sign is off."""
        return self.symbol is None and self.number == -1

    @property
    def value(self) -> float | str:
        """A number where it is one, else text such as ``1/tau``."""
        return float(self.number) if self.symbol is None else str(self)

    def __str__(self) -> str:
        number = self.number if isinstance(self.number, Fraction) else Fraction(self.number).limit_denominator(10**6)
        if self.symbol is None:
            return str(number)
        if self.over:
            name = self.symbol if self.symbol.isidentifier() else f"({self.symbol})"
            below = name if number.denominator == 1 else f"({number.denominator}*{name})"
            return f"{number.numerator}/{below}"
        name = self.symbol if self.symbol.isidentifier() or number == 1 else f"({self.symbol})"
        if abs(number) == 1:
            return name if number > 0 else f"-{name}"
        return f"{number}*{name}"


@dataclass(frozen=True)
class Rung:
    """One length of the ladder; ``error`` is infinite where the answer could not be evaluated, and then why."""

    tau: int
    error: float
    failure: str | None = None


@dataclass(frozen=True)
class Counterexample:
    """The smallest numbers at which an answer differs from what is right."""

    sizes: Mapping[str, int]
    tau: int
    times: Mapping[str, int]
    values: Mapping[str, Any]
    answer: Any
    right: Any

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "sizes": dict(self.sizes),
            "tau": self.tau,
            "times": dict(self.times),
            "values": dict(self.values),
            "answer": self.answer,
            "right": self.right,
        }


@dataclass(frozen=True)
class Repair:
    """A right formula next to the answer, and the mistake that the change to it undoes.

    ``marked`` is its text with the change marked in comments, which the formula language reads over.
    """

    kind: str
    mistake: str
    text: str
    marked: str
    before: str
    after: str

    @property
    def change(self) -> str:
        """What stood there, and what belongs there."""
        return f"{self.before}  ->  {self.after}"


@dataclass(frozen=True)
class Verdict:
    """The judgement on one answer; what doesn't apply is None.

    ``reading``: under which reading of the print it holds.  ``ladder``: the relative error at τ = 1 … 6.
    ``proof``: how equality was shown symbolically, where it was.
    ``repairs``: right formulas one change away, the likeliest first.
    """

    verdict: str
    layout: str | None = None
    factor: Factor | None = None
    window: int | None = None
    reading: str | None = None
    first_wrong_tau: int | None = None
    assumption: str | None = None
    error: float | None = None
    mistake: str | None = None
    repairs: tuple[Repair, ...] = ()
    counterexample: Counterexample | None = None
    seed: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    ladder: tuple[Rung, ...] = ()
    tolerance: float | None = None
    method: str | None = None
    proof: str | None = None

    @property
    def correct(self) -> bool:
        """Whether it is right, in the layout asked for."""
        return self.verdict == "correct"

    @property
    def exit_code(self) -> int:
        """The command line's."""
        return EXIT_CODES.get(self.verdict, 1)

    @property
    def repair(self) -> str | None:
        """The likeliest right formula, its change marked in a comment."""
        return self.repairs[0].marked if self.repairs else None

    def to_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "verdict": self.verdict,
            "layout": self.layout,
            "factor": None if self.factor is None else self.factor.value,
            "window": self.window,
            "reading": self.reading,
            "first_wrong_tau": self.first_wrong_tau,
            "assumption": self.assumption,
            "error": _finite(self.error),
            "mistake": self.mistake,
            "repair": self.repair,
            "counterexample": None if self.counterexample is None else self.counterexample.to_dict(),
            "seed": self.seed,
            "sizes": dict(self.sizes),
            "ladder": [_finite(rung.error) for rung in self.ladder],
            "ladder_tau": [rung.tau for rung in self.ladder],
            "tolerance": self.tolerance,
            "method": self.method,
            "proof": self.proof,
            "other_repairs": [repair.marked for repair in self.repairs[1:]],
        }


def _finite(error: float | None) -> float | None:
    return error if error is not None and isfinite(error) else None
