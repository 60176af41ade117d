"""Heads: the read-out and the loss, composed with a cell instead of copied into it.

A head file is a fragment, ``head softmax(s[d])`` followed by declarations, equations and a loss.  It is read
as a cell of its own in which the formal variables are inputs; then they become the cell's variables (see
:mod:`symrnn.reading.transplant`), the formal sizes its sizes, the times its times, and a name that the cell
uses already gets an addition: ``y`` becomes ``y_target``, ``K`` becomes ``K_out``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from symrnn.errors import CellError, Location, ShapeError, SymrnnError, did_you_mean
from symrnn.language import Index, Role, Shape, Variable
from symrnn.language.node import format_shape
from symrnn.language.traversal import variables
from symrnn.reading.declarations import time_symbols
from symrnn.reading.definitions import read_pieces
from symrnn.reading.parser import Parser
from symrnn.reading.pieces import Pieces
from symrnn.reading.statements import Declared, Draft, HeadLine, head_line, read_statements
from symrnn.reading.syntax import Name, walk
from symrnn.reading.tokens import Source, tokenize
from symrnn.reading.transplant import Transplant

Heads = Callable[[str], str]
"""Finds the text of a head by its name; raises UnknownNameError where there is none."""


@dataclass(frozen=True)
class _Fragment:
    """A head that is read: its formal variables with their shapes, and the pieces of the fragment."""

    name: str
    formals: tuple[Declared, ...]
    pieces: Pieces

    def shape(self, formal: Declared) -> Shape:
        return next(d.shape for d in self.pieces.declarations if d.name == formal.name)


def with_head(pieces: Pieces, own: HeadLine | None, heads: Heads | None, wanted: str | None) -> Pieces:
    """The cell's pieces and the head's, as one.

    ``own`` is the cell file's head line; ``wanted`` asks for another, by name or as ``name(variable)``, in
    place of it, or of the cell's own loss.

    Raises CellError or ShapeError where the head doesn't fit.
    """
    asked = _asked(wanted) if wanted is not None else None
    line = asked or own
    assert line is not None
    location = pieces.locate(own.position[0]) if own is not None and asked is None else None
    if heads is None:
        raise CellError(f'no heads are known here, so "{line.name}" cannot be put on', location=location)
    if asked is None and pieces.loss is not None:
        raise CellError(
            "the cell has a loss and a head",
            location=location,
            hint="Drop one of them: a head brings a loss.",
        )
    actuals = line.arguments or (own.arguments if own is not None else ())
    if not actuals:
        raise CellError(
            f'on which variable does the head "{line.name}" stand?',
            location=location,
            hint=f"Write {line.name}({_likely(pieces)}).",
        )
    try:
        text = heads(line.name)
    except SymrnnError as error:
        raise error.at(location) if location is not None else error from None
    fragment = _fragment(line.name, text)
    return _composed(_without_loss(pieces), fragment, actuals, location)


def _asked(text: str) -> HeadLine:
    source = Source.of(text, name="head")
    parser = Parser(tokenize(text, source), source)
    line = head_line(parser)
    if parser.here.kind != "end":
        raise parser.expected("the end", "Write softmax or softmax(h).")
    return line


def _likely(pieces: Pieces) -> str:
    timed = [e.name for e in pieces.equations if e.timed]
    return next(iter(pieces.states), timed[-1] if timed else "h")


def _without_loss(pieces: Pieces) -> Pieces:
    """The cell without its own loss, the loss's summand, and the targets that only those read."""
    if pieces.loss is None:
        return pieces
    kept = tuple(e for e in pieces.equations if e.name != pieces.loss_name)
    read = {v.name for e in kept for v in variables(e.expression)}
    declarations = tuple(d for d in pieces.declarations if d.role is not Role.TARGET or d.name in read)
    return replace(pieces, loss=None, equations=kept, declarations=declarations)


def _fragment(name: str, text: str) -> _Fragment:
    source = Source.of(text, name=f"{name}.head")
    draft = read_statements(text, source)
    if draft.head is None or not draft.head.arguments:
        raise CellError(
            f'"{name}" is no head',
            location=Location(source.name),
            hint=f"Its first line is head {name}(s[d]).",
        )
    formals = draft.head.arguments
    full = Draft(
        source,
        name,
        [*_formal_sizes(draft, formals), *formals, *draft.declared],
        draft.functions,
        draft.equations,
        draft.time,
        draft.loss,
        comments=draft.comments,
    )
    return _Fragment(name, formals, read_pieces(full, name))


def _formal_sizes(draft: Draft, formals: Sequence[Declared]) -> list[Declared]:
    declared = {d.name for d in draft.declared if d.kind == "size"}
    names = {
        tree.name: tree.position
        for formal in formals
        for axes in formal.brackets
        for axis in axes
        for tree in walk(axis)
        if isinstance(tree, Name) and tree.name not in declared
    }
    return [Declared("size", name, (), (), None, position) for name, position in names.items()]


def _composed(pieces: Pieces, fragment: _Fragment, actuals: Sequence[Declared], location: Location | None) -> Pieces:
    bound = {f.name: _actual(f, i, pieces, actuals, fragment, location) for i, f in enumerate(fragment.formals)}
    sizes: dict[str, Index] = {}
    for formal in fragment.formals:
        _match(formal.name, fragment.shape(formal), bound[formal.name], sizes, fragment, location)
    names = _new_names(pieces, fragment, sizes)
    sizes |= {size: Index.of(names[size]) for size in fragment.pieces.sizes if size not in sizes}
    moved = Transplant(bound, names, sizes, fragment.pieces.time, pieces.time).pieces(fragment.pieces)
    return replace(
        pieces,
        sizes=(*pieces.sizes, *moved.sizes),
        declarations=(*pieces.declarations, *moved.declarations),
        states={**pieces.states, **moved.states},
        equations=(*pieces.equations, *moved.equations),
        loss=moved.loss,
        loss_name=moved.loss_name,
        loss_line=None,
        functions=(*pieces.functions, *moved.functions),
        comments=(*pieces.comments, *moved.comments),
    )


def _actual(
    formal: Declared,
    place: int,
    pieces: Pieces,
    actuals: Sequence[Declared],
    fragment: _Fragment,
    location: Location | None,
) -> Variable:
    """The cell's variable that a formal one stands for; a second one is an input, and need not be named."""
    timed = _timed(pieces)
    if place < len(actuals):
        name = actuals[place].name
        if name not in timed:
            raise CellError(
                f'the head "{fragment.name}" is put on "{name}", which is no variable of the steps',
                location=location,
                hint=did_you_mean(name, timed),
            )
        return timed[name]
    inputs = [v for v in timed.values() if v.role is Role.INPUT]
    chosen = next((v for v in inputs if v.name == formal.name), inputs[0] if len(inputs) == 1 else None)
    if chosen is None:
        raise CellError(
            f'the head "{fragment.name}" also takes {formal.name}, an input of the cell',
            location=location,
            hint=f"Name it: {fragment.name}({actuals[0].name}, ...).",
        )
    return chosen


def _timed(pieces: Pieces) -> dict[str, Variable]:
    declared = {d.name: Variable(d.name, d.role, d.shape) for d in pieces.declarations if d.timed}
    computed = {e.name: Variable(e.name, Role.COMPUTED, e.expression.shape) for e in pieces.equations if e.timed}
    return {**declared, **computed}


def _match(
    name: str,
    formal: Shape,
    actual: Variable,
    sizes: dict[str, Index],
    fragment: _Fragment,
    location: Location | None,
) -> None:
    """Bind the formal sizes so that the shapes agree."""
    fits = len(formal) == len(actual.shape)
    for wanted, axis in zip(formal, actual.shape, strict=False):
        size = wanted.name
        if size is None:
            fits = fits and wanted == axis
        else:
            fits = fits and sizes.setdefault(size, axis) == axis
    if not fits:
        raise ShapeError(
            f'the head "{fragment.name}" takes {name} as {format_shape(formal)}, but {actual.name} is '
            f"{format_shape(actual.shape)}",
            location=location,
            hint="Choose a head for this shape, as upstream_matrix for a matrix, or write the loss out.",
        )


def _new_names(pieces: Pieces, fragment: _Fragment, bound_sizes: Mapping[str, Index]) -> dict[str, str]:
    """What the head's own names are called in the cell."""
    taken = _names(pieces) | time_symbols(pieces.time)
    own = _names(fragment.pieces) - {f.name for f in fragment.formals} - bound_sizes.keys()
    targets = {d.name for d in fragment.pieces.declarations if d.role is Role.TARGET}
    found: dict[str, str] = {}
    for name in sorted(own):
        found[name] = _free_name(name, "target" if name in targets else "out", taken)
        taken.add(found[name])
    return found


def _names(pieces: Pieces) -> set[str]:
    names = {d.name for d in pieces.declarations} | {e.name for e in pieces.equations} | set(pieces.states)
    names |= set(pieces.sizes) | {n for n, _ in pieces.equal_sizes} | {n for n, _ in pieces.functions}
    return names | ({pieces.loss_name} if pieces.loss is not None else set())


def _free_name(name: str, addition: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    candidates = [f"{name}_{addition}", *(f"{name}_{addition}{count}" for count in range(2, 100))]
    return next((c for c in candidates if c not in taken), name)
