"""The unrolled graph as SVG: stands alone or inside a page, in light and dark, every edge with an id to light
up.

Colours are CSS variables with fallbacks, so that a page can set its own; ``lit`` ids are drawn strong, and a
page can do the same by adding the class ``lit`` to elements that it finds by ``data-edge`` and ``data-node``.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from html import escape

from symrnn.drawing import labels
from symrnn.drawing.layout import Arrow, Box, Drawing, Point, lay_out
from symrnn.emitting.style import PLAIN, Style
from symrnn.inquiry.graph import UnrolledGraph

FONT_SIZE = 15.0
LABEL_SIZE = 11.5
CORNER = 6.0

LIGHT = {
    "ink": "#1d2430",
    "line": "#5b6675",
    "paper": "#ffffff",
    "state": "#dce9fb",
    "computed": "#f3f4f6",
    "input": "#e3f3e4",
    "target": "#fdeed6",
    "loss": "#fbdfe1",
    "lit": "#c2410c",
}
DARK = {
    "ink": "#e8eaee",
    "line": "#98a3b3",
    "paper": "#14171c",
    "state": "#1f3a5f",
    "computed": "#272c34",
    "input": "#1e3d25",
    "target": "#463417",
    "loss": "#4d2226",
    "lit": "#fb923c",
}
FILL = {"initial": "paper", "whole": "computed"}


def to_svg(
    graph: UnrolledGraph,
    style: Style = PLAIN,
    *,
    lit: Collection[str] = (),
    prefix: str = "graph",
    standalone: bool = True,
) -> str:
    """The graph as one ``svg`` element.

    ``lit`` are ids of edges and nodes to draw strong.  ``prefix`` starts every id, for several graphs on a
    page. ``standalone`` brings its own colours along; without it the page's CSS provides ``--graph-…``
    variables, or the light ones are used.
    """
    drawing = lay_out(graph, {n.id: labels.width(labels.node_box(n, style)) * FONT_SIZE for n in graph.nodes})
    title = f"{graph.cell.name}, unrolled over {graph.tau} steps"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="symrnn-graph" id="{escape(prefix)}" role="img" '
        f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" width="{_n(drawing.width)}" '
        f'height="{_n(drawing.height)}" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{css(standalone)}</style>",
        f"<defs>{_marker(prefix, 'arrow', 'line')}{_marker(prefix, 'arrow-lit', 'lit')}</defs>",
    ]
    order = sorted(drawing.arrows, key=lambda arrow: arrow.edge.id in lit)
    parts += [_arrow(a, drawing, prefix, a.edge.id in lit) for a in order]
    parts += [_box(b, drawing, style, prefix, b.node.id in lit) for b in drawing.boxes]
    parts += [_label(a, drawing, style, a.edge.id in lit) for a in order if a.label]
    return "\n".join([*parts, "</svg>"]) + "\n"


def css(standalone: bool = True) -> str:
    """The rules that a graph needs; with its own colours, light and dark, where it stands alone."""

    def colours(table: dict[str, str]) -> str:
        return ";".join(f"--graph-{name}:{value}" for name, value in table.items())

    own = ""
    if standalone:
        own = f".symrnn-graph{{{colours(LIGHT)}}}@media (prefers-color-scheme:dark){{.symrnn-graph{{{colours(DARK)}}}}}"

    def colour(name: str) -> str:
        return f"var(--graph-{name},{LIGHT[name]})"

    fonts = "'STIX Two Text','STIX Two Math','Latin Modern Roman','Cambria Math','Times New Roman',serif"
    kinds = "".join(
        f".symrnn-graph .{kind} rect{{fill:{colour(FILL.get(kind, kind))}}}"
        for kind in ("state", "computed", "input", "target", "loss", "initial", "whole")
    )
    return (
        f"{own}.symrnn-graph{{max-width:100%;height:auto;background:{colour('paper')}}}"
        f".symrnn-graph text{{font-family:{fonts};fill:{colour('ink')}}}"
        f".symrnn-graph rect{{stroke:{colour('line')};stroke-width:1.1}}"
        f"{kinds}.symrnn-graph .initial rect{{stroke-dasharray:3 2}}"
        f".symrnn-graph .edge{{fill:none;stroke:{colour('line')};stroke-width:1.2}}"
        f".symrnn-graph .edge.lit{{stroke:{colour('lit')};stroke-width:2.6}}"
        f".symrnn-graph .node.lit rect{{stroke:{colour('lit')};stroke-width:2.4}}"
        f".symrnn-graph .label{{paint-order:stroke;stroke:{colour('paper')};stroke-width:3px;"
        "stroke-linejoin:round}"
        f".symrnn-graph .label.lit{{fill:{colour('lit')}}}"
        f".symrnn-graph marker path{{stroke:none}}"
    )


def _marker(prefix: str, name: str, colour: str) -> str:
    return (
        f'<marker id="{escape(prefix)}-{name}" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0,0.8 L8,4 L0,7.2 L1.8,4 Z" style="fill:var(--graph-{colour},{LIGHT[colour]})"/></marker>'
    )


def _arrow(arrow: Arrow, drawing: Drawing, prefix: str, lit: bool) -> str:
    edge = arrow.edge
    head = f"{escape(prefix)}-arrow{'-lit' if lit else ''}"
    return (
        f'<path class="edge{" lit" if lit else ""}" id="{escape(prefix)}-{edge.id}" data-edge="{edge.id}" '
        f'data-tail="{edge.tail}" data-head="{edge.head}" d="{_path(arrow, drawing.height)}" '
        f'marker-end="url(#{head})"/>'
    )


def _box(box: Box, drawing: Drawing, style: Style, prefix: str, lit: bool) -> str:
    x, y = box.x - box.width / 2, drawing.height - box.y - box.height / 2
    label = labels.node_box(box.node, style)
    return (
        f'<g class="node {box.node.kind}{" lit" if lit else ""}" id="{escape(prefix)}-{box.node.id}" '
        f'data-node="{box.node.id}"><rect x="{_n(x)}" y="{_n(y)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="{_n(box.height / 2 - 3)}"/>'
        f'<text x="{_n(box.x)}" y="{_n(drawing.height - box.y + 0.3 * FONT_SIZE)}" text-anchor="middle" '
        f'font-size="{_n(FONT_SIZE)}">{labels.svg_text(label)}</text></g>'
    )


def _label(arrow: Arrow, drawing: Drawing, style: Style, lit: bool) -> str:
    x, y = arrow.label_at
    return (
        f'<text class="label{" lit" if lit else ""}" x="{_n(x)}" y="{_n(drawing.height - y)}" '
        f'text-anchor="{arrow.anchor}" font-size="{_n(LABEL_SIZE)}" data-label="{arrow.edge.id}">'
        f"{labels.svg_text(labels.factor_box(arrow.label, style))}</text>"
    )


def _path(arrow: Arrow, height: float) -> str:
    points = [(x, height - y) for x, y in arrow.points]
    return _smooth(points) if arrow.smooth else _rounded(points)


def _smooth(points: list[Point]) -> str:
    """From point to point with upright tangents."""
    x, y = points[0]
    path = [f"M{_n(x)},{_n(y)}"]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        if abs(x1 - x2) < 0.05:
            path.append(f"L{_n(x2)},{_n(y2)}")
        else:
            reach = (y2 - y1) * 0.5
            path.append(f"C{_n(x1)},{_n(y1 + reach)} {_n(x2)},{_n(y2 - reach)} {_n(x2)},{_n(y2)}")
    return " ".join(path)


def _rounded(points: list[Point]) -> str:
    """Straight pieces with rounded corners."""
    points = [p for i, p in enumerate(points) if i == 0 or _apart(p, points[i - 1]) > 0.05]
    path = [f"M{_n(points[0][0])},{_n(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        r = min(CORNER, _apart(before, corner) / 2, _apart(corner, after) / 2)
        (ax, ay), (bx, by) = _toward(corner, before, r), _toward(corner, after, r)
        path.append(f"L{_n(ax)},{_n(ay)} Q{_n(corner[0])},{_n(corner[1])} {_n(bx)},{_n(by)}")
    path.append(f"L{_n(points[-1][0])},{_n(points[-1][1])}")
    return " ".join(path)


def _apart(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _toward(start: Point, end: Point, length: float) -> Point:
    whole = _apart(start, end) or 1.0
    return (start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
