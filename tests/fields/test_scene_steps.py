"""Steps along rays while space is still full: coarser ones. Oracle: the definitions, in closed form."""

import dataclasses

import pytest
import torch

from nfield.fields.scene import COARSEST_STEP, ViewFrame

FRAME = ViewFrame(middle=(0.0, 0.0, 0.0), scale=1.0, contracted=False, step=1 / 256)


@pytest.mark.parametrize(("share", "times"), [(1.0, 4), (0.51, 4), (0.5, 2), (0.3, 2), (0.25, 1), (0.0, 1)])
def test_steps_are_coarser_the_fuller_space_is(share: float, times: float) -> None:
    assert FRAME.spacing_while(share).step == times * FRAME.step
    growing = dataclasses.replace(FRAME, contracted=True, growth=0.01, near=0.1, step=COARSEST_STEP)
    found = growing.spacing_while(share)
    assert (found.step, found.growth) == pytest.approx((times * COARSEST_STEP, times * 0.01))
    fewer = growing.samples_per_ray(growing.spacing) / growing.samples_per_ray(found)
    assert fewer == pytest.approx(times, rel=0.02)
    # Each doubling of the distance takes the same number of steps, in reciprocal proportion to the growth.
    far = found.steps(torch.tensor([40.0, 80.0]))
    assert float(far[1] - far[0]) == pytest.approx(0.6931 / (times * 0.01), rel=1e-3)


def test_steps_are_short_from_the_start_where_space_was_carved() -> None:
    """The inside of a solid stays full for ever: its share must not make steps coarse for ever."""
    carved = dataclasses.replace(FRAME, carved=True)
    assert carved.spacing_while(1.0) == carved.spacing_while(0.3) == carved.spacing


def test_steps_of_bounded_scenes_stay_below_the_coarsest() -> None:
    long = dataclasses.replace(FRAME, step=COARSEST_STEP / 1.5)
    assert long.spacing_while(1.0).step == pytest.approx(COARSEST_STEP)
    assert dataclasses.replace(FRAME, step=COARSEST_STEP).spacing_while(1.0).step == COARSEST_STEP
