"""Short notation (a variable, a parameter) as runs of characters for SVG: letters, subscripts, accents.

Formulas are MathML elsewhere; a label inside an SVG that must stand alone can't be, so it is set here from
the same boxes that LaTeX and MathML are set from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from xml.sax.saxutils import escape

from symrnn.emitting.boxes import Accent, Box, Fence, Fraction, Glyph, Kind, Mark, Root, Row, Scripts, beside
from symrnn.emitting.measure import width as measured
from symrnn.emitting.names import named
from symrnn.emitting.rules import COMMA, Setter, Tight, joined
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.typeset import typeset
from symrnn.errors import UnsupportedError
from symrnn.inquiry.graph import GraphNode
from symrnn.inquiry.unrolled import Ways
from symrnn.language.index import Index
from symrnn.language.traversal import variables

SMALLER = 0.72
ACCENTS = {"hat": "\u0302", "wide": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307"}
LONGEST = 5.0
"""The widest label that an edge has room for, in em."""

NARROW, WIDE = frozenset("ijl.,;:'′()[]|1ftr"), frozenset("mwMW∑∏")


@dataclass(frozen=True)
class Run:
    """Characters in one size, slant and height over the baseline; ``back`` is how far they start further
    left.

    Lengths are in em of the label.
    """

    text: str
    slanted: bool = False
    bold: bool = False
    scale: float = 1.0
    rise: float = 0.0
    back: float = 0.0

    @property
    def width(self) -> float:
        """An estimate in em; combining marks have none."""
        marks = frozenset(ACCENTS.values())
        return self.scale * sum(_width(c) for c in self.text if c not in marks) - self.back


def _width(character: str) -> float:
    return 0.34 if character in NARROW else 0.8 if character in WIDE else 0.53


def node_box(node: GraphNode, style: Style = PLAIN) -> Box:
    """A graph node's name with its time as a number."""
    bold = style.letters == "bold" and node.shape != ()
    return named(node.name, style, bold=bold, time=None if node.time is None else Index.of(node.time)).box


def factor_box(ways: Ways, style: Style = PLAIN) -> Box:
    """The products of parameters on an edge; of long ones only the parameters that stand in them."""
    setter = Setter(style)
    products = [joined([setter.child(factor, Tight.PRODUCT) for factor in way], beside()) for way in ways]
    whole = joined(products, COMMA)
    if measured(whole) <= LONGEST and _can_be_set(whole):
        return whole
    names = dict.fromkeys(v for way in ways for factor in way for v in variables(factor))
    return joined([typeset(v, style) for v in names], COMMA)


def _can_be_set(box: Box) -> bool:
    """Whether a label has rules for everything in a box: it has none for matrices and sums."""
    try:
        runs(box)
    except UnsupportedError:
        return False
    return True


def runs(box: Box) -> tuple[Run, ...]:
    """The runs of a label."""
    return tuple(_runs(box))


def width(box: Box) -> float:
    """The label's width in em, estimated."""
    return sum(run.width for run in runs(box))


def svg_text(box: Box) -> str:
    """The label as ``tspan`` elements, to stand inside one ``text`` element."""
    parts, height = [], 0.0
    for run in runs(box):
        # dy is in em of the run's own size, so that the way back to the baseline is as long as the way out.
        shift = (height - run.rise) / run.scale
        height = run.rise
        attributes = [f'dy="{shift:.3g}em"'] if abs(shift) > 1e-9 else []
        if run.back:
            attributes.append(f'dx="{-run.back / run.scale:.3g}em"')
        if run.scale != 1.0:
            attributes.append(f'font-size="{run.scale:.3g}em"')
        if run.slanted:
            attributes.append('font-style="italic"')
        if run.bold:
            attributes.append('font-weight="bold"')
        parts.append(f"<tspan{''.join(' ' + a for a in attributes)}>{escape(run.text)}</tspan>")
    return "".join(parts)


def plain_text(box: Box) -> str:
    """The label's characters without their heights, for a title."""
    return "".join(run.text for run in runs(box))


@singledispatch
def _runs(box: Box) -> list[Run]:
    raise UnsupportedError(f"a label has no rule for {type(box).__name__}")


@_runs.register
def _(box: Glyph) -> list[Run]:
    text = f" {box.text} " if box.kind in (Kind.BINARY, Kind.RELATION) else box.text
    if box.kind is Kind.BESIDE:
        text = "\u2009"
    return [Run(text, slanted=box.kind is Kind.LETTER and not box.bold, bold=box.bold)]


@_runs.register
def _(box: Row) -> list[Run]:
    return [run for item in box.items for run in _runs(item)]


@_runs.register
def _(box: Scripts) -> list[Run]:
    above, below = _script(box.sup, 0.42), _script(box.sub, -0.22)
    if above and below:
        # Both start at the base: the lower one goes back by the width of the upper one.
        below[0] = replace(below[0], back=sum(run.width for run in above))
    return [*_runs(box.base), *above, *below]


def _script(box: Box | None, rise: float) -> list[Run]:
    found = [] if box is None else _runs(box)
    return [replace(r, scale=r.scale * SMALLER, rise=rise + r.rise * SMALLER, back=r.back * SMALLER) for r in found]


@_runs.register
def _(box: Accent) -> list[Run]:
    first, *rest = _runs(box.base)
    marked = first.text[:1] + ACCENTS[box.mark] + first.text[1:]
    return [replace(first, text=marked), *rest]


@_runs.register
def _(box: Fence) -> list[Run]:
    return [Run(box.left), *_runs(box.body), Run(box.right)]


@_runs.register
def _(box: Fraction) -> list[Run]:
    return [*_runs(box.top), Run("/"), *_runs(box.bottom)]


@_runs.register
def _(box: Root) -> list[Run]:
    return [Run("√("), *_runs(box.body), Run(")")]


@_runs.register
def _(box: Mark) -> list[Run]:
    return _runs(box.body)
