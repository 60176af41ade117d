"""Where everything of an unrolled graph stands, in points: boxes, paths of arrows, labels.

Time runs to the right, one column for each step; within a column the rows of :mod:`step_rows`.  Arrows within
a step go straight up.  Arrows across time leave a node sideways, run down a channel between the columns that
all arrows of the same node share, and enter their head from the side, or from below where something stands in
the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from symrnn.drawing.spacing import settle, spread
from symrnn.drawing.step_rows import ABOVE, BELOW, Place, StepRows, step_rows
from symrnn.inquiry.graph import GraphEdge, GraphNode, UnrolledGraph
from symrnn.inquiry.unrolled import Ways

Point = tuple[float, float]

BOX_HEIGHT = 30.0
ROW_GAP = 38.0
LANE = 9.0
SLOT_GAP = 26.0
MARGIN = 16.0
CHANNEL = 34.0


@dataclass(frozen=True)
class Box:
    """A node: its centre and its extent; y grows upward."""

    node: GraphNode
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT


@dataclass(frozen=True)
class Arrow:
    """An edge: the corners of its path from tail to head, whether they are rounded corners or a smooth curve.

    ``label`` are the products of parameters to show at ``label_at``; ``anchor`` says which end of the text is there.
    """

    edge: GraphEdge
    points: tuple[Point, ...]
    smooth: bool
    label: Ways = ()
    label_at: Point = (0.0, 0.0)
    anchor: str = "middle"
    across_time: bool = False


@dataclass(frozen=True)
class Drawing:
    """A graph with positions; (0, 0) is the lower left corner."""

    graph: UnrolledGraph
    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    columns: tuple[tuple[int, float], ...]
    box: Mapping[str, Box] = field(default_factory=dict)


def lay_out(graph: UnrolledGraph, widths: Mapping[str, float] | None = None) -> Drawing:
    """Positions for an unrolled graph; ``widths`` are those of the labels by node id."""
    return _Layout(graph, widths or {}).draw()


class _Layout:
    def __init__(self, graph: UnrolledGraph, widths: Mapping[str, float]) -> None:
        self.graph = graph
        self.step: StepRows = step_rows(graph)
        self.widths = {n.id: max(34.0, widths.get(n.id, 18.0) + 14.0) for n in graph.nodes}
        self.sideways = frozenset(self._across())
        self.trunks = self._trunks()
        self.lanes = self._lanes()
        self.row_y = self._row_heights()
        self.offset, self.span = self._columns_inside()
        self.column_x = self._column_positions()
        self.boxes: dict[str, Box] = {}

    # Which arrows share what.

    def _across(self) -> list[GraphEdge]:
        node = self.graph.node
        return [
            e
            for e in self.graph.edges
            if node[e.tail].time is not None
            and node[e.head].time is not None
            and node[e.tail].time != node[e.head].time
        ]

    def _trunks(self) -> dict[str, int]:
        """Each variable that is read across time has its own line in every channel."""
        names = dict.fromkeys(self.graph.node[e.tail].name for e in self._across())
        return {name: place for place, name in enumerate(names)}

    def _lanes(self) -> dict[int, list[str]]:
        """For each row the variables whose arrows run along under it."""
        found: dict[int, dict[str, None]] = {}
        for edge in self._across():
            if not self._from_side(edge):
                head = self.graph.node[edge.head].name
                found.setdefault(self.step.row[head], {})[self.graph.node[edge.tail].name] = None
        return {row: list(names) for row, names in found.items()}

    def _distance(self, edge: GraphEdge) -> int:
        tail, head = self.graph.node[edge.tail].time, self.graph.node[edge.head].time
        assert tail is not None
        assert head is not None
        return head - tail

    def _from_side(self, edge: GraphEdge) -> bool:
        """Whether an arrow across time can enter its head sideways: one step away, no other node before it."""
        distance = self._distance(edge)
        return abs(distance) == 1 and self._is_outermost(self.graph.node[edge.head].name, distance < 0)

    def _is_outermost(self, name: str, right: bool) -> bool:
        """Whether no node stands beyond this one in its row; lines may be crossed."""
        row = [p.name for p in self.step.rows[self.step.row[name]] if p.via is None]
        return bool(row) and row[-1 if right else 0] == name

    # Rows and columns.

    def _row_heights(self) -> list[float]:
        heights: list[float] = []
        y = MARGIN + BOX_HEIGHT / 2 + (BOX_HEIGHT + ROW_GAP if self._below() else 0.0)
        for row in range(len(self.step.rows)):
            lanes = len(self.lanes.get(row, ()))
            y += lanes * LANE + (14.0 if lanes else 0.0)
            heights.append(y)
            y += BOX_HEIGHT + ROW_GAP
        return heights

    def _below(self) -> list[GraphNode]:
        """Data of the whole sequence that steps read."""
        return [n for n in self.graph.nodes if n.time is None and not self._is_above(n)]

    def _above(self) -> list[GraphNode]:
        """Quantities of the whole sequence, and data that only they read."""
        return [n for n in self.graph.nodes if n.time is None and self._is_above(n)]

    def _is_above(self, node: GraphNode) -> bool:
        readers = [self.graph.node[e.head] for e in self.graph.outgoing[node.id]]
        return bool(self.graph.incoming[node.id]) or all(r.time is None for r in readers)

    def _width_of(self, place: Place) -> float:
        if place.via is not None:
            return 10.0
        return max((self.widths[n.id] for n in self.graph.nodes if n.name == place.name), default=34.0)

    def _columns_inside(self) -> tuple[dict[str, float], tuple[float, float]]:
        """The place of each slot relative to its column's middle, and the column's extent."""
        data = {n.name for n in self.graph.nodes if n.kind == "target"}
        links = _links(self.step, data)
        offsets = spread([[p.name for p in row] for row in self.step.rows], self._gap_table(), links)
        names = [place for row in self.step.rows for place in row]
        left = min((offsets[p.name] - self._width_of(p) / 2 for p in names), default=0.0)
        right = max((offsets[p.name] + self._width_of(p) / 2 for p in names), default=0.0)
        return offsets, (left, right)

    def _gap_table(self) -> dict[tuple[str, str], float]:
        gaps: dict[tuple[str, str], float] = {}
        for row in self.step.rows:
            for left, right in itertools.pairwise(row):
                extra = 6.0 if left.via or right.via else SLOT_GAP
                gaps[left.name, right.name] = (self._width_of(left) + self._width_of(right)) / 2 + extra
        return gaps

    def _column_positions(self) -> dict[int, float]:
        first, last = self.graph.times
        present = sorted({n.time for n in self.graph.nodes if n.time is not None} | set(range(first, last + 1)))
        channel = CHANNEL + LANE * len(self.trunks) + (10.0 if self._labels_beside() else 0.0)
        x, found = MARGIN, {}
        for time in present:
            left, right = self.span if first <= time <= last else self._initial_span(time)
            found[time] = x - left
            x += right - left + channel
        self.total_width = x - channel + MARGIN
        self.channel = channel
        return found

    def _labels_beside(self) -> bool:
        return any(self._from_side(e) and e.factors for e in self._across())

    def _initial_span(self, time: int) -> tuple[float, float]:
        widest = max((self.widths[n.id] for n in self.graph.nodes if n.time == time), default=34.0)
        return -widest / 2, widest / 2

    # Boxes.

    def draw(self) -> Drawing:
        for node in self.graph.nodes:
            if node.time is not None:
                self._put(node, self._x(node), self._y(node))
        self._put_row(self._below(), MARGIN + BOX_HEIGHT / 2)
        self._put_above()
        arrows = tuple(self._arrow(edge) for edge in self.graph.edges)
        height = max(b.y for b in self.boxes.values()) + BOX_HEIGHT / 2 + MARGIN
        width = max(self.total_width, *(b.x + b.width / 2 + MARGIN for b in self.boxes.values()))
        columns = tuple((t, x) for t, x in self.column_x.items())
        return Drawing(self.graph, width, height, tuple(self.boxes.values()), arrows, columns, dict(self.boxes))

    def _put(self, node: GraphNode, x: float, y: float) -> None:
        self.boxes[node.id] = Box(node, x, y, self.widths[node.id])

    def _x(self, node: GraphNode) -> float:
        assert node.time is not None
        inside = 0.0 if node.kind == "initial" else self.offset.get(node.name, 0.0)
        return self.column_x[node.time] + inside

    def _y(self, node: GraphNode) -> float:
        return self.row_y[self.step.row.get(node.name, 0)]

    def _put_row(self, nodes: list[GraphNode], y: float) -> None:
        """Quantities of the whole sequence: each over the middle of what it is linked with, side by side."""
        wishes = {n.id: self._middle(n) for n in nodes}
        order = sorted(wishes, key=lambda name: wishes[name])
        gaps = {(a, b): (self.widths[a] + self.widths[b]) / 2 + SLOT_GAP for a, b in itertools.pairwise(order)}
        places = settle(order, gaps, wishes, dict.fromkeys(order, 1.0))
        for node in nodes:
            self._put(node, places[node.id], y)

    def _middle(self, node: GraphNode) -> float:
        linked = [e.tail for e in self.graph.incoming[node.id]] + [e.head for e in self.graph.outgoing[node.id]]
        timed = [name for name in linked if self.graph.node[name].time is not None]
        xs = [self.boxes[name].x for name in timed or linked if name in self.boxes]
        if not self.graph.incoming[node.id] and not xs:
            return self.total_width  # aside, so that the arrows from the steps go past it
        return (min(xs) + max(xs)) / 2 if xs else self.total_width / 2

    def _put_above(self) -> None:
        """Each row of whole quantities above what it reads."""
        level: dict[str, int] = {}
        for node in self._above():
            tails = [e.tail for e in self.graph.incoming[node.id]]
            level[node.id] = 1 + max((level.get(tail, -1) for tail in tails), default=-1)
        base = self.row_y[-1] if self.row_y else MARGIN
        for row in sorted(set(level.values())):
            nodes = [n for n in self._above() if level[n.id] == row]
            self._put_row(nodes, base + (row + 1) * (BOX_HEIGHT + ROW_GAP))

    # Arrows.

    def _arrow(self, edge: GraphEdge) -> Arrow:
        tail, head = self.graph.node[edge.tail], self.graph.node[edge.head]
        if tail.time is None or head.time is None or tail.time == head.time:
            return self._upward(edge)
        return self._sideways(edge)

    def _upward(self, edge: GraphEdge) -> Arrow:
        tail, head = self.boxes[edge.tail], self.boxes[edge.head]
        t, h = tail.node, head.node
        key = (t.name if t.time is not None else BELOW, h.name if h.time is not None else ABOVE)
        time = t.time if t.time is not None else h.time
        points: list[Point] = [(tail.x, tail.y + BOX_HEIGHT / 2)]
        if time is not None and t.kind != "initial":
            for offset, place in enumerate(self.step.detours.get(key, ())):
                row = (self.step.row[t.name] if t.time is not None else -1) + 1 + offset
                x, y = self.column_x[time] + self.offset[place.name], self.row_y[row]
                points += [(x, y - BOX_HEIGHT / 2), (x, y + BOX_HEIGHT / 2)]
        end = (head.x + self._entry(edge, points[-1][0]), head.y - BOX_HEIGHT / 2)
        points.append(end)
        at, anchor = self._upward_label(edge, points[-2], end)
        return Arrow(edge, tuple(points), True, edge.ways, at, anchor)

    def _labelled(self, head: str) -> list[GraphEdge]:
        """The arrows from below into a node that carry a label, from left to right."""
        same = [
            e
            for e in self.graph.incoming[head]
            if e.factors and self.graph.node[e.tail].time == self.graph.node[head].time
        ]
        return sorted(same, key=lambda e: self.boxes[e.tail].x)

    def _entry(self, edge: GraphEdge, x: float) -> float:
        """Where an arrow from below meets its head: several with labels keep apart."""
        labelled = self._labelled(edge.head)
        if len(labelled) < 2 or edge not in labelled:
            return 0.0
        gap = min(12.0, (self.widths[edge.head] - 14.0) / (len(labelled) - 1))
        return (labelled.index(edge) - (len(labelled) - 1) / 2) * gap

    def _upward_label(self, edge: GraphEdge, start: Point, end: Point) -> tuple[Point, str]:
        labelled = self._labelled(edge.head)
        if len(labelled) > 1 and edge in labelled:
            left = labelled.index(edge) < len(labelled) / 2
            share = 0.42
            x, y = end[0] + share * (start[0] - end[0]), end[1] + share * (start[1] - end[1])
            return ((x - 4 if left else x + 4), y - 3), "end" if left else "start"
        crossed = any(
            not self._from_side(e) and self._distance(e) < 0
            for e in self.graph.incoming[edge.head]
            if e in self.sideways
        )
        if crossed:
            return (end[0] - 5, end[1] - 14), "end"
        return (end[0] + 5, end[1] - 14), "start"

    def _sideways(self, edge: GraphEdge) -> Arrow:
        tail, head = self.boxes[edge.tail], self.boxes[edge.head]
        distance = self._distance(edge)
        way = 1 if distance > 0 else -1
        start, trunk = self._exit(tail, way)
        if self._from_side(edge):
            rivals = [e for e in self.graph.incoming[edge.head] if e in self.sideways and self._from_side(e)]
            rivals = sorted(rivals, key=lambda e: -self.boxes[e.tail].y)
            place = rivals.index(edge)
            end = (head.x - way * head.width / 2, head.y + 5.0 * (len(rivals) - 1 - 2 * place))
            points = [*start, (trunk, start[-1][1]), (trunk, end[1]), end]
            if abs(start[-1][1] - end[1]) < 1e-6:
                points = [*start, end]
            lift = 5.0 if place == 0 else -12.0
            at, anchor = (end[0] - way * 7, end[1] + lift), "end" if way > 0 else "start"
        else:
            end = (head.x - way * head.width / 4, head.y - BOX_HEIGHT / 2)
            lane = self._lane(tail.node.name, self.step.row[head.node.name])
            points = [*start, (trunk, start[-1][1]), (trunk, lane), (end[0], lane), end]
            at, anchor = (end[0] - way * 4, end[1] - 14), "end" if way > 0 else "start"
        return Arrow(edge, tuple(points), False, edge.ways, at, anchor, True)

    def _exit(self, tail: Box, way: int) -> tuple[list[Point], float]:
        """How an arrow leaves its tail: sideways, or over the row where something stands beside it."""
        time = tail.node.time
        assert time is not None
        first, last = self.graph.times
        left, right = self.span if first <= time <= last else self._initial_span(time)
        edge_of_column = self.column_x[time] + (right if way > 0 else left)
        trunk = edge_of_column + way * (12.0 + LANE * self.trunks[tail.node.name])
        if tail.node.kind == "initial" or self._is_outermost(tail.node.name, way > 0):
            return [(tail.x + way * tail.width / 2, tail.y)], trunk
        over = tail.y + BOX_HEIGHT / 2 + 8.0
        return [(tail.x + way * tail.width / 4, tail.y + BOX_HEIGHT / 2), (tail.x + way * tail.width / 4, over)], trunk

    def _lane(self, name: str, row: int) -> float:
        place = self.lanes[row].index(name)
        return self.row_y[row] - BOX_HEIGHT / 2 - 22.0 - LANE * place


def _links(step: StepRows, data: Collection[str]) -> list[tuple[str, str, float]]:
    """Which slots want to stand above each other, and how much: long edges should run straight."""
    found: list[tuple[str, str, float]] = []
    for edge, places in step.detours.items():
        chain = [edge[0], *(p.name for p in places), edge[1]]
        for low, high in itertools.pairwise(chain):
            if low in (ABOVE, BELOW) or high in (ABOVE, BELOW):
                continue
            bends = (">" in low) + (">" in high)
            weight = (1.0, 2.0, 8.0)[bends]
            # What only feeds the step moves aside for the chain of what the step computes.
            found.append((low, high, weight * (0.02 if low in data else 1.0)))
    return found
