"""A cell as the text of a ``.cell`` file: what is printed here reads back to the same cell.

The equations come as they are held, heads filled in; the columns line up, as people write such files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from symrnn.emitting.text import index_text, to_text
from symrnn.language.cell import Cell, Declaration, Equation, Start, State
from symrnn.language.leaf import Role
from symrnn.language.node import Shape

KEYWORDS = {Role.PARAMETER: "param", Role.CONSTANT: "const", Role.INPUT: "input", Role.TARGET: "target"}


def cell_text(cell: Cell, name: str | None = None) -> str:
    """The text of a cell file; ``name`` is the name to give it, the cell's own unless given.

    Comments come first, then declarations in their order, equations, the loss.
    """
    blocks = [
        [f"# {line}".rstrip() for line in cell.comments],
        list(_declarations(cell, name or cell.name)),
        _equations(cell),
    ]
    return "\n\n".join("\n".join(block) for block in _joined(blocks)) + "\n"


def _joined(blocks: list[list[str]]) -> Iterator[list[str]]:
    """Blocks with a blank line between, except after the comments, which belong to the cell line."""
    comments, declarations, equations = blocks
    yield [*comments, *declarations]
    if equations:
        yield equations


def _declarations(cell: Cell, name: str) -> Iterator[str]:
    yield _line("cell", name)
    if cell.sizes:
        yield _line("size", ", ".join(cell.sizes))
    for size, equal in cell.equal_sizes:
        yield _line("size", f"{size} = {index_text(equal)}")
    for bound in cell.functions:
        yield _line("function", bound[0] if bound[1] is None else f"{bound[0]} = {bound[1]}")
    yield from _grouped(cell.declarations, cell.time.index)
    for state in cell.states:
        yield _line("state", _state(state))
    span = cell.time
    yield _line("time", f"{span.index} = {index_text(span.first)}..{index_text(span.last)}")
    if cell.layout is not None:
        yield _line("layout", cell.layout)
    if cell.style:
        yield _line("style", ", ".join(f"{key}={value}" for key, value in cell.style))


def _line(keyword: str, rest: str) -> str:
    return f"{keyword:<6} {rest}"


def _grouped(declarations: Iterable[Declaration], index: str) -> Iterator[str]:
    """One line for every run of plain declarations of a kind; what has attributes or a value has its own."""
    pending: list[str] = []
    kind: str | None = None
    for declaration in declarations:
        keyword = KEYWORDS[declaration.role]
        plain = not (declaration.attributes or declaration.value or declaration.before)
        if pending and (keyword != kind or not plain):
            yield _line(kind or "", ", ".join(pending))
            pending = []
        if plain:
            kind = keyword
            pending.append(_declared(declaration, index))
        else:
            yield _line(keyword, _declared(declaration, index))
    if pending:
        yield _line(kind or "", ", ".join(pending))


def _declared(declaration: Declaration, index: str) -> str:
    time = f"[{index}]" if declaration.timed and declaration.role in (Role.PARAMETER, Role.CONSTANT) else ""
    text = " ".join(
        [f"{declaration.name}{time}{_shape(declaration.shape, declaration.two_axes)}", *sorted(declaration.attributes)]
    )
    given = declaration.value if declaration.value is not None else declaration.before
    return text if given is None else f"{text} = {to_text(given)}"


def _shape(shape: Shape, two_axes: bool) -> str:
    """``[n]`` for a column, ``[p,q]`` for a matrix (``[n,1]`` too, where it was declared so), nothing for a scalar."""
    shown = shape if two_axes else shape[:1]
    return f"[{','.join(index_text(axis) for axis in shown)}]" if shown else ""


def _state(state: State) -> str:
    text = f"{state.name}{_shape(state.shape, state.two_axes)}"
    if state.start == Start.LEARNED:
        return f"{text} learned"
    if state.start == Start.EXPRESSION and state.initial is not None:
        return f"{text} = {to_text(state.initial)}"
    return text


def _equations(cell: Cell) -> list[str]:
    rows = [(_left(cell, equation), to_text(equation.expression)) for equation in cell.equations]
    if cell.loss is not None:
        rows.append((f"loss {cell.loss_name}", to_text(cell.loss)))
    width = max((len(left) for left, _ in rows), default=0)
    return [f"{left:<{width}} = {right}" for left, right in rows]


def _left(cell: Cell, equation: Equation) -> str:
    return f"{equation.name}[{cell.time.index}]" if equation.timed else equation.name
