"""A term of the unrolled sum and its path: each pair of copy and loss comes exactly once."""

from __future__ import annotations

import pytest

from symrnn.calculus.derive import derive
from symrnn.inquiry.term_paths import term_paths, terms_of
from symrnn.inquiry.unrolled import unroll
from symrnn.language.leaf import Variable
from symrnn.language.traversal import variables
from symrnn.reading.question import read_question

TAU = 4


def unrolled(cell, of, by):
    question = read_question(of, by, cell)
    terms = terms_of(derive(cell, *question, forms=("unrolled",), tau=TAU).result.expression)
    return terms, term_paths(cell, *question, TAU, terms)


@pytest.mark.parametrize(
    ("name", "by"),
    [("elman", "W"), ("elman", "b"), ("lstm", "U_f"), ("lstm", "b_o"), ("gru", "U"), ("bidirectional", "W_b"),
     ("rnn_notes", "U"), ("stack2", "W_1"), ("transposed", "W_hh"), ("jordan", "U_h")],
)  # fmt: skip
def test_every_pair_of_copy_and_loss_once(library, name, by):
    terms, paths = unrolled(library(name), "L" if library(name).loss_name == "L" else library(name).loss_name, by)
    assert len(terms) == TAU * (TAU + 1) // 2
    pairs = {(p.start, p.end) for p in paths}
    assert len(pairs) == len(terms)


def test_the_first_term_of_the_tanh_cell(library):
    terms, paths = unrolled(library("elman"), "L", "W")
    longest = max(zip(terms, paths, strict=True), key=lambda pair: len(pair[1].edges))[1]
    steps = {"h-0--a-1", "a-1--h-1", "h-1--a-2", "a-2--h-2", "h-2--a-3", "a-3--h-3", "h-3--a-4", "a-4--h-4"}
    assert longest.edges == steps | {"h-4--o-4", "o-4--yhat-4", "yhat-4--L-4", "L-4--L"}


@pytest.mark.parametrize("name", ["elman", "inclass", "lstm", "weighted_steps", "pooled"])
def test_paths_are_in_the_drawn_graph(library, written, name):
    if name == "pooled":
        cell = written(
            "size n, m\nparam W[n,n], U[n,m]\ninput x[m]\ntarget y[n]\nstate h[n]\n"
            "h[t] = tanh(W @ h[t-1] + U @ x[t])\nloss L = norm2(sum(h[t], t) - y)"
        )
    else:
        cell = library(name)
    by = next(d.name for d in cell.parameters if d.name in ("W", "U_f"))
    graph = unroll(cell, TAU)
    _, paths = unrolled(cell, cell.loss_name, by)
    assert paths
    for path in paths:
        assert path.edges <= graph.edge.keys()
        assert path.nodes <= graph.node.keys()
        assert path.edges


def test_a_term_touches_the_times_of_its_path(library):
    terms, paths = unrolled(library("elman"), "L", "U")
    for term, path in zip(terms, paths, strict=True):
        last = max(v.time.constant for v in variables(term) if isinstance(v, Variable) and v.time is not None)
        assert path.end == f"L-{last}"


def test_a_penalty_runs_along_no_path(library):
    cell = library("tied_penalty")
    by = next(d.name for d in cell.parameters if any(v.name == d.name for v in variables(cell.loss)))
    _, paths = unrolled(cell, cell.loss_name, by)
    assert paths.count(None) >= 1
