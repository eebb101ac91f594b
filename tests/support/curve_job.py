"""A job in one file: a curve y(x) on [-1, 1] from a text file of two columns. Its row in the table is its last line."""

import dataclasses
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from nfield.core.seeding import generator
from nfield.core.types import Evaluation
from nfield.encodings.scales import DataScales
from nfield.fields.base import Field
from nfield.io.atomic import write_bytes
from nfield.jobs.figures import Measured, Series
from nfield.jobs.job import Job, Tuning
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Preset, Recipe, recipe_of
from nfield.jobs.result import Result, chosen_field
from nfield.jobs.table import JOBS
from nfield.reports.compared import compared
from nfield.reports.contents import run_contents
from nfield.spectral.bands import BandErrors
from nfield.training.settings import TrainingSettings

NETWORK = {"width": 16, "depth": 2, "activation": "tanh"}
PRESETS = {
    "default": Preset(encoding="positional", backbone="mlp", learning_rate=1e-2, backbone_settings=NETWORK),
    "none": Preset(encoding="identity", backbone="mlp", learning_rate=1e-2, backbone_settings=NETWORK),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveOptions(RunOptions):
    """Options of a curve."""

    PRESETS: ClassVar[Mapping[str, Preset]] = PRESETS
    BEHIND: ClassVar[Preset] = PRESETS["none"]
    DEFAULT_STEPS: ClassVar[int] = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes."""

    curve: str | None = None
    """Text file with two columns, x and y."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Samples of a curve, evenly spaced, without the end point."""

    x: torch.Tensor
    y: torch.Tensor
    source: str


@dataclasses.dataclass(kw_only=True, eq=False)
class CurveResult(Result):
    """A fitted curve."""


class CurveTask:
    """Mean squared error at all samples."""

    quality_name = "snr"

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.bands = BandErrors(curve.y[:, 0].numpy(), spacing=float(curve.x[1, 0] - curve.x[0, 0]))

    def batch(self, draw: torch.Generator) -> dict[str, torch.Tensor]:
        return {"x": self.curve.x, "y": self.curve.y}

    def losses(self, field: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"mse": (field(batch["x"]) - batch["y"]).square().mean()}

    def evaluate(self, field: Any) -> Evaluation:
        found = field(self.curve.x).float().cpu()
        error = float((found - self.curve.y).norm() / self.curve.y.norm())
        return Evaluation(quality=-20 * math.log10(error), band_errors=self.bands(found[:, 0].numpy()))


def opened(command: Any, options: CurveOptions, progress: Any) -> Curve:
    table = torch.from_numpy(np.loadtxt(command.curve, dtype=np.float32))
    return Curve(x=table[:, :1], y=table[:, 1:2], source=str(command.curve))


def recipe_for(run: Any, preset: Preset, **given: Any) -> Recipe:
    return recipe_of(preset, DataScales(dimension=1, highest=8.0), **given)


def own_recipe(run: Any) -> Recipe:
    options = run.options
    names = ("encoding_settings", "backbone_settings", "learning_rate")
    return recipe_for(run, options.parts, **{name: getattr(options, name) for name in names})


def built(recipe: Recipe, seed: int) -> Field:
    draw = generator(seed, "weights")
    encoding = recipe.encoding.build(1, draw)
    return Field(encoding, recipe.backbone.build(encoding.out_dim, 1, draw))


def settings(run: Any, side: Any) -> TrainingSettings:
    options = run.options
    return TrainingSettings(
        steps=options.effective_steps,
        learning_rate=side.recipe.learning_rate,
        precision="float32",
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=options.evaluations or 6,
    )


def series(run: Any) -> list[Series]:
    return [Series(errors=run.sides["field"].task.bands, unit="cycles/unit", silent="the curve has no such waves")]


def rebuilt(config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]) -> Field:
    field = built(Recipe.of(config["recipe" if name == "field" else "baseline_recipe"]), config["seed"])
    field.load_state_dict(state)
    return field


def written(result: CurveResult, outputs: Path, progress: Any = None, *, measured: bool = False) -> None:
    write_bytes(outputs / "curve.txt", b"written\n")


def rendered(command: Any, result: CurveResult) -> Path:
    x = torch.linspace(-1, 1, round(100 * command.zoom))[:, None]
    path = Path(command.run) / "outputs" / "rendering.txt"
    with torch.no_grad():
        write_bytes(path, "\n".join(str(float(y)) for y in chosen_field(command, result)(x)).encode())
    return path


JOB = Job(
    name="curve",
    verb="fit-curve",
    about="fit a curve",
    description="Fit a curve.",
    noun="curve",
    kind="a curve",
    quality="snr",
    options=CurveOptions,
    source=Source,
    positional="curve",
    open=opened,
    given=lambda config: {"curve": config.get("source")},
    prepare=lambda run: None,
    recipe=own_recipe,
    content=lambda data: [data.x.numpy(), data.y.numpy()],
    plain=lambda run: recipe_for(run, PRESETS["none"]),
    tuning=Tuning(rates=(1e-3, 1e-2), steps=5),
    task=lambda run, name, recipe: CurveTask(run.data),
    build=lambda run, recipe, task: built(recipe, run.options.seed),
    settings=settings,
    series=series,
    measure=lambda run, result: {
        name: Measured(figures={"snr": side.done.history[-1]["snr"]}) for name, side in run.sides.items()
    },
    result=CurveResult,
    write_outputs=written,
    rebuild=rebuilt,
    rows=(("SNR (dB)", "snr", ".1f"),),
    page=run_contents,
    comparison=compared,
    render=rendered,
)
JOBS[JOB.name] = JOB

if __name__ == "__main__":
    from nfield.cli import main

    sys.exit(main(sys.argv[1:]))
