"""What a user may say of a views run, and the presets. Every field left at None is chosen from the pictures."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Optional

from nfield.core.checks import UserError
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Preset

BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}


def _preset(encoding: str, backbone: str, rate: float, **settings: Any) -> Preset:
    return Preset(encoding=encoding, backbone=backbone, learning_rate=rate, backbone_settings=settings)


PRESETS: dict[str, Preset] = {
    "default": _preset("hash", "mlp", 1e-2, width=64, depth=1),
    "positional": _preset("nerf", "mlp", 1e-2, width=128, depth=4),
    "fourier": _preset("multiscale_gaussian", "mlp", 1e-2, width=128, depth=3),
    "mscale": _preset("identity", "mscale2", 1e-2, first_activation="sine", width=64, depth=3),
    "siren": _preset("identity", "siren", 1e-3, width=128, depth=3),
    "finer": _preset("identity", "finer", 1e-3, width=128, depth=3),
    "wire": _preset("identity", "wire", 3e-3, width=91, depth=3),
    "bacon": _preset("identity", "bacon", 3e-3, width=128, depth=4),
    "multistage": _preset("identity", "multistage", 5e-4, width=128, depth=3),
    "none": _preset("identity", "mlp", 1e-3, width=128, depth=4),
}
"""Radiance fields; what the pictures decide is in the recipe.

Rates of positional, fourier, mscale, siren, finer and wire are the best of two or three, a factor of about three apart,
after 400 steps on one or two toy scenes.
"""

BASELINE = PRESETS["none"]
"""The plain MLP on raw coordinates that every field is set beside; its rate is tuned before use."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewsOptions(RunOptions):
    """Options of a views run."""

    preset: str = "default"
    """Radiance field by name: hash grid with a small network, or what it is compared with."""
    encoding: str | None = None
    """Encoding of places by name, in place of the preset's."""
    steps: int | None = None
    """Stop after so many steps; with it a run repeats bit for bit. Default: 3000, unless seconds are given."""
    seconds: float | None = None
    """Stop after so many seconds of training; reading the pictures comes on top. The baseline gets the same again."""
    target_psnr: float | None = None
    """Stop as soon as this PSNR (dB) of held-out views is measured."""
    seed: int = 0
    """Seed of weights and rays."""
    baseline: bool = True
    """Fit the plain MLP on raw coordinates too, with the same rays, budget and a tuned rate."""
    background: Literal["white", "black"] = "white"
    """What pictures with alpha are shown and measured over."""
    random_background: bool = True
    """Learn pictures with alpha over random colours, so that nothing opaque can hide in the background's colour, and
    those of scenes without bounds before such, so that no ray ends in nothing."""
    unbounded: Literal["auto", "yes", "no"] = "auto"
    """Whether the scene goes on beyond a box around its middle; auto: it does where pictures are opaque and no box or
    background colour is known."""
    importance: Optional[tuple[int, int]] = None
    """Samples along rays as NeRF takes them, in place of the occupancy grid: so many stratified coarse samples, and so
    many importance fine samples, such as 64 64."""
    samples: int = 1 << 14
    """Samples along rays per step; as space empties, they suffice for more rays."""
    distortion_weight: float = 0.0
    """Weight of the distortion loss, which clears haze (Mip-NeRF 360)."""
    opacity_weight: float = 0.0
    """Weight of the entropy of the accumulated opacity, which makes rays empty or full."""
    exposure: bool = False
    """Find out how bright each picture was taken, where the camera chose exposure or white balance by itself."""
    pose_correction: bool = False
    """Find out small errors of the cameras' poses."""
    coarse_first: Optional[int] = None
    """Show features of places octave by octave, from coarse to fine, over so many steps; at once by default. Helps
    where poses are corrected or views are few."""
    frames: int = 60
    """Frames of the video that turns once around the scene; 0 for none."""
    held_out_side: int = 800
    """Pixels along the longer side of the pictures in which held-out photographs are measured and written: larger ones
    are averaged down to it. 0 leaves them as they are."""
    evaluations: int = 12
    """How often held-out views are measured during training."""

    PRESETS: ClassVar[Mapping[str, Preset]] = PRESETS
    BEHIND: ClassVar[Preset] = _preset("multiscale_gaussian", "mlp", 1e-3, width=128, depth=3)
    DEFAULT_STEPS: ClassVar[int] = 3000
    LEAST: ClassVar[Mapping[str, float]] = {
        "samples": 1,
        "coarse_first": 1,
        "distortion_weight": 0,
        "opacity_weight": 0,
        "frames": 0,
        "held_out_side": 0,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.importance is not None and min(self.importance) < 1:
            raise UserError(f"--importance must be at least 1, but is {min(self.importance)}.")
        if self.precision == "float64":
            raise UserError(
                "--precision float64 is not offered for views: samples are placed in float32. Leave it out."
            )
