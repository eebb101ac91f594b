"""What Python users call."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.image import Image
from nfield.experiments.image import run_image
from nfield.experiments.options import ImageOptions
from nfield.experiments.result import Result
from nfield.experiments.result import load as load
from nfield.io.images import load_image
from nfield.training.progress import Progress


def fit_image(
    image: np.ndarray | torch.Tensor | str | Path,
    *,
    mask: np.ndarray | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """Fit a field to an image, and the plain MLP beside it.

    `image` is an array of shape (H, W) or (H, W, 1, 3 or 4), uint8, uint16 or float, or the path of a file. `mask` is
    of shape (H, W), true where the image is to be fitted. With `out`, a run folder is written there. `options` are the
    fields of `ImageOptions`, such as `preset="fourier"`, `seconds=30` or `baseline=False`.
    Raises `UserError` for anything in the input or the options that cannot be used.
    """
    opened = load_image(image) if isinstance(image, (str, Path)) else Image.from_array(image)
    return run_image(
        opened, ImageOptions(**options), mask=mask, out=None if out is None else Path(out), progress=progress
    )
