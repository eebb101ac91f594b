"""What Python users call: one function a job, and `load`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from typing_extensions import Unpack

from nfield.core.cloud import PointCloud
from nfield.core.image import Image
from nfield.core.mesh import Mesh
from nfield.core.views import ViewSet
from nfield.equations.problem import Problem
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import load_mesh
from nfield.io.images.images import load_image
from nfield.jobs.equation.result import EquationResult
from nfield.jobs.equation.source import EquationData, problem_data
from nfield.jobs.image.result import ImageResult
from nfield.jobs.image.source import ImageData
from nfield.jobs.keywords import EquationKeywords, ImageKeywords, SignalKeywords, SurfaceKeywords, ViewsKeywords
from nfield.jobs.options import options_from
from nfield.jobs.run import run
from nfield.jobs.saved import load as load
from nfield.jobs.signal.problems import Box, function_problem, grid_problem, scattered_problem
from nfield.jobs.signal.result import SignalResult
from nfield.jobs.signal.source import SignalData
from nfield.jobs.signal.stages import FunctionStages, SampleStages
from nfield.jobs.surface.result import SurfaceResult
from nfield.jobs.surface.source import SurfaceData
from nfield.jobs.table import JOBS
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.source import ViewsData, open_views, opened_scene
from nfield.training.progress import Progress

Array = np.ndarray | torch.Tensor


def _run(name: str, data: Any, options: Any, out: str | Path | None, resume: bool, progress: Progress | None) -> Any:
    job, place = JOBS[name], None if out is None else Path(out)
    return run(job, data, options_from(job.options, options), out=place, resume=resume, progress=progress)


def fit_image(
    image: Array | str | Path,
    *,
    mask: np.ndarray | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[ImageKeywords],
) -> ImageResult:
    """Fit a field to an image, and the plain MLP beside it.

    Args:
        image: An array of shape (H, W) or (H, W, 1, 3 or 4), uint8, uint16 or float, or the path of a file.
        mask: Booleans of shape (H, W), true where the image is to be fitted.
        out: Run folder to write.
        resume: Whether to go on with the run that is in `out`.
        progress: Where the run is shown.
        options: Fields of `ImageOptions`, such as `preset="fourier"`, `seconds=30` or `baseline=False`.

    Raises:
        UserError: For anything in the input or the options that cannot be used.
    """
    opened = load_image(image) if isinstance(image, (str, Path)) else Image.from_array(image)
    return _run("image", ImageData(image=opened, mask=mask), options, out, resume, progress)


def reconstruct(
    points: Array | str | Path,
    normals: Array | Literal["auto", "estimate"] | None = None,
    *,
    colours: np.ndarray | None = None,
    truth: Mesh | str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[SurfaceKeywords],
) -> SurfaceResult:
    """Reconstruct the surface that points lie on: a signed distance and a mesh, in the units of the points.

    Args:
        points: Of shape (n, 3), or the path of a file.
        normals: Of shape (n, 3), whose signs need not be right; of a file's normals, "estimate" makes no use.
        colours: Of shape (n, 3), 8-bit or in [0, 1].
        truth: A mesh to measure against, or the path of one.
        out: Run folder to write.
        resume: Whether to go on with the run that is in `out`.
        progress: Where the run is shown.
        options: Fields of `SurfaceOptions`, such as `seconds=5`, `resolution=512` or `preset="siren"`.

    Raises:
        UserError: For anything in the input or the options that cannot be used.
    """
    how = normals if isinstance(normals, str) else "auto"
    if isinstance(points, (str, Path)):
        cloud = load_cloud(points)
    else:
        given = None if normals is None or isinstance(normals, str) else _array(normals)
        cloud = PointCloud.from_arrays(_array(points), given, colours)
    known = load_mesh(truth) if isinstance(truth, (str, Path)) else truth
    return _run("surface", SurfaceData(cloud=cloud, truth=known), {**options, "normals": how}, out, resume, progress)


def fit_views(
    posed_images: ViewSet | str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[ViewsKeywords],
) -> ViewsResult:
    """Fit a radiance field to posed images, and the plain MLP beside it.

    The field's `picture(camera_to_world, lens)` gives views from anywhere.

    Args:
        posed_images: A `ViewSet`, such as `nfield.scenes.toy_views.toy_views` makes; a toy scene by name or file; or
            the path of posed images of Blender, nerfstudio, instant-ngp or COLMAP.
        out: Run folder to write.
        resume: Whether to go on with the run that is in `out`.
        progress: Where the run is shown.
        options: Fields of `ViewsOptions`, such as `seconds=60` or `preset="positional"`.

    Raises:
        UserError: For anything in the input or the options that cannot be used.
    """
    taken: dict[str, Any] = {}
    kept = True
    if not isinstance(posed_images, ViewSet):
        taken, kept = {"scene": str(posed_images)}, opened_scene(str(posed_images)) is None
        posed_images = open_views(str(posed_images), seed=options.get("seed", 0))
    data = ViewsData(views=posed_images, options=taken, pictures_kept=kept)
    return _run("views", data, options, out, resume, progress)


def solve(
    problem: Problem | str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[EquationKeywords],
) -> EquationResult:
    """Solve a boundary or initial value problem, and with the plain MLP beside it.

    A run folder of a `Problem` object is opened again by `load(folder, trust=problem)`, as nothing else has its code.

    Args:
        problem: An `nfield.equations.Problem`, the name of one, or a Python file that makes one, whose code is run.
        out: Run folder to write.
        resume: Whether to go on with the run that is in `out`.
        progress: Where the run is shown.
        options: Fields of `EquationOptions`, such as `seconds=60` or `preset="fourier"`.

    Raises:
        UserError: For anything in the problem or the options that cannot be used.
    """
    if isinstance(problem, Problem):
        data = EquationData(problem=problem, source="problem")
    else:
        data = problem_data(str(problem))
    return _run("equation", data, options, out, resume, progress)


def fit_stages(
    signal: Callable[[torch.Tensor], Any] | Array,
    points: Array | None = None,
    *,
    low: float | Sequence[float] | None = None,
    high: float | Sequence[float] | None = None,
    dimension: int = 1,
    channels_last: bool = False,
    periodic: bool = False,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Unpack[SignalKeywords],
) -> SignalResult:
    """Fit a signal in stages, each a network for the residual of those before it: to the last digits of float64.

    A function is sampled anew, and more finely, for each stage; samples are what they are, and the stages' `notes` say
    where they are too few. The plain MLP is fitted beside it where `baseline=True` asks for it.

    Args:
        signal: A function of points (n, d) as float64 tensors, on the box from `low` to `high`; or samples: an array on
            a regular grid of 1 to 3 axes (with `channels_last` and one of channels), or values (n,) or (n, c).
        points: Of shape (n, d), for values at scattered points.
        low: Lower corner of the domain; -1 unless given.
        high: Upper corner; 1 unless given.
        dimension: Coordinates of a function's points.
        channels_last: Whether the last axis of an array holds channels.
        periodic: Whether the signal is periodic over the domain, for its bands.
        out: Run folder to write.
        resume: Whether to go on with the run that is in `out`.
        progress: Where the run is shown.
        options: Fields of `SignalOptions`, such as `stages=3`, `target=1e-12` or `width=40`.

    Raises:
        UserError: For anything in the input or the options that cannot be used.
    """
    chosen: dict[str, Any] = {"baseline": False, **options}
    known = options_from(JOBS["signal"].options, chosen)
    corners = (-1.0 if low is None else low, 1.0 if high is None else high)
    problem: FunctionStages | SampleStages
    if callable(signal) and not isinstance(signal, torch.Tensor):
        box = Box.of(*corners, dimension)
        problem = function_problem(signal, box, periodic=periodic)
    elif points is None:
        problem = grid_problem(_array(signal), channels_last=channels_last, periodic=periodic, seed=known.seed)
        box = Box.of(*corners, problem.in_dim)
    else:
        places = _array(points)
        given = None if low is None and high is None else Box.of(*corners, 1 if places.ndim == 1 else places.shape[1])
        problem, box = scattered_problem(_array(signal), places, given, known.seed)
    return _run("signal", SignalData(problem=problem, box=box), chosen, out, resume, progress)


def _array(values: Array) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
