"""What went wrong: the neighbourhood of an answer is searched for a formula that is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import thread_time

from symrnn.calculus.derive import derive
from symrnn.calculus.transposition import flip
from symrnn.checking.answers import Answer, Reading, looks_like_latex, read_answer
from symrnn.checking.asked import Asked
from symrnn.checking.comparison import relative_error
from symrnn.checking.counterexample import smallest
from symrnn.checking.edit import Candidate
from symrnn.checking.edits import candidates
from symrnn.checking.judge import Finding, Judge
from symrnn.checking.localisation import Localisation, localised
from symrnn.checking.marks import marked
from symrnn.checking.places import is_small, size
from symrnn.checking.readings import as_evaluated
from symrnn.checking.sketches import plain, sketches
from symrnn.checking.sketches_latex import latex_sketches
from symrnn.checking.stations import Bench, Station, ends_in_zero, targets_for, value_at
from symrnn.checking.verdict import Counterexample, Factor, Repair
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Formula, Hadamard, Jacobian, Layout, Node, Part, Role, Variable, build
from symrnn.reading.expression import read_expression
from symrnn.reading.scope import Scope


@dataclass(frozen=True)
class Effort:
    """How long to look for a repair: in formulas tried, and in seconds of computing.

    Where the seconds are what ends a search, the result depends on the machine.
    """

    candidates: int = 6_000
    seconds: float = 3.5


USUAL = Effort()
NO_REPAIR = "no single change of the kinds that were tried makes it right"

LOOKS_APART = 32
"""Looking at the clock takes as long as a candidate does: it is not done for each."""

MOST_REPAIRS = 4
MOST_READINGS = 3
LEAST_QUICK_TAU = 2


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
    exchanged = _exchanged(found, judge) if found.verdict == "wrong" else None
    search = Search(judge, bench, effort, _first_wrong(found, bench))
    repairs: tuple[Repair, ...] = ()
    reading: str | None = None
    if found.verdict not in ("transposed", "mixed"):
        for candidate_reading in _searched(found, readings):
            repairs = search.repairs(candidate_reading)
            if repairs:
                reading = candidate_reading.note
                break
    shorter = tuple(r for r in (*direct, *repairs) if r.kind == "extra factor")
    every = _each_once((*shorter, *direct, *repairs) if _is_constant(found, repairs) else (*repairs, *direct))
    if not every and found.verdict == "truncated":
        every = tuple(_right_answer(found, judge))
    example = smallest(found.reading, bench, found.target) if found.verdict != "transposed" else None
    return Diagnosis(_sentence(found, every, exchanged, search), every[:MOST_REPAIRS], example, reading)


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
    return max(LEAST_QUICK_TAU, min(wrong, default=LEAST_QUICK_TAU))


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


def _sentence(found: Finding, repairs: Sequence[Repair], exchanged: str | None, search: Search) -> str:
    """The mistake in words."""
    known = _known(found)
    if found.verdict == "scaled" and repairs and repairs[0].kind == "extra factor":
        return f"it is {found.factor} times what is right: {repairs[0].mistake}"
    if found.verdict in ("transposed", "mixed", "scaled"):
        return known or ""
    if exchanged is not None:
        return f"{exchanged}; or {repairs[0].mistake}" if repairs else exchanged
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
            return f"it holds only where {found.assumption}"
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
        text = to_text(new)
        yield Repair(kind, mistake, text, marked(to_text(reading.formula), text), "the whole", how)


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


# -- the right answer to another question -----------------------------------------------------------------------


def _exchanged(found: Finding, judge: Judge) -> str | None:
    """Whether this is the derivative by something else, or of something else."""
    asked = found.reading.asked
    if _is_immediate(found.reading, judge):
        other_kind = ("total", "immediate") if asked.immediate else ("immediate", "total")
        return "this is the {} derivative, the {} one is asked for".format(*other_kind)
    for other, text in _others(asked):
        try:
            targets = judge.right_targets(found.reading.formula, replace(found.reading, asked=other))
        except SymrnnError:
            continue
        if targets:
            return f"two results are exchanged: this is the derivative {text}"
    return None


def _is_immediate(reading: Reading, judge: Judge) -> bool:
    """Whether this is the immediate derivative where the total one is asked for, or the other way round."""
    asked = reading.asked
    if not isinstance(asked.of, Variable) or asked.of.time is None:
        return False
    other = replace(reading, asked=replace(asked, immediate=not asked.immediate))
    try:
        return judge.is_right(other)
    except SymrnnError:
        return False


def _others(asked: Asked) -> Iterator[tuple[Asked, str]]:
    cell, by, of = asked.cell, asked.by, asked.of
    if isinstance(by, Variable):
        for name in cell.names():
            if name == by.name:
                continue
            try:
                other = cell.variable(name, by.time)
            except SymrnnError:
                continue
            if other.role is not Role.LOSS and other != of and (other.shape == by.shape or by.time is None):
                yield asked.about(of, other), f"by {to_text(other)}, not by {to_text(by)}"
    if isinstance(of, Variable):
        for name in cell.equation:
            other = cell.variable(name, of.time) if of.time is not None else cell.variable(name, cell.now)
            if other.shape == of.shape and name != of.name and of.time is not None and other != by:
                yield asked.about(other, by), f"of {to_text(other)}, not of {to_text(of)}"
    if isinstance(by, Variable) and by.time is not None and by.time.names():
        for step in (-1, 1):
            other = by.at(by.time + step)
            yield asked.about(of, other), f"by {to_text(other)}, not by {to_text(by)}"


# -- the search -------------------------------------------------------------------------------------------------


class Search:
    """Tries every formula one change away; most are turned down by one number each."""

    def __init__(self, judge: Judge, bench: Bench, effort: Effort, tau: int) -> None:
        self.judge, self.bench, self.effort, self.tau = judge, bench, effort, tau
        self.end = thread_time() + effort.seconds
        self.located: str | None = None
        self.strict = True

    def repairs(self, reading: Reading) -> tuple[Repair, ...]:
        """Right formulas one change away, of the likeliest kinds that have any."""
        asked = reading.asked
        if not is_small(reading.formula):
            return ()
        station, point = self._quick(asked)
        self.strict = not ends_in_zero(reading.formula, station)
        where = localised(reading, self.bench, station, point)
        self.located = self.located or (where.words if where is not None else None)
        found = self._found(reading, station, point, where) if where is not None else []
        found = found or self._found(reading, station, point, None)
        old = to_text(reading.formula)
        return tuple(_repair(candidate, old) for candidate in sorted(found, key=_unlikely))

    def _found(
        self, reading: Reading, station: Station, point: dict[str, int], where: Localisation | None
    ) -> list[Candidate]:
        """The changes that mend a formula, all of the first stage that has any; only in some lines, where known."""
        found: list[Candidate] = []
        stage: int | None = None
        lines = None if where is None else where.lines
        changed = candidates(reading.formula, reading.asked.cell, self.bench.pool(reading.asked), lines)
        for count, (number, candidate) in enumerate(changed):
            if count > self.effort.candidates or (stage is not None and number > stage):
                break
            if not count % LOOKS_APART and thread_time() > self.end:
                break
            if where is not None and not where.mends(candidate.formula):
                continue
            if self._is_right(candidate, reading, station, point):
                stage = number
                found.append(candidate)
        return found

    def _quick(self, asked: Asked) -> tuple[Station, dict[str, int]]:
        """Where candidates are tried first: where the answer itself is wrong, at the times furthest apart."""
        stations = self.bench.stations(asked)
        station = min(stations, key=lambda s: abs(s.tau - self.tau))
        spread = [abs(max(p.values(), default=0) - min(p.values(), default=0)) for p in station.points]
        return station, dict(station.points[spread.index(max(spread))])

    def _is_right(self, candidate: Candidate, reading: Reading, station: Station, point: dict[str, int]) -> bool:
        asked, bench = reading.asked, self.bench
        try:
            meant = as_evaluated(candidate.formula, asked.cell)
            value = value_at(station.evaluator, meant, point, strict=self.strict)
            single = replace(station, points=(point,))
            for target in targets_for([value], asked, bench, single):
                if asked.layout not in (None, target.layout):
                    continue
                right = bench.laid_out_at(asked, station.evaluator, point, target)
                if relative_error(value, right) <= bench.tolerance:
                    targets = self.judge.right_targets(candidate.formula, reading)
                    return any(asked.layout in (None, t.layout) for t in targets)
        except SymrnnError:
            return False
        return False


def _unlikely(candidate: Candidate) -> tuple[int, int]:
    """The smaller what was changed, the likelier it is the mistake; a product's order goes before its factors."""
    kind, node = candidate.change.kind, candidate.place.node
    likely = kind == "reverse" or (isinstance(node, Jacobian) and _is_parameter(node.by))
    return int(not likely), size(node)


def _is_parameter(node: Node) -> bool:
    return isinstance(node, Variable) and node.role is Role.PARAMETER


def _repair(candidate: Candidate, old: str) -> Repair:
    change, text = candidate.change, to_text(candidate.formula)
    return Repair(change.kind, change.mistake, text, marked(old, text), candidate.before, candidate.after)
