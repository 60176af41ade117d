"""Derivatives that nobody has worked out yet, as the chain form and its steps write them."""

from __future__ import annotations

from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.layout import Layout
from symrnn.language.leaf import Variable
from symrnn.language.node import Node
from symrnn.language.operation import Vec


def total_by(of: Node, by: Node) -> Node:
    """D(of, by), numerator layout; by itself the identity is left standing as a derivative."""
    return Jacobian(of, by, Layout.NUMERATOR)


def immediate_by(of: Node, by: Node) -> Node:
    """Dplus(of, by), numerator layout."""
    return ImmediateJacobian(of, by, Layout.NUMERATOR)


def as_vector(variable: Variable) -> Node:
    """A variable between two others in a chain: rows and matrices by their vec, so that Jacobians multiply."""
    return variable if variable.is_scalar or variable.is_column else Vec(variable)
