"""What a source prints, held against the checker: the verdict, the smallest case that shows it, the right formula.

A claim is judged in one of these ways, told apart by what it has: ``formula`` or ``latex`` with ``of`` and ``wrt`` (the
checker), ``equality`` (both sides at random numbers), ``result`` with ``show``, ``derivative``, ``count`` or ``shape``
(exact values), or ``verdict`` with ``note`` where a person has judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from symrnn.api.checking import check
from symrnn.api.deriving import derive
from symrnn.checking.asked import Asked
from symrnn.checking.verdict import Counterexample, Verdict
from symrnn.errors import CheckFailedError, QuestionError, SymrnnError
from symrnn.inquiry.counts import count_parameters
from symrnn.inquiry.evaluate import evaluate
from symrnn.inquiry.shapes import shapes
from symrnn.inquiry.substitute import number_node
from symrnn.language import Cell, Jacobian, Layout, Node
from symrnn.reading.expression import read_expression
from symrnn.reading.question import read_question
from symrnn.reading.scope import Scope
from symrnn.sheets.answers_derivations import TOLERANCE, chain_error
from symrnn.sheets.answers_numbers import values_of
from symrnn.sheets.answers_structure import cell_of, plain
from symrnn.sheets.claims_structure import STRUCTURE_JUDGES
from symrnn.sheets.content import Block, Claimed, Equalities, Paragraph
from symrnn.sheets.finding import Finding, of_readings
from symrnn.sheets.prose import turned
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item

HEADLINES = {
    "correct": "right",
    "transposed": "right, but transposed",
    "mixed": "right, but in a mixed layout",
    "negated": "off by the sign",
    "scaled": "off by a constant factor",
    "truncated": "a truncated gradient",
    "assumption": "right under an assumption",
    "nonconformable": "not conformable",
    "wrong": "wrong",
    "incomplete": "incomplete",
}
"""What a sheet says of a verdict; ``incomplete`` is a person's."""


def claimed(setting: Setting, question: Item, claim: Item) -> Claimed:
    """One claim, judged; raises CheckFailedError where the verdict is another than the sheet's author expects."""
    identity = claim.need("id", f'a claim of question "{question.data["id"]}"')
    cell = setting.named_cell(claim.data["cell"], question) if claim.get("cell") else setting.cell(question)
    reader = setting.reader(cell, question)
    try:
        found = _judge(setting, question, claim)
    except SymrnnError as error:
        if error.location is not None and error.location.source == str(question.path):
            raise
        message = f'the claim "{identity}" cannot be judged: {error.message}'
        raise type(error)(message, location=setting.place(question), hint=error.hint) from None
    expected = claim.get("expect", found.verdict)
    if found.verdict != expected:
        message = f'the claim "{identity}" was expected to be {expected} and is {found.verdict}'
        raise CheckFailedError(message, location=setting.place(question))
    note = reader.prose(claim.data["note"]) if claim.get("note") else ()
    printed = reader.line(claim.need("printed", f'the claim "{identity}"'))
    return Claimed(identity, printed, found.verdict, (*note, *found.blocks))


def _judge(setting: Setting, question: Item, claim: Item) -> Finding:
    for key, judge in JUDGES.items():
        if key in claim.data:
            return judge(setting, question, claim)
    raise claim.error(
        f'the claim "{claim.data["id"]}" says nothing to judge', hint=f"Give it one of {', '.join(JUDGES)}."
    )


# Formulas, by the checker.


def _formula(setting: Setting, question: Item, claim: Item, repaired: bool = True) -> Finding:
    cell = cell_of(setting, question, claim)
    found = check(
        cell,
        claim.get("formula") or claim.data["latex"],
        claim.get("of"),
        claim.get("wrt"),
        layout=claim.get("layout"),
        names=claim.get("names"),
        entries_from=int(claim.get("entries_from", 0)),
        seed=setting.seed,
        relu0=float(Fraction(str(claim.get("relu0", 0)))),
    )
    if found.verdict == "unreadable":
        raise QuestionError(f"it cannot be read: {found.mistake}")
    setting.record([found.error] if found.correct and found.error is not None else [])
    return Finding(found.verdict, tuple(_shown(setting, cell, claim, found, repaired)))


def _readings(setting: Setting, question: Item, claim: Item) -> Finding:
    """``readings``: tables with a ``name`` and a ``formula`` each, all of which the print may mean."""
    blocks: list[Block] = []
    verdicts = []
    for reading in claim.data["readings"]:
        data = {key: value for key, value in {**claim.data, **reading}.items() if key != "right"}
        found = _formula(setting, question, Item(data, claim.line, claim.path), False)
        verdicts.append(found.verdict)
        blocks += [Paragraph(plain(f"{reading['name']}: {HEADLINES[found.verdict]}.")), *found.blocks]
    if set(verdicts) != {"correct"}:
        blocks += _right(setting, cell_of(setting, question, claim), claim)
    if len(set(verdicts)) == 1:
        return Finding(verdicts[0], tuple(blocks))
    return Finding(of_readings([verdict == "correct" for verdict in verdicts]), tuple(blocks))


def _shown(setting: Setting, cell: Cell, claim: Item, found: Verdict, repaired: bool) -> Iterator[Block]:
    facts = list(_facts(found))
    if facts:
        yield Paragraph(plain(" ".join(facts)))
    if found.counterexample is not None and not found.correct:
        yield Paragraph(plain(_smallest(found.counterexample)))
    if repaired and not found.correct and claim.get("of") is not None:
        yield from _right(setting, cell, claim)


def _facts(found: Verdict) -> Iterator[str]:
    if found.correct and found.layout:
        yield "It holds in both layouts." if found.layout == "both" else f"It holds in {found.layout} layout."
    elif found.layout and found.verdict in ("transposed", "scaled", "negated"):
        yield f"It is written in {found.layout} layout."
    if found.reading:
        yield f"It is read so: {found.reading}."
    if found.factor is not None:
        yield f"It is {found.factor} times what is right."
    if found.assumption:
        yield f"It assumes {found.assumption}."
    if found.first_wrong_tau is not None and not found.correct and len(found.ladder) > 1:
        first = found.first_wrong_tau
        right = [rung.tau for rung in found.ladder if rung.tau < first]
        yield (
            f"It is right up to {_steps(right[-1])} and wrong from {first} on."
            if right
            else f"It is wrong from {_steps(first)} on."
        )
    if found.mistake and not found.correct and _is_definite(found.mistake):
        yield f"The mistake: {found.mistake.rstrip('.')}."


def _is_definite(mistake: str) -> bool:
    """Whether the checker knows one thing that went wrong: none or several are no help to a reader."""
    return "no single change" not in mistake and "other change" not in mistake


def _steps(number: int) -> str:
    return f"{number} step" if number == 1 else f"{number} steps"


def _smallest(example: Counterexample) -> str:
    sizes = ", ".join(f"{name} = {value}" for name, value in {**example.sizes, **example.times}.items())
    values = "; ".join(f"{name} = {_short(value)}" for name, value in example.values.items())
    return (
        f"The smallest case that shows it: {sizes}; {values}. "
        f"The printed formula gives {_short(example.answer)}, right is {_short(example.right)}."
    )


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{time}: {_short(v)}" for time, v in value.items()) + "}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _right(setting: Setting, cell: Cell, claim: Item) -> Iterator[Block]:
    """The right formula: the author's, if it holds, else as it was derived."""
    if claim.get("right"):
        yield _authors(setting, cell, claim)
        return
    layout = Layout(claim.get("layout") or setting.layouts[0].value)
    made = derive(cell, claim.get("of"), claim.get("wrt"), layout=layout, seed=setting.seed)
    setting.record(made.errors or ())
    if not made.result.parts and not made.derived.forms[-1].free:
        links = (Jacobian(made.of, made.wrt, layout), made.result.expression)
        yield Equalities(links, plain("Right is this."), made.max_error, turned(links))


def _authors(setting: Setting, cell: Cell, claim: Item) -> Block:
    """The formula that the sheet's author puts in place of the printed one, held against the checker, too."""
    layout = Layout(claim.get("layout") or setting.layouts[0].value)
    of, wrt, text = claim.get("of"), claim.get("wrt"), claim.data["right"]
    found = check(cell, text, of, wrt, layout=layout.value, names=claim.get("names"), seed=setting.seed)
    if not found.correct:
        raise CheckFailedError(f"what is given as right, `{text}`, is {HEADLINES.get(found.verdict, 'unreadable')}")
    setting.record([] if found.error is None else [found.error])
    left, by = read_question(of, wrt, cell)
    scope = Scope.of(cell).with_indices(*Asked(cell, left, by).free)
    links = (Jacobian(left, by, layout), read_expression(text, scope, layout))
    return Equalities(links, plain("Right is this."), found.error, turned(links))


# Equal at random numbers, or not.


def _equality(setting: Setting, question: Item, claim: Item) -> Finding:
    cell = cell_of(setting, question, claim)
    links = setting.reader(cell, question).chain(claim.data["equality"])
    error = chain_error(cell, links, setting.seed)
    if error <= TOLERANCE:
        setting.record([error])
        return Finding(
            "correct", (Equalities(links, plain("Both sides agree at random numbers."), error, turned(links)),)
        )
    return Finding(
        "wrong",
        (
            Paragraph(
                plain(f"At random numbers the sides differ (relative error {error:.1e})."),
            ),
        ),
    )


# Exact values.


def _value(setting: Setting, question: Item, claim: Item) -> Finding:
    cell = cell_of(setting, question, claim)
    if "count" in claim.data:
        return _compared(claim, count_parameters(cell).value(claim.data["count"]))
    if "shape" in claim.data:
        return _shape(cell, claim)
    of, by = _question(cell, claim)
    values = values_of(setting, question, claim)
    found = evaluate(cell, values, [(of, by)], relu0=Fraction(str(claim.get("relu0", 0)))).answers[0]
    return _compared(claim, found.numbers.array)


def _question(cell: Cell, claim: Item) -> tuple[Node, Node | None]:
    if "derivative" in claim.data:
        of, by = claim.data["derivative"]
        return read_question(of, by, cell)
    return read_expression(claim.need("show", "a claim with a result"), Scope.of(cell)), None


def _shape(cell: Cell, claim: Item) -> Finding:
    wanted = claim.data["shape"]
    sizes = dict(claim.get("sizes", {}))
    for named in shapes(cell, sizes):
        if named.name == wanted:
            found = "×".join(str(axis.value(sizes)) for axis in named.shape)
            return _compared_text(str(claim.data["result"]), found)
    raise QuestionError(f'the cell has no "{wanted}"')


def _compared_text(printed: str, found: str) -> Finding:
    if printed.replace("x", "×") == found:
        return Finding("correct")
    return Finding("wrong", (Paragraph(plain(f"Right is {found}.")),))


def _compared(claim: Item, found: Any) -> Finding:
    """Printed numbers against exact ones; ``digits`` allows a claim to be rounded."""
    right = np.array(found, dtype=object)
    printed = np.array(_fractions(claim.data["result"]), dtype=object)
    digits = claim.get("digits")
    allowed = Fraction(0) if digits is None else Fraction(1, 2 * 10 ** int(digits))
    same = printed.size == right.size and all(
        abs(Fraction(a) - Fraction(b)) <= allowed for a, b in zip(printed.ravel(), right.ravel(), strict=True)
    )
    if same:
        return Finding("correct")
    node = number_node(right if right.ndim in (0, 2) else right.reshape(-1, 1))
    return Finding("wrong", (Equalities((node,), plain("Right is this."), definition=True),))


def _fractions(value: Any) -> Any:
    return [_fractions(v) for v in value] if isinstance(value, list) else Fraction(str(value))


# By a person.


def _by_hand(setting: Setting, question: Item, claim: Item) -> Finding:
    claim.need("note", f'the claim "{claim.data["id"]}" with a verdict by hand')
    verdict = str(claim.data["verdict"])
    if verdict not in HEADLINES:
        raise claim.error(f'there is no verdict "{verdict}"', hint=f"Known: {', '.join(HEADLINES)}.")
    return Finding(verdict)


JUDGES: dict[str, Callable[[Setting, Item, Item], Finding]] = {
    **STRUCTURE_JUDGES,
    "readings": _readings,
    "formula": _formula,
    "latex": _formula,
    "equality": _equality,
    "result": _value,
    "verdict": _by_hand,
}
