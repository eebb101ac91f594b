"""What a run that solves an equation returns, and how it is opened again from its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from nfield.backbones import BACKBONES
from nfield.core.checks import UserError
from nfield.core.config import name_of, named_from_dict, to_dict
from nfield.core.device import choose_device
from nfield.core.types import Band
from nfield.encodings import ENCODINGS
from nfield.equations.ansatz import Ansatz
from nfield.equations.named import named_problem
from nfield.equations.problem import Problem
from nfield.equations.user_file import problem_from
from nfield.fields.solution import SolutionField
from nfield.fields.staged import StageConfig, StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.io.run_folder import RunFolder
from nfield.jobs.bands import final_bands
from nfield.jobs.equation.recipe import SolveRecipe, build_solution


@dataclasses.dataclass(kw_only=True)
class SolveResult:
    """A solution with its history and figures."""

    field: SolutionField | StagedSolution
    """The solution at points (..., d) in the problem's units, time last."""
    config: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, Any]
    problem: Problem
    baseline: SolutionField | None = None
    folder: Path | None = None

    @property
    def bands(self) -> list[Band]:
        """The final error of every band."""
        return final_bands(self.metrics)

    def save(self, directory: str | Path) -> Path:
        """Write a run folder on which every command works; an existing run is never overwritten."""
        from nfield.jobs.equation.outputs import write_solution_outputs

        fields = {"field": self.field, "baseline": self.baseline}
        folder = RunFolder.of_finished(directory, self.config, self.history, fields, self.metrics["steps"])
        write_solution_outputs(folder, self)
        folder.write_metrics(self.metrics)
        return folder.path


def describe_solve(recipe: SolveRecipe) -> dict[str, Any]:
    """A recipe as entries of config.json."""
    return {
        "encoding": to_dict(recipe.encoding, name=name_of(ENCODINGS, recipe.encoding)),
        "backbone": to_dict(recipe.backbone, name=name_of(BACKBONES, recipe.backbone)),
        "learning_rate": recipe.learning_rate,
    }


def solve_recipe_from(entries: dict[str, Any]) -> SolveRecipe:
    """The recipe that `describe_solve` wrote."""
    return SolveRecipe(
        encoding=named_from_dict(ENCODINGS, entries["encoding"], "encoding"),
        backbone=named_from_dict(BACKBONES, entries["backbone"], "backbone"),
        learning_rate=entries["learning_rate"],
    )


def load_solution(folder: RunFolder, device: str) -> SolveResult:
    """Open a run of an equation. The problem of a user's file comes from the copy in config.json, whose code runs."""
    config = folder.read_config()
    text = config.get("problem_file")
    problem = named_problem(config["source"]) if text is None else problem_from(text, config["source"])
    ansatz = Ansatz(problem, hard=config["options"]["constraints"] == "hard")
    place = choose_device(device)
    fields: dict[str, SolutionField | None] = {"field": None, "baseline": None}
    for name, key in (("field", "recipe"), ("baseline", "baseline_recipe")):
        if name == "field" and config["options"].get("stages", 1) > 1:
            continue
        if not config.get(key) or not folder.has_checkpoint(name):
            continue
        _, state = folder.load_weights(name)
        field = build_solution(solve_recipe_from(config[key]), ansatz, len(state["weights"]), config["seed"])
        dtype = next((v.dtype for v in state.values() if v.is_floating_point()), torch.float64)
        field.to(dtype).load_state_dict(state)
        fields[name] = field.to(place).eval()
    solution: SolutionField | StagedSolution | None = fields["field"]
    if "stages" in config:
        solution = staged_solution(folder, config, problem)
    if solution is None:
        raise UserError(f"{folder.path} holds no checkpoint yet: let the run go on, or continue it with --resume.")
    return SolveResult(
        field=solution,
        baseline=fields["baseline"],
        config=config,
        history=folder.read_history(),
        metrics=folder.read_metrics() or {},
        problem=problem,
        folder=folder.path,
    )


def staged_solution(folder: RunFolder, config: dict[str, Any], problem: Problem) -> StagedSolution:
    """The solution in stages that a run has left, in float64 on the CPU."""
    networks = [StageConfig(**{**network, "scales": tuple(network["scales"])}) for network in config["stages"]]
    field = StagedSolution(StagedField(problem.dimension, 1, networks), problem)
    field.load_state_dict(folder.load_weights("field")[1])
    return field.requires_grad_(False).eval()
