"""Answers that are Python functions: what they return at the stations, held against the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn.checking.asked import Asked
from symrnn.checking.assumptions import assumptions
from symrnn.checking.cell_check import leaf_key
from symrnn.checking.comparison import Array, relative_error
from symrnn.checking.factors import common_factor, explained
from symrnn.checking.generated import arguments
from symrnn.checking.stations import DENOMINATOR, NUMERATOR, Bench, Station
from symrnn.checking.verdict import Factor, Rung, Verdict
from symrnn.checking.workers import STOPPED, Limits, WorkersError, work
from symrnn.errors import ReadingError
from symrnn.language import Variable

MODULE = "symrnn.checking.function_runner"
LIMITS = Limits(seconds=20.0)


@dataclass(frozen=True)
class CodeAnswer:
    """``file:function``; it is called as ``f(values, **times)`` or, like generated code, ``f(params, inputs, …)``.

    Where it has parameters called like sizes or the length, it is given those too.
    """

    file: str
    function: str

    @staticmethod
    def of(text: str) -> CodeAnswer:
        """From ``FILE:FUNCTION``.

        >>> CodeAnswer.of("a/b.py:grad").function
        'grad'
        """
        file, colon, function = text.rpartition(":")
        if not colon or not file or not function.isidentifier():
            raise ReadingError(f'"{text}" is not FILE:FUNCTION', hint="As in answer.py:gradient.")
        return CodeAnswer(file, function)


def check_code(answer: CodeAnswer, asked: Asked, bench: Bench) -> Verdict:
    """The verdict on a function's results; it runs in a process with limits."""
    stations = bench.stations(asked)
    try:
        replies = _replies(answer, stations, asked, bench)
    except WorkersError as problem:
        return Verdict("unreadable", mistake=str(problem), seed=bench.seed)
    failed = next((r for r in replies if "value" not in r), None)
    if failed is not None:
        reason = str(failed.get("problem", failed.get(STOPPED)))
        return Verdict("unreadable", mistake=f"{answer.function} failed: {reason}", seed=bench.seed)
    series = _series(stations, replies)
    return _judged(series, asked, bench) or _assumed(answer, series, asked, bench) or _wrong(series, asked, bench)


def _replies(answer: CodeAnswer, stations: Sequence[Station], asked: Asked, bench: Bench) -> list[dict[str, Any]]:
    """What the function's process says of every point of the stations; raises WorkersError where it doesn't start."""
    calls = [(station, point) for station in stations for point in station.points]
    messages = [_message(asked, bench, station, dict(point)) for station, point in calls]
    return work(MODULE, {"file": answer.file, "function": answer.function}, messages, 1, LIMITS)


def _message(asked: Asked, bench: Bench, station: Station, point: dict[str, int]) -> dict[str, Any]:
    groups = arguments(bench.cell, station.evaluator.instance)
    listed = {name: {key: np.asarray(v).tolist() for key, v in group.items()} for name, group in groups.items()}
    key = leaf_key(asked.by) if isinstance(asked.by, Variable) else ""
    return {"groups": listed, "times": point, "sizes": dict(station.sizes), "key": key}


Series = list[tuple[Station, list[Array]]]


def _series(stations: Sequence[Station], replies: Sequence[dict[str, Any]]) -> Series:
    values = iter([np.asarray(reply["value"], dtype=float) for reply in replies])
    return [(station, [next(values) for _ in station.points]) for station in stations]


def _judged(series: Series, asked: Asked, bench: Bench) -> Verdict | None:
    """Right, a constant factor off, or truncated; None where it is none of these."""
    errors = {target.layout: _errors(series, asked, bench, target) for target in (NUMERATOR, DENOMINATOR)}
    right = [layout for layout, found in errors.items() if max(found) <= bench.tolerance]
    if right:
        name = "both" if len(right) == 2 else right[0].value
        verdict = "correct" if asked.layout in (None, *right) else "transposed"
        mistake = None if verdict == "correct" else f"it is in {name} layout, not in the one asked for"
        return _verdict(verdict, series, errors[right[0]], bench, layout=name, mistake=mistake)
    for target in (NUMERATOR, DENOMINATOR):
        factor = _factor(series, asked, bench, target)
        if factor is not None:
            kind = "negated" if factor.is_minus_one else "scaled"
            said = "the sign is wrong" if factor.is_minus_one else f"it is {factor} times what is right"
            layout = target.layout.value
            return _verdict(kind, series, errors[target.layout], bench, layout=layout, factor=factor, mistake=said)
    for window in bench.windows(asked):
        for target in (NUMERATOR, DENOMINATOR):
            if max(_errors(series, asked, bench, target, window)) <= bench.tolerance:
                said = f"the terms more than {window} step{'s' * (window != 1)} apart are missing"
                layout = target.layout.value
                return _verdict(
                    "truncated", series, errors[target.layout], bench, layout=layout, window=window, mistake=said
                )
    return None


def _assumed(answer: CodeAnswer, series: Series, asked: Asked, bench: Bench) -> Verdict | None:
    """Right under an assumption: the function runs once more, on numbers for which each assumption holds."""
    every = list(assumptions(bench.cell))
    by_assumption = [bench.stations(asked, change) for change in every]
    if not every or _wrong_shape(series, asked, bench) is not None:
        return None
    try:
        replies = iter(_replies(answer, [s for stations in by_assumption for s in stations], asked, bench))
    except WorkersError:
        return None
    for assumption, stations in zip(every, by_assumption, strict=True):
        own = [next(replies) for station in stations for _ in station.points]
        if any("value" not in reply for reply in own):
            continue
        special = _series(stations, own)
        for target in (NUMERATOR, DENOMINATOR):
            if asked.layout not in (None, target.layout):
                continue
            if max(_errors(special, asked, bench, target)) <= bench.tolerance:
                said, errors = f"it holds only where {assumption.text}", _errors(series, asked, bench, target)
                more = {"layout": target.layout.value, "assumption": assumption.text, "mistake": said}
                return _verdict("assumption", series, errors, bench, **more)
    return None


def _wrong(series: Series, asked: Asked, bench: Bench) -> Verdict:
    best = min((_errors(series, asked, bench, target) for target in (NUMERATOR, DENOMINATOR)), key=max)
    return _verdict("wrong", series, best, bench, mistake=_wrong_shape(series, asked, bench))


def _wrong_shape(series: Series, asked: Asked, bench: Bench) -> str | None:
    """What is returned and what should be, where the shapes differ at the first call already."""
    station, values = series[0]
    rights = [bench.truth(asked, station, target)[0] for target in (NUMERATOR, DENOMINATOR)]
    compared = [_compared(values[0], right) for right in rights]
    if any(value.shape == right.shape for value, right in compared):
        return None
    shapes = " or ".join(dict.fromkeys(str(np.squeeze(right).shape) for right in rights))
    return f"the function returns an array of shape {values[0].shape}, but the derivative is {shapes} here"


def _verdict(kind: str, series: Series, errors: list[float], bench: Bench, **more: Any) -> Verdict:
    rungs = tuple(Rung(s.tau, e) for (s, _), e in zip(series, errors, strict=True) if s.on_ladder)
    first = next((rung.tau for rung in rungs if not rung.error <= bench.tolerance), None)
    return Verdict(
        kind,
        first_wrong_tau=first,
        error=max(errors),
        seed=bench.seed,
        sizes=bench.sizes(),
        ladder=rungs,
        tolerance=bench.tolerance,
        method=bench.method,
        **more,
    )


def _errors(series: Series, asked: Asked, bench: Bench, target: Any, window: int | None = None) -> list[float]:
    found = []
    for station, values in series:
        right = bench.truth(asked, station, target, window)
        found.append(max(relative_error(*_compared(v, r)) for v, r in zip(values, right, strict=True)))
    return found


def _compared(value: Array, right: Array) -> tuple[Array, Array]:
    """An array as a function returns it may lack axes of one component."""
    return np.squeeze(value), np.squeeze(right)


def _factor(series: Series, asked: Asked, bench: Bench, target: Any) -> Factor | None:
    factors = []
    for station, values in series:
        right = bench.truth(asked, station, target)
        pairs = [_compared(v, r) for v, r in zip(values, right, strict=True)]
        if any(v.shape != r.shape for v, r in pairs):
            return None
        factor = common_factor([v for v, _ in pairs], [r for _, r in pairs])
        if factor is None:
            return None
        factors.append(factor)
    return explained(bench.cell, [s for s, _ in series], factors)
