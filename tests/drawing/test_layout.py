"""A picture is legible if nothing covers anything: boxes keep apart, arrows go around them."""

from __future__ import annotations

import itertools

import pytest

from symrnn.cells import names
from symrnn.drawing.layout import Arrow, lay_out
from symrnn.drawing.spacing import settle, spread
from symrnn.inquiry.unrolled import unroll

SAMPLES = 40


def along(arrow: Arrow):
    """Points on an arrow, as the SVG draws it."""
    for (x1, y1), (x2, y2) in zip(arrow.points, arrow.points[1:], strict=False):
        for step in range(SAMPLES + 1):
            s = step / SAMPLES
            if arrow.smooth:
                reach, r = (y2 - y1) / 2, 1 - s
                a, b, c, d = r**3, 3 * s * r**2, 3 * s**2 * r, s**3
                yield (a + b) * x1 + (c + d) * x2, a * y1 + b * (y1 + reach) + c * (y2 - reach) + d * y2
            else:
                yield x1 + s * (x2 - x1), y1 + s * (y2 - y1)


@pytest.mark.parametrize("tau", [1, 3])
@pytest.mark.parametrize("name", names())
def test_nothing_covers_anything(library, name, tau):
    drawing = lay_out(unroll(library(name), tau))
    boxes = drawing.boxes
    for i, one in enumerate(boxes):
        assert one.x - one.width / 2 > 0
        assert one.x + one.width / 2 < drawing.width
        assert one.y - one.height / 2 > 0
        assert one.y + one.height / 2 < drawing.height
        for other in boxes[i + 1 :]:
            beside = abs(one.x - other.x) >= (one.width + other.width) / 2
            assert beside or abs(one.y - other.y) >= (one.height + other.height) / 2, (one.node.id, other.node.id)
    for arrow in drawing.arrows:
        for box in boxes:
            if box.node.id not in (arrow.edge.tail, arrow.edge.head):
                assert not any(
                    abs(x - box.x) < box.width / 2 - 1 and abs(y - box.y) < box.height / 2 - 1 for x, y in along(arrow)
                ), f"{arrow.edge.id} goes through {box.node.id}"


@pytest.mark.parametrize("name", ["elman", "lstm", "bidirectional", "stack2", "lag2"])
def test_arrows_join_their_boxes(library, name):
    drawing = lay_out(unroll(library(name), 3))
    for arrow in drawing.arrows:
        for point, end in ((arrow.points[0], arrow.edge.tail), (arrow.points[-1], arrow.edge.head)):
            box = drawing.box[end]
            assert abs(point[0] - box.x) <= box.width / 2 + 0.01
            assert abs(point[1] - box.y) <= box.height / 2 + 0.01


def test_time_runs_to_the_right_and_steps_look_alike(library):
    drawing = lay_out(unroll(library("lstm"), 4))
    xs = [[drawing.box[f"{name}-{t}"].x for t in (1, 2, 3, 4)] for name in ("x", "f", "c", "h")]
    for row in xs:
        assert row == sorted(row)
        assert len({round(b - a, 6) for a, b in itertools.pairwise(row)}) == 1


def test_inputs_stand_below_and_the_loss_on_top(library):
    drawing = lay_out(unroll(library("elman"), 3))
    heights = [drawing.box[f"{name}-2"].y for name in ("x", "a", "h", "o", "yhat", "L")]
    assert heights == sorted(heights)
    assert drawing.box["L"].y > heights[-1]


def test_places_keep_their_gaps():
    found = settle(
        ["a", "b", "c"], {("a", "b"): 10, ("b", "c"): 10}, {"a": 5, "b": 0, "c": 30}, dict.fromkeys("abc", 1)
    )
    assert found["b"] - found["a"] == pytest.approx(10)
    assert found["a"] == pytest.approx(-2.5)
    assert found["c"] == pytest.approx(30)


def test_linked_places_line_up():
    found = spread([["a", "b"], ["c"]], {("a", "b"): 20}, [("b", "c", 1.0)])
    assert found["b"] == found["c"]
