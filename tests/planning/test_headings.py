"""What a reader of generated code is told about its stages."""

from __future__ import annotations

from symrnn.api import load
from symrnn.planning.graph_builder import build_program
from symrnn.planning.headings import Headings
from symrnn.planning.planner import plan_schedule
from symrnn.planning.system import build_system


def headings_of(name: str, truncate: bool = False) -> list[str]:
    schedule = plan_schedule(build_program(build_system(load(name), fold_constants=True, by_age=truncate)), truncate)
    headings = Headings(schedule, {})
    return [headings.stage(stage) for stage in schedule.stages]


def test_the_parts_of_a_recursion_come_in_order() -> None:
    words = [heading.split(":")[0] for heading in headings_of("elman")]
    assert list(dict.fromkeys(words)) == ["project", "step", "head", "back", "gradients"]
    assert words.count("step") == words.count("back") == 1


def test_a_loop_says_which_way_it_runs() -> None:
    loops = [h for h in headings_of("bidirectional") if h.startswith(("step", "back"))]
    ways = [h.split(":")[1].split("(")[0].strip() for h in loops]
    assert sorted(ways) == 2 * ["from the first time to the last"] + 2 * ["from the last time to the first"]


def test_a_truncated_loop_back_is_a_sweep() -> None:
    words = headings_of("elman", truncate=True)
    assert any(h.startswith("back: all times at once, losses one step farther off each time") for h in words)
    assert not any(h.startswith("back: from") for h in words)


def test_an_operation_is_told_by_its_formula_and_shape() -> None:
    schedule = plan_schedule(build_program(build_system(load("elman"), fold_constants=True)))
    headings = Headings(schedule, {})
    (step,) = [s for s in schedule.stages if s.kind == "loop" and s.direction > 0]
    (state,) = [op for op in step.ops if "h[t]" in op.names]
    assert headings.formula(state).startswith("h[t] = tanh(")
    assert headings.formula(state).endswith("    (n)")
