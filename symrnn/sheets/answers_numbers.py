"""Answers in numbers: exact values, all solutions of a design question, bigram tables, spectra and gradient flow."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy

from symrnn.emitting.sympy_matrix import to_sympy
from symrnn.emitting.unicode_text import to_unicode
from symrnn.errors import CheckFailedError
from symrnn.inquiry.evaluate import Line as ValueLine
from symrnn.inquiry.evaluate import evaluate
from symrnn.inquiry.flow import flow as gradient_flow
from symrnn.inquiry.spectral import MatrixFacts
from symrnn.inquiry.spectral import spectral as spectral_facts
from symrnn.inquiry.substitute import number_node, written_out
from symrnn.language import Cell, Index, Jacobian, Node, number
from symrnn.language.build import divide
from symrnn.language.traversal import substitute
from symrnn.oracle.data import instance_from_values
from symrnn.reading.expression import read_expression
from symrnn.reading.question import read_question
from symrnn.reading.scope import Scope
from symrnn.sheets.answers_structure import cell_of, plain
from symrnn.sheets.content import Block, Chart, Equalities, Formulas, Items, Line, Paragraph, Prose, Table, Words
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item
from symrnn.sheets.variants import varied


def exact(setting: Setting, question: Item, item: Item) -> list[Block]:
    """Exact numbers, *symbolic = substituted = result*.

    ``show`` are expressions, ``derivatives`` pairs of [of, by]; without ``show`` and with ``forward = true`` every
    value of the run is told.  ``values`` are the answer's own, else the question's; ``relu0`` is the slope at the kink.
    """
    cell = cell_of(setting, question, item)
    found = evaluate(
        cell, values_of(setting, question, item), _asked(cell, item), relu0=_fraction(item.get("relu0", 0))
    )
    computed = {line.of: line for line in found.forward}
    lines = (*(found.forward if item.get("forward") else ()), *found.answers) or found.forward
    lines = tuple(computed.get(line.of, line) if line.by is None else line for line in lines)
    blocks: list[Block] = []
    for line in lines:
        blocks.append(Equalities(value_chain(line)))
        if line.kink is not None:
            blocks.append(Paragraph(plain(_kink_sentence(line))))
    return blocks


def _asked(cell: Cell, item: Item) -> list[tuple[Node, Node | None]]:
    scope = Scope.of(cell)
    shown: list[tuple[Node, Node | None]] = [(read_expression(text, scope), None) for text in item.get("show", ())]
    return [*shown, *(read_question(of, by, cell) for of, by in item.get("derivatives", ()))]


def value_chain(line: ValueLine) -> tuple[Node, ...]:
    """A value's chain from the symbols to the result."""
    left: Node = line.of if line.by is None else Jacobian(line.of, line.by, line.layout)
    rest = line.stages or (number_node(line.numbers.array),)
    return (left, *(node for node in rest if node is not left))


def _kink_sentence(line: ValueLine) -> str:
    assert line.kink is not None
    named = ", ".join(line.kink.functions)
    if not line.kink.matters:
        return f"{named} is met exactly at its kink here; whichever slope is chosen there, the value is the same."
    shown = "; ".join(f"{slope} gives {_plain_number(value)}" for slope, value in line.kink.values)
    return f"{named} is met exactly at its kink here, so the value depends on the slope chosen there: {shown}."


def _plain_number(array: Any) -> str:
    entries = array.ravel().tolist()
    return str(entries[0]) if len(entries) == 1 else "(" + ", ".join(map(str, entries)) + ")"


def _fraction(value: Any) -> Fraction:
    return Fraction(str(value))


def values_of(setting: Setting, question: Item, item: Item) -> dict[str, Any]:
    """The given numbers, the answer's on top of the question's; a variant of the sheet has others of their kind."""
    common = varied(dict(question.get("values", {})), setting.variant, question.get("keep", ()))
    own = dict(item.get("values", {}))
    if not common and not own:
        raise question.error("there are no numbers to compute with", hint="Add them: values = { W = 2, x = [1, 3] }")
    return {**common, **own}


def solutions(setting: Setting, question: Item, item: Item) -> list[Block]:
    """All values of ``unknowns`` for which the run of a scalar cell gives what is ``wanted`` on every input.

    ``wanted`` is an equation such as ``y[t] = sum(x[k], k, 1, t)``, ``inputs`` are the numbers that an input may be,
    ``lengths`` says up to how many steps; the polynomial system is brought into triangular form exactly.
    """
    cell = cell_of(setting, question, item)
    left, right = setting.reader(cell, question).chain(item.need("wanted", "a design question"))
    unknowns = [sympy.Symbol(_symbol_name(name)) for name in item.need("unknowns", "a design question")]
    numbers = item.get("inputs", [0, 1])
    conditions = set()
    for length in range(1, int(item.get("lengths", 3)) + 1):
        for inputs in itertools.product(numbers, repeat=length):
            conditions.add(_condition(cell, left, right, inputs))
    basis = sympy.groebner(sorted(conditions - {sympy.Integer(0)}, key=str), *unknowns)
    found = sympy.solve(list(basis.exprs), unknowns, dict=True)
    if not found:
        raise CheckFailedError("the design question has no solution")
    reader = setting.reader(cell, question)
    blocks: list[Block] = []
    for one in found:
        if any(sympy.simplify(condition.subs(one)) != 0 for condition in conditions):
            raise CheckFailedError("a solution does not satisfy the conditions")
        lines = [f"{_own_name(symbol)} = {_own_name(value)}" for symbol, value in one.items()]
        free = [u for u in unknowns if u not in one]
        chains: list[Prose] = [(Formulas(reader.chain(line)),) for line in lines]
        last: list[Any] = [Words("free: ")]
        for place, symbol in enumerate(free):
            last += [Words(", ")] if place else []
            last.append(Formulas(reader.chain(_own_name(symbol))))
        blocks.append(Items((*chains, tuple(last))))
    setting.record([0.0] * len(conditions))
    count = f"{len(conditions)} different conditions, from all inputs of up to {item.get('lengths', 3)} steps"
    return [Paragraph(plain(f"Solved exactly from {count}; these are all solutions:")), *blocks]


def _symbol_name(name: str) -> str:
    return name.replace("[", "_at_").replace("]", "")


def _own_name(expression: Any) -> str:
    text = str(expression)
    for name in sorted((str(s) for s in expression.free_symbols), key=len, reverse=True):
        base, mark, time = name.partition("_at_")
        text = text.replace(name, f"{base}[{time}]" if mark else name)
    return text


def _condition(cell: Cell, left: Node, right: Node, inputs: tuple[int, ...]) -> Any:
    """Left − right at the last step of a run on these inputs, as a polynomial in what is not known."""
    length = len(inputs)
    numbers = dict.fromkeys(cell.time.last.names(), length)
    first = cell.time.first.value(numbers)
    known: dict[Node, Node] = {}
    for place, value in enumerate(inputs):
        for declared in cell.inputs:
            known[cell.variable(declared.name, Index.of(first + place))] = number(value)
        for name in cell.step_order():
            definite = written_out(cell.equation[name].expression, {**numbers, cell.time.index: first + place})
            known[cell.variable(name, Index.of(first + place))] = substitute(definite, known)
    last = {**numbers, cell.time.index: first + length - 1}
    sides = (substitute(written_out(side, last), known) for side in (left, right))
    here, there = (to_sympy(side) for side in sides)
    named = sympy.expand(here - there)
    return named.subs({s: sympy.Symbol(_initial_name(str(s), cell)) for s in named.free_symbols})


def _initial_name(name: str, cell: Cell) -> str:
    base, _, time = name.rpartition("_")
    return f"{base}_at_{time}" if base in cell.state else name


def bigrams(setting: Setting, question: Item, item: Item) -> list[Block]:
    """The bigram table of ``text`` with add-one smoothing, entry (i, j) for word j after word i; the likelihood of
    ``likelihood``, word by word, where given; with ``first = true`` also with its first word's probability.
    """
    words = str(item.need("text", "a bigram table")).split()
    vocabulary = list(dict.fromkeys(words))
    entries = bigram_entries(words)
    counts = Counter(itertools.pairwise(words))
    head = (plain("word \\ next word"), *(plain(word) for word in vocabulary), plain("sum"))
    rows = []
    for before, row in zip(vocabulary, entries, strict=True):
        total = sum(counts[before, after] for after in vocabulary)
        size = total + len(vocabulary)
        pairs = zip(vocabulary, row, strict=True)
        cells = ((_share(counts[before, after] + 1, size, entry),) for after, entry in pairs)
        rows.append((plain(before), *cells, (Formulas((number(sum(row)),)),)))
    blocks: list[Block] = [Table(head, tuple(rows))] if item.get("table", True) else []
    asked = str(item.get("likelihood", "")).split()
    if asked:
        blocks += [_likelihood(asked, words, first) for first in ((False, True) if item.get("first") else (False,))]
    return blocks


def _share(part: int, whole: int, entry: Fraction) -> Formulas:
    """A count over their sum, and what that is in lowest terms where it isn't yet."""
    share = divide(number(part), number(whole))
    return Formulas((share,) if entry.denominator == whole else (share, number(entry)))


def _likelihood(asked: list[str], words: list[str], first: bool) -> Block:
    """The product along a sentence; with ``first`` its first word counts too, with one added to the words' counts."""
    factors = _transitions(asked, words)
    if first:
        share = Fraction(words.count(asked[0]) + 1, len(words) + len(set(words)))
        factors = [(f"P({asked[0]})", share), *factors]
    told = ", ".join(f"{name} = {value}" for name, value in factors)
    given = "its first word counted as well" if first else "given its first word"
    total = math.prod(value for _, value in factors)
    return Paragraph(plain(f"{told}; the likelihood of “{' '.join(asked)}”, {given}, is {total}."))


def _transitions(asked: list[str], words: list[str]) -> list[tuple[str, Fraction]]:
    vocabulary, entries = list(dict.fromkeys(words)), bigram_entries(words)
    return [
        (f"P({after} | {before})", entries[vocabulary.index(before)][vocabulary.index(after)])
        for before, after in itertools.pairwise(asked)
    ]


def bigram_likelihood(asked: list[str], words: list[str]) -> Fraction:
    """The probability of a sentence, given its first word.

    >>> bigram_likelihood(["b", "a"], ["a", "b"])
    Fraction(1, 2)
    """
    return math.prod((value for _, value in _transitions(asked, words)), start=Fraction(1))


def bigram_entries(words: list[str]) -> list[list[Fraction]]:
    """The rows of the table: P(word j follows word i) with one added to every count, words in the order they occur.

    >>> bigram_entries(["a", "b"])
    [[Fraction(1, 3), Fraction(2, 3)], [Fraction(1, 2), Fraction(1, 2)]]
    """
    vocabulary = list(dict.fromkeys(words))
    counts = Counter(itertools.pairwise(words))
    rows = []
    for before in vocabulary:
        total = sum(counts[before, after] for after in vocabulary)
        rows.append([Fraction(counts[before, after] + 1, total + len(vocabulary)) for after in vocabulary])
    return rows


def spectral(setting: Setting, question: Item, item: Item) -> list[Block]:
    """What the size of a step's Jacobian says about gradients: ``state``, ``assume``, ``values``."""
    cell = cell_of(setting, question, item)
    values = item.get("values")
    instance = None if values is None else instance_from_values(cell, values)
    found = spectral_facts(
        cell,
        item.get("state"),
        instance=instance,
        assume=item.get("assume"),
        seed=setting.seed,
        sizes=item.get("sizes"),
    )
    blocks: list[Block] = [Items(tuple(plain(_sentence(_shown(cell, s.text))) for s in found.statements))]
    if found.matrices and found.step is not None:
        head = ("matrix", "largest singular value", "smallest", "spectral radius", "absolute values of the eigenvalues")
        blocks.append(Table(tuple(plain(h) for h in head), tuple(_matrix_row(cell, facts) for facts in found.matrices)))
    return blocks


def _matrix_row(cell: Cell, facts: MatrixFacts) -> tuple[Prose, ...]:
    sizes = ", ".join(f"{abs(value):.4g}" for value in facts.eigenvalues)
    numbers = (f"{value:.4g}" for value in (facts.largest, facts.smallest, facts.radius))
    return (plain(f"{_shown(cell, facts.name)}, {facts.size}×{facts.size}"), *map(plain, numbers), plain(sizes))


def _shown(cell: Cell, text: str) -> str:
    """A text in which parameters are written as in formulas: theta_c as θ_c."""
    for declared in cell.parameters:
        if not declared.timed:
            text = re.sub(rf"\b{re.escape(declared.name)}\b", to_unicode(cell.variable(declared.name)), text)
    return text


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:] if text[:1].isascii() else text
    return text if text.endswith((".", "!", "?")) else f"{text}."


def flow(setting: Setting, question: Item, item: Item) -> list[Block]:
    """How large ∂s_t/∂s_k is over t − k, a curve for each of ``cases``: ``name``, ``cell``, ``state``, ``values``,
    ``sigma`` (the largest singular value of the recurrent matrices), ``assume``.
    """
    tau = int(item.get("tau", 20))
    curves, rows = [], []
    for data in item.need("cases", "a picture of gradient flow"):
        case = Item(data, question.line, question.path)
        cell = cell_of(setting, question, case if case.get("cell") else item)
        curve = Line(case.need("name", "a case"), tuple(_norms(setting, cell, case, tau)))
        curves.append(curve)
        (_, start), *_, (end_at, end) = curve.points
        rate = (end / start) ** (1 / end_at) if start > 0 and end_at else 0.0
        rows.append((plain(curve.name), plain(f"{curve.points[1][1]:.3g}"), plain(f"{end:.3g}"), plain(f"{rate:.3g}")))
    head = (plain("case"), plain("norm at distance 1"), plain(f"at distance {tau - 1}"), plain("factor per step"))
    return [Chart(tuple(curves), "t − k", "‖∂s_t/∂s_k‖", logarithmic=True), Table(head, tuple(rows))]


def _norms(setting: Setting, cell: Cell, case: Item, tau: int) -> Iterator[tuple[float, float]]:
    """The mean of the logarithms for every distance."""
    values = case.get("values")
    if case.get("assume") is not None:
        found = spectral_facts(cell, case.get("state"), assume=case.get("assume"), seed=setting.seed, tau=tau)
        yield from ((float(distance), norm) for distance, norm in found.measured)
        return
    instance = None if values is None else instance_from_values(cell, values)
    state = case.get("state")
    found_flow = gradient_flow(
        cell,
        tau,
        states=[state] if state else None,
        seed=setting.seed,
        instance=instance,
        sigma=_float(case.get("sigma")),
    )
    yield from ((float(d), 10.0**mean) for d, _, mean, _ in found_flow.states[0].by_distance())


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
