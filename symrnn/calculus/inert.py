"""Derivatives that nobody has worked out yet, as the chain form and its steps write them."""

from __future__ import annotations

from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.layout import Layout
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.operation import Vec
from symrnn.language.traversal import find, variables


def total_by(of: Node, by: Node) -> Node:
    """D(of, by), numerator layout; by itself the identity is left standing as a derivative."""
    return Jacobian(of, by, Layout.NUMERATOR)


def immediate_by(of: Node, by: Node) -> Node:
    """Dplus(of, by), numerator layout."""
    return ImmediateJacobian(of, by, Layout.NUMERATOR)


def as_vector(variable: Variable) -> Node:
    """A variable between two others in a chain: rows and matrices by their vec, so that Jacobians multiply."""
    return variable if variable.is_scalar or variable.is_column else Vec(variable)


def crosses_time(chain: Node, of: Node, by: Node) -> bool:
    """Whether an inert total derivative in a chain goes through time to what was asked, so that no bound cuts it."""
    return any(
        atom.args[0] == of or (atom.args[1] == by and _times(atom.args[0]) != _times(by))
        for atom in find(chain, Jacobian)
    )


def _times(node: Node) -> frozenset[object]:
    return frozenset(v.time for v in variables(node))
