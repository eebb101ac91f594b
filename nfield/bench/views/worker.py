"""One views run in a process of its own: `python -m nfield.bench.views.worker FOLDER`, which holds its settings."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.bench.memory import peak_mib
from nfield.core.checks import UserError, finite_or_none
from nfield.core.views import ViewSet
from nfield.fields.scene import SceneField
from nfield.jobs.run import run
from nfield.jobs.table import JOBS
from nfield.jobs.views.options import ViewsOptions
from nfield.jobs.views.outputs import seen
from nfield.jobs.views.pixels import over
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.source import ViewsData, open_views


def figures(metrics: dict[str, Any], field: SceneField) -> dict[str, Any]:
    """What the table reports of a field."""
    grid = field.inner.grid
    names = ("psnr", "ssim", "seconds_fit", "steps", "parameters", "seconds_per_view", "precision", "depth_error")
    return {
        **{name: metrics[name] for name in names},
        "rays_per_second": int(grid.rays) / metrics["seconds_fit"],
        "samples_per_second": int(grid.samples) / metrics["seconds_fit"],
        "peak_mib": peak_mib(),
    }


def main(place: str) -> int:
    """What the process does; returns its exit code."""
    folder = Path(place)
    settings = json.loads((folder / "settings.json").read_text())
    try:
        source = ("size", "train", "test", "downscale", "seed")
        views = open_views(settings["scene"], **{name: settings[name] for name in source})
        names = ("preset", "seconds", "baseline", "seed", "device")
        result = run(JOBS["views"], ViewsData(views=views), ViewsOptions(frames=0, **{n: settings[n] for n in names}))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    found: dict[str, Any] = {"views": described(views), "field": figures(result.metrics, result.field)}
    plain = result.baseline
    found["baseline"] = None if plain is None else figures(result.metrics["baseline"], plain)
    if torch.cuda.is_available():
        found["field"]["peak_gpu_mib"] = torch.cuda.max_memory_allocated() / 2**20
    for name, picture in pictures(views, result).items():
        np.save(folder / f"{name}.npy", picture)
    (folder / "figures.json").write_text(json.dumps(finite_or_none(found)))
    return 0


def described(views: ViewSet) -> dict[str, Any]:
    """How many views there are, and how large."""
    lens = views.views[0].lens
    return {
        "width": lens.width,
        "height": lens.height,
        "train": len(views.of("train")),
        "test": len(views.of("test")),
    }


def pictures(views: ViewSet, result: ViewsResult) -> dict[str, np.ndarray]:
    """The first held-out view as it is and as the fields see it."""
    view, background = views.measured[0], result.config["background"]
    shown = {"truth": over(view.pixels(), background)}
    for name, field in (("field", result.field), ("baseline", result.baseline)):
        if field is not None:
            shown[name] = seen(field, view, background).colour.numpy()
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
