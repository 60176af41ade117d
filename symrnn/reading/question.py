"""Questions: of what, by what."""

from __future__ import annotations

from symrnn.errors import Location, QuestionError, ReadingError
from symrnn.language import Cell, Index, Layout, Node, Role, Variable
from symrnn.language.traversal import variables
from symrnn.reading.calls import check_by, read_call
from symrnn.reading.parser import parse
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Scope
from symrnn.reading.syntax import Name, Tree
from symrnn.reading.tokens import Source
from symrnn.reading.uses import free_letters


def read_question(of_text: str, by_text: str, cell: Cell) -> tuple[Node, Node]:
    """What is differentiated, and by what: a variable, an entry, a block, or a stack of variables.

    Raises QuestionError where the question has no answer (a time outside the sequence, a constant), and what
    reading an expression raises, with "of" or "by" as the text's name.
    """
    of_source, by_source = Source.of(of_text, name="of"), Source.of(by_text, name="by")
    of_tree, by_tree = _parsed(of_text, of_source), _parsed(by_text, by_source)
    scope = Scope.of(cell)
    scope = scope.with_indices(*free_letters(of_tree, scope), *free_letters(by_tree, scope))
    of = _read(of_tree, scope, of_source, cell)
    by = _read(by_tree, scope, by_source, cell)
    _check_by(by, cell, by_source.at(by_tree.position))
    for node, source, tree in ((of, of_source, of_tree), (by, by_source, by_tree)):
        _check_times(node, cell, source.at(tree.position))
    return of, by


def _parsed(text: str, source: Source) -> Tree:
    if not text.strip():
        raise QuestionError(f'the question\'s "{source.name}" is empty', hint="Write L, L[t], h[t], W, x[t], W[i,j].")
    return parse(text, source)


def _read(tree: Tree, scope: Scope, source: Source, cell: Cell) -> Node:
    if isinstance(tree, Name) and tree.name == cell.loss_name and tree.name not in scope.whole:
        raise QuestionError(f'the cell "{cell.name}" has no loss', location=source.at(tree.position))
    return Reader(scope, Layout.NUMERATOR, source, read_call).read(tree)


def _check_by(by: Node, cell: Cell, location: Location) -> None:
    try:
        check_by(by)
    except ReadingError as error:
        raise QuestionError(
            error.message, location=location, hint="Ask for it by W, h[t], x[t], h[0], W[i,j], W[:, n:n+m]."
        ) from None
    for variable in variables(by):
        if variable.role is Role.CONSTANT:
            raise QuestionError(
                f'"{variable.name}" is declared const and has no gradient',
                location=location,
                hint=f"Declare it as a parameter: param {variable.name}",
            )
        if variable.role is Role.LOSS:
            raise QuestionError("one differentiates the loss, not by the loss", location=location)


def _check_times(node: Node, cell: Cell, location: Location) -> None:
    for variable in variables(node):
        if variable.time is not None:
            _check_time(variable, variable.time, cell, location)


def _check_time(variable: Variable, time: Index, cell: Cell, location: Location) -> None:
    """A literal time must be one at which the variable exists."""
    before, after = (time - cell.time.first).constant, (time - cell.time.last).constant
    state = cell.state.get(variable.name)
    early = state.depth if state is not None and not state.backward else 0
    late = state.depth if state is not None and state.backward else 0
    declared = cell.declaration.get(variable.name)
    if declared is not None and declared.before is not None:
        early = 1
    if (before is not None and before < -early) or (after is not None and after > late):
        low, high = cell.time.first - early, cell.time.last + late
        raise QuestionError(
            f"{variable.name}[{time}] is outside the times {low}..{high} at which {variable.name} exists",
            location=location,
            hint=f"Times run over {cell.time.index} = {cell.time.first}..{cell.time.last}.",
        )
