"""What a user may say of a run that solves an equation. Every field left at None follows from the problem."""

import dataclasses
from typing import Any, Literal

from nfield.core.checks import UserError, at_least, choice, positive
from nfield.core.device import PRECISIONS
from nfield.equations.sampling import SAMPLERS
from nfield.jobs.equation.balance import BALANCES
from nfield.jobs.equation.recipe import solve_parts

DEFAULT_STEPS = 3000


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolveOptions:
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
    seconds: float | None = None
    """Stop after so many seconds, set-up included. The baseline gets the same again."""
    stages: int = 1
    """More than 1: a sum of so many networks at the most, each for what those before it have left of a linear equation
    on a box of one or two coordinates; budget and points are then the plain MLP's."""
    seed: int = 0
    """Seed of weights and points."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
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
    checkpoint_seconds: float = 60.0
    """Save a checkpoint this often."""
    evaluations: int = 40
    """How often errors are measured at the most."""

    def __post_init__(self) -> None:
        solve_parts(self.preset, self.encoding, self.backbone)
        choice(self.precision, [name for name in PRECISIONS if name in ("float64", "float32")], "precision")
        choice(self.objective, ["auto", "residual", "energy"], "objective")
        choice(self.constraints, ["hard", "soft"], "kind of constraints")
        choice(self.sampler, SAMPLERS, "sampler")
        choice(self.balance, BALANCES, "balance")
        choice(self.polisher, ["auto", "levenberg", "lbfgs"], "polisher")
        for name in ("steps", "points", "boundary_points", "stages"):
            if (value := getattr(self, name)) is not None:
                at_least(value, 1, f"--{name.replace('_', '-')}")
        at_least(self.evaluations, 2, "--evaluations")
        for name in ("seconds", "learning_rate"):
            if (value := getattr(self, name)) is not None:
                positive(value, f"--{name.replace('_', '-')}")
        for name in ("seed", "penalty", "warmup_steps", "checkpoint_seconds"):
            at_least(getattr(self, name), 0, f"--{name.replace('_', '-')}")
        if self.polish is not None and not 0 <= self.polish < 1:
            raise UserError(f"--polish is a share of the budget, at least 0 and below 1, but is {self.polish}.")

    @property
    def effective_steps(self) -> int | None:
        """Steps to stop after, the default and those of the polish included."""
        return DEFAULT_STEPS if self.steps is None and self.seconds is None else self.steps
