"""Dependence by blocks: each symbolic verdict is held against the numbers, which know no rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symrnn.cells import names
from symrnn.errors import CheckFailedError, QuestionError
from symrnn.inquiry.dependence import depends
from symrnn.inquiry.entries import measure
from symrnn.reading.question import read_question


def answer(cell, of, by, on, **options):
    return depends(cell, *read_question(of, by, cell), on, **options)


def by_block(found, reading):
    return [v.depends(reading) for v in found.blocks]


def test_the_exams_question_by_blocks(library):
    """∂Loss/∂x_t of s_t = W [s_{t-1}; x_t], z2_t = V [s_t; x_t]: what does it depend on?"""
    cell = library("concat_skip")
    output = answer(cell, "L", "x[t]", "W_ox")
    assert output.question.upstream == "z2"
    assert by_block(output, "step, given") == [True, True]
    hidden = answer(cell, "L", "x[t]", "W_ssx")
    assert [v.factor for v in hidden.blocks] == [False, True]
    assert by_block(hidden, "step, given") == [False, True]
    assert by_block(hidden, "step, expanded") == [True, True]
    assert by_block(hidden, "all, given") == [True, True]
    assert hidden.blocks[0].future
    assert not hidden.blocks[0].values


def test_the_exams_question_by_entries(library):
    cell = library("concat_skip")
    found = answer(cell, "L", "x[t]", "W_ssx")
    numbers = measure(found)
    first, second = (v.block for v in found.blocks)
    assert numbers.share("step, given", first) == (0, 9)
    assert numbers.share("step, given", second) == (6, 6)
    assert numbers.share("all, expanded", first) == (9, 9)
    assert numbers.quietest < 1e-12 < 1e-7 < numbers.least


def test_slopes_of_a_curved_activation_depend_on_everything_before(library):
    (found,) = answer(library("elman"), "L", "x[t]", "W").blocks
    assert (found.factor, found.values, found.upstream, found.future) == (False, True, True, True)


def test_slopes_of_a_relu_do_not(library):
    cell = library("inclass")
    (found,) = answer(cell, "h[t]", "x[t]", "V").blocks
    assert not found.values
    assert measure(answer(cell, "h[t]", "x[t]", "V")).share("itself", found.block)[0] == 0


def test_a_given_upstream_gradient_moves_the_line(library):
    cell = library("elman")
    (at_logits,) = answer(cell, "L[t]", "W", "V").blocks
    (at_state,) = answer(cell, "L[t]", "W", "V", given="h").blocks
    assert at_logits.factor
    assert not at_state.factor
    assert at_state.upstream


def test_an_entry_and_a_block_to_differentiate_by(library):
    cell = library("concat_skip")
    for by in ("W_ssx[i,j]", "W_ssx[:, m:m+d]", "W_ssx[0,1]"):
        found = answer(cell, "L", by, "W_ox")
        assert measure(found).silent == ()


def test_packed_gates_cut_rows(library):
    found = answer(library("lstm_packed"), "h[t]", "h[t-1]", "W_hh")
    assert [str(v.block.rows[0]) for v in found.blocks] == ["0", "n", "2*n", "3*n"]


def test_a_jacobian_has_no_upstream(library):
    found = answer(library("elman"), "h[t]", "h[k]", "W")
    assert [r.key for r in found.question.readings] == ["itself"]
    with pytest.raises(QuestionError, match="no gradient of o"):
        answer(library("elman"), "h[t]", "h[k]", "W", given="o")


QUESTIONS = [(name, by) for name in names() for by in ("state", "input", "parameter")]


@pytest.mark.parametrize(("name", "by"), QUESTIONS)
def test_verdicts_agree_with_the_numbers(library, name, by):
    """No entry matters whose block does not; and a block that matters has an entry that does."""
    cell = library(name)
    if not cell.parameters:
        pytest.skip("no parameter to ask about")
    wanted = {
        "state": f"{cell.states[0].name}[t]",
        "input": f"{cell.inputs[0].name}[t]" if cell.inputs and cell.inputs[0].timed else None,
        "parameter": cell.parameters[-1].name + ("[t]" if cell.parameters[-1].timed else ""),
    }[by]
    if wanted is None:
        pytest.skip("no timed input")
    of, node = read_question(cell.loss_name, wanted, cell)
    # Every parameter once, of cells with many of them a part; for the other two ways to ask a part is enough.
    for declaration in cell.parameters[:: 1 + len(cell.parameters) // 8 if by == "state" else 3]:
        try:
            found = depends(cell, of, node, declaration.name)
        except QuestionError:
            continue
        numbers = measure(found, seeds=(0, 1))
        for verdict in found.blocks:
            for reading in found.question.readings:
                count, _ = numbers.share(reading.key, verdict.block)
                assert bool(count) == verdict.depends(reading.key), (declaration.name, verdict, reading)


def test_a_planted_wrong_verdict_is_caught(library):
    found = answer(library("elman"), "L", "x[t]", "W")
    (right,) = found.blocks
    wrong = replace(
        right, values=False, factor=False, upstream=False, future=False, future_values=False, future_upstream=False
    )
    with pytest.raises(CheckFailedError, match="mistake in symrnn"):
        measure(replace(found, blocks=(wrong,)))


@pytest.mark.parametrize(
    ("of", "by", "on", "message"),
    [
        ("L", "W", "Wx", 'no parameter "Wx"'),
        ("h[t]", "V", "W", "does not depend on V"),
        ("L", "x[t]", "x", 'no parameter "x"'),
    ],
)
def test_questions_without_an_answer(library, of, by, on, message):
    with pytest.raises(QuestionError, match=message):
        answer(library("elman"), of, by, on)


def test_an_unknown_upstream_variable_has_a_nearest_name(library):
    with pytest.raises(QuestionError, match="Did you mean"):
        answer(library("concat_skip"), "L", "x[t]", "W_ox", given="z22")
