"""What the answers of one sheet share while it is being solved."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from symrnn.api.derivation import Derivation
from symrnn.api.loading import load
from symrnn.checking.verification import DEFAULT_SETTING
from symrnn.emitting.style import Style
from symrnn.errors import Location, SymrnnError
from symrnn.language import Cell, Index, Layout, Node
from symrnn.language.leaf import Variable
from symrnn.language.traversal import postorder, substitute_indices
from symrnn.sheets.prose import Reader
from symrnn.sheets.source import Item, SheetFile

Equality = tuple[Layout, Node, Node]


@dataclass
class Setting:
    """A sheet's folder and cells, layouts, notation and numbers, and what was checked and shown so far."""

    file: SheetFile
    layouts: tuple[Layout, ...]
    style: Style
    seed: int = DEFAULT_SETTING.seed
    variant: int | None = None
    errors: list[float] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    shown: dict[Equality, str] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    checked: dict[tuple[str, ...], float | None] = field(default_factory=dict)

    def cell(self, item: Item) -> Cell | None:
        """The cell that an item speaks of: its own, else the sheet's; None where neither names one."""
        name = item.get("cell") or self.file.head.get("cell")
        return None if name is None else self.named_cell(name, item)

    def named_cell(self, name: str, item: Item) -> Cell:
        """A cell by the name of a file in the sheet's folder, or of a library cell."""
        if name not in self.cells:
            path = self.file.folder / name
            try:
                self.cells[name] = load(path) if name.endswith(".cell") else load(name)
            except SymrnnError as error:
                raise item.error(f'the cell "{name}" cannot be used: {error}') from None
        return self.cells[name]

    def place(self, item: Item) -> Location:
        """Where an item stands."""
        return Location(str(item.path), item.line)

    def reader(self, cell: Cell | None, item: Item) -> Reader:
        """A reader of texts about a cell."""
        return Reader(cell, self.place(item), self.layouts[0])

    def record(self, errors: Iterable[float]) -> None:
        """Keep the errors of checked lines for the footer."""
        self.errors.extend(errors)

    def known_steps(self, derivation: Derivation, question: str) -> tuple[str | None, ...]:
        """Which steps an earlier question has shown already; the others count as shown by this one from now on."""
        found: list[str | None] = []
        for step in derivation.steps:
            before, after = step.before.expression, step.after.expression
            key = (derivation.layout, *_renamed(before, after, derivation.cell.time.last.names()))
            earlier = self.shown.get(key)
            found.append(None if earlier in (None, question) or step.after.parts else earlier)
            self.shown.setdefault(key, question)
        return tuple(found)


def _renamed(before: Node, after: Node, fixed: Container[str]) -> tuple[Node, Node]:
    """Two sides with their times renamed in the order in which they occur, so that t and r are told alike."""
    order: dict[str, None] = {}
    for inner in (*postorder(before), *postorder(after)):
        if isinstance(inner, Variable) and inner.time is not None:
            order.update(dict.fromkeys(sorted(name for name in inner.time.names() if name not in fixed)))
    names = {name: Index.of(f"time#{place}") for place, name in enumerate(order)}
    return substitute_indices(before, names), substitute_indices(after, names)
