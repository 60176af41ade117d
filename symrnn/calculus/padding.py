"""Contributions to blocks: blocks that tile a whole become one stack, others get zeros around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symrnn.calculus.products import total
from symrnn.language import build
from symrnn.language.index import Index
from symrnn.language.leaf import Zeros
from symrnn.language.node import Node


@dataclass(frozen=True)
class Padded:
    """A contribution to a block of the whole; rows and columns are those of the differentiated operand."""

    value: Node
    rows: tuple[Index, Index] | None
    columns: tuple[Index, Index] | None


def gather(node: Node, contributions: list[Node | Padded]) -> Node:
    """The sum of contributions; blocks that tile the whole become one stack."""
    whole = [c for c in contributions if not isinstance(c, Padded)]
    padded = [c for c in contributions if isinstance(c, Padded)]
    tiled = _tile(node, padded)
    return total([*whole, *([tiled] if tiled is not None else [_embed(node, p) for p in padded])])


def _tile(node: Node, padded: list[Padded]) -> Node | None:
    if not padded or node.is_scalar:
        return None
    along_rows = all(p.columns is None and p.rows is not None for p in padded)
    along_columns = all(p.rows is None and p.columns is not None for p in padded)
    if not (along_rows or along_columns):
        return None
    blocks: dict[tuple[Index, Index], list[Node]] = {}
    for p in padded:
        span = p.rows if along_rows else p.columns
        assert span is not None
        blocks.setdefault(span, []).append(p.value)
    offset = Index.of(0)
    parts: list[Node] = []
    while blocks:
        span = next((s for s in blocks if s[0] == offset), None)
        if span is None:
            return None
        parts.append(total(blocks.pop(span)))
        offset = span[1]
    if offset != node.shape[0 if along_rows else 1]:
        return None
    return build.hcat(*parts) if along_rows else build.concat(*parts)


def _embed(node: Node, padded: Padded) -> Node:
    """A block's derivative with zeros around it; rows of the operand are columns of its derivative."""
    value = padded.value
    if padded.rows is not None:
        start, stop = padded.rows
        height = value.shape[0]
        value = _surround(value, start, node.shape[0] - stop, lambda width: Zeros((height, width)), build.hcat)
    if padded.columns is not None:
        start, stop = padded.columns
        width = value.shape[1]
        value = _surround(value, start, node.shape[1] - stop, lambda size: Zeros((size, width)), build.concat)
    return value


def _surround(
    value: Node, before: Index, after: Index, zeros: Callable[[Index], Node], join: Callable[..., Node]
) -> Node:
    parts = [zeros(before)] if before.constant != 0 else []
    parts.append(value)
    if after.constant != 0:
        parts.append(zeros(after))
    return join(*parts)
