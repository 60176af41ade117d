"""Is this formula right? One answer to one question, from its text to the verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import nan

from symrnn.checking.answers import Answer, Reading, read_answer
from symrnn.checking.asked import Asked
from symrnn.checking.diagnosis import Diagnosis, diagnose, diagnose_unconformable
from symrnn.checking.judge import Finding, Judge, height
from symrnn.checking.proof import proof_of
from symrnn.checking.search import USUAL, Effort
from symrnn.checking.stations import Bench, ends_in_zero
from symrnn.checking.verdict import Rung, Verdict
from symrnn.errors import DataError, ReadingError, ShapeError, SymrnnError, UnknownNameError
from symrnn.language import Jacobian
from symrnn.oracle.frame import TooManyOperationsError

RANK = ("correct", "transposed", "mixed", "assumption", "truncated", "negated", "scaled", "wrong")
"""Which reading is reported where none is right: the one that comes nearest."""

NO_PRODUCT = re.compile(
    r"leaves an axis|takes \w+ ind|has no entries|by a .* has more than three axes|the slice|takes \d+ argument"
)
"""Shape errors that have nothing to do with what is multiplied or added."""

AFTER_THE_END = "what would come after the last step counts as 0"

MOST_JUDGED = 8
"""How many readings are judged in full where none of them is right."""


def check(
    answer: Answer, asked: Asked, bench: Bench | None = None, explain: bool = True, effort: Effort = USUAL
) -> Verdict:
    """The verdict on an answer.

    ``bench`` keeps the numbers between answers to the same question; ``explain`` searches for the mistake and the
    nearest right formula where the answer is wrong.  Raises nothing for a bad answer: that is the verdict
    "unreadable" or "nonconformable".
    """
    bench = bench or Bench(asked.cell)
    try:
        readings = read_answer(answer, asked)
    except ShapeError as error:
        if NO_PRODUCT.search(error.message):
            return _unreadable(error, bench)
        return _nonconformable(answer, asked, bench, error, effort if explain else None)
    except (ReadingError, UnknownNameError, SymrnnError) as error:
        return _unreadable(error, bench)
    try:
        return judged(readings, bench, effort if explain else None)
    except TooManyOperationsError as error:
        return _unreadable(error, bench)


def _unreadable(error: SymrnnError, bench: Bench) -> Verdict:
    return Verdict("unreadable", mistake=str(error), seed=bench.seed)


def _nonconformable(answer: Answer, asked: Asked, bench: Bench, error: ShapeError, effort: Effort | None) -> Verdict:
    found = diagnose_unconformable(answer, asked, bench, effort) if effort else Diagnosis()
    plain = Verdict(
        "nonconformable",
        mistake=str(error),
        seed=bench.seed,
        sizes=bench.sizes(),
        tolerance=bench.tolerance,
        method=bench.method,
    )
    if not found.repairs:
        return plain
    return replace(plain, repairs=found.repairs, mistake=f"{error.message}; {found.mistake}")


def judged(readings: Sequence[Reading], bench: Bench, effort: Effort | None) -> Verdict:
    """The verdict on the readings of an answer; ``effort`` is for finding the mistake, None looks for none."""
    judge = Judge(bench)
    right = _first_right(readings, judge)
    if right is not None:
        found = judge.judge(right)
    else:
        findings = [judge.judge(reading) for reading in readings[:MOST_JUDGED]]
        found = min(findings, key=lambda f: (RANK.index(f.verdict), -height(f, bench.tolerance)))
    verdict = _verdict(found, bench)
    if verdict.correct:
        return replace(verdict, proof=proof_of(found.reading, bench)) if effort else verdict
    if effort is None:
        return verdict
    diagnosis = diagnose(found, [found.reading, *(r for r in readings if r is not found.reading)], bench, effort)
    return replace(
        verdict,
        mistake=diagnosis.mistake or verdict.mistake,
        repairs=diagnosis.repairs,
        counterexample=diagnosis.counterexample,
        reading=verdict.reading or diagnosis.reading,
    )


def _first_right(readings: Sequence[Reading], judge: Judge) -> Reading | None:
    """The most literal right reading, one that is the usual array before one that is a vec."""
    right: Reading | None = None
    for reading in readings:
        targets = judge.right_targets(reading.formula, reading) if judge.is_right(reading) else []
        if any(target.note is None for target in targets):
            return reading
        right = right or (reading if targets else None)
    return right


def _verdict(found: Finding, bench: Bench) -> Verdict:
    tolerance = bench.tolerance
    first_wrong = next((rung.tau for rung in found.rungs if not rung.error <= tolerance), None)
    note = found.target.note if found.target is not None else None
    repeats = "it only repeats what is asked" if _repeats(found.reading) else None
    after = AFTER_THE_END if ends_in_zero(found.reading.formula, bench.stations(found.reading.asked)[-1]) else None
    reading = "; ".join(n for n in (found.reading.note, note, repeats, after) if n) or None
    return Verdict(
        found.verdict,
        layout=found.layout,
        factor=found.factor,
        window=found.window,
        reading=reading,
        first_wrong_tau=first_wrong,
        assumption=found.assumption,
        error=found.error,
        mistake=found.mistake,
        seed=bench.seed,
        sizes=bench.sizes(),
        ladder=_whole_ladder(found.rungs, bench),
        tolerance=tolerance,
        method=bench.method,
    )


def _whole_ladder(rungs: Sequence[Rung], bench: Bench) -> tuple[Rung, ...]:
    """A rung for every length; those at which the question or the answer does not exist have no error."""
    known = {rung.tau: rung for rung in rungs}
    return tuple(known.get(tau, Rung(tau, nan, "there is no such time")) for tau in bench.lengths) if rungs else ()


def _repeats(reading: Reading) -> bool:
    """Whether an answer is nothing but the derivative that is asked for."""
    expression = reading.formula.expression
    return isinstance(expression, Jacobian) and (expression.of, expression.by) == (reading.asked.of, reading.asked.by)


__all__ = ["Answer", "Asked", "Bench", "DataError", "Verdict", "check"]
