"""Curves as SVG and TikZ, from the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import floor, log10

from symrnn.sheets.content import Chart, Line

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 14.0, 16.0, 46.0
COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#7c3aed", "#b45309")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2")
TIKZ_COLOURS = ("blue!75!black", "red!75!black", "green!45!black", "violet", "brown!80!black")
TIKZ_DASHES = ("solid", "dashed", "dotted", "dash dot", "densely dotted")
TINIEST = 1e-16


@dataclass(frozen=True)
class Frame:
    """The ranges of a chart and where numbers stand in it."""

    low: float
    high: float
    first: float
    last: float
    logarithmic: bool

    @staticmethod
    def of(chart: Chart) -> Frame:
        """The frame around all curves; a logarithmic one ends at powers of ten."""
        xs = [x for line in chart.lines for x, _ in line.points]
        ys = [_scaled(y, chart.logarithmic) for line in chart.lines for _, y in line.points]
        low, high = min(ys), max(ys)
        if chart.logarithmic:
            low, high = float(floor(low)), float(-floor(-high))
        high = high if high > low else low + 1
        return Frame(low, high, min(xs), max(max(xs), min(xs) + 1), chart.logarithmic)

    def x(self, value: float) -> float:
        """Across, in points from the left."""
        return LEFT + (value - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Upward, in points from the top."""
        share = (_scaled(value, self.logarithmic) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def upward_ticks(self) -> list[tuple[float, str]]:
        """Values with their labels."""
        if not self.logarithmic:
            return [
                (self.low + (self.high - self.low) * i / 4, f"{self.low + (self.high - self.low) * i / 4:.2g}")
                for i in range(5)
            ]
        step = max(1, round((self.high - self.low) / 5))
        return [(10.0**e, f"1e{e:+d}" if e else "1") for e in range(int(self.low), int(self.high) + 1, step)]

    def across_ticks(self) -> list[float]:
        """Whole numbers."""
        step = max(1, round((self.last - self.first) / 8))
        return [self.first + step * i for i in range(int((self.last - self.first) / step) + 1)]


def _scaled(value: float, logarithmic: bool) -> float:
    return log10(max(value, TINIEST)) if logarithmic else value


def chart_svg(chart: Chart) -> str:
    """One ``svg`` element; colours of text and axes are the page's."""
    frame = Frame.of(chart)
    legend = 18.0 * len(chart.lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT + legend:g}" role="img" '
        f'aria-label="{escape(chart.upward)} over {escape(chart.across)}">'
    ]
    base = HEIGHT - BOTTOM
    for value, label in frame.upward_ticks():
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for value in frame.across_ticks():
        parts.append(f'<text x="{frame.x(value):.1f}" y="{base + 18:g}" text-anchor="middle">{value:g}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{base + 37:g}" text-anchor="middle">{escape(chart.across)}</text>'
    )
    parts.append(f'<text x="4" y="11">{escape(chart.upward)}</text>')
    for place, line in enumerate(chart.lines):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        stroke = f'stroke="{colour}" stroke-dasharray="{dash}" fill="none" stroke-width="2"'
        parts.append(f'<polyline points="{_points(line, frame)}" {stroke}/>')
        y = HEIGHT + 18 * place + 4
        parts.append(f'<line x1="{LEFT:g}" x2="{LEFT + 34:g}" y1="{y - 4:g}" y2="{y - 4:g}" {stroke}/>')
        parts.append(f'<text x="{LEFT + 42:g}" y="{y:g}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>"])


def _points(line: Line, frame: Frame) -> str:
    return " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line.points)


def chart_tikz(chart: Chart) -> str:
    r"""One ``tikzpicture``; nothing but the package itself is used."""
    from_top = HEIGHT
    frame = Frame.of(chart)
    base = from_top - (HEIGHT - BOTTOM)
    lines = [r"\begin{tikzpicture}[x=0.72pt, y=0.72pt, font=\footnotesize]"]
    for value, label in frame.upward_ticks():
        y = from_top - frame.y(value)
        shown = f"$10^{{{round(log10(value))}}}$" if chart.logarithmic else f"${label}$"
        lines.append(rf"  \draw[black!15] ({LEFT:g},{y:.1f}) -- ({WIDTH - RIGHT:g},{y:.1f});")
        lines.append(rf"  \node[anchor=east] at ({LEFT - 3:g},{y:.1f}) {{{shown}}};")
    lines += [rf"  \node[anchor=north] at ({frame.x(v):.1f},{base - 2:g}) {{${v:g}$}};" for v in frame.across_ticks()]
    for place, line in enumerate(chart.lines):
        look = f"{TIKZ_COLOURS[place % 5]}, {TIKZ_DASHES[place % 5]}, line width=1pt"
        path = " -- ".join(f"({frame.x(x):.1f},{from_top - frame.y(y):.1f})" for x, y in line.points)
        lines.append(rf"  \draw[{look}] {path};")
    return "\n".join([*lines, r"\end{tikzpicture}"])
