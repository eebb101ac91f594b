"""What an experiment leaves: metrics.json and plot.png in a folder of its own.

metrics.json holds `experiment`, `title`, `claim`, `holds`, `verdict`, `figures`, `notes`, `source`, `size`, `seed`,
`seconds`, `device` and `versions`. It is written last, so that a folder that has it is complete.
"""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError, finite_or_none
from nfield.core.device import describe_device
from nfield.io.atomic import replacing, write_json, writing_error
from nfield.io.json_files import read_json_object
from nfield.lab.experiment import Experiment, Setting

METRICS, PLOT, PAGE = "metrics.json", "plot.png", "report.html"


def run_experiment(name: str, experiment: Experiment, setting: Setting, folder: Path) -> dict[str, Any]:
    """Run an experiment, write its folder, and return what metrics.json holds.

    `earlier_metrics` checks before whether the folder can be taken. Raises UserError or RunError where it cannot be
    written; a folder made for a run that is broken off goes with it.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from error
    began = time.perf_counter()
    try:
        outcome = experiment.run(setting)
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    metrics: dict[str, Any] = finite_or_none(
        {
            **_identity(name, setting),
            "title": experiment.title,
            "claim": experiment.claim,
            "holds": bool(outcome.holds),
            "verdict": outcome.verdict,
            "figures": _plain(outcome.figures),
            "notes": list(outcome.notes),
            "source": experiment.source,
            "seconds": time.perf_counter() - began,
            "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
        }
    )
    try:
        with replacing(folder / PLOT) as temporary:
            outcome.plot.savefig(temporary, dpi=120)
    except OSError as error:
        raise writing_error(folder, error) from error
    write_json(folder / METRICS, metrics)
    return metrics


def earlier_metrics(name: str, folder: Path, setting: Setting, *, resume: bool) -> dict[str, Any] | None:
    """What a run of the same experiment with the same setting has left in the folder; None where it can begin there.

    Raises UserError where the folder holds anything else, or an experiment at all unless `resume` is set: nothing that
    is there is ever overwritten.
    """
    finished = (folder / METRICS).exists()
    refuse_others(folder, [METRICS, PLOT, PAGE] if finished else [PLOT])
    if not finished:
        return None
    if not resume:
        raise UserError(
            f"'{folder}' already holds an experiment. Choose another --out, or keep what is there with --resume."
        )
    found = read_json_object(folder / METRICS, "experiment")
    for key, value in _identity(name, setting).items():
        if found.get(key) != value:
            raise UserError(
                f"'{folder}' holds an experiment with another {key} ({found.get(key)}, now {value}). Choose another "
                "--out, or resume it as it was."
            )
    return found


def refuse_others(folder: Path, names: Iterable[str]) -> None:
    """Raise UserError where the folder is a file, or holds anything but these names."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file, but a folder for the experiment is needed. Choose another --out.")
    known = set(names)
    foreign = sorted(e.name for e in folder.iterdir() if e.name not in known) if folder.is_dir() else []
    if foreign:
        raise UserError(
            f"'{folder}' holds other files (such as '{foreign[0]}') and no experiment. Choose a new or an empty folder."
        )


def _identity(name: str, setting: Setting) -> dict[str, Any]:
    """What sets one run apart from another."""
    return {
        "experiment": name,
        "size": setting.size,
        "seed": setting.seed,
        "device": describe_device(setting.device),
    }


def _plain(value: Any) -> Any:
    """Numbers, lists and dicts of Python."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
