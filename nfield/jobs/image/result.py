"""What an image run returns."""

import dataclasses

import numpy as np

from nfield.core.image import Image
from nfield.jobs.result import Result


@dataclasses.dataclass(kw_only=True, eq=False)
class ImageResult(Result):
    """A field fitted to an image."""

    image: Image | None = None
    """The image that was fitted, where it is at hand."""

    @property
    def pattern(self) -> Image:
        """The image, or where it is not at hand a black one of its size and kind, which takes no memory."""
        if self.image is not None:
            return self.image
        header = self.config["image"]
        shape = (header["height"], header["width"], header["channels"])
        return Image(
            pixels=np.broadcast_to(np.zeros(1, dtype=header["dtype"]), shape),
            **{name: header[name] for name in ("colour", "alpha", "offset", "scale")},
        )
