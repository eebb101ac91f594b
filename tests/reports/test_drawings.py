"""Charts, heat maps and colours against closed forms."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.reports.charts import Curve, Scale, line_chart, linear_ticks, tick_text
from nfield.reports.colours import BASELINE, COLOURS, FIELD, TRUTH, at, ink_on, shade, stage_colour
from nfield.reports.heatmap import clock_of, heat_map, time_scale
from nfield.reports.markup import page
from nfield.reports.plots import error_map, panels
from nfield.reports.record import BandFigures, Evaluation, Side

positive = st.floats(1e-6, 1e6)


@settings(deadline=None, max_examples=50)
@given(a=positive, b=positive, value=positive)
def test_logarithmic_scale_keeps_order_and_range(a, b, value):
    low, high = min(a, b), max(a, b)
    if high / low < 1.01:
        high = low * 2
    scale = Scale(low=low, high=high, start=10, end=110, logarithmic=True)
    assert scale(low) == pytest.approx(10)
    assert scale(high) == pytest.approx(110)
    assert scale(math.sqrt(low * high)) == pytest.approx(60)
    assert 10 <= scale(value) <= 110 + 1e-9
    assert all(low * 0.998 <= tick <= high * 1.002 for tick in scale.ticks())
    assert scale.ticks()


@settings(deadline=None, max_examples=50)
@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_linear_ticks_are_few_and_inside(low, span):
    ticks = linear_ticks(low, low + span)
    assert 2 <= len(ticks) <= 6
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1, "0.1"), (1e-6, "10⁻⁶"), (1e5, "10⁵"), (20000.0, "20000"), (-3.0, "−3"), (0.0, "0"), (3e-7, "3·10⁻⁷")],
)
def test_tick_text(value, shown):
    assert tick_text(value) == shown


def test_shade_is_logarithmic_between_one_and_a_hundredth():
    assert [shade(error) for error in (5.0, 1.0, 0.1, 0.01, 1e-9, 0.0)] == pytest.approx([0, 0, 0.5, 1, 1, 1])


def test_pages_and_plots_give_an_error_the_same_colour():
    """Learned is light and not learned dark in both, on one scale."""
    errors = np.array([[2.0, 1.0, 0.5], [0.3, 0.1, 0.07], [0.02, 0.005, 0.0], [0.1, np.nan, 0.1]])
    _, (axes,) = panels(1, 1)
    error_map(axes, [0, 1, 2, 3], errors, ["a", "b", "c"])
    image = axes.images[0]
    drawn = image.cmap(image.norm(image.get_array().filled(np.nan)), bytes=True)
    for (step, band), error in np.ndenumerate(errors):
        if not np.isnan(error):
            # The map has 256 steps, and matplotlib takes the one below where pages take the nearest.
            shown = [int(at(shade(error))[i : i + 2], 16) for i in (1, 3, 5)]
            assert np.abs(drawn[band, step, :3].astype(int) - shown).max() <= 3
    assert drawn[0, 0].sum() < drawn[0, 2].sum()
    assert axes.patch.get_hatch()


def test_lines_have_the_same_colours_on_pages_and_in_plots():
    style = re.search(r"<style>(.*?)</style>", page("t"), re.DOTALL)
    assert style
    for name, colour in (("truth", TRUTH), ("field", FIELD), ("baseline", BASELINE)):
        assert f"--{name}: {colour};" in style[1]
        assert f".line.{name} {{ stroke: var(--{name}); }}" in style[1]
    assert BASELINE not in COLOURS
    assert stage_colour(0) == TRUTH
    assert len({stage_colour(count) for count in range(7)}) == 7


def test_colours_grow_brighter_with_what_was_learned():
    def brightness(colour: str) -> int:
        return sum(int(colour[i : i + 2], 16) * weight for i, weight in ((1, 2), (3, 7), (5, 1)))

    steps = [brightness(at(index / 20)) for index in range(21)]
    assert steps == sorted(steps)
    assert (ink_on(0.0), ink_on(1.0)) == ("#ffffff", "#000000")


def test_line_chart_puts_points_where_the_axes_say():
    curve = Curve(label="a < b", style="field", points=[(0.0, 5.0), (1.0, 10.0), (10.0, 20.0), (100.0, 30.0)])
    drawn = line_chart([curve], description="d", across_title="s", up_title="q", marked=(100.0, "end"))
    points = [tuple(map(float, pair.split(","))) for pair in re.search(r'points="([^"]+)"', drawn)[1].split()]
    # The moment zero has no place on a logarithmic axis; the others are a decade, and ten units, apart.
    assert len(points) == 3
    assert points[1][0] - points[0][0] == pytest.approx(points[2][0] - points[1][0], abs=0.2)
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.2)
    assert points[2][1] < points[0][1]
    assert "a &lt; b" in drawn


def side(lines: list[Evaluation], steps: list[int | None]) -> Side:
    bands = [
        BandFigures(
            index=index, low=2.0**index, high=2.0 ** (index + 1), unit="cycles/side", relative_error=0.1,
            energy=0.5, step_below_threshold=step,
        )
        for index, step in enumerate(steps)
    ]  # fmt: skip
    return Side(name="field", metrics={}, history=lines, bands=bands, quality=None)


def evaluation(step: int, bands: list[float | None], seconds: float | None = None) -> Evaluation:
    return Evaluation(step=step, seconds=seconds, quality=None, bands=bands)


def rectangles(drawn: str) -> list[tuple[float, float, float, str, str]]:
    """Left edge, top, width, colour and tooltip of each cell."""
    found = re.findall(
        r'<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="\d+" fill="([^"]+)"><title>([^<]+)', drawn
    )
    return [(float(x), float(y), float(width), fill, told) for x, y, width, fill, told in found]


def test_heat_map_colours_each_band_at_each_evaluation():
    lines = [evaluation(0, [1.0, 1.0]), evaluation(10, [0.1, 1.0]), evaluation(100, [0.01, 0.1])]
    shown = side(lines, [10, None])
    assert clock_of([shown]) == "step"
    across = time_scale([shown], "step")
    drawn = heat_map(shown, shown.bands, across=across, clock="step", name="n")
    cells = rectangles(drawn)
    assert [cell[3] for cell in cells] == [at(0), at(0.5), at(1), at(0), at(0), at(0.5)]
    assert cells[1][4] == "1–2 cycles/side, step 10: 10 %"
    low, high = cells[0][1], cells[3][1]
    assert low > high  # the lowest band is at the bottom
    # Neighbours meet halfway between their moments, and the last ends with the axis.
    assert cells[2][0] == pytest.approx((across(10) + across(100)) / 2, abs=0.1)
    assert cells[2][0] + cells[2][2] == pytest.approx(across.end, abs=0.5)
    assert drawn.count('class="ring"') == 1
    assert f'cx="{across(10):.1f}"' in drawn


def test_band_without_energy_is_hatched():
    lines = [evaluation(0, [1.0, None], 0.0), evaluation(10, [0.1, None], 1.0), evaluation(20, [0.1, None], 2.0)]
    shown = side(lines, [10, None])
    assert clock_of([shown]) == "seconds"
    drawn = heat_map(shown, shown.bands, across=time_scale([shown], "seconds"), clock="seconds", name="n")
    hatched = [cell for cell in rectangles(drawn) if cell[3] == "url(#n-hatch)"]
    assert [cell[4] for cell in hatched] == ["no energy in this band"]


def test_many_evaluations_are_thinned_but_the_last_stays():
    lines = [evaluation(step, [math.exp(-step / 1000)]) for step in range(1, 5001)]
    shown = side(lines, [None])
    cells = rectangles(heat_map(shown, shown.bands, across=time_scale([shown], "step"), clock="step", name="n"))
    assert 50 < len(cells) < 300
    assert cells[-1][4].startswith("1–2 cycles/side, step 5,000")
    assert all(width > 0 for _, _, width, _, _ in cells)
