"""What ended a training is told: the stop that was reached."""

import numpy as np
import pytest

import nfield as nf


@pytest.mark.parametrize(
    ("options", "stopped"),
    [
        ({"steps": 3}, "steps"),
        ({"steps": 500, "target_psnr": 1.0}, "target quality"),
        ({"steps": 10_000_000, "seconds": 0.2}, "seconds"),
    ],
)
def test_the_stop_that_was_reached_is_told(options: dict[str, float], stopped: str) -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    result = nf.fit_image(picture, baseline=False, device="cpu", **options)
    assert result.metrics["stopped"] == stopped
