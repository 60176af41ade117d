"""Places along a line: as near to where each wants to stand as the gaps between neighbours allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ROUNDS = 24

SNAP = 4.0
"""Places that differ by less become the same, so that lines that are nearly straight are straight."""


def spread(
    rows: Sequence[Sequence[str]],
    gaps: Mapping[tuple[str, str], float],
    links: Sequence[tuple[str, str, float]],
) -> dict[str, float]:
    """Positions for rows of names such that linked ones are nearly aligned and neighbours keep their gaps.

    ``gaps`` are least distances of neighbours in a row; ``links`` pairs with the weight of their wish.
    """
    position: dict[str, float] = {}
    for row in rows:
        position.update(settle(row, gaps, dict.fromkeys(row, 0.0), dict.fromkeys(row, 1.0)))
    near: dict[str, list[tuple[str, float]]] = {}
    for a, b, weight in links:
        near.setdefault(a, []).append((b, weight))
        near.setdefault(b, []).append((a, weight))
    for turn in range(ROUNDS):
        for row in rows if turn % 2 == 0 else reversed(rows):
            wishes, weights = {}, {}
            for name in row:
                pulls = near.get(name, [])
                weights[name] = sum(w for _, w in pulls) or 0.1
                # A light pull to the middle keeps rows without links from drifting.
                total = sum(w * position[other] for other, w in pulls)
                wishes[name] = total / (weights[name] + 0.05)
            position.update(settle(row, gaps, wishes, weights))
    return _snapped(position)


def _snapped(position: Mapping[str, float]) -> dict[str, float]:
    groups: list[list[float]] = []
    for value in sorted(position.values()):
        if groups and value - groups[-1][0] < SNAP:
            groups[-1].append(value)
        else:
            groups.append([value])
    common = {value: sum(group) / len(group) for group in groups for value in group}
    return {name: common[value] for name, value in position.items()}


def settle(
    row: Sequence[str],
    gaps: Mapping[tuple[str, str], float],
    wishes: Mapping[str, float],
    weights: Mapping[str, float],
) -> dict[str, float]:
    """The least-squares places in the given order with the given gaps (isotonic regression, pool adjacent
    violators).
    """
    offset, offsets = 0.0, []
    for place, name in enumerate(row):
        if place:
            offset += gaps[row[place - 1], name]
        offsets.append(offset)
    pools: list[list[float]] = []  # weight, mean, count
    for name, shift in zip(row, offsets, strict=True):
        pools.append([weights[name], wishes[name] - shift, 1])
        while len(pools) > 1 and pools[-2][1] > pools[-1][1]:
            weight, mean, count = pools.pop()
            last = pools[-1]
            last[1] = (last[0] * last[1] + weight * mean) / (last[0] + weight)
            last[0] += weight
            last[2] += count
    means = [mean for _, mean, count in pools for _ in range(int(count))]
    return {name: mean + shift for name, mean, shift in zip(row, means, offsets, strict=True)}
