"""The pixels of many posed pictures as bytes in one long row, each with the ray that it saw."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from nfield.core.checks import UserError
from nfield.core.lens import Lenses
from nfield.core.views import View, rays_through


class ViewPixels:
    """All pixels of some views, kept as bytes: colour, and opacity where any picture has it."""

    def __init__(self, views: Sequence[View]) -> None:
        """Reads every picture once. Raises UserError where one cannot be read, or a mask leaves no pixel at all."""
        self.views = tuple(views)
        pictures, used = [], []
        for view in self.views:
            picture = view.pixels()
            pictures.append(torch.tensor(picture).reshape(-1, picture.shape[2]))
            mask = view.used()
            used.append(None if mask is None else torch.tensor(mask.reshape(-1)))
        self.has_alpha = any(picture.shape[1] == 4 for picture in pictures)
        if self.has_alpha:
            pictures = [_with_alpha(picture) for picture in pictures]
        self.bytes: UInt8[Tensor, "pixels channels"] = torch.cat(pictures)
        counts = [len(picture) for picture in pictures]
        self.ends = torch.tensor(counts).cumsum(0)
        self._allowed: Tensor | None = None
        if any(mask is not None for mask in used):
            masks = [torch.ones(n, dtype=torch.bool) if m is None else m for n, m in zip(counts, used, strict=True)]
            self._allowed = torch.cat(masks).nonzero()[:, 0].to(torch.int32 if sum(counts) < 2**31 else torch.int64)
            if not len(self._allowed):
                raise UserError(
                    "The masks leave no pixel of any picture to learn from. Check which way round they are."
                )
        lenses = tuple(dict.fromkeys(view.lens for view in self.views))
        self._lenses = Lenses(lenses)
        self._lens = torch.tensor([lenses.index(view.lens) for view in self.views])
        self._width = torch.tensor([view.lens.width for view in self.views])
        self._poses = torch.from_numpy(np.stack([view.camera_to_world for view in self.views]))

    def to(self, device: torch.device) -> "ViewPixels":
        """Move everything to a device, in place."""
        for name in ("bytes", "ends", "_lens", "_width", "_poses"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    @property
    def count(self) -> int:
        """Number of pixels that may be drawn."""
        return len(self.bytes) if self._allowed is None else len(self._allowed)

    def covered(self, view: int) -> Bool[Tensor, "height width"]:
        """Where a view shows anything or is masked, so that nothing is known there; of pictures with alpha."""
        start = int(self.ends[view - 1]) if view else 0
        lens, stretch = self.views[view].lens, slice(start, int(self.ends[view]))
        covered = (self.bytes[stretch, 3] > 0).cpu()
        if self._allowed is not None:
            used = torch.zeros_like(covered)
            inside = self._allowed[(self._allowed >= stretch.start) & (self._allowed < stretch.stop)].long()
            used[inside - start] = True
            covered |= ~used
        return covered.reshape(lens.height, lens.width)

    def draw(self, count: int, generator: torch.Generator) -> Int[Tensor, " count"]:
        """Numbers of random pixels, with repetition."""
        drawn = torch.randint(self.count, (count,), generator=generator)
        return drawn if self._allowed is None else self._allowed[drawn].long()

    def view_of(self, pixels: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Numbers of the views that pixels belong to."""
        return torch.searchsorted(self.ends, pixels, right=True)

    def rays(self, pixels: Int[Tensor, " n"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """Origins and directions, in the world, of the rays through the centres of pixels."""
        view = self.view_of(pixels)
        width = self._width[view]
        inside = pixels - torch.nn.functional.pad(self.ends, (1, 0))[view]
        places = torch.stack([inside % width, inside // width], -1).double() + 0.5
        return rays_through(self._lenses, self._lens[view], places, self._poses[view])

    def colours(self, pixels: Int[Tensor, " n"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 1"]]:
        """Colours and opacities in [0, 1] of pixels; opaque where the pictures have no alpha."""
        values = self.bytes[pixels].float() / 255
        return values[:, :3], values[:, 3:] if self.has_alpha else torch.ones_like(values[:, :1])


def _with_alpha(picture: UInt8[Tensor, "n c"]) -> UInt8[Tensor, "n 4"]:
    if picture.shape[1] == 4:
        return picture
    return torch.cat([picture, torch.full_like(picture[:, :1], 255)], 1)


def over(
    picture: UInt8[np.ndarray, "height width channels"], background: Sequence[float]
) -> Float[np.ndarray, "height width 3"]:
    """A picture's colours in [0, 1] over a background."""
    values = picture.astype(np.float32) / 255
    if values.shape[2] == 3:
        return values
    alpha = values[..., 3:]
    return values[..., :3] * alpha + np.asarray(background, dtype=np.float32) * (1 - alpha)
