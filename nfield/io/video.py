"""Videos: MP4 with H.264, written frame by frame."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from nfield.core.checks import RunError
from nfield.io.atomic import replacing

FRAMES_PER_SECOND = 30
QUALITY = 8
"""Of imageio's scale from 0 to 10."""


def save_video(path: Path, frames: Iterable[UInt8[np.ndarray, "height width 3"]], fps: int = FRAMES_PER_SECOND) -> None:
    """Write frames of one size as an MP4 file, whole or not at all; odd sizes get their last row or column twice.

    Raises RunError where the encoder fails.
    """
    import imageio.v2 as imageio

    with replacing(path) as temporary:
        try:
            writer: Any = imageio.get_writer(
                temporary,
                format="FFMPEG",
                mode="I",
                fps=fps,
                codec="libx264",
                quality=QUALITY,
                macro_block_size=1,
                pixelformat="yuv420p",
                ffmpeg_log_level="error",
            )
            with writer:
                for frame in frames:
                    height, width = frame.shape[:2]
                    # Colours are stored for blocks of two by two pixels.
                    writer.append_data(np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))
        except (RuntimeError, BrokenPipeError) as error:
            raise RunError(f"The video '{path}' could not be encoded: {error}") from error
