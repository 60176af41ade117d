"""The picture of gradient flow: a map over t and k for every state, and the norms by distance.  Needs matplotlib."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

from symrnn.doctor import find
from symrnn.errors import DataError
from symrnn.inquiry.flow import Flow, StateFlow

FORMATS = ("png", "svg", "pdf")


def save_picture(flow: Flow, path: str | Path, dpi: int = 150) -> None:
    """Draw the flow into a file: png, svg or pdf, by its ending.

    Raises MissingExtraError, before anything is written, where matplotlib is not installed; DataError for another
    ending and for a file that can't be written.
    """
    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        shown = f'".{ending}"' if ending else "no ending"
        raise DataError(f"a picture with {shown} can't be drawn", hint=f"End the name in .{', .'.join(FORMATS)}.")
    find("matplotlib").require()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(flow.states)
    figure = Figure(figsize=(8.4, 3.4 * count), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(count, 2, squeeze=False)
    for row, state in zip(axes, flow.states, strict=True):
        _map(figure, row[0], flow, state)
        _lines(row[1], state)
    figure.suptitle(_title(flow), fontsize=10)
    # No date in the file: the same numbers give the same bytes.
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[ending]
    try:
        figure.savefig(target, dpi=dpi, metadata=metadata, format=ending)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from None


def _title(flow: Flow) -> str:
    sizes = ", ".join(f"{name} = {value}" for name, value in flow.sizes.items())
    sigma = "" if flow.sigma is None else rf", recurrent matrices scaled to $\sigma_{{\max}}$ = {flow.sigma:g}"
    drawn = "the given numbers" if flow.seed is None else f"numbers drawn with seed {flow.seed}"
    return f"{flow.cell.name}: {drawn}, {sizes}{sigma}"


def _map(figure: Any, axis: Any, flow: Flow, state: StateFlow) -> None:
    """The logarithms over t and k; white is norm 1, blue less, red more; grey where the derivative is zero."""
    rows = [[value if value is not None and value > -inf else float("nan") for value in row] for row in state.logs]
    finite = [value for row in rows for value in row if value == value]
    reach = max((abs(value) for value in finite), default=1.0) or 1.0
    first, last = flow.times[0], flow.times[-1]
    box = (first - 0.5, last + 0.5, first - 0.5, last + 0.5)
    axis.set_facecolor("0.93")
    image = axis.imshow(
        rows, origin="lower", extent=box, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest"
    )
    figure.colorbar(
        image, ax=axis, label=rf"$\log_{{10}}\,\|\partial {_letter(state)}_t/\partial {_letter(state)}_k\|_2$"
    )
    axis.set_xlabel("$k$")
    axis.set_ylabel("$t$")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.get_major_locator().set_params(integer=True)


def _lines(axis: Any, state: StateFlow) -> None:
    """The mean by distance, with the range over all pairs of that distance."""
    points = state.by_distance()
    distances = [p[0] for p in points]
    axis.fill_between(distances, [p[1] for p in points], [p[3] for p in points], alpha=0.25, linewidth=0, color="C0")
    axis.plot(distances, [p[2] for p in points], marker="o", markersize=3, color="C0")
    axis.axhline(0.0, color="0.6", linewidth=0.8, linestyle="--")
    axis.set_xlabel("$k - t$" if state.backward else "$t - k$")
    axis.set_ylabel(r"$\log_{10}$ of the norm: mean and range")
    axis.xaxis.get_major_locator().set_params(integer=True)
    rate = state.rate
    if rate is not None:
        axis.set_title(f"per step a factor of about {rate:.3g}", fontsize=9)


def _letter(state: StateFlow) -> str:
    r"""A state's name for matplotlib's mathematics, which has no ``\_`` in upright letters."""
    words = state.state.replace("_", " ").split() or [state.state]
    return words[0] if words == [state.state] and len(state.state) == 1 else rf"\mathrm{{{''.join(words)}}}"
