"""How a rule sees the children of its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from symrnn.language.node import Node
from symrnn.oracle.frame import OUT, Array, Fn, Frame


class Children(Protocol):
    """Compiled children: ``child(node)`` is the function, never out of range; ``raw`` may be."""

    def __call__(self, node: Node) -> Fn: ...

    def raw(self, node: Node) -> Fn:
        """The function that gives OUT where the node is out of range."""
        ...

    def vanishes(self, node: Node) -> bool:
        """Whether it may be out of range."""
        ...

    def free(self, node: Node) -> frozenset[str]:
        """Its open index symbols."""
        ...


@dataclass(frozen=True)
class Compiled:
    """One compiled expression.

    ``run`` is its function, ``free`` its open index symbols; ``vanishes``: whether it may be out of range;
    ``local``: whether it depends on a formula's parts; ``depth``: how deeply it is nested.
    """

    run: Fn
    free: frozenset[str]
    zeros: Array
    vanishes: bool = False
    local: bool = False
    depth: int = 1


@dataclass(frozen=True)
class Known:
    """Children that were compiled before their parents."""

    compiled: Mapping[Node, Compiled]

    def __call__(self, node: Node) -> Fn:
        return solid(self.compiled[node])

    def raw(self, node: Node) -> Fn:
        return self.compiled[node].run

    def vanishes(self, node: Node) -> bool:
        return self.compiled[node].vanishes

    def free(self, node: Node) -> frozenset[str]:
        return self.compiled[node].free


def solid(compiled: Compiled) -> Fn:
    """The function with zeros where it is out of range."""
    if not compiled.vanishes:
        return compiled.run
    run, zeros = compiled.run, compiled.zeros

    def filled(frame: Frame) -> Array:
        value = run(frame)
        return zeros if value is OUT else value

    return filled
