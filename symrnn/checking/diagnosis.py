"""What went wrong: the neighbourhood of an answer is searched for a formula that is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import thread_time

from symrnn.calculus.derive import derive
from symrnn.calculus.transposition import flip
from symrnn.checking.answers import Answer, Reading, looks_like_latex, read_answer
from symrnn.checking.asked import Asked
from symrnn.checking.counterexample import smallest
from symrnn.checking.exchanges import exchanged
from symrnn.checking.judge import FIRST_STEP, Finding, Judge
from symrnn.checking.marks import marked
from symrnn.checking.pairs import Pairs
from symrnn.checking.places import is_small
from symrnn.checking.search import USUAL, Effort, Search, repair_of
from symrnn.checking.sketches import plain, sketches
from symrnn.checking.sketches_latex import latex_sketches
from symrnn.checking.stations import Bench
from symrnn.checking.verdict import Counterexample, Factor, Repair
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Formula, Hadamard, Layout, Node, Part, build
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope

NO_REPAIR = "no single change of the kinds that were tried makes it right"

MOST_REPAIRS = 4
MOST_READINGS = 3


@dataclass(frozen=True)
class Diagnosis:
    """The mistake in a sentence, right formulas one change away, and the smallest numbers that show it."""

    mistake: str | None = None
    repairs: tuple[Repair, ...] = ()
    counterexample: Counterexample | None = None
    reading: str | None = None


def diagnose(found: Finding, readings: Sequence[Reading], bench: Bench, effort: Effort = USUAL) -> Diagnosis:
    """The mistake in an answer that isn't correct; its readings come in the order in which they are searched."""
    judge = Judge(bench)
    direct = tuple(_direct(found, judge))
    other = exchanged(found, judge) if found.verdict == "wrong" else None
    search = Search(judge, bench, effort, _first_wrong(found, bench))
    repairs, reading = _repaired(found, readings, search)
    if found.verdict == "wrong" and found.shape_fits and not repairs and other is None:
        repairs = Pairs(search, next(_searched(found, readings))).repairs()
    shorter = tuple(r for r in (*direct, *repairs) if r.kind == "extra factor")
    every = _each_once((*shorter, *direct, *repairs) if _is_constant(found, repairs) else (*repairs, *direct))
    if not every and found.verdict == "truncated":
        every = tuple(_right_answer(found, judge))
    example = smallest(found.reading, bench, found.target) if found.verdict != "transposed" else None
    return Diagnosis(_sentence(found, every, other, search), every[:MOST_REPAIRS], example, reading)


def _repaired(found: Finding, readings: Sequence[Reading], search: Search) -> tuple[tuple[Repair, ...], str | None]:
    """What is right one change away from the first reading that has anything, and what that reading is."""
    if found.verdict not in ("transposed", "mixed"):
        for reading in _searched(found, readings):
            repairs = search.repairs(reading)
            if repairs:
                return repairs, reading.note
    return (), None


def _is_constant(found: Finding, repairs: Sequence[Repair]) -> bool:
    """Whether the constant factor is the mistake, rather than a sign somewhere inside that makes for it."""
    return found.verdict == "scaled" or (found.verdict == "negated" and not any(r.kind == "sign" for r in repairs))


def _each_once(repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """Repairs with different texts."""
    found: dict[str, Repair] = {}
    for repair in repairs:
        found.setdefault(repair.text, repair)
    return tuple(found.values())


def _first_wrong(found: Finding, bench: Bench) -> int:
    """The shortest sequence at which the answer is wrong: a repair must be right there, and it is soon computed."""
    wrong = [rung.tau for rung in found.rungs if not rung.error <= bench.tolerance]
    return min(wrong, default=bench.lengths[0])


def _searched(found: Finding, readings: Sequence[Reading]) -> Iterator[Reading]:
    """The readings to search, in the layout that the answer is in, else in the one asked for, then in the other."""
    for reading in readings[:MOST_READINGS]:
        asked = reading.asked
        if found.layout in ("numerator", "denominator"):
            yield replace(reading, asked=replace(asked, layout=Layout(found.layout)))
            continue
        yield reading
        if asked.layout is not None:
            yield replace(reading, asked=replace(asked, layout=asked.layout.other))


def _sentence(found: Finding, repairs: Sequence[Repair], other: str | None, search: Search) -> str:
    """The mistake in words."""
    known = _known(found)
    if found.verdict == "scaled" and repairs and repairs[0].kind == "extra factor":
        return f"it is {found.factor} times what is right: {repairs[0].mistake}"
    if found.verdict in ("transposed", "mixed", "scaled"):
        return known or ""
    if other is not None:
        return f"{other}; or {repairs[0].mistake}" if repairs else other
    if not repairs:
        none = NO_REPAIR if is_small(found.reading.formula) else "the formula is too long to look for the mistake"
        return "; ".join(words for words in (known, none, search.located) if words)
    more = len(repairs) - 1
    also = f"; {more} other change{'s' * (more > 1)} would make it right too" if more else ""
    first = repairs[0].mistake
    return f"{known}; {first}{also}" if known and known != first else f"{first}{also}"


def _known(found: Finding) -> str | None:
    """What the numbers alone say of the mistake."""
    match found.verdict:
        case "transposed":
            return f"it is in {found.layout} layout, not in the one asked for"
        case "scaled" if found.factor is not None:
            window = f" (and truncated, window {found.window})" if found.window is not None else ""
            return f"it is {found.factor} times what is right: the factor {_inverse(found.factor)} is missing{window}"
        case "negated":
            return "the sign is wrong"
        case "truncated":
            return f"the terms more than {found.window} step{'s' * (found.window != 1)} apart are missing"
        case "assumption":
            where = "at the" if found.assumption == FIRST_STEP else "where"
            return f"it holds only {where} {found.assumption}"
        case _:
            return found.mistake


# -- repairs that need no search --------------------------------------------------------------------------------


def _direct(found: Finding, judge: Judge) -> Iterator[Repair]:
    """The whole answer transposed, or multiplied by a constant."""
    formula, reading = found.reading.formula, found.reading
    if found.verdict == "transposed":
        yield from _checked(flipped(formula), reading, judge, "layout", f"in {found.layout} layout", "transposed")
    elif found.unmixed is not None:
        what = found.mistake or "the layouts are mixed"
        in_layout = replace(reading, asked=replace(reading.asked, layout=None))
        yield from _checked(found.unmixed, in_layout, judge, "layout", what, "in one layout")
    elif found.factor is not None and found.window is None:
        factor = _factor_node(found.factor, judge.bench)
        in_layout = replace(reading, asked=replace(reading.asked, layout=None))
        dropped = list(_without_factor(formula, in_layout, judge))
        if dropped:
            yield dropped[0]
        elif factor is not None:
            what = "the sign is wrong" if found.verdict == "negated" else f"the factor {to_text(factor)} is missing"
            new = replace(formula, expression=_times(factor, formula.expression))
            yield from _checked(new, in_layout, judge, "factor", what, f"times {to_text(factor)}")


def _without_factor(formula: Formula, reading: Reading, judge: Judge) -> Iterator[Repair]:
    """The answer without one of the scalar factors that stand before the whole."""
    expression = formula.expression
    if not isinstance(expression, Hadamard):
        return
    factors = expression.args[0]
    for number, factor in enumerate(factors):
        rest = (*factors[:number], *factors[number + 1 :])
        if factor.is_single:
            new = replace(formula, expression=rest[0] if len(rest) == 1 else Hadamard(rest))
            text = to_text(factor)
            yield from _checked(
                new, reading, judge, "extra factor", f"the factor {text} is too many", f"without {text}"
            )


def _right_answer(found: Finding, judge: Judge) -> Iterator[Repair]:
    """The whole right answer, as it is derived, in the layout that the answer is in."""
    asked = found.reading.asked
    layout = asked.layout or (found.target.layout if found.target is not None else Layout.NUMERATOR)
    try:
        right = derive(asked.cell, asked.of, asked.by, layout).result
    except SymrnnError:
        return
    yield from _checked(right, found.reading, judge, "missing term", "the future terms are missing", "the right answer")


def _checked(
    new: Formula | None, reading: Reading, judge: Judge, kind: str, mistake: str, how: str
) -> Iterator[Repair]:
    if new is not None and judge.right_targets(new, reading):
        yield repair_of(kind, mistake, reading.formula, new, "the whole", how)


def flipped(formula: Formula) -> Formula | None:
    """The formula in the other layout: parts too, products reversed, inert derivatives in the other layout."""
    try:
        parts = tuple(Part(p.name, p.time, flip(p.expression)) for p in formula.parts)
        return Formula(flip(formula.expression), parts)
    except SymrnnError:
        return None


def _inverse(factor: Factor) -> str:
    number = 1 / factor.number if factor.number else factor.number
    return str(Factor(number, factor.symbol, not factor.over if factor.symbol is not None else False))


def _factor_node(factor: Factor, bench: Bench) -> Node | None:
    """One over the factor, as an expression."""
    try:
        return read_expression(_inverse(factor), Scope.of(bench.cell))
    except SymrnnError:
        return None


def _times(factor: Node, expression: Node) -> Node:
    return build.neg(expression) if factor == build.number(-1) else Hadamard((factor, expression))


# -- answers that don't multiply --------------------------------------------------------------------------------


def diagnose_unconformable(answer: Answer, asked: Asked, bench: Bench, effort: Effort = USUAL) -> Diagnosis:
    """Right formulas one change of the text away from one that doesn't multiply."""
    latex = looks_like_latex(answer.text)
    judge, end = Judge(bench), thread_time() + effort.seconds
    found: list[Repair] = []
    changed = latex_sketches(answer.text, answer.source) if latex else sketches(answer.text, answer.source)
    for sketch in changed:
        if thread_time() > end or (found and found[0].kind != sketch.kind):
            break
        try:
            readings = read_answer(replace(answer, text=sketch.text), asked)
        except SymrnnError:
            continue
        if any(judge.is_right(reading) for reading in readings):
            # Carets below a line would be superscripts in LaTeX: there the text stays as it is.
            shown = sketch.text if latex else marked(plain(answer.text, answer.source), sketch.text)
            found.append(Repair(sketch.kind, sketch.mistake, sketch.text, shown, sketch.before, sketch.after))
    if not found:
        return Diagnosis(NO_REPAIR)
    return Diagnosis(found[0].mistake, tuple(found[:MOST_REPAIRS]))
