"""Options as keywords of the functions that Python users call; written by scripts/make_keywords.py."""

from typing import Any, Literal, TypedDict


class ImageKeywords(TypedDict, total=False):
    """Fields of `ImageOptions`, whose docstrings tell what they mean."""

    preset: str
    encoding: str | None
    backbone: str | None
    encoding_settings: dict[str, Any]
    backbone_settings: dict[str, Any]
    steps: int | None
    seconds: float | None
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"]
    baseline: bool
    learning_rate: float | None
    checkpoint_seconds: float
    evaluations: int | None
    target_psnr: float | None
    holdout: bool
    parameters: int | None
    batch_pixels: int | None
    optimizer: Literal["adam", "adamw", "muon", "lbfgs"]
    schedule: Literal["constant", "cosine", "exponential"]
    warmup_steps: int
    ema: float
    clip: float
    weight_decay: float | None


class SurfaceKeywords(TypedDict, total=False):
    """Fields of `SurfaceOptions`, whose docstrings tell what they mean."""

    preset: str
    encoding: str | None
    backbone: str | None
    encoding_settings: dict[str, Any]
    backbone_settings: dict[str, Any]
    steps: int | None
    seconds: float | None
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"]
    baseline: bool
    learning_rate: float | None
    checkpoint_seconds: float
    evaluations: int
    noise: float | None
    resolution: int | None
    open: bool
    faces: int | None
    polish: bool
    compare: Literal["none", "poisson"]
    up: Literal["x", "y", "z", "-x", "-y", "-z"]
    batch_points: int
    surface_weight: float
    normal_weight: float
    eikonal_weight: float
    off_weight: float
    divergence_weight: float | None
    singular_hessian_weight: float | None
    smoothness_weight: float | None
    anneal_start: float
    anneal_end: float


class ViewsKeywords(TypedDict, total=False):
    """Fields of `ViewsOptions`, whose docstrings tell what they mean."""

    preset: str
    encoding: str | None
    backbone: str | None
    encoding_settings: dict[str, Any]
    backbone_settings: dict[str, Any]
    steps: int | None
    seconds: float | None
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"]
    baseline: bool
    learning_rate: float | None
    checkpoint_seconds: float
    evaluations: int
    target_psnr: float | None
    background: Literal["white", "black"]
    random_background: bool
    unbounded: Literal["auto", "yes", "no"]
    importance: tuple[int, int] | None
    samples: int
    distortion_weight: float
    opacity_weight: float
    exposure: bool
    pose_correction: bool
    coarse_first: int | None
    frames: int
    held_out_side: int


class EquationKeywords(TypedDict, total=False):
    """Fields of `EquationOptions`, whose docstrings tell what they mean."""

    preset: str
    encoding: str | None
    backbone: str | None
    encoding_settings: dict[str, Any]
    backbone_settings: dict[str, Any]
    steps: int | None
    seconds: float | None
    seed: int
    device: str
    precision: Literal["float64", "float32"]
    baseline: bool
    learning_rate: float | None
    checkpoint_seconds: float
    evaluations: int
    stages: int
    objective: Literal["auto", "residual", "energy"]
    constraints: Literal["hard", "soft"]
    sampler: Literal["stratified", "uniform", "sobol", "adaptive"]
    points: int
    boundary_points: int
    balance: Literal["gradients", "tangent-kernel", "none"]
    penalty: float
    polish: float | None
    polisher: Literal["auto", "levenberg", "lbfgs"]
    least_squares: bool
    schedule: Literal["constant", "cosine", "exponential"]
    warmup_steps: int


class SignalKeywords(TypedDict, total=False):
    """Fields of `SignalOptions`, whose docstrings tell what they mean."""

    preset: str
    encoding: str | None
    backbone: str | None
    encoding_settings: dict[str, Any]
    backbone_settings: dict[str, Any]
    steps: int | None
    seconds: float | None
    seed: int
    device: str
    precision: Literal["float64"]
    baseline: bool
    learning_rate: float | None
    checkpoint_seconds: float
    evaluations: int
    stages: int
    target: float
    width: int | None
    depth: int
    network: Literal["sine", "mscale"]
    adam_steps: int
    refiner: Literal["auto", "levenberg", "lbfgs"]
    refine_steps: int
    improvement: float
