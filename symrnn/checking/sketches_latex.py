r"""LaTeX answers that don't multiply: factors exchanged, transposes and diagonals added in the print itself.

``\operatorname{diag}(v)`` is two items of the syntax, a name and a group; a function and its brackets move together.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from symrnn.checking.sketches import Sketch
from symrnn.errors import SymrnnError
from symrnn.reading.latex_lines import read_statements
from symrnn.reading.latex_source import Source
from symrnn.reading.latex_tree import Big, Factors, Group, Name, Scripted, Span, Tree

MOST_PRODUCTS = 60
MOST_FACTORS = 7

FUNCTIONS = frozenset({"diag", "Diag", "tanh", "sigma", "softmax", "exp", "log", "vec"})


def latex_sketches(text: str, source: str = "answer") -> Iterator[Sketch]:
    """Every LaTeX text one change away: two factors exchanged, a transpose added."""
    try:
        statements, _ = read_statements(Source(text, source))
    except SymrnnError:
        return
    products = [p for p in _below(statements) if isinstance(p, Factors)][:MOST_PRODUCTS]
    for rule in (_exchanges, _transposes, _diagonals):
        for product in products:
            yield from rule(text, _pieces(product))


def _exchanges(text: str, pieces: list[Span]) -> Iterator[Sketch]:
    if len(pieces) > MOST_FACTORS:
        return
    for first, second in combinations(pieces, 2):
        left, right = text[first.start : first.end], text[second.start : second.end]
        between = text[first.end : second.start]
        changed = f"{text[: first.start]}{right}{between}{left}{text[second.end :]}"
        diags = sum("diag" in piece for piece in (left, right))
        what = "the diag stands on the wrong side" if diags == 1 else "factors are in the wrong order"
        yield Sketch(changed, "swap", f"{what}: {left.strip()} and {right.strip()}", left, right)


def _transposes(text: str, pieces: list[Span]) -> Iterator[Sketch]:
    for piece in pieces:
        shown = text[piece.start : piece.end]
        new = f"{{{shown}}}^\\top"
        changed = f"{text[: piece.start]}{new}{text[piece.end :]}"
        yield Sketch(changed, "transpose", f"a transpose is missing: {shown.strip()}", shown, new)


def _diagonals(text: str, pieces: list[Span]) -> Iterator[Sketch]:
    r"""``\operatorname{diag}(v) W`` for ``v \odot W``."""
    for number, piece in enumerate(pieces):
        shown = text[piece.start : piece.end].strip()
        if "diag" in shown:
            continue
        new = f"\\operatorname{{diag}}{shown if shown.startswith('(') else f'({shown})'}"
        before, after = pieces[number - 1] if number else None, pieces[number + 1] if number + 1 < len(pieces) else None
        start = piece.start if before is None else before.end
        end = piece.end if after is None else after.start
        changed = f"{text[:start]} {new} {text[end:]}"
        yield Sketch(changed, "diag", f"a diag is missing: {shown} stands where {new} belongs", shown, new)


def _pieces(product: Factors) -> list[Span]:
    """The factors' places; a function takes its brackets along, a sum's or product's sign stays where it is."""
    spans: list[Span] = []
    function = False
    for _, item in product.items:
        if function and isinstance(item, Group):
            spans[-1] = Span(spans[-1].start, item.at.end)
            function = False
        elif isinstance(item, Big):
            spans.clear()
        else:
            spans.append(item.at)
            function = _is_function(item)
    return spans


def _is_function(item: Tree) -> bool:
    base = item.base if isinstance(item, Scripted) else item
    return isinstance(base, Name) and (base.key in FUNCTIONS or base.text in FUNCTIONS)


def _below(tree: object) -> list[object]:
    """Everything in the statements, without recursion."""
    found: list[object] = []
    stack: list[object] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(reversed(node))
        elif hasattr(node, "__slots__"):
            found.append(node)
            stack.extend(getattr(node, slot) for slot in node.__slots__ if slot not in ("at", "key", "kind"))
        elif hasattr(node, "members"):
            stack.extend(reversed(node.members))
    return found
