"""Sizes of pictures along camera paths. Oracle: whole numbers, in exact arithmetic."""

from fractions import Fraction
from math import ceil

from hypothesis import example, given
from hypothesis import strategies as st

from nfield.core.lens import Lens
from nfield.jobs.views.paths import zoomed

SIZES = st.integers(1, 10_000)


@given(SIZES, SIZES, SIZES)
@example(width=25, height=1, side=7)
def test_a_quotient_of_sizes_gives_these_sizes(width: int, height: int, side: int) -> None:
    lens = Lens(width=width, height=height, fx=1.0, fy=1.0, cx=width / 2, cy=height / 2)
    longest = max(width, height)
    found = zoomed(lens, side / longest)
    assert max(found.width, found.height) == side
    exact = [ceil(Fraction(size * side, longest)) for size in (width, height)]
    assert [found.width, found.height] == exact
