"""Gradient flow as text and as data for programs."""

from __future__ import annotations

from math import inf
from typing import Any

from symrnn.inquiry.flow import Flow, StateFlow

BARS = "▁▂▃▄▅▆▇█"


def flow_text(flow: Flow, ascii: bool = False) -> str:
    """For every state the logarithms by distance, and the factor per step.

    ``ascii`` leaves out what needs more than ASCII.
    """
    sizes = ", ".join(f"{name} = {value}" for name, value in flow.sizes.items())
    drawn = "the given numbers" if flow.seed is None else f"numbers drawn with seed {flow.seed}"
    scaled = "" if flow.sigma is None else f", recurrent matrices scaled to sigma_max = {flow.sigma:g}"
    blocks = [f"{flow.cell.name}: {drawn}, {sizes}{scaled}"]
    blocks += [_state(state, ascii) for state in flow.states]
    return "\n\n".join(blocks) + "\n"


def _state(state: StateFlow, ascii: bool) -> str:
    name = state.state
    norm = f"log10 |d{name}_t/d{name}_k|" if ascii else f"log₁₀‖∂{name}_t/∂{name}_k‖₂"
    distance = "k - t" if state.backward else "t - k"
    lines = [f"{norm}", f"{distance:>6}  {'least':>8}  {'mean':>8}  {'largest':>8}"]
    points = state.by_distance()
    low, high = min((p[2] for p in points), default=0.0), max((p[2] for p in points), default=0.0)
    for steps, least, mean, largest in points:
        bar = "" if ascii else f"  {_bar(mean, low, high)}"
        lines.append(f"{steps:>6}  {least:>8.2f}  {mean:>8.2f}  {largest:>8.2f}{bar}")
    if state.rate is not None:
        lines.append(f"per step a factor of about {state.rate:.3g}")
    return "\n".join(lines)


def _bar(value: float, low: float, high: float) -> str:
    return BARS[round((value - low) / (high - low) * (len(BARS) - 1))] if high > low else BARS[0]


def flow_dict(flow: Flow) -> dict[str, Any]:
    """For programs; a zero derivative's logarithm is null there, as is what doesn't exist."""
    return {
        "cell": flow.cell.name,
        "times": list(flow.times),
        "sizes": dict(flow.sizes),
        "seed": flow.seed,
        "sigma": flow.sigma,
        "states": {
            state.state: {
                "direction": "backward" if state.backward else "forward",
                "log10_norm": [[v if v is not None and v > -inf else None for v in row] for row in state.logs],
                "rate": state.rate,
            }
            for state in flow.states
        },
    }
