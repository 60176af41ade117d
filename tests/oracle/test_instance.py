"""Random numbers: generic, unsaturated, away from kinks, and the same for the same seed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from symrnn import cells
from symrnn.errors import DataError
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.sizes import choose_sizes
from symrnn.reading.cellfile import read_cell


def library_cell(name):
    return read_cell(cells.source_text(name), name, heads=cells.head_text)


def cell_of(text):
    return read_cell(text, "cell")


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_library_cell_gets_generic_numbers(name, seed):
    cell = library_cell(name)
    instance = random_instance(cell, seed)
    assert instance.remarks == ()
    free = [v for k, v in instance.sizes.items() if k in cell.sizes and k not in dict(cell.equal_sizes)]
    assert len(set(free)) == len(free)
    assert all(value.any() for value in instance.initial.values())
    evaluator = Evaluator(cell, instance)
    assert not evaluator.touched
    assert all(np.isfinite(value).all() for value in evaluator.values.values())


def test_the_same_seed_gives_the_same_numbers_whatever_the_order():
    text = "size n, m\nparam W[n,n], U[n,m]\ninput x[m]\nstate h[n]\nh[t] = tanh(W @ h[t-1] + U @ x[t])"
    first, again = random_instance(cell_of(text), 3), random_instance(cell_of(text), 3)
    swapped = random_instance(cell_of(text.replace("W[n,n], U[n,m]", "U[n,m], W[n,n]")), 3)
    other = random_instance(cell_of(text), 4)
    for name in "WU":
        np.testing.assert_array_equal(first.values[name], again.values[name])
        np.testing.assert_array_equal(first.values[name], swapped.values[name])
        assert (first.values[name] != other.values[name]).all()
    np.testing.assert_array_equal(first.initial["h[0]"], again.initial["h[0]"])


def test_no_hash_seed_matters():
    program = (
        "from symrnn import cells; from symrnn.reading.cellfile import read_cell;"
        "from symrnn.oracle.draw import random_instance; from symrnn.oracle.evaluate import Evaluator;"
        "c = read_cell(cells.source_text('lstm'), 'lstm', heads=cells.head_text);"
        "e = Evaluator(c, random_instance(c, 1));"
        "print(repr(e.value('L').item()), e.total(c.variable('L'), c.variable('W_f')).sum().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_attributes():
    text = (
        "size n, K\nparam S[n,n] symmetric, V[K,n]\ninput x[n]\n"
        "target y[K] onehot, p[K] distribution, q[1,K] distribution\n"
        "state h[n] = 0\nh[t] = tanh(S @ h[t-1] + x[t])\n"
        "loss L = -sum((y[t] + p[t] + q[t].T).T @ log_softmax(V @ h[t]), t)"
    )
    instance = random_instance(cell_of(text), 0)
    values = instance.values
    np.testing.assert_array_equal(values["S"], values["S"].T)
    assert instance.initial == {}
    for t in range(1, 6):
        assert sorted(values["y"][t][:, 0]) == [0] * (len(values["y"][t]) - 1) + [1]
        assert values["p"][t].min() > 0
        assert values["p"][t].sum() == pytest.approx(1)
        assert values["q"][t].sum() == pytest.approx(1)
    assert len({tuple(values["y"][t][:, 0]) for t in range(1, 6)}) > 1


@pytest.mark.parametrize(
    "expression, good",
    [
        ("log(x[t])", lambda x: (x > 0).all()),
        ("sqrt(x[t] + W @ x[t])", lambda x: True),
        ("1/x[t]", lambda x: (abs(x) >= 0.08).all()),
        ("relu(x[t])", lambda x: (abs(x) >= 0.02).all() and (x > 0).mean() >= 0.4),
        ("inv(W) @ x[t]", lambda x: True),
        ("tanh(20*x[t])", None),
    ],
)
def test_arguments_are_kept_where_functions_are_generic(expression, good):
    cell = cell_of(f"size n\nparam W[n,n]\ninput x[n]\na[t] = {expression}\nloss L = sum(norm2(a[t] + W @ x[t]), t)")
    for seed in range(5):
        instance = random_instance(cell, seed)
        x = np.concatenate(list(instance.values["x"].values()))
        if good is None:
            assert "tanh could not be kept in its generic range" in instance.remarks[0]
            continue
        assert instance.remarks == ()
        assert good(x)
        evaluator = Evaluator(cell, instance)
        assert all(np.isfinite(v).all() for v in evaluator.values.values())


def test_states_do_not_saturate():
    for name in ("elman", "lstm", "gru"):
        cell = library_cell(name)
        evaluator = Evaluator(cell, random_instance(cell, 0, tau=8))
        largest = max(np.abs(evaluator.value("h", t)).max() for t in range(1, 9))
        assert 0.02 < largest < 0.95


@pytest.mark.parametrize(
    "text, expected",
    [
        ("size n, m, K\nparam W[n,n], U[n,m], V[K,n]", {"n": 3, "m": 2, "K": 4}),
        ("size n, m\nsize k = n\nparam W[n,k], U[k,m]", {"n": 3, "m": 2, "k": 3}),
        ("size n\nparam W[4*n,n]\nb = W[0:n, :]", {"n": 3}),
        ("size n, m\nparam W[n,m]\nb = W[0:n, 0:m/2]", {"n": 3, "m": 2}),
        ("size m, n\nparam W[n,m]\nb = W[:, 0:m/2]", {"m": 2, "n": 3}),
        ("size n, m\nparam W[n-m, n]", {"n": 3, "m": 2}),
        ("size n, m\nparam W[n-m, m-1]", {"n": 3, "m": 2}),
        ("size m, n\nparam W[n-m, m-1]", {"m": 3, "n": 4}),
    ],
)
def test_sizes(text, expected):
    found = choose_sizes(cell_of(text + "\nparam q\nloss L = q"))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("time, first, last", [("1..tau", 1, 5), ("0..N-1", 0, 4), ("0..T", 0, 4)])
def test_the_number_of_steps(time, first, last):
    cell = cell_of(f"input x\nparam w\ntime t = {time}\nloss L = sum(w*x[t], t)")
    instance = random_instance(cell, 0)
    assert sorted(instance.values["x"]) == list(range(first, last + 1))


def test_sizes_can_be_given():
    text = "size n, m\nsize k = m\nparam W[n,m]\nstate h[n]\ninput x[k]\nh[t] = W @ x[t] + h[t-1]"
    assert choose_sizes(cell_of(text), {"n": 7, "tau": 3}) == {"n": 7, "m": 2, "k": 2, "tau": 3}
    with pytest.raises(DataError, match="no size p"):
        choose_sizes(cell_of(text), {"p": 7})
    with pytest.raises(DataError, match="at least 1"):
        choose_sizes(cell_of(text), {"n": 0})
    with pytest.raises(DataError, match="declared equal"):
        choose_sizes(cell_of(text), {"k": 4, "m": 5})
    with pytest.raises(DataError, match="empty"):
        random_instance(cell_of(text), 0, tau=0)
