"""The library's files: found by name, legible, with their source, nothing declared in vain."""

from __future__ import annotations

import re

import pytest

from symrnn import cells
from symrnn.errors import UnknownNameError

ASKED_FOR = {
    *("elman", "linear", "scalar_relu", "counter", "jordan", "indrnn", "lstm", "lstm_exam", "lstm_peephole"),
    *("lstm_coupled", "lstm_projection", "janet", "gru", "gru_reset_after", "mgu", "mingru", "leaky"),
    *("antisymmetric", "fastrnn", "fastgrnn", "multiplicative", "lag2", "layernorm_rnn", "lru"),
    *("linear_attention", "delta_rule", "stack2", "bidirectional", "concat_skip", "autoregressive"),
    *("tied_embedding", "minibatch_rows", "rnn_notes"),
}
SOURCE = re.compile(r"\b(19|20)\d\d\b|torch|Zürich|München|MIT|notes|elman|Springer")

DECLARING = ("size", "param", "const", "input", "target")


def statements(text: str) -> list[str]:
    """The lines that say something, without their comments."""
    bare = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in bare if line]


def comments(text: str) -> str:
    return " ".join(line.split("#", 1)[1].strip() for line in text.splitlines() if "#" in line)


def declared_names(lines: list[str]) -> list[str]:
    """The names behind the declaring keywords; commas inside brackets separate sizes, not names."""
    found = []
    for line in lines:
        keyword, _, rest = line.partition(" ")
        if keyword in DECLARING:
            found += re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"\[[^]]*\]", "", rest))
    return found


def test_the_cells_that_were_asked_for_are_there():
    assert set(cells.names()) >= ASKED_FOR


def test_names_are_sorted_and_come_from_the_files():
    assert list(cells.names()) == sorted(set(cells.names()))
    assert list(cells.head_names()) == sorted(set(cells.head_names()))


@pytest.mark.parametrize("asked, near", [("elmann", "elman"), ("ltsm", "lstm"), ("mini_gru", "mingru")])
def test_a_misspelt_cell_gets_the_nearest_name(asked: str, near: str):
    with pytest.raises(UnknownNameError, match=f'Did you mean "{near}"'):
        cells.source_text(asked)


def test_a_misspelt_head_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match='Did you mean "softmax"'):
        cells.head_text("softmx")


@pytest.mark.parametrize("name", ["../errors", "heads/softmax", "elman.cell", "", "Elman"])
def test_no_name_leads_out_of_the_library(name: str):
    with pytest.raises(UnknownNameError):
        cells.source_text(name)


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_file_is_named_after_its_cell_and_says_where_it_comes_from(name: str):
    text = cells.source_text(name)
    assert re.search(rf"^cell +{name}\b", text, re.MULTILINE), "the file and the cell have one name"
    source = comments(text)
    assert SOURCE.search(source), "the source, with its year or its school"


@pytest.mark.parametrize("name", cells.head_names())
def test_a_head_file_is_named_after_its_head_and_says_what_it_is(name: str):
    text = cells.head_text(name)
    assert re.search(rf"^head +{name}\(s\[", text, re.MULTILINE)
    assert len(comments(text)) > 20


@pytest.mark.parametrize("name", cells.names())
def test_nothing_in_a_cell_is_declared_in_vain(name: str):
    lines = statements(cells.source_text(name))
    for declared in declared_names(lines):
        uses = sum(len(re.findall(rf"\b{declared}\b", line)) for line in lines)
        assert uses >= 2, f"{declared} is declared and never used"


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_has_either_a_loss_or_a_head_of_the_library(name: str):
    lines = statements(cells.source_text(name))
    heads = [re.match(r"head +(\w+)\(", line) for line in lines if line.startswith("head ")]
    losses = [line for line in lines if line.startswith("loss ")]
    assert len(heads) + len(losses) == 1
    assert all(head and head[1] in cells.head_names() for head in heads)


@pytest.mark.parametrize("name", [*cells.names(), *(f"heads/{head}" for head in cells.head_names())])
def test_files_are_tidy(name: str):
    head = name.removeprefix("heads/")
    text = cells.source_text(name) if head == name else cells.head_text(head)
    assert text.endswith("\n")
    assert "\t" not in text
    assert all(len(line) <= 110 and line == line.rstrip() for line in text.splitlines())
