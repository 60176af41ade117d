"""How wide and how tall boxes are, nearly: enough to size delimiters and to break lines before they overflow.

Widths are in em of the surrounding text, measured on Computer Modern; what cannot be known is rounded up.
"""

from __future__ import annotations

from functools import singledispatch

from symrnn.emitting.boxes import (
    Accent,
    Big,
    Box,
    Delimiter,
    Fence,
    Fraction,
    Glyph,
    Grid,
    Kind,
    Lines,
    Mark,
    Root,
    Row,
    Scripts,
)

SCRIPT = 0.75
"""How large a script is, seen from its base."""

LINE_INDENT = 1.0
"""How far the later lines of an entry are moved in, in em."""

_NARROW = set("ijlItf1,.;:|()'′")
_WIDE = set("mwMWNUVHKDQ∑∏⨀ωϕψΦΨΩ")


@singledispatch
def width(box: Box) -> float:
    """The width of a box in em."""
    raise TypeError(f"no width is known for a {type(box).__name__} box")


@width.register
def _(box: Glyph) -> float:
    letters = sum(0.42 if c in _NARROW else 0.95 if c in _WIDE else 0.55 for c in box.text)
    match box.kind:
        case Kind.BINARY:
            return 0.78 + 0.45
        case Kind.RELATION:
            return 0.78 + 0.56
        case Kind.FUNCTION:
            return letters + 0.17
        case Kind.PUNCTUATION:
            return 0.28 + 0.17
        case Kind.BESIDE:
            return 0.17
        case _:
            return letters


@width.register
def _(box: Row) -> float:
    return sum(width(item) for item in box.items)


@width.register
def _(box: Scripts) -> float:
    scripts = [width(script) for script in (box.sub, box.sup) if script is not None]
    return width(box.base) + SCRIPT * max(scripts, default=0.0) + 0.05


@width.register
def _(box: Accent) -> float:
    return width(box.base)


@width.register
def _(box: Fraction) -> float:
    return max(width(box.top), width(box.bottom)) + 0.3


@width.register
def _(box: Fence) -> float:
    return width(box.body) + 2 * _DELIMITER_WIDTH[fence_size(box) or 4]


@width.register
def _(box: Delimiter) -> float:
    return _DELIMITER_WIDTH[box.size]


@width.register
def _(box: Grid) -> float:
    columns = zip(*box.rows, strict=True)
    return sum(max(width(cell) for cell in column) + 1.0 for column in columns) + 1.0


@width.register
def _(box: Lines) -> float:
    return width(box.rows[0]) if len(box.rows) == 1 else max(width(row) + LINE_INDENT for row in box.rows)


@width.register
def _(box: Big) -> float:
    return max(1.5, SCRIPT * width(box.lower), SCRIPT * width(box.upper)) + 0.17


@width.register
def _(box: Root) -> float:
    return width(box.body) + 0.9


@width.register
def _(box: Mark) -> float:
    return width(box.body)


TALLEST_REACH = 2.4
"""Beyond this, delimiters stretch; up to it, the largest are good enough."""

_DELIMITER_WIDTH = (0.39, 0.46, 0.6, 0.74, 0.8)
_DELIMITER_REACH = (0.65, 0.8, 1.0, 1.35, 1.7)
"""How far the delimiters of each size reach above and below the middle of the line, in em."""


@singledispatch
def reach(box: Box) -> float:
    """How far a box reaches above or below the middle of the line, in em; scripts alone don't count."""
    raise TypeError(f"no height is known for a {type(box).__name__} box")


@reach.register
def _(box: Glyph) -> float:
    return 0.6


@reach.register
def _(box: Row) -> float:
    return max(reach(item) for item in box.items)


@reach.register
def _(box: Scripts) -> float:
    return reach(box.base) + (0.1 if reach(box.base) > 1 else 0.0)


@reach.register
def _(box: Accent) -> float:
    return reach(box.base)


@reach.register
def _(box: Fraction) -> float:
    return 0.55 + 0.6 * max(reach(box.top), reach(box.bottom)) + 0.1


@reach.register
def _(box: Fence) -> float:
    size = fence_size(box)
    return reach(box.body) if size is None else _DELIMITER_REACH[size]


@reach.register
def _(box: Delimiter) -> float:
    return _DELIMITER_REACH[box.size]


@reach.register
def _(box: Grid) -> float:
    return 0.6 * sum(2 * max(reach(cell) for cell in row) for row in box.rows)


@reach.register
def _(box: Lines) -> float:
    return sum(reach(row) for row in box.rows)


@reach.register
def _(box: Big) -> float:
    return 1.3


@reach.register
def _(box: Root) -> float:
    return reach(box.body) + 0.1


@reach.register
def _(box: Mark) -> float:
    return reach(box.body)


def fence_size(fence: Fence) -> int | None:
    """The size of a fence's delimiters, 0 to 4; None where they must stretch: around a matrix, for one."""
    if has_grid(fence.body):
        return None
    wanted = reach(fence.body)
    if wanted > TALLEST_REACH:
        return None
    return next((size for size, covered in enumerate(_DELIMITER_REACH) if wanted < covered), len(_DELIMITER_REACH) - 1)


def has_grid(box: Box) -> bool:
    """Whether a matrix stands in a box, at the line's own size."""
    match box:
        case Grid():
            return True
        case Row(items):
            return any(has_grid(item) for item in items)
        case Fence(body=body) | Mark(body=body) | Root(body=body) | Accent(base=body) | Scripts(base=body):
            return has_grid(body)
        case Fraction(top, bottom):
            return has_grid(top) or has_grid(bottom)
        case _:
            return False
