"""Videos: written, and read back by the library that wrote them."""

from collections.abc import Iterator
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from nfield.io.video import save_video


def test_frames_come_back_in_order_with_their_colours(tmp_path: Path) -> None:
    """Plain frames survive compression to within a few steps; an odd size is made even."""
    colours = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [120, 120, 120]], dtype=np.uint8)
    save_video(tmp_path / "turn.mp4", (np.broadcast_to(c, (33, 48, 3)) for c in colours))
    frames = imageio.imread(tmp_path / "turn.mp4", plugin="FFMPEG")
    assert frames.shape == (4, 34, 48, 3)
    assert np.abs(frames.astype(int) - colours[:, None, None]).max() < 12


def test_nothing_is_left_of_a_video_that_fails(tmp_path: Path) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield np.zeros((16, 16, 3), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_video(tmp_path / "turn.mp4", frames())
    assert not list(tmp_path.iterdir())
