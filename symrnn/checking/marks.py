"""A repaired formula with the change marked: carets in comments, which the formula language reads over."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

TOKEN = re.compile(r"\.T\b|\w+|\*\*|\s+|.")


def marked(old: str, new: str) -> str:
    r"""The new text with carets below what is not in the old one.

    >>> print(marked("W @ h[t]", "W.T @ h[t]"))
    W.T @ h[t]
    #^^
    >>> print(marked("a = b\nW @ h[t]", "a = b\nW @ h[t-1]"))
    a = b
    W @ h[t-1]
    # ^^
    """
    before, after = old.splitlines(), new.splitlines()
    shown: list[str] = []
    for number, line in enumerate(after):
        shown.append(line)
        # A line that is in the old text too, in its place or counted from the end, has not changed.
        if line not in before:
            twin = before[number] if number < len(before) else ""
            below = _carets(twin, line)
            if below:
                shown.append(below)
    return "\n".join(shown)


def _carets(old: str, new: str) -> str:
    """One comment line with carets below the changed pieces of a line."""
    a, b = _tokens(old), _tokens(new)
    line = [" "] * (len(new) + 1)
    for tag, _, _, start, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        first = sum(map(len, b[:start]))
        last = sum(map(len, b[:end]))
        # Where something was only left out, the place is marked.
        for at in range(first, max(last, first + 1)):
            line[min(at, len(new))] = "^"
    line[0] = "#"
    if "^" not in line:
        line[1:2] = "^"
    return "".join(line).rstrip()


def _tokens(text: str) -> list[str]:
    return TOKEN.findall(text)
