"""What a user may say of a surface run. Every field left at None is chosen from the points."""

import dataclasses
from typing import Any, Literal

from nfield.backbones import BACKBONES
from nfield.core.checks import UserError, at_least, choice, positive, within
from nfield.core.device import PRECISIONS
from nfield.encodings import ENCODINGS
from nfield.fields.meshed import LARGEST_RESOLUTION
from nfield.jobs.surface.distance_losses import SECOND_ORDER
from nfield.jobs.surface.task import ANNEALING
from nfield.rendering.cameras import UPWARD, Up

DEFAULT_STEPS = 1500
SLOPE_LOSSES = ("surface", "normal", "eikonal", "off")
"""Loss terms of the distance and its slope."""
HESSIAN_LOSSES = tuple(SECOND_ORDER)
"""Loss terms of the distance's second derivatives."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SurfacePreset:
    """Names of the parts of a network for surfaces, their settings, and its rate."""

    encoding: str
    backbone: str
    learning_rate: float
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    loss_weights: dict[str, float] = dataclasses.field(default_factory=dict)
    """Of the HESSIAN_LOSSES that are on by default."""


SPLINES = "splines"
"""The default: no network, but the smoothest splines through the points, solved for from coarse to fine."""

SURFACE_PRESETS: dict[str, SurfacePreset] = {
    "siren": SurfacePreset(
        encoding="identity",
        backbone="siren",
        learning_rate=3e-4,
        backbone_settings={"width": 128, "depth": 3, "first_omega": 15.0, "hidden_omega": 15.0},
    ),
    "fourier": SurfacePreset(
        encoding="multiscale_gaussian",
        backbone="mlp",
        learning_rate=1e-3,
        encoding_settings={"scales": (0.6, 1.8), "frequencies": 48},
        # Softplus bends over a unit of its input, which is too slow a bend for features that hardly ever exceed one.
        backbone_settings={"width": 128, "depth": 3, "activation": "sine"},
    ),
    "mscale": SurfacePreset(
        encoding="identity",
        backbone="mscale2",
        learning_rate=2e-3,
        backbone_settings={"scales": (2.0, 8.0), "first_activation": "sine", "width": 96, "depth": 3},
    ),
    "hash": SurfacePreset(
        encoding="hash",
        backbone="mlp",
        learning_rate=3e-3,
        encoding_settings={"interpolation": "smooth"},
        backbone_settings={"width": 64, "depth": 2, "activation": "sine"},
    ),
    "finer": SurfacePreset(
        encoding="identity",
        backbone="finer",
        learning_rate=3e-4,
        backbone_settings={"width": 128, "depth": 3, "first_omega": 10.0, "hidden_omega": 15.0, "first_bias": 0.6},
    ),
    "wire": SurfacePreset(
        encoding="identity",
        backbone="wire",
        learning_rate=5e-4,
        backbone_settings={"width": 91, "depth": 3, "omega": 4.0, "spread": 4.0},
    ),
    "bacon": SurfacePreset(
        encoding="identity",
        backbone="bacon",
        learning_rate=1e-3,
        backbone_settings={"width": 128, "depth": 3, "band_limit": 4.0},
    ),
    "multistage": SurfacePreset(
        encoding="identity",
        backbone="multistage",
        learning_rate=5e-4,
        backbone_settings={"width": 128, "depth": 3, "kappa": 5.0, "hidden_omega": 15.0},
    ),
    "none": SurfacePreset(
        encoding="identity", backbone="mlp", learning_rate=1e-3, backbone_settings={"width": 128, "depth": 4}
    ),
}
"""Networks for surfaces; what the points decide is in `surface_scales`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SurfaceOptions:
    """Options of a surface run."""

    preset: str = SPLINES
    """How the distance is represented: splines, solved for in seconds, or a network, trained."""
    encoding: str | None = None
    """Encoding of a network by name, in place of the preset's."""
    backbone: str | None = None
    """Backbone of a network by name, in place of the preset's."""
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the encoding."""
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the backbone."""
    normals: Literal["auto", "estimate"] = "auto"
    """auto uses the cloud's own normals where it has any (their signs are checked), estimate ignores them."""
    noise: float | None = None
    """Standard deviation of the points about the surface, in input units. Default: measured."""
    resolution: int | None = None
    """Cells of the mesh along the longest edge. Default: as fine as the points tell."""
    open: bool = False
    """Cut the surface off where no points are near, instead of closing holes."""
    faces: int | None = None
    """Reduce the mesh to about so many faces."""
    polish: bool = True
    """Move vertices onto the field's own surface."""
    compare: Literal["none", "poisson"] = "none"
    """Also reconstruct by Open3D's screened Poisson, for tables, pictures and report."""
    up: Up = "y"
    """The axis that points upwards in the pictures; scans are often z. The surface stays as it is."""
    steps: int | None = None
    """Steps of a network's training, and of the baseline's. Default: 1500; beside splines fewer."""
    seconds: float | None = None
    """Time budget for fitting, set-up included. The baseline gets the same again."""
    seed: int = 0
    """Seed of weights and batches."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "float32"
    """Arithmetic of networks; derivatives with respect to the points suffer below float32."""
    baseline: bool = True
    """Fit the plain MLP too, to the same points and normals."""
    learning_rate: float | None = None
    """Learning rate of a network. Default: the preset's."""
    batch_points: int = 2048
    """Points on the surface per step; as many lie off it."""
    surface_weight: float = 30.0
    """Weight of the loss term |d| at the points."""
    normal_weight: float = 1.0
    """Weight of 1 − cos of the angle between ∇d and the normal."""
    eikonal_weight: float = 0.5
    """Weight of (|∇d| − 1)²."""
    off_weight: float = 1.0
    """Weight of exp(−50 |d|) away from the points."""
    divergence_weight: float | None = None
    """Weight of |Δd| off the surface, annealed. Default: the preset's; 0 leaves it out."""
    singular_hessian_weight: float | None = None
    """Weight of |det ∇²d| near the surface, annealed. Default: the preset's; 0 leaves it out."""
    smoothness_weight: float | None = None
    """Weight of the thin-plate energy |∇²d|² off the surface. Default: the preset's; 0 leaves it out."""
    anneal_start: float = ANNEALING[0]
    """Share of training after which the annealed weights go down in a straight line."""
    anneal_end: float = ANNEALING[1]
    """Share of training after which the annealed weights are zero; with start and end at 1 they stay."""
    evaluations: int = 12
    """How often a network's bands and distances are measured."""
    checkpoint_seconds: float = 60.0
    """Save a checkpoint of a network's training this often."""

    def __post_init__(self) -> None:
        choice(self.preset, [SPLINES, *SURFACE_PRESETS], "preset")
        for name, table in (("encoding", ENCODINGS), ("backbone", BACKBONES)):
            if getattr(self, name) is not None:
                choice(getattr(self, name), table, name)
            if getattr(self, f"{name}_settings") and self.network is None:
                raise UserError(f"Settings of the {name} need a network: name a --preset other than {SPLINES}.")
        choice(self.normals, ["auto", "estimate"], "way to get normals")
        choice(self.compare, ["none", "poisson"], "method to compare with")
        choice(self.up, UPWARD, "upward axis")
        choice(self.precision, ["auto", *PRECISIONS], "precision")
        if self.noise is not None:
            at_least(self.noise, 0, "--noise")
        if self.resolution is not None and not 8 <= self.resolution <= LARGEST_RESOLUTION:
            raise UserError(
                f"--resolution must lie between 8 and {LARGEST_RESOLUTION} cells, but is {self.resolution}. "
                "Leave it out to take what the points can show."
            )
        if self.faces is not None:
            at_least(self.faces, 4, "--faces")
        if self.steps is not None:
            at_least(self.steps, 1, "--steps")
        if self.seconds is not None:
            positive(self.seconds, "--seconds")
        if self.learning_rate is not None:
            positive(self.learning_rate, "--learning-rate")
        at_least(self.batch_points, 1, "--batch-points")
        for name in (*SLOPE_LOSSES, *HESSIAN_LOSSES):
            weight, option = getattr(self, f"{name}_weight"), f"--{name.replace('_', '-')}-weight"
            if weight is not None:
                at_least(weight, 0, option)
            if name in HESSIAN_LOSSES and weight and self.network is None:
                raise UserError(
                    f"{option} {weight:g} needs a network: name a --preset other than {SPLINES}, such as siren."
                )
        within(self.anneal_start, 0, 1, "--anneal-start")
        within(self.anneal_end, self.anneal_start, 1, "--anneal-end")
        positive(self.surface_weight, "--surface-weight")
        at_least(self.evaluations, 2, "--evaluations")

    @property
    def network(self) -> SurfacePreset | None:
        """The parts of the network that is asked for; None for splines."""
        if self.preset == SPLINES and self.encoding is None and self.backbone is None:
            return None
        base = SURFACE_PRESETS["none" if self.preset == SPLINES else self.preset]
        if self.preset == SPLINES:
            # Parts that are named alone are set as in the preset that has them.
            named = (self.encoding or base.encoding, self.backbone or base.backbone)
            base = next((p for p in SURFACE_PRESETS.values() if (p.encoding, p.backbone) == named), base)
        same = (self.encoding in (None, base.encoding), self.backbone in (None, base.backbone))
        return dataclasses.replace(
            base,
            encoding=self.encoding or base.encoding,
            backbone=self.backbone or base.backbone,
            encoding_settings=base.encoding_settings if same[0] else {},
            backbone_settings=base.backbone_settings if same[1] else {},
            loss_weights=base.loss_weights if all(same) else {},
        )
