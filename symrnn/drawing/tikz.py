r"""The unrolled graph as a TikZ picture, for documents that have TikZ (nothing but the package itself is used)."""

from __future__ import annotations

from collections.abc import Collection

from symrnn.drawing import labels
from symrnn.drawing.layout import Arrow, Box, lay_out
from symrnn.emitting.latex import box_latex
from symrnn.emitting.style import PLAIN, Style
from symrnn.inquiry.graph import UnrolledGraph

TEXT_WIDTH = 440.0
"""How wide a picture may be, in TeX points, before it is made smaller."""

FILLS = {
    "state": "blue!10",
    "computed": "black!4",
    "input": "green!60!black!10",
    "target": "orange!18",
    "loss": "red!13",
    "initial": "white, dashed",
    "whole": "black!4",
}

LIT = "red!75!black, line width=1.2pt"


def to_tikz(
    graph: UnrolledGraph, style: Style = PLAIN, *, lit: Collection[str] = (), widest: float = TEXT_WIDTH
) -> str:
    r"""The graph as one ``tikzpicture`` environment, no wider than ``widest`` points.

    ``lit`` are ids of edges and nodes to draw strong.
    """
    drawing = lay_out(graph, {n.id: labels.width(labels.node_box(n, style)) * 14.0 for n in graph.nodes})
    scale = min(0.8, widest / drawing.width)
    lines = [
        rf"\begin{{tikzpicture}}[x=1pt, y=1pt, scale={scale:.3f}, every node/.style={{transform shape}},",
        rf"  box/.style={{draw=black!65, rounded corners={7 * scale:.1f}pt, inner sep=0pt, font=\large}},",
        rf"  edge/.style={{-stealth, draw=black!60, line width=0.6pt, rounded corners={5 * scale:.1f}pt}},",
        r"  label/.style={inner sep=1pt, fill=white, fill opacity=0.8, text opacity=1}]",
    ]
    order = sorted(drawing.arrows, key=lambda arrow: arrow.edge.id in lit)
    lines += [_arrow(arrow, arrow.edge.id in lit) for arrow in order]
    lines += [_box(box, style, box.node.id in lit) for box in drawing.boxes]
    lines += [_label(arrow, style) for arrow in order if arrow.label]
    return "\n".join([*lines, r"\end{tikzpicture}"]) + "\n"


def document(picture: str, title: str = "") -> str:
    r"""A whole LaTeX document around a picture."""
    heading = f"\\section*{{{title}}}\n" if title else ""
    return (
        "\\documentclass[10pt]{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{lmodern}\n"
        "\\usepackage{amsmath}\n\\usepackage{tikz}\n\\usepackage[a4paper,margin=25mm]{geometry}\n"
        f"\\pagestyle{{empty}}\n\\begin{{document}}\n{heading}\\noindent\n{picture}\\end{{document}}\n"
    )


def _box(box: Box, style: Style, lit: bool) -> str:
    strong = f", draw={LIT}" if lit else ""
    return (
        rf"  \node[box, fill={FILLS[box.node.kind]}{strong}, minimum width={box.width:.1f}pt, "
        rf"minimum height={box.height:.1f}pt] at ({box.x:.1f},{box.y:.1f}) "
        rf"{{${box_latex(labels.node_box(box.node, style))}$}};"
    )


def _arrow(arrow: Arrow, lit: bool) -> str:
    points = [f"({x:.1f},{y:.1f})" for x, y in arrow.points]
    if not arrow.smooth:
        path = " -- ".join(points)
    else:
        path = points[0]
        for (x1, y1), (x2, y2) in zip(arrow.points, arrow.points[1:], strict=False):
            reach = (y2 - y1) / 2
            bend = f" .. controls ({x1:.1f},{y1 + reach:.1f}) and ({x2:.1f},{y2 - reach:.1f}) .. "
            path += (" -- " if abs(x1 - x2) < 0.05 else bend) + f"({x2:.1f},{y2:.1f})"
    return rf"  \draw[edge{', draw=' + LIT if lit else ''}] {path};"


def _label(arrow: Arrow, style: Style) -> str:
    x, y = arrow.label_at
    side = {"end": "base east", "start": "base west", "middle": "base"}[arrow.anchor]
    return rf"  \node[label, anchor={side}] at ({x:.1f},{y:.1f}) {{${_factors(arrow, style)}$}};"


def _factors(arrow: Arrow, style: Style) -> str:
    return box_latex(labels.factor_box(arrow.label, style))
