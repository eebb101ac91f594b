"""Steps and reach of levels, against plans written by hand."""

import pytest

from nfield.points.level_plan import planned_levels


@pytest.mark.parametrize(
    ("extent", "wanted"),
    [
        # A dense cloud: those that reach everywhere are far from the finest.
        (100, [(16, True), (8, True), (4, True), (2, False), (1, False)]),
        # A dense level next to the finest, or as the finest, or alone: one near the points follows it.
        (62, [(8, True), (4, True), (2, True), (2, False), (1, False)]),
        (36, [(4, True), (2, True), (2, False), (1, False)]),
        (20, [(2, True), (1, True), (1, False)]),
        (5, [(1, True), (1, False)]),
    ],
)
def test_plans_by_hand(extent: float, wanted: list[tuple[float, bool]]) -> None:
    assert planned_levels(0.1 * extent, 0.1) == [(pytest.approx(0.1 * step), dense) for step, dense in wanted]


def test_a_plan_from_its_own_coarsest_step_is_the_same() -> None:
    for extent in (5.0, 20.0, 36.0, 70.0, 300.0):
        plan = planned_levels(extent, 1.0)
        assert planned_levels(extent, 1.0, first=plan[0][0]) == plan
