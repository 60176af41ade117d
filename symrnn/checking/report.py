"""A verdict in words."""

from __future__ import annotations

from math import isfinite
from typing import Any

from symrnn.checking.verdict import Verdict

HEADLINES = {
    "correct": "correct",
    "transposed": "right, but in the other layout",
    "mixed": "right, but in a mixed layout",
    "negated": "off by the sign",
    "scaled": "off by a constant factor",
    "truncated": "a truncated gradient",
    "assumption": "right only under an assumption",
    "nonconformable": "not conformable",
    "wrong": "wrong",
    "unreadable": "not readable",
}


def verdict_text(found: Verdict) -> str:
    """The verdict for the terminal, one fact a line."""
    headline = _headline(found)
    lines = [headline if headline.startswith(found.verdict) else f"{found.verdict}: {headline}"]
    lines += _facts(found)
    if found.mistake:
        lines.append(f"  mistake: {found.mistake}")
    for place, repair in enumerate(found.repairs):
        title = "repair" if place == 0 else "or"
        lines.append(f"  {title}: " + "\n    ".join(repair.marked.splitlines()))
    if found.counterexample is not None:
        lines += _counterexample(found)
    return "\n".join(lines)


def _headline(found: Verdict) -> str:
    headline = HEADLINES[found.verdict]
    if found.verdict == "correct":
        return f"{headline}, in {_layouts(found.layout)}"
    if found.verdict == "transposed":
        return f"right in {found.layout} layout, which isn't the one asked for"
    if found.verdict == "scaled":
        return f"{headline}: it is {found.factor} times what is right"
    if found.verdict == "truncated":
        return f"{headline} of window {found.window}"
    if found.verdict == "assumption":
        return f"{headline}: {found.assumption}"
    return headline


def _layouts(layout: str | None) -> str:
    return "both layouts" if layout == "both" else f"{layout} layout"


def _facts(found: Verdict) -> list[str]:
    facts = []
    if found.reading:
        facts.append(f"  reading: {found.reading}")
    if found.proof:
        facts.append(f"  proof: {found.proof}")
    if found.layout and found.verdict not in ("correct", "transposed"):
        facts.append(f"  layout: {found.layout}")
    if found.window is not None and found.verdict != "truncated":
        facts.append(f"  truncated: window {found.window}")
    facts += _ladder(found)
    if found.tolerance is not None and found.sizes is not None and found.ladder:
        sizes = ", ".join(f"{name} = {value}" for name, value in found.sizes.items())
        facts.append(
            f"  numbers: seed {found.seed}" + (f", {sizes}" if sizes else "") + f"; {found.method}; "
            f"relative error {_number(found.error)}, allowed {found.tolerance:.0e}"
        )
    return facts


def _ladder(found: Verdict) -> list[str]:
    if len(found.ladder) < 2:
        return []  # a cell without time
    shown = "  ".join(f"{rung.tau}: {_number(rung.error)}" for rung in found.ladder)
    lines = [f"  ladder: {shown}"]
    first = found.first_wrong_tau
    if first is not None and found.verdict != "correct":
        taus = [rung.tau for rung in found.ladder if rung.tau < first and isfinite(rung.error)]
        until = f"right up to N = {taus[-1]}, wrong from N = {first}" if taus else f"wrong from N = {first}"
        lines.append(f"  {until}")
    return lines


def _number(error: float | None) -> str:
    if error is None or not isfinite(error):
        return "-"
    return "0" if error == 0 else f"{error:.1e}"


def _counterexample(found: Verdict) -> list[str]:
    example = found.counterexample
    assert example is not None
    sizes = ", ".join(f"{name} = {value}" for name, value in {**example.sizes, **example.times}.items())
    lines = [f"  smallest counterexample: {sizes}"]
    lines += [f"    {name} = {_array(value)}" for name, value in example.values.items()]
    lines.append(f"    the answer gives {_array(example.answer)}")
    lines.append(f"    right is         {_array(example.right)}")
    return lines


def _array(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_array(v) for v in value) + "]"
    if isinstance(value, dict):
        return ", ".join(f"{time}: {_array(v)}" for time, v in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
