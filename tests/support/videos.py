"""Frames of a video, decoded by the ffmpeg that wrote it."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np


def frames_of(path: Path, height: int, width: int) -> np.ndarray:
    """All frames, of shape (n, height, width, 3) and uint8."""
    decode = ["-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *decode], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)
