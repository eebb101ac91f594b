"""What a user may say of a views run. Every field left at None is chosen from the pictures."""

import dataclasses
from typing import Any, Literal, Optional

from nfield.backbones import BACKBONES
from nfield.core.checks import UserError, at_least, choice, positive
from nfield.core.device import PRECISIONS
from nfield.encodings import ENCODINGS

DEFAULT_STEPS = 3000
BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewsPreset:
    """Names of the parts of a radiance field, their settings, and its rate."""

    encoding: str
    backbone: str
    learning_rate: float
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)


VIEWS_PRESETS: dict[str, ViewsPreset] = {
    "default": ViewsPreset(
        encoding="hash", backbone="mlp", learning_rate=1e-2, backbone_settings={"width": 64, "depth": 1}
    ),
    "positional": ViewsPreset(
        encoding="nerf", backbone="mlp", learning_rate=1e-2, backbone_settings={"width": 128, "depth": 4}
    ),
    "fourier": ViewsPreset(
        encoding="multiscale_gaussian",
        backbone="mlp",
        learning_rate=1e-2,
        backbone_settings={"width": 128, "depth": 3},
    ),
    "mscale": ViewsPreset(
        encoding="identity",
        backbone="mscale2",
        learning_rate=1e-2,
        backbone_settings={"first_activation": "sine", "width": 64, "depth": 3},
    ),
    "siren": ViewsPreset(
        encoding="identity", backbone="siren", learning_rate=1e-3, backbone_settings={"width": 128, "depth": 3}
    ),
    "finer": ViewsPreset(
        encoding="identity", backbone="finer", learning_rate=1e-3, backbone_settings={"width": 128, "depth": 3}
    ),
    "wire": ViewsPreset(
        encoding="identity", backbone="wire", learning_rate=3e-3, backbone_settings={"width": 91, "depth": 3}
    ),
    "bacon": ViewsPreset(
        encoding="identity", backbone="bacon", learning_rate=3e-3, backbone_settings={"width": 128, "depth": 4}
    ),
    "multistage": ViewsPreset(
        encoding="identity", backbone="multistage", learning_rate=5e-4, backbone_settings={"width": 128, "depth": 3}
    ),
    "none": ViewsPreset(
        encoding="identity", backbone="mlp", learning_rate=1e-3, backbone_settings={"width": 128, "depth": 4}
    ),
}
"""Radiance fields; what the pictures decide is in `views_recipe`.

Rates of positional, fourier, mscale, siren, finer and wire are the best of two or three, a factor of about three apart,
after 400 steps on one or two toy scenes.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewsOptions:
    """Options of a views run."""

    preset: str = "default"
    """Radiance field by name: hash grid with a small network, or what it is compared with."""
    encoding: str | None = None
    """Encoding of places by name, in place of the preset's."""
    backbone: str | None = None
    """Backbone by name, in place of the preset's."""
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the encoding that replace those from the pictures."""
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the backbone."""
    steps: int | None = None
    """Stop after so many steps; with it a run repeats bit for bit. Default: 3000, unless seconds are given."""
    seconds: float | None = None
    """Stop after so many seconds of training; reading the pictures comes on top. The baseline gets the same again."""
    target_psnr: float | None = None
    """Stop as soon as this PSNR (dB) of held-out views is measured."""
    seed: int = 0
    """Seed of weights and rays."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "auto"
    """Arithmetic of the network; auto takes bfloat16 only where time is limited and it is measured to be faster."""
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
    learning_rate: float | None = None
    """Learning rate of the network; features of grids take a multiple of it. Default: the preset's."""
    importance: Optional[tuple[int, int]] = None
    """Samples along rays as NeRF takes them, in place of the occupancy grid: so many in even parts of each ray, and so
    many where these have found something, such as 64 64."""
    samples: int = 1 << 14
    """Samples along rays per step; as space empties, they suffice for more rays."""
    distortion_weight: float = 0.0
    """Weight of the spread of light along rays, which clears haze (Mip-NeRF 360)."""
    opacity_weight: float = 0.0
    """Weight of the entropy of the rays' opacities, which makes them empty or full."""
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
    checkpoint_seconds: float = 60.0
    """Save a checkpoint this often."""

    def __post_init__(self) -> None:
        choice(self.preset, VIEWS_PRESETS, "preset")
        for name, table in (("encoding", ENCODINGS), ("backbone", BACKBONES)):
            if getattr(self, name) is not None:
                choice(getattr(self, name), table, name)
        choice(self.precision, ["auto", *PRECISIONS], "precision")
        choice(self.background, BACKGROUNDS, "background")
        choice(self.unbounded, ["auto", "yes", "no"], "answer to --unbounded")
        for name in ("steps", "seconds", "learning_rate"):
            value = getattr(self, name)
            if value is not None:
                positive(value, f"--{name.replace('_', '-')}")
        if self.importance is not None:
            for count in self.importance:
                at_least(count, 1, "--importance")
        if self.coarse_first is not None:
            at_least(self.coarse_first, 1, "--coarse-first")
        at_least(self.samples, 1, "--samples")
        at_least(self.distortion_weight, 0, "--distortion-weight")
        at_least(self.opacity_weight, 0, "--opacity-weight")
        at_least(self.frames, 0, "--frames")
        at_least(self.held_out_side, 0, "--held-out-side")
        at_least(self.evaluations, 2, "--evaluations")
        if self.precision == "float64":
            raise UserError(
                "--precision float64 is not offered for views: samples are placed in float32. Leave it out."
            )

    @property
    def parts(self) -> ViewsPreset:
        """The preset with the parts that the user named in place of its own."""
        base = VIEWS_PRESETS[self.preset]
        encoding, backbone = self.encoding or base.encoding, self.backbone or base.backbone
        if self.encoding is None and self.backbone not in (None, "mlp"):
            encoding = "identity"
        for preset in VIEWS_PRESETS.values():
            if (preset.encoding, preset.backbone) == (encoding, backbone):
                return preset
        similar = next((p for p in VIEWS_PRESETS.values() if p.backbone == backbone and backbone != "mlp"), None)
        rate = 1e-3 if similar is None else similar.learning_rate
        network = {"width": 128, "depth": 3} if backbone == "mlp" else {}
        return ViewsPreset(
            encoding=encoding,
            backbone=backbone,
            learning_rate=rate,
            backbone_settings=network if similar is None else similar.backbone_settings,
        )
