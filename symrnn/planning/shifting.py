"""Array expressions at other times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symrnn.language import Index
from symrnn.planning import arrays
from symrnn.planning.arrays import Array


def shifted(array: Array, replacements: Mapping[str, Index]) -> Array:
    """Times replaced, ``t`` by ``t + 1``; sizes in axes stay as they are."""
    done: dict[Array, Array] = {}

    def visit(node: Array) -> Array:
        found = done.get(node)
        if found is None:
            found = done[node] = _rebuilt(node)
        return found

    def _rebuilt(node: Array) -> Array:
        if not node.times & replacements.keys():
            return node
        if isinstance(node, arrays.Load):
            assert node.time is not None
            name, role, time, axes, batched = node.args
            return arrays.Load(name, role, time.substitute(replacements), axes, batched)
        if isinstance(node, (arrays.Count, arrays.Between)):
            return type(node)(*(i.substitute(replacements) for i in node.args))
        if isinstance(node, arrays.Element):
            operand, axis, place = node.args
            return arrays.Element(visit(operand), axis, place.substitute(replacements))
        if isinstance(node, arrays.Linalg) and node.args[2] is not None:
            kind, operand, exponent = node.args
            return arrays.Linalg(kind, visit(operand), exponent.substitute(replacements))
        if isinstance(node, arrays.OverTime):
            body, index, lower, upper = node.args
            inner = {k: v for k, v in replacements.items() if k != index}
            bounds = (lower.substitute(replacements), upper.substitute(replacements))
            return arrays.OverTime(shifted(body, inner), index, *bounds)
        return type(node)(*(_changed(a) for a in node.args))

    def _changed(arg: Any) -> Any:
        if isinstance(arg, Array):
            return visit(arg)
        if isinstance(arg, tuple):
            return tuple(_changed(a) for a in arg)
        return arg

    return visit(array)


def at_time(array: Array, time: Index, index: str) -> Array:
    """An expression written for one fixed time, rewritten for the general one: ``h[tau-1]`` at tau is ``h[t-1]``."""
    done: dict[Array, Array] = {}

    def visit(node: Array) -> Array:
        found = done.get(node)
        if found is None:
            if isinstance(node, arrays.Load) and node.time is not None:
                distance = (node.time - time).constant
                if distance is not None:
                    name, role, _, axes, batched = node.args
                    node = arrays.Load(name, role, Index.of(index) + distance, axes, batched)
                found = node
            elif node.children and not isinstance(node, arrays.OverTime):
                found = type(node)(*(_changed(a) for a in node.args))
            else:
                found = node
            done[node] = found
        return found

    def _changed(arg: Any) -> Any:
        if isinstance(arg, Array):
            return visit(arg)
        if isinstance(arg, tuple):
            return tuple(_changed(a) for a in arg)
        return arg

    return visit(array)
