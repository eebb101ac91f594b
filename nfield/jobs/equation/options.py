"""What a user may say of a run that solves an equation, and the presets. None follows from the problem."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from nfield.core.checks import UserError
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Preset

PLAIN = {"width": 64, "depth": 3, "activation": "tanh"}
"""The plain network of the papers: tanh, as second derivatives are needed."""
SMALL_PLAIN = {**PLAIN, "width": 32}
"""Beside fields that Levenberg-Marquardt can refine: of about their size, so that the same is done to it."""


def _preset(encoding: str, backbone: str, rate: float, **settings: Any) -> Preset:
    return Preset(encoding=encoding, backbone=backbone, learning_rate=rate, backbone_settings=settings)


PRESETS: dict[str, Preset] = {
    "default": _preset("identity", "phase", 1e-2),
    "tones": _preset("tones", "mlp", 3e-3, **PLAIN),
    "fourier": _preset("identity", "fourier", 3e-3, activation="tanh", width=64, frequencies=64),
    "spacetime": _preset("identity", "spacetime", 3e-3, width=64),
    "mscale": _preset("identity", "mscale2", 3e-3, width=32),
    "siren": _preset("identity", "siren", 1e-3, width=64, depth=3),
    "none": _preset("identity", "mlp", 3e-3, **PLAIN),
}
"""Every preset by name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EquationOptions(RunOptions):
    """Options of a run that solves an equation."""

    preset: str = "default"
    """Recipe for encoding, backbone and rate, its frequencies taken from the problem's forcing and conditions."""
    encoding: str | None = None
    """Encoding by name; its settings follow from the problem. Default: the preset's."""
    backbone: str | None = None
    """Backbone by name; its settings follow from the problem. Default: the preset's."""
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the encoding that replace those from the problem."""
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the backbone that replace those from the problem."""
    steps: int | None = None
    """Stop after so many steps, those of --polish included. Default: 3000, unless seconds are given."""
    stages: int = 1
    """More than 1: a sum of so many networks at the most, each for what those before it have left of a linear equation
    on a box of one or two coordinates; budget and points are then the plain MLP's."""
    seed: int = 0
    """Seed of weights and points."""
    precision: Literal["float64", "float32"] = "float64"
    """Arithmetic of the network; second derivatives of fine waves lose digits in float32."""
    baseline: bool = True
    """Solve with the plain MLP too, with the same conditions and budget and a tuned rate."""
    objective: Literal["auto", "residual", "energy"] = "auto"
    """Mean square of the residual, or the Ritz energy; auto takes the energy where the problem has one."""
    constraints: Literal["hard", "soft"] = "hard"
    """Meet conditions exactly by construction where that is possible, or all by loss terms."""
    sampler: Literal["stratified", "uniform", "sobol", "adaptive"] = "stratified"
    """How points inside the domain are drawn at each step; adaptive prefers large residuals."""
    points: int = 512
    """Points inside the domain per step."""
    boundary_points: int = 64
    """Points per step for each condition that is met by a loss term."""
    balance: Literal["gradients", "tangent-kernel", "none"] = "gradients"
    """How loss terms are weighed against each other."""
    penalty: float = 500.0
    """Weight of conditions that are met by loss terms beside an energy."""
    polish: float | None = None
    """Share of the budget, after Adam, for an optimiser that searches for its steps; 0 is none. Default: 0.7, and none
    for more than 4000 parameters, unless --polisher is given. Energies have none."""
    polisher: Literal["auto", "levenberg", "lbfgs"] = "auto"
    """That optimiser; auto takes Levenberg-Marquardt for up to 4000 parameters, and L-BFGS beyond."""
    least_squares: bool = False
    """At the end, solve for the last layer's weights; for equations linear in u."""
    learning_rate: float | None = None
    """Learning rate of Adam. Default: the preset's."""
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    """Course of the learning rate after the warm-up."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises to its full value."""
    evaluations: int = 40
    """How often errors are measured at the most."""

    PRESETS: ClassVar[Mapping[str, Preset]] = PRESETS
    BEHIND: ClassVar[Preset] = PRESETS["none"]
    DEFAULT_STEPS: ClassVar[int] = 3000
    LEAST: ClassVar[Mapping[str, float]] = {
        "points": 1,
        "boundary_points": 1,
        "stages": 1,
        "penalty": 0,
        "warmup_steps": 0,
    }

    def __post_init__(self) -> None:
        if self.backbone == "multistage":
            raise UserError(
                "Equations are solved in stages with --stages 3; the backbone multistage is for other jobs."
            )
        super().__post_init__()
        if self.polish is not None and not 0 <= self.polish < 1:
            raise UserError(f"--polish is a share of the budget, at least 0 and below 1, but is {self.polish}.")
