"""Claims about shapes, about what a derivative depends on, and about bigram tables, held against what is computed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symrnn.api.asking import dependence
from symrnn.api.deriving import derive
from symrnn.inquiry.shapes import shapes as cell_shapes
from symrnn.language import number
from symrnn.sheets.answers_numbers import bigram_entries, bigram_likelihood
from symrnn.sheets.answers_structure import cell_of, plain
from symrnn.sheets.content import Block, Formulas, Items, Paragraph, Table
from symrnn.sheets.finding import Finding, of_readings
from symrnn.sheets.setting import Setting
from symrnn.sheets.source import Item


def shapes(setting: Setting, question: Item, claim: Item) -> Finding:
    """``shapes`` maps names to shapes such as "2×4", for the numbers ``sizes``."""
    sizes = dict(claim.get("sizes", {}))
    cell = cell_of(setting, question, claim)
    found = {named.name: "×".join(str(a.value(sizes)) for a in named.shape) for named in cell_shapes(cell, sizes)}
    wrong = []
    for name, printed in claim.data["shapes"].items():
        if name not in found:
            raise claim.error(f'the cell has no "{name}"')
        if printed.replace("x", "×") != found[name]:
            wrong.append(f"{name} is {found[name]}")
    return Finding("wrong", (Paragraph(plain(f"Right: {', '.join(wrong)}.")),)) if wrong else Finding("correct")


def depends(setting: Setting, question: Item, claim: Item) -> Finding:
    """``depends`` (true or false), of ``of`` by ``wrt`` on ``on``: on some block of it, or with ``every`` on all.

    Judged under every reading of the question; right under some readings only is right under an assumption.
    """
    cell = cell_of(setting, question, claim)
    what = "a claim about dependence"
    of, wrt, on = (claim.need(key, what) for key in ("of", "wrt", "on"))
    found = dependence(cell, of, wrt, on, entries=False).answer
    over = all if claim.get("every") else any
    readings = found.question.readings
    holds = [
        over(block.depends(reading.key) for block in found.blocks) == claim.data["depends"] for reading in readings
    ]
    verdict = of_readings(holds)
    if verdict == "correct":
        return Finding(verdict, (Paragraph(plain("It holds in every reading of the question.")),))
    lines = (
        f"{reading.text} ({reading.assumption}): {'right' if right else 'wrong'}"
        for reading, right in zip(readings, holds, strict=True)
    )
    return Finding(verdict, (Items(tuple(plain(line) for line in lines)),))


def terms(setting: Setting, question: Item, claim: Item) -> Finding:
    """``terms``: how many terms the unrolled derivative of ``of`` by ``wrt`` has over ``tau`` steps."""
    cell = cell_of(setting, question, claim)
    of, wrt = (claim.need(key, "a claim about a number of terms") for key in ("of", "wrt"))
    found = derive(cell, of, wrt, form="unrolled", tau=claim.get("tau"), seed=setting.seed).form("unrolled").terms
    if found == claim.data["terms"]:
        return Finding("correct")
    return Finding("wrong", (Paragraph(plain(f"There are {found} terms.")),))


def bigrams(setting: Setting, question: Item, claim: Item) -> Finding:
    """``bigrams``: rows of printed numbers, of the table from ``text``; as printed, or its transpose, or neither.

    ``digits`` says to how many digits the print was rounded or cut off.
    """
    entries = bigram_entries(claim.need("text", "a claim about a bigram table").split())
    allowed = Fraction(1, 10 ** int(claim.data["digits"])) if claim.get("digits") else Fraction(0)
    printed = [[Fraction(str(entry)) for entry in row] for row in claim.data["bigrams"]]
    turned = [list(column) for column in zip(*entries, strict=True)]
    head = (plain("right"), *(plain("") for _ in entries[1:]))
    right: Block = Table(head, tuple(tuple((Formulas((number(e),)),) for e in row) for row in entries))
    if _close(printed, entries, allowed):
        return Finding("correct")
    return Finding("transposed" if _close(printed, turned, allowed) else "wrong", (right,))


def likelihood(setting: Setting, question: Item, claim: Item) -> Finding:
    """``likelihood`` is a sentence and ``result`` its printed probability, given its first word, in a bigram model."""
    words = claim.need("text", "a claim about a likelihood").split()
    right = bigram_likelihood(str(claim.data["likelihood"]).split(), words)
    if Fraction(str(claim.need("result", "a claim about a likelihood"))) == right:
        return Finding("correct")
    return Finding("wrong", (Paragraph(plain(f"Right is {right}.")),))


def _close(printed: list[list[Fraction]], right: list[list[Fraction]], allowed: Fraction) -> bool:
    pairs = zip(printed, right, strict=True)
    return all(abs(a - b) <= allowed for row, other in pairs for a, b in zip(row, other, strict=True))


STRUCTURE_JUDGES: dict[str, Callable[[Setting, Item, Item], Finding]] = {
    "shapes": shapes,
    "depends": depends,
    "terms": terms,
    "bigrams": bigrams,
    "likelihood": likelihood,
}
