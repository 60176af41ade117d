"""Python answers for the tests of the workers' limits."""

from __future__ import annotations

import time


def answer(values: dict[str, object], t: int) -> int:
    if t == 0:
        time.sleep(600)
    return t


def greedy(values: dict[str, object]) -> int:
    return len(bytearray(3_000_000_000))
