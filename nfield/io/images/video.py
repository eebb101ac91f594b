"""Videos: MP4 with H.264, written frame by frame through the ffmpeg that comes with imageio."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from nfield.core.checks import RunError
from nfield.io.atomic import replacing

FRAMES_PER_SECOND = 30
QUALITY = "20"
"""x264's constant rate factor: 0 is lossless, 23 its own default."""


def save_video(path: Path, frames: Iterable[UInt8[np.ndarray, "height width 3"]], fps: int = FRAMES_PER_SECOND) -> None:
    """Write frames of one size as an MP4 file, whole or not at all; odd sizes get their last row or column twice.

    Raises RunError where the encoder fails.
    """
    with replacing(path) as temporary:
        encoder: subprocess.Popen[bytes] | None = None
        try:
            for frame in frames:
                height, width = frame.shape[:2]
                # Colours are stored for blocks of two by two pixels.
                even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
                if encoder is None:
                    encoder = _encoder(temporary, even.shape[1], even.shape[0], fps)
                if encoder.stdin is not None:
                    encoder.stdin.write(even.tobytes())
            if encoder is None:
                raise RunError(f"The video '{path}' has no frame.")
            told = encoder.communicate()[1]
            if encoder.returncode:
                raise RunError(f"The video '{path}' could not be encoded: {told.decode(errors='replace').strip()}")
        except BrokenPipeError as error:
            told = b"" if encoder is None or encoder.stderr is None else encoder.stderr.read()
            raise RunError(
                f"The video '{path}' could not be encoded: {told.decode(errors='replace').strip()}"
            ) from error
        finally:
            # Before its file is removed: what still runs would write it again.
            if encoder is not None:
                _end(encoder)


def _encoder(path: Path, width: int, height: int, fps: int) -> "subprocess.Popen[bytes]":
    import imageio_ffmpeg

    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    # Players take untagged videos for one matrix or another by their size.
    colours = ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"]
    colours += ["-color_primaries", "bt709", "-color_trc", "bt709"]
    target = ["-an", "-c:v", "libx264", "-crf", QUALITY, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
    target = [*colours, *target]
    return subprocess.Popen(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *source, *target],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _end(encoder: "subprocess.Popen[bytes]") -> None:
    """Stop the encoder where it still runs, and let go of its pipes."""
    if encoder.poll() is None:
        encoder.kill()
    for pipe in (encoder.stdin, encoder.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    encoder.wait()
