"""What a user may say of a surface run, and the presets. Every field left at None is chosen from the points."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Literal

from nfield.core.checks import UserError, within
from nfield.core.limits import ANNEALING, LARGEST_RESOLUTION, Up
from nfield.jobs.options import Precision, RunOptions
from nfield.jobs.recipe import Preset, parts

SLOPE_LOSSES = ("surface", "normal", "eikonal", "off")
"""Loss terms of the distance and its slope."""
HESSIAN_LOSSES = ("divergence", "singular_hessian", "smoothness")
"""Loss terms of the distance's second derivatives."""
SPLINES = "splines"
"""The default: no network, but the smoothest splines through the points, solved for from coarse to fine."""

NETWORKS: dict[str, Preset] = {
    "siren": Preset(
        encoding="identity",
        backbone="siren",
        learning_rate=3e-4,
        backbone_settings={"width": 128, "depth": 3, "first_omega": 15.0, "hidden_omega": 15.0},
    ),
    "fourier": Preset(
        encoding="multiscale_gaussian",
        backbone="mlp",
        learning_rate=1e-3,
        encoding_settings={"scales": (0.6, 1.8), "frequencies": 48},
        # Softplus bends over a unit of its input, which is too slow a bend for features that hardly ever exceed one.
        backbone_settings={"width": 128, "depth": 3, "activation": "sine"},
    ),
    "mscale": Preset(
        encoding="identity",
        backbone="mscale2",
        learning_rate=2e-3,
        backbone_settings={"scales": (2.0, 8.0), "first_activation": "sine", "width": 96, "depth": 3},
    ),
    "hash": Preset(
        encoding="hash",
        backbone="mlp",
        learning_rate=3e-3,
        encoding_settings={"interpolation": "smooth"},
        backbone_settings={"width": 64, "depth": 2, "activation": "sine"},
    ),
    "finer": Preset(
        encoding="identity",
        backbone="finer",
        learning_rate=3e-4,
        backbone_settings={"width": 128, "depth": 3, "first_omega": 10.0, "hidden_omega": 15.0, "first_bias": 0.6},
    ),
    "wire": Preset(
        encoding="identity",
        backbone="wire",
        learning_rate=5e-4,
        backbone_settings={"width": 91, "depth": 3, "omega": 4.0, "spread": 4.0},
    ),
    "bacon": Preset(
        encoding="identity",
        backbone="bacon",
        learning_rate=1e-3,
        backbone_settings={"width": 128, "depth": 3, "band_limit": 4.0},
    ),
    "multistage": Preset(
        encoding="identity",
        backbone="multistage",
        learning_rate=5e-4,
        backbone_settings={"width": 128, "depth": 3, "kappa": 5.0, "hidden_omega": 15.0},
    ),
    "none": Preset(
        encoding="identity", backbone="mlp", learning_rate=1e-3, backbone_settings={"width": 128, "depth": 4}
    ),
}
"""Networks for surfaces; what the points decide is in the recipe."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SurfaceOptions(RunOptions):
    """Options of a surface run."""

    preset: str = SPLINES
    """How the distance is represented: splines, solved for in seconds, or a network, trained."""
    encoding: str | None = None
    """Encoding of a network by name, in place of the preset's."""
    backbone: str | None = None
    """Backbone of a network by name, in place of the preset's."""
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
    """Project vertices onto the field's own surface."""
    compare: Literal["none", "poisson"] = "none"
    """Also reconstruct by Open3D's screened Poisson, for tables, pictures and report."""
    up: Up = "y"
    """The axis that points upwards in the pictures; scans are often z. The surface stays as it is."""
    steps: int | None = None
    """Steps of a network's training, and of the baseline's. Default: 1500; beside splines fewer."""
    seconds: float | None = None
    """Time budget for fitting, set-up included. The baseline gets the same again."""
    precision: Precision = "float32"
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
    """Weight of |Δd| off the surface, annealed. Default: 0, which leaves it out."""
    singular_hessian_weight: float | None = None
    """Weight of |det ∇²d| near the surface, annealed. Default: 0, which leaves it out."""
    smoothness_weight: float | None = None
    """Weight of the thin-plate energy |∇²d|² off the surface. Default: 0, which leaves it out."""
    anneal_start: float = ANNEALING[0]
    """Share of training after which the annealed weights go down in a straight line."""
    anneal_end: float = ANNEALING[1]
    """Share of training after which the annealed weights are zero; with start and end at 1 they stay."""
    evaluations: int = 12
    """How often a network's bands and distances are measured."""

    PRESETS: ClassVar[Mapping[str, Preset]] = {SPLINES: NETWORKS["none"], **NETWORKS}
    BEHIND: ClassVar[Preset] = NETWORKS["none"]
    DEFAULT_STEPS: ClassVar[int] = 1500
    LEAST: ClassVar[Mapping[str, float]] = {
        "noise": 0,
        "faces": 4,
        "batch_points": 1,
        **{f"{name}_weight": 0 for name in (*SLOPE_LOSSES, *HESSIAN_LOSSES)},
    }
    POSITIVE: ClassVar[tuple[str, ...]] = ("surface_weight",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for part in ("encoding", "backbone"):
            if getattr(self, f"{part}_settings") and self.parts is None:
                raise UserError(f"--{part}.… needs a network: name a --preset other than {SPLINES}, or an --{part}.")
        if self.resolution is not None and not 8 <= self.resolution <= LARGEST_RESOLUTION:
            raise UserError(
                f"--resolution must lie between 8 and {LARGEST_RESOLUTION} cells, but is {self.resolution}. "
                "Leave it out to take what the points can show."
            )
        for name in HESSIAN_LOSSES:
            weight = getattr(self, f"{name}_weight")
            if weight and self.parts is None:
                option = f"--{name.replace('_', '-')}-weight"
                raise UserError(
                    f"{option} {weight:g} needs a network: name a --preset other than {SPLINES}, such as siren."
                )
        within(self.anneal_start, 0, 1, "--anneal-start")
        within(self.anneal_end, self.anneal_start, 1, "--anneal-end")

    @property
    def parts(self) -> Preset | None:
        """The parts of the network that is asked for; None for splines."""
        found = parts(self.PRESETS, self.preset, self.encoding, self.backbone, behind=self.BEHIND)
        return None if (self.preset, self.encoding, self.backbone) == (SPLINES, None, None) else found
