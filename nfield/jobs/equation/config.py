"""config.json of a run that solves an equation, whatever kind of field it is solved with."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError
from nfield.core.device import describe_device
from nfield.equations.conditions import Condition
from nfield.equations.problem import Problem, condition_name
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.probe import UNIT
from nfield.jobs.equation.task import PdeTask


def solve_config(
    problem: Problem,
    source: str,
    problem_file: str | None,
    options: SolveOptions,
    task: PdeTask,
    *,
    exactly: Sequence[Condition],
    by_loss: Sequence[Condition],
    recipe: dict[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """Everything that a run follows from; the baseline's recipe is not known yet.

    `exactly` are the conditions that the field meets by its form, `by_loss` those that it has to learn.
    """
    bands = task.probe.bands
    return {
        "task": "pde",
        "quality_name": task.quality_name,
        "source": source,
        "problem_file": problem_file,
        "equation": problem.equation,
        "coordinates": {
            name: [low, high] for name, low, high in zip(problem.names, problem.low, problem.high, strict=True)
        },
        "objective": task.objective,
        "met_exactly": [condition_name(c, problem) for c in exactly],
        "met_by_loss": [condition_name(c, problem) for c in by_loss],
        "options": dataclasses.asdict(options),
        "recipe": recipe,
        "baseline_recipe": None,
        "seed": options.seed,
        "device": describe_device(device),
        "bands": []
        if bands is None
        else [
            {"low": band.low, "high": band.high, "unit": band.unit, "energy": band.energy}
            for band in bands.report([None] * len(bands.bands), UNIT)
        ],
        "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }


def check_same_run(earlier: dict[str, Any], config: dict[str, Any], path: Path, names: Sequence[str]) -> None:
    """Raise UserError where a folder holds another run than the one to be continued, naming what differs."""
    for name in names:
        if earlier.get(name) != json.loads(json.dumps(config[name])):
            raise UserError(
                f"'{path}' holds a run with another {name.replace('_', ' ')}, so it cannot be continued with these "
                "options. Leave them out, or choose another --out."
            )
