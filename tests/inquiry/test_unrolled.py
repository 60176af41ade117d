"""The drawn graph is held against the oracle's, which finds it by running the cell."""

from __future__ import annotations

import pytest

from symrnn.cells import names
from symrnn.errors import QuestionError
from symrnn.inquiry.graph import node_id
from symrnn.inquiry.unrolled import time_numbers, unroll
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator


@pytest.mark.parametrize("name", names())
def test_edges_are_what_a_run_reads(library, name):
    cell = library(name)
    graph = unroll(cell, 4)
    evaluator = Evaluator(cell, random_instance(cell, 0, tau=4))
    reads = evaluator.unrolled.order.reads
    drawn = {(e.tail, e.head) for e in graph.edges}
    run = {
        (node_id(*tail), node_id(*head))
        for head, tails in reads.items()
        for tail in tails
        if node_id(*tail) in graph.node and node_id(*head) in graph.node
    }
    timed = {(a, b) for a, b in drawn if graph.node[b].time is not None}
    assert timed == {(a, b) for a, b in run if graph.node[b].time is not None}


@pytest.mark.parametrize("name", names())
def test_nodes_stand_after_what_they_read(library, name):
    graph = unroll(library(name), 3)
    place = {n.id: i for i, n in enumerate(graph.nodes)}
    assert len(place) == len(graph.nodes)
    assert all(place[e.tail] < place[e.head] for e in graph.edges)


def test_edges_carry_the_parameters_that_multiply(library):
    graph = unroll(library("elman"), 3)
    label = {e.id: [str(f.name) for f in e.factors] for e in graph.edges}
    assert label["h-1--a-2"] == ["W"]
    assert label["x-2--a-2"] == ["U"]
    assert label["a-2--h-2"] == []


def test_paths_are_counted_without_being_listed(library):
    graph = unroll(library("lstm"), 12)
    assert graph.count_paths("c-0", "L-12") > 10**6
    with pytest.raises(QuestionError, match="paths from c-0 to L-12"):
        graph.paths("c-0", "L-12")
    small = unroll(library("lstm"), 2)
    assert len(small.paths("h-0", "L-2")) == small.count_paths("h-0", "L-2")


def test_an_edge_between_two_nodes_lies_on_a_path(library):
    graph = unroll(library("lstm"), 3)
    listed = {e.id for path in graph.paths("c-1", "h-3") for e in path}
    assert {e.id for e in graph.between("c-1", "h-3")} == listed


def test_a_long_graph_needs_no_deep_stack(library):
    graph = unroll(library("bidirectional"), 600)
    assert "hb-601" in graph.node


def test_other_time_ranges(library):
    assert time_numbers(library("rnn_notes"), 3) == {"N": 3}
    assert unroll(library("rnn_notes"), 3).times == (0, 2)


def test_tau_is_checked(library):
    with pytest.raises(QuestionError, match="tau = 0"):
        unroll(library("elman"), 0)


def test_times_that_are_numbers_have_their_own_length(written):
    cell = written("param w\nstate h\ntime t = 1..2\nh[t] = w * h[t-1]\nloss L = h[2]")
    assert unroll(cell, 5).tau == 2
    with pytest.raises(QuestionError, match="so tau is 2, not 5"):
        time_numbers(cell, 5)
