"""Posed views: pictures with the lens and the place of the camera that took each.

Axes: `camera_to_world` is a rigid 4x4 matrix whose columns are the camera's right, up, backward and position in the
world's units (OpenGL: it looks along -z). Depths are distances along rays of unit length.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, UInt8

from nfield.core.checks import UserError
from nfield.core.lens import Lens, Lenses

Split = Literal["train", "test"]
Vector = Float64[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture and its camera. The pixels are read when they are first asked for, and not kept here."""

    name: str
    camera_to_world: Float64[np.ndarray, "4 4"]
    lens: Lens
    read: Callable[[], UInt8[np.ndarray, "height width channels"]] | None = None
    """Gives the picture: RGB, or RGB and straight alpha; None for a view of which there is no picture."""
    read_mask: Callable[[], Bool[np.ndarray, "height width"]] | None = None
    """Gives the mask: True where the picture is to be used; None where all of it is."""
    read_depth: Callable[[], Float32[np.ndarray, "height width"]] | None = None
    """Gives the true depth, infinite where there is nothing: known of toy scenes."""
    split: Split = "train"

    def used(self) -> Bool[np.ndarray, "height width"] | None:
        """The mask: True where the picture is to be used; None where all of it is."""
        return None if self.read_mask is None else self.read_mask()

    @property
    def position(self) -> Vector:
        """Where the camera stands."""
        return self.camera_to_world[:3, 3]

    @property
    def forward(self) -> Vector:
        """Unit vector that the camera looks along."""
        return -self.camera_to_world[:3, 2]

    def pixels(self) -> UInt8[np.ndarray, "height width channels"]:
        """The picture. Raises UserError where there is none, or where its size is not the lens's."""
        if self.read is None:
            raise UserError(f"View '{self.name}' has no picture.")
        found = self.read()
        if found.shape[:2] != (self.lens.height, self.lens.width):
            raise UserError(
                f"The picture of view '{self.name}' has {found.shape[1]} x {found.shape[0]} pixels (width x height), "
                f"but its camera is for {self.lens.width} x {self.lens.height}."
            )
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Box:
    """The part of the world in which the scene lies, in the world's units."""

    low: Vector
    high: Vector

    @property
    def middle(self) -> Vector:
        """Middle of the box."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        """Half of the longest edge."""
        return float((self.high - self.low).max()) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewSet:
    """Views of one scene."""

    views: tuple[View, ...]
    source: str = "views"
    """Where they come from: a path, or a name."""
    box: Box | None = None
    """Where the scene lies, where the source tells; otherwise it is found from the cameras."""
    unbounded: bool | None = None
    """Whether the scene goes on beyond the box; None where the source does not tell."""
    background: tuple[float, float, float] | None = None
    """Colour in [0, 1] behind a scene whose pictures have no alpha; None where there is none known."""
    up: Vector | None = None
    """The world's upward direction, where the source tells."""
    notes: tuple[str, ...] = ()
    """What the user should be told about how they were read."""

    def of(self, split: Split) -> tuple[View, ...]:
        """The views for training, or those held out."""
        return tuple(view for view in self.views if view.split == split)

    @property
    def measured(self) -> tuple[View, ...]:
        """The views to measure on: those held out, or those for training where none is."""
        return self.of("test") or self.of("train")

    def hold_out(self, every: int) -> "ViewSet":
        """Every so-manieth view for testing, all others for training."""
        splits: tuple[Split, Split] = ("train", "test")
        changed = tuple(
            replace(view, split=splits[index % every == every // 2]) for index, view in enumerate(self.views)
        )
        return replace(self, views=changed)

    @cached_property
    def lenses(self) -> tuple[Lens, ...]:
        """The different lenses."""
        return tuple(dict.fromkeys(view.lens for view in self.views))

    @cached_property
    def poses(self) -> Float64[np.ndarray, "n 4 4"]:
        """All cameras' matrices."""
        return np.stack([view.camera_to_world for view in self.views])


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraPath:
    """Where a camera goes, frame by frame."""

    views: tuple[View, ...]
    """The frames, without pictures."""
    frames_per_second: int = 30


def pixel_rays(
    view: View, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[Float[torch.Tensor, "*n 3"], Float[torch.Tensor, "*n 3"]]:
    """Origins and unit directions in the world, float32, of rays through the centres of pixels given by index."""
    places = torch.stack([columns, rows], -1).double() + 0.5
    index = torch.zeros(places.shape[:-1], dtype=torch.int64)
    return rays_through(
        Lenses([view.lens]), index, places, torch.from_numpy(view.camera_to_world).expand(*index.shape, 4, 4)
    )


def rays_through(
    lenses: Lenses,
    index: torch.Tensor,
    places: Float[torch.Tensor, "*n 2"],
    poses: Float[torch.Tensor, "*n 4 4"],
) -> tuple[Float[torch.Tensor, "*n 3"], Float[torch.Tensor, "*n 3"]]:
    """Origins and unit directions in the world of rays through places (u, v), one lens and one pose for each."""
    inner = lenses.directions(index, places).to(poses.dtype)
    return poses[..., :3, 3], (poses[..., :3, :3] @ inner[..., None])[..., 0]
