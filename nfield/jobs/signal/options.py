"""What a user may say of a signal that is fitted in stages."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from nfield.core.checks import UserError
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Preset

STAGES = "stages"
PLAIN = Preset(
    encoding="identity",
    backbone="mlp",
    learning_rate=3e-3,
    backbone_settings={"width": 64, "depth": 3, "activation": "tanh"},
)
"""The plain MLP beside the stages; its rate is tuned before use."""
FREE_ON_RESUME = ("stages", "target", "seconds", "checkpoint_seconds")
"""Settings of stages that may differ when a run is continued."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignalOptions(RunOptions):
    """Options of a signal in stages, each a network for the residual of those before it."""

    preset: str = STAGES
    """stages is all there is: the stages choose their own networks."""
    stages: int = 4
    """Stages at the most; fewer where one does not improve on those before."""
    target: float = 0.0
    """Stop at the first stage whose relative error is this small."""
    width: int | None = None
    """Neurons of the first stage; later ones double up to a limit. Default: by the dimension."""
    depth: int = 1
    """Hidden layers of every stage."""
    network: Literal["sine", "mscale"] = "sine"
    """sine: one reach κ for all first neurons; mscale: groups of them whose scales follow the residual's spectrum, for
    functions and grids."""
    adam_steps: int = 100
    """Steps of Adam at the beginning of each stage."""
    refiner: Literal["auto", "levenberg", "lbfgs"] = "auto"
    """What follows: levenberg (Levenberg-Marquardt) or lbfgs; auto takes the former for networks small enough."""
    refine_steps: int = 30
    """Steps of that at the most."""
    improvement: float = 0.97
    """A stage must bring the error below this share of what it was, or it is dropped."""
    steps: int | None = None
    """Steps of the plain MLP. Default: 2000, unless seconds are given."""
    seconds: float | None = None
    """Begin no further stage after so many seconds. The plain MLP gets as many."""
    precision: Literal["float64"] = "float64"
    """Arithmetic: the last digits of float64 are what stages are for."""
    evaluations: int = 20
    """How often the plain MLP is measured."""

    PRESETS: ClassVar[Mapping[str, Preset]] = {STAGES: PLAIN}
    LEAST: ClassVar[Mapping[str, float]] = {
        "stages": 1,
        "target": 0,
        "width": 1,
        "depth": 1,
        "adam_steps": 0,
        "refine_steps": 0,
    }
    POSITIVE: ClassVar[tuple[str, ...]] = ("improvement",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("encoding", "backbone", "encoding_settings", "backbone_settings", "learning_rate"):
            if getattr(self, name):
                raise UserError(
                    f"Stages choose their own networks, and take no --{name.removesuffix('_settings')}. Leave it out."
                )

    @property
    def parts(self) -> None:
        """Stages have parts of their own."""
        _ = super().parts  # an unknown name is refused all the same

    def settings(self) -> dict[str, Any]:
        """Those that stages know."""
        names = (
            "stages", "target", "seconds", "width", "depth", "network", "adam_steps", "refiner", "refine_steps",
            "improvement", "checkpoint_seconds",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}
