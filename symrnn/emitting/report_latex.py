r"""A derivation in LaTeX: displays to paste, with reasons between them where the steps are told."""

from __future__ import annotations

import re
import unicodedata

from symrnn.calculus.steps import Form, Step
from symrnn.emitting.latex import box_latex, display_formula, equation_rows, escape, standalone
from symrnn.emitting.names import index_box
from symrnn.emitting.report import Report, continues, ranges, shape_text, stands_left
from symrnn.emitting.text import to_text
from symrnn.emitting.typeset import Equation, typeset_formula


def text(report: Report) -> str:
    """The forms as displays; with steps, all of the derivation."""
    derived = report.derived
    blocks: list[str] = []
    if report.steps:
        blocks += _steps(report)
    several = len(derived.forms) > 1 or report.steps
    for form in derived.forms:
        if several:
            blocks.append(f"% {form.name} form, {shape_text(derived, form)}")
        blocks.append(_form(report, form))
    if report.steps and report.checked is not None:
        blocks.append(f"Every line was checked: {prose(report.checked.sentence())}.")
    blocks += [f"% {note}" for note in report.notes]
    return "\n".join(blocks) + "\n"


def document(report: Report) -> str:
    """A whole document around the derivation."""
    question = report.derived.question
    title = f"{report.title}: {to_text(question.of)} by {to_text(question.by)}, {question.layout.value} layout"
    return standalone(f"\\section*{{{escape(title)}}}\n{text(report)}")


def _form(report: Report, form: Form) -> str:
    shown = display_formula(report.claim(form), report.style, report.derived.question.layout)
    chains = [_range(chain) for chain in ranges(report.derived)]
    if not chains:
        return shown
    where = r"\end{align*}"
    assert shown.endswith(where)
    return f"{shown.removesuffix(where).rstrip()} \\\\\n& {', '.join(chains)}\n{where}"


def _range(chain: tuple[object, ...]) -> str:
    return r" \le ".join(box_latex(index_box(index)) for index in chain)  # type: ignore[arg-type]


def _steps(report: Report) -> list[str]:
    blocks: list[str] = []
    previous = None
    for number, step in enumerate(report.derived.steps, 1):
        blocks.append(f"\\paragraph{{({number}) {prose(step.rule.capitalize())}.}} {prose(step.reason)}")
        blocks.append(_equality(report, step, continues(step, previous)))
        previous = step
    return blocks


def _equality(report: Report, step: Step, goes_on: bool) -> str:
    layout = report.derived.question.layout
    after = typeset_formula(step.after, report.style, layout)
    before = () if goes_on else typeset_formula(step.before, report.style, layout)
    *parts, last = after
    if before and stands_left(step):
        rows = equation_rows([Equation(before[-1].right, last.right), *parts])
        return _display(rows)
    rows = []
    if before:
        *parts, last = before
        rows += equation_rows(parts) if parts else []
        rows += [row.replace("&= ", "& ", 1) for row in equation_rows([Equation(None, last.right)])]
    *parts, last = after
    rows += equation_rows([Equation(None, last.right), *parts]) if parts else _right(last)
    return _display(rows)


def _display(rows: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _right(equation: Equation) -> list[str]:
    first, *more = equation_rows([Equation(None, equation.right)])
    return [first.replace("& ", "&= ", 1) if not first.startswith("&=") else first, *more]


_SIGNS = {
    "∂⁺": r"\partial^{+}", "∂": r"\partial", "Σ": r"\sum", "∏": r"\prod", "Π": r"\prod", "⊙": r"\odot", "⊗": r"\otimes",
    "ᵀ": r"^{\top}", "⊤": r"^{\top}", "≤": r"\le", "≥": r"\ge", "≠": r"\neq", "×": r"\times", "→": r"\to",
    "∘": r"\circ",
    "½": r"\tfrac{1}{2}", "−": "-", "′": "'", "·": r"\cdot", "∞": r"\infty", "√": r"\surd", "‖": r"\|", "∈": r"\in",
}  # fmt: skip
_WORDS = {"…": r"\dots{}", "–": "--", "—": "---", "“": "``", "”": "''", "’": "'"}
_INDEXED = re.compile(r"([^\W\d_])_(\{[^{}]*\}|[^\W_]+)")
"""A letter with an index, as ``s_t`` or ``s_{t−1}``: in a sentence that is mathematics."""


def prose(sentence: str) -> str:
    r"""A sentence in LaTeX, its mathematical characters set as mathematics.

    >>> prose("1ᵀy = 1 at t ≤ τ, by s_{t−1}")
    '1$^{\\top}$y = 1 at t $\\le$ $\\tau$, by $s_{t-1}$'
    """
    told, at = [], 0
    for found in _INDEXED.finditer(sentence):
        told.append(_plain(sentence[at : found.start()]))
        told.append(f"${_letters(found.group(1))}_{{{_letters(found.group(2).strip('{}'))}}}$")
        at = found.end()
    return "".join([*told, _plain(sentence[at:])])


def _letters(text: str) -> str:
    """Letters, signs and digits inside mathematics."""
    return "".join(_sign(c) or c for c in text)


def _plain(text: str) -> str:
    shown = escape(text)
    for sign in ("∂⁺", *sorted(set(shown) - set(map(chr, range(128))))):
        if sign in shown:
            shown = shown.replace(sign, _WORDS.get(sign) or (f"${latex}$" if (latex := _sign(sign)) else sign))
    return shown


def _sign(character: str) -> str | None:
    """A character as mathematics; None for an ordinary letter."""
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii() or len(character) > 1:
        return None
    name = unicodedata.name(character, "")
    if name.startswith("GREEK"):
        letter = name.rpartition(" ")[2].lower().replace("lamda", "lambda")
        return f"\\{letter if 'SMALL' in name else letter.capitalize()}"
    style, _, plain = unicodedata.decomposition(character).partition(" ")
    if style in ("<super>", "<sub>"):
        mark = "^" if style == "<super>" else "_"
        return f"{mark}{{{chr(int(plain, 16))}}}"
    accent = unicodedata.normalize("NFD", character)
    return rf"\hat{{{accent[0]}}}" if accent[1:] == "\u0302" else None
