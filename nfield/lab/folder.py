"""What an experiment leaves: metrics.json and plot.png in a folder of its own.

metrics.json holds `experiment`, `title`, `claim`, `holds`, `verdict`, `figures`, `notes`, `source`, `size`, `seed`,
`seconds`, `device` and `versions`. It is written last, so that a folder that has it is complete.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError, finite_or_none
from nfield.core.device import describe_device
from nfield.io.atomic import replacing, write_json, writing_error
from nfield.lab.experiment import Experiment, Setting

FILES = ("metrics.json", "plot.png", "report.html")


def run_experiment(name: str, experiment: Experiment, setting: Setting, folder: Path) -> dict[str, Any]:
    """Run an experiment, write its folder, and return what metrics.json holds.

    Raises UserError where the folder cannot be written or holds other files.
    """
    _check(folder)
    began = time.perf_counter()
    outcome = experiment.run(setting)
    metrics: dict[str, Any] = finite_or_none(
        {
            "experiment": name,
            "title": experiment.title,
            "claim": experiment.claim,
            "holds": bool(outcome.holds),
            "verdict": outcome.verdict,
            "figures": _plain(outcome.figures),
            "notes": list(outcome.notes),
            "source": experiment.source,
            "size": setting.size,
            "seed": setting.seed,
            "seconds": time.perf_counter() - began,
            "device": describe_device(setting.device),
            "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
        }
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").unlink(missing_ok=True)
        with replacing(folder / "plot.png") as temporary:
            outcome.plot.savefig(temporary, dpi=120)
    except OSError as error:
        raise writing_error(folder, error) from error
    write_json(folder / "metrics.json", metrics)
    return metrics


def known_metrics(folder: Path, setting: Setting) -> dict[str, Any] | None:
    """What an earlier run with the same setting has left in the folder; None where there is nothing complete."""
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or not (folder / "plot.png").is_file():
        return None
    wanted = {"size": setting.size, "seed": setting.seed, "device": describe_device(setting.device)}
    return found if all(found.get(key) == value for key, value in wanted.items()) else None


def _check(folder: Path) -> None:
    """Refuse folders that hold anything but an experiment."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file, but a folder for the experiment is needed. Choose another --out.")
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in FILES) if folder.is_dir() else []
    if foreign:
        raise UserError(
            f"'{folder}' holds other files (such as '{foreign[0]}') and no experiment. Choose a new or an empty folder."
        )


def _plain(value: Any) -> Any:
    """Numbers, lists and dicts of Python."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
