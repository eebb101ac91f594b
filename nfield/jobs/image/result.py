"""What a run returns, and how it is opened again from its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.backbones import BACKBONES
from nfield.core.checks import UserError
from nfield.core.config import from_dict, name_of, named_from_dict, to_dict
from nfield.core.device import choose_device
from nfield.core.image import Image
from nfield.core.types import Band
from nfield.encodings import ENCODINGS
from nfield.fields.base import Field
from nfield.fields.corrected import CorrectionConfig
from nfield.io.run_folder import RunFolder
from nfield.jobs.bands import final_bands
from nfield.jobs.equation.result import SolveResult, load_solution
from nfield.jobs.image.recipe import Recipe, build_field
from nfield.jobs.signal.run import StagesResult, load_stages
from nfield.jobs.surface.result import SurfaceResult, load_surface
from nfield.jobs.views.result import ViewsResult, load_views_run


@dataclasses.dataclass(kw_only=True)
class Result:
    """A fitted field with its history and figures."""

    field: Field
    config: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, Any]
    baseline: Field | None = None
    image: Image | None = None
    """The image that was fitted, where it is at hand."""
    folder: Path | None = None

    @property
    def bands(self) -> list[Band]:
        """The final error of every band."""
        return final_bands(self.metrics)

    def save(self, directory: str | Path) -> Path:
        """Write a run folder on which every command works; an existing run is never overwritten."""
        from nfield.jobs.image.outputs import write_outputs

        fields = {"field": self.field, "baseline": self.baseline}
        folder = RunFolder.of_finished(directory, self.config, self.history, fields, self.metrics["steps"])
        if self.image is not None:
            write_outputs(folder, self)
        folder.write_metrics(self.metrics)
        return folder.path


def describe(recipe: Recipe) -> dict[str, Any]:
    """A recipe as entries of config.json."""
    return {
        "encoding": to_dict(recipe.encoding, name=name_of(ENCODINGS, recipe.encoding)),
        "backbone": to_dict(recipe.backbone, name=name_of(BACKBONES, recipe.backbone)),
        "learning_rate": recipe.learning_rate,
        "batch_pixels": recipe.batch_pixels,
        **({} if recipe.correction is None else {"correction": to_dict(recipe.correction)}),
    }


def recipe_from(entries: dict[str, Any]) -> Recipe:
    """The recipe that `describe` wrote."""
    correction = entries.get("correction")
    return Recipe(
        encoding=named_from_dict(ENCODINGS, entries["encoding"], "encoding"),
        backbone=named_from_dict(BACKBONES, entries["backbone"], "backbone"),
        learning_rate=entries["learning_rate"],
        batch_pixels=entries["batch_pixels"],
        correction=None if correction is None else from_dict(CorrectionConfig, correction, "correction"),
    )


def load(run: str | Path, device: str = "cpu") -> Result | StagesResult | SurfaceResult | ViewsResult | SolveResult:
    """Open a run folder, finished or not: its field with the newest weights, history and figures.

    Raises `UserError` where the folder is no run, or holds no checkpoint yet.
    """
    folder = RunFolder.open(Path(run))
    config = folder.read_config()
    if config.get("task") == "mesh":
        return load_surface(folder, device)
    if config.get("task") == "stages":
        return load_stages(folder)
    if config.get("task") == "views":
        return load_views_run(folder, device)
    if config.get("task") == "pde":
        return load_solution(folder, device)
    if config.get("task") != "image":
        raise UserError(f"{folder.path} is a run of task '{config.get('task')}', which this version cannot open.")
    place = choose_device(device)
    fields: dict[str, Field | None] = {"field": None, "baseline": None}
    for name, key in (("field", "recipe"), ("baseline", "baseline_recipe")):
        if not config.get(key) or not folder.has_checkpoint(name):
            continue
        _, state = folder.load_weights(name)
        if state:
            field = build_field(recipe_from(config[key]), config["image"]["channels"], config["seed"])
            dtype = next((v.dtype for k, v in state.items() if v.is_floating_point()), torch.float32)
            field.to(dtype).load_state_dict(state)
            fields[name] = field.to(place).eval()
    if fields["field"] is None:
        raise UserError(f"{folder.path} holds no checkpoint yet: let the run go on, or continue it with --resume.")
    return Result(
        field=fields["field"],
        baseline=fields["baseline"],
        config=config,
        history=folder.read_history(),
        metrics=folder.read_metrics() or {},
        folder=folder.path,
    )


def image_header(image: Image) -> dict[str, Any]:
    """Size, depth, colour and range of an image, as entries of config.json."""
    return {
        "height": image.height,
        "width": image.width,
        "channels": image.channels,
        "dtype": image.stored_dtype.name,
        "colour": image.colour,
        "alpha": image.alpha,
        "offset": image.offset,
        "scale": image.scale,
    }


def blank_image(header: dict[str, Any]) -> Image:
    """An image with that header and black pixels that take no memory: the pattern for outputs of the same kind."""
    shape = (header["height"], header["width"], header["channels"])
    return Image(
        pixels=np.broadcast_to(np.zeros(1, dtype=header["dtype"]), shape),
        **{name: header[name] for name in ("colour", "alpha", "offset", "scale")},
    )
