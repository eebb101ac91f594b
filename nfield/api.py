"""What Python users call."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.image import Image
from nfield.core.mesh import Mesh
from nfield.core.views import ViewSet
from nfield.equations.named import named_problem
from nfield.equations.problem import Problem
from nfield.io.cameras.posed import load_views
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import load_mesh
from nfield.io.images.images import load_image
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.result import SolveResult
from nfield.jobs.equation.run import run_solve
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.result import Result
from nfield.jobs.image.result import load as load
from nfield.jobs.image.run import run_image
from nfield.jobs.signal.run import Box, StagesResult, function_problem, grid_problem, run_stages, scattered_problem
from nfield.jobs.signal.stages import FunctionStages, SampleStages
from nfield.jobs.surface.options import SurfaceOptions
from nfield.jobs.surface.result import SurfaceResult
from nfield.jobs.surface.run import run_surface
from nfield.jobs.views.options import ViewsOptions
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.run import run_views
from nfield.training.progress import Progress
from nfield.training.stages import StageSettings


def fit_image(
    image: np.ndarray | torch.Tensor | str | Path,
    *,
    mask: np.ndarray | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """Fit a field to an image, and the plain MLP beside it.

    `image` is an array of shape (H, W) or (H, W, 1, 3 or 4), uint8, uint16 or float, or the path of a file. `mask` is
    of shape (H, W), true where the image is to be fitted. With `out`, a run folder is written there. `options` are the
    fields of `ImageOptions`, such as `preset="fourier"`, `seconds=30` or `baseline=False`.
    Raises `UserError` for anything in the input or the options that cannot be used.
    """
    opened = load_image(image) if isinstance(image, (str, Path)) else Image.from_array(image)
    return run_image(
        opened, ImageOptions(**options), mask=mask, out=None if out is None else Path(out), progress=progress
    )


def reconstruct(
    points: np.ndarray | torch.Tensor | str | Path,
    normals: np.ndarray | torch.Tensor | None = None,
    *,
    colours: np.ndarray | None = None,
    truth: Mesh | str | Path | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> SurfaceResult:
    """Reconstruct the surface that points lie on: a signed distance and a mesh, in the units of the points.

    `points` are of shape (n, 3), or the path of a file; `normals` (n, 3) with signs that need not be right; `colours`
    (n, 3), 8-bit or in [0, 1]. `truth` is a mesh to measure against. With `out`, a run folder is written there.
    `options` are the fields of `SurfaceOptions`, such as `seconds=5`, `resolution=512` or `preset="siren"`.
    Raises `UserError` for anything in the input or the options that cannot be used.
    """
    if isinstance(points, (str, Path)):
        cloud = load_cloud(points)
    else:
        cloud = PointCloud.from_arrays(_array(points), None if normals is None else _array(normals), colours)
    known = load_mesh(truth) if isinstance(truth, (str, Path)) else truth
    return run_surface(
        cloud, SurfaceOptions(**options), truth=known, out=None if out is None else Path(out), progress=progress
    )


def fit_views(
    posed_images: ViewSet | str | Path,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> ViewsResult:
    """Fit a radiance field to posed pictures, and the plain MLP beside it.

    `posed_images` is a `ViewSet`, such as `nfield.scenes.toy_views.toy_views` makes, or the path of posed photographs
    of Blender, nerfstudio, instant-ngp or COLMAP. With `out`, a run folder is written there. `options` are the fields
    of `ViewsOptions`, such as `seconds=60` or `preset="positional"`. The field's `picture(camera_to_world, lens)`
    gives views from anywhere.
    Raises `UserError` for anything in the input or the options that cannot be used.
    """
    views = posed_images if isinstance(posed_images, ViewSet) else load_views(posed_images)
    return run_views(views, ViewsOptions(**options), out=None if out is None else Path(out), progress=progress)


def solve(
    problem: Problem | str, *, out: str | Path | None = None, progress: Progress | None = None, **options: Any
) -> SolveResult:
    """Solve a boundary or initial value problem, and with the plain MLP beside it.

    `problem` is an `nfield.equations.Problem` or the name of one; `options` are the fields of `SolveOptions`, such as
    `seconds=60` or `preset="fourier"`. A run folder (`out`) is written for named problems only: other objects have no
    text from which it could be opened again; solve those from a file by `nfield solve FILE`.
    Raises `UserError` for anything in the problem or the options that cannot be used.
    """
    if isinstance(problem, str):
        place = None if out is None else Path(out)
        return run_solve(named_problem(problem), problem, SolveOptions(**options), out=place, progress=progress)
    if out is not None:
        raise UserError("A run folder needs a named problem, or a file: use nfield solve FILE. Leave out=... out.")
    return run_solve(problem, "problem", SolveOptions(**options), progress=progress)


def fit_stages(
    target: Callable[[torch.Tensor], Any] | np.ndarray | torch.Tensor,
    points: np.ndarray | torch.Tensor | None = None,
    *,
    low: float | Sequence[float] | None = None,
    high: float | Sequence[float] | None = None,
    dimension: int = 1,
    channels_last: bool = False,
    periodic: bool = False,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> StagesResult:
    """Fit a signal in stages, each a network for what those before it have left over: to the last digits of float64.

    `target` is a function of points (n, d) as float64 tensors, on the box from `low` to `high` ([-1, 1]^`dimension`
    unless given); or samples: an array on a regular grid of 1 to 3 axes (with `channels_last` and one of channels), or
    values (n,) or (n, c) at scattered `points` (n, d). A function is sampled anew, and more finely, for each stage;
    samples are what they are, and the stages' `notes` tell where they are too few. `periodic` says that the signal is
    periodic over the domain, for its bands. `settings` are the fields of `StageSettings`, such as `stages=3`,
    `target=1e-12` or `width=40`. With `out` a run folder is written, in which `resume` goes on.
    Raises `UserError` for anything in the input or the settings that cannot be used.
    """
    options = StageSettings(**settings)
    corners = (-1.0 if low is None else low, 1.0 if high is None else high)
    problem: FunctionStages | SampleStages
    if callable(target) and not isinstance(target, torch.Tensor):
        box = Box.of(*corners, dimension)
        problem = function_problem(target, box, periodic=periodic)
    elif points is None:
        problem = grid_problem(_array(target), channels_last=channels_last, periodic=periodic, seed=seed)
        box = Box.of(*corners, problem.in_dim)
    else:
        places = _array(points)
        given = None if low is None and high is None else Box.of(*corners, 1 if places.ndim == 1 else places.shape[1])
        problem, box = scattered_problem(_array(target), places, given, seed)
    place = None if out is None else Path(out)
    return run_stages(problem, box, options, seed=seed, out=place, resume=resume, progress=progress)


def _array(values: np.ndarray | torch.Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
