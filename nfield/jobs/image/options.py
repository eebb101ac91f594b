"""What a user may say of an image run, and the presets. Every field left at None is chosen from the data."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from nfield.core.checks import UserError
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Preset

SMALL_BATCH, GRID_BATCH = {"batch_pixels": 1 << 12}, {"batch_pixels": 1 << 14}
"""Small where the network is large: on a CPU more steps are worth more than larger ones."""
PLAIN_NETWORK: dict[str, Any] = {"width": 128, "depth": 4}
"""The plain MLP that learns a picture best in a minute of two cores."""
PUBLISHED_NETWORK: dict[str, Any] = {"width": 256, "depth": 4}
"""The plain MLP that Tancik et al. (2006.10739) set behind their encodings; Gaussian features gain by the width."""


def _preset(encoding: str, backbone: str, rate: float, own: Mapping[str, Any] = SMALL_BATCH, **settings: Any) -> Preset:
    return Preset(encoding=encoding, backbone=backbone, learning_rate=rate, own=own, backbone_settings=settings)


PRESETS: dict[str, Preset] = {
    "default": _preset("adaptive_grid", "mlp", 5e-3, GRID_BATCH),
    "fourier": _preset("identity", "fourier", 1e-2, activation="phi"),
    "mscale": _preset("identity", "mscale2", 5e-3, first_activation="sine", width=160),
    "mscale1": _preset("identity", "mscale1", 5e-3, first_activation="sine"),
    "phase": _preset("identity", "phase", 1e-2, {"batch_pixels": 1 << 11}),
    "siren": _preset("identity", "siren", 5e-4),
    "multistage": _preset("identity", "multistage", 1e-3, kappa=30.0),
    "finer": _preset("identity", "finer", 1e-3),
    "wire": _preset("identity", "wire", 5e-3),
    "bacon": _preset("identity", "bacon", 2e-2),
    "hash": _preset("hash", "mlp", 5e-3, GRID_BATCH),
    "multiscale": _preset("multiscale_gaussian", "mlp", 3e-3, **PLAIN_NETWORK),
    "gaussian": _preset("gaussian", "mlp", 3e-3, **PUBLISHED_NETWORK),
    "positional": _preset("positional", "mlp", 3e-3, **PUBLISHED_NETWORK),
    "basic": _preset("basic", "mlp", 3e-3, **PUBLISHED_NETWORK),
    "none": _preset("identity", "mlp", 3e-3, **PUBLISHED_NETWORK),
}
"""Recipes by name. Networks behind grids of features get their width from the number of parameters."""

BETWEEN_SAMPLES = _preset("gaussian", "mlp", 3e-3, {**SMALL_BATCH, "corrected": True}, **PLAIN_NETWORK)
"""What the default becomes with held-out pixels: a network that is smooth between its samples, its residual
interpolated.

On four photographs this came out 0.2 to 0.6 dB above the adaptive grid, and 0.0 to 1.2 dB above the network alone.
"""

BASELINE = _preset("identity", "mlp", 3e-3, **PLAIN_NETWORK)
"""The plain MLP on raw coordinates that every field is set beside; its rate is tuned before use."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageOptions(RunOptions):
    """Options of an image run."""

    preset: str = "default"
    """Recipe for encoding, backbone and rates, its scales taken from the image."""
    steps: int | None = None
    """Stop after so many steps; with it a run repeats bit for bit. Default: 2000, unless seconds are given.

    The baseline takes twice as many steps, which cost about half as much each.
    """
    target_psnr: float | None = None
    """Stop as soon as this PSNR (dB) is measured."""
    baseline: bool = True
    """Fit the plain MLP too, with the same pixels and budget and a tuned rate."""
    holdout: bool = False
    """Train on every second row and column, test on the pixels in between."""
    parameters: int | None = None
    """Keep the field within so many parameters. Default: as many as the training pixels have values."""
    batch_pixels: int | None = None
    """Pixels per step. Default: the preset's."""
    optimizer: Literal["adam", "adamw", "muon", "lbfgs"] = "adamw"
    """Optimiser."""
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    """Course of the learning rate after the warm-up."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises to its full value."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, used for every figure and output; 0 is none."""
    clip: float = 0.0
    """Clip the gradient's norm to this; 0 is no clipping."""
    weight_decay: float | None = None
    """Decoupled weight decay, for adamw and muon. Default: none, but 1 for grids with held-out pixels."""

    PRESETS: ClassVar[Mapping[str, Preset]] = PRESETS
    BEHIND: ClassVar[Preset] = PRESETS["gaussian"]
    LEAST: ClassVar[Mapping[str, float]] = {
        "parameters": 1,
        "batch_pixels": 1,
        "warmup_steps": 0,
        "clip": 0,
        "weight_decay": 0,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ema < 1:
            raise UserError(f"--ema must be at least 0 and below 1, but is {self.ema}.")

    @property
    def parts(self) -> Preset:
        """The preset with the parts that the user named; with held-out pixels the default is another."""
        if self.holdout and (self.preset, self.encoding, self.backbone) == ("default", None, None):
            return BETWEEN_SAMPLES
        found = super().parts
        if found is None:
            raise AssertionError("images are always fitted by training")
        return found
