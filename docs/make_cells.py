"""Writes ``docs/cells.md`` from the library's own files: ``python docs/make_cells.py``.

The grouping below is all that is added by hand; a cell that no group names lands in the last one, so that a
new file is never missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from symrnn import cells

GROUPS: dict[str, tuple[str, ...]] = {
    "Plain recurrent cells": (
        *("elman", "linear", "generic", "transposed", "augmented", "rnn_torch", "rnn_notes", "inclass"),
        *("min_char_rnn", "learned_start", "weighted_steps"),
    ),
    "One number": ("scalar_relu", "counter"),
    "Outputs, targets and inputs that feed back or skip": (
        *("jordan", "jordan_context", "concat_skip", "autoregressive", "teacher_forcing", "tied_embedding"),
        "tied_penalty",
    ),
    "Other recurrences": (
        *(
            "indrnn",
            "lag2",
            "layernorm_rnn",
            "multiplicative",
            "multiplicative_integration",
            "leaky",
            "ctrnn",
        ),
        *("residual", "antisymmetric", "antisymmetric_gated", "cornn", "scrn", "fastrnn", "chaos_free"),
    ),
    "LSTM": (
        *("lstm", "lstm_exam", "lstm_peephole", "lstm_coupled", "lstm_packed", "lstm_projection", "janet"),
        *("slstm", "minlstm"),
    ),
    "Gated without a separate cell state": (
        *("gru", "gru_reset_after", "mgu", "mingru", "ugrnn", "fastgrnn", "sru", "highway"),
    ),
    "Linear and diagonal recurrences": ("state_space", "lru", "time_varying", "selective_ssm", "lmu"),
    "Matrix-valued states": (
        *("linear_attention", "linear_attention_normalized", "delta_rule", "retention"),
        *("gated_linear_attention", "fast_weights"),
    ),
    "Stacks and both directions": ("stack2", "stack2_lstm", "bidirectional"),
    "Minibatches in the cell": ("minibatch_rows", "minibatch_columns"),
}

INTRODUCTION = """\
# The library's cells and heads

This page is written by `python docs/make_cells.py` from the files in `symrnn/cells/`.

Every cell is one file, with the equations as its source prints them: letters, order and missing biases
included. `symrnn list` names them all, `symrnn show NAME` shows one with its shapes and counts, and
`symrnn show NAME --as cell` prints a file to start your own from.

A **head** turns one variable of a cell into a loss. A cell whose source has none ends with a line like
`head softmax(h)`, its default: the variable `h` is what the head reads as `s`, and `h`'s size what it calls
`d`. `lstm+squared` is the cell `lstm` with the head `squared` in the default's place. A cell that scores itself
(`elman`, `jordan`, …) takes one too if told where: `elman+squared(h)`. A head's names stay as they are unless
the cell has them already: then `y` becomes `y_target`, `K` becomes `K_out`, and so on.
"""


def comment_of(text: str) -> str:
    """The comment at the head of a file, or behind its first statement, as one paragraph."""
    lines = text.splitlines()
    leading = []
    for line in lines:
        if not line.startswith("#"):
            break
        leading.append(line[1:].strip())
    return " ".join(leading) or lines[0].partition("#")[2].strip()


def statements_of(text: str) -> str:
    """The file without its leading comment and without the line that names it."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(line for line in lines if not re.match(r"cell\b", line)).strip()


def anchor(title: str) -> str:
    """The fragment that a Markdown renderer gives a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def entry(name: str, text: str) -> str:
    """One cell's or head's section."""
    return f"### `{name}`\n\n{comment_of(text)}\n\n```\n{statements_of(text)}\n```\n"


def grouped() -> dict[str, tuple[str, ...]]:
    """The groups with their cells, and one for the cells that no group names."""
    named = {name for group in GROUPS.values() for name in group}
    if strange := named - set(cells.names()):
        raise SystemExit(f"docs/make_cells.py groups cells that do not exist: {', '.join(sorted(strange))}")
    rest = tuple(name for name in cells.names() if name not in named)
    return GROUPS | ({"Others": rest} if rest else {})


def page() -> str:
    """The whole page."""
    contents = [
        f"- [{title}](#{anchor(title)}): " + ", ".join(f"[`{name}`](#{anchor(name)})" for name in group)
        for title, group in grouped().items()
    ]
    sections = [
        f"## {title}\n\n" + "\n".join(entry(name, cells.source_text(name)) for name in group)
        for title, group in grouped().items()
    ]
    heads = "## Heads\n\n" + "\n".join(entry(name, cells.head_text(name)) for name in cells.head_names())
    return "\n".join([INTRODUCTION, "\n".join([*contents, "- [Heads](#heads)"]) + "\n", *sections, heads])


if __name__ == "__main__":
    Path(__file__).with_name("cells.md").write_text(page(), encoding="utf-8")
