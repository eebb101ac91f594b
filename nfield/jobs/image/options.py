"""What a user may say of an image run. Every field left at None is chosen from the data."""

import dataclasses
from typing import Any, Literal

from nfield.core.checks import UserError, at_least, choice, positive
from nfield.core.device import PRECISIONS
from nfield.jobs.image.recipe import parts

DEFAULT_STEPS = 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """Options of an image run."""

    preset: str = "default"
    """Recipe for encoding, backbone and rates, its scales taken from the image."""
    encoding: str | None = None
    """Encoding by name; its settings follow from the data. Default: the preset's."""
    backbone: str | None = None
    """Backbone by name; its settings follow from the data. Default: the preset's."""
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the encoding that replace those from the data."""
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the backbone that replace those from the data."""
    steps: int | None = None
    """Stop after so many steps; with it a run repeats bit for bit. Default: 2000, unless seconds are given.

    The baseline takes twice as many steps, which cost about half as much each.
    """
    seconds: float | None = None
    """Stop after so many seconds, set-up included. The baseline gets the same again."""
    target_psnr: float | None = None
    """Stop as soon as this PSNR (dB) is measured."""
    seed: int = 0
    """Seed of weights and batches."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "auto"
    """Arithmetic of the network; auto takes bfloat16 only where time is limited and it is measured to be faster."""
    baseline: bool = True
    """Fit the plain MLP too, with the same pixels and budget and a tuned rate."""
    holdout: bool = False
    """Train on every second row and column, test on the pixels in between."""
    parameters: int | None = None
    """Keep the field within so many parameters. Default: as many as the training pixels have values."""
    learning_rate: float | None = None
    """Learning rate of the network; features of grids take a multiple of it. Default: the preset's."""
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
    checkpoint_seconds: float = 60.0
    """Save a checkpoint this often."""
    evaluations: int | None = None
    """How often bands and PSNR are measured. Default: as often as costs less than 4 % of the training."""

    def __post_init__(self) -> None:
        parts(self.preset, self.encoding, self.backbone)
        choice(self.precision, ["auto", *PRECISIONS], "precision")
        for name in ("steps", "parameters", "batch_pixels", "evaluations"):
            value = getattr(self, name)
            if value is not None:
                at_least(value, 1, f"--{name.replace('_', '-')}")
        for name in ("seconds", "learning_rate"):
            value = getattr(self, name)
            if value is not None:
                positive(value, f"--{name.replace('_', '-')}")
        for name in ("warmup_steps", "clip", "weight_decay", "checkpoint_seconds", "seed"):
            if (value := getattr(self, name)) is not None:
                at_least(value, 0, f"--{name.replace('_', '-')}")
        if not 0 <= self.ema < 1:
            raise UserError(f"--ema must be at least 0 and below 1, but is {self.ema}.")

    @property
    def effective_steps(self) -> int | None:
        """Steps to stop after, the default included."""
        return DEFAULT_STEPS if self.steps is None and self.seconds is None else self.steps
