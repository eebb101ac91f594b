"""What a run that solves an equation returns, and how it is opened again from its folder."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nfield.core.checks import UserError
from nfield.equations.ansatz import Ansatz
from nfield.equations.named import PROBLEMS, named_problem
from nfield.equations.problem import Problem
from nfield.equations.user_file import problem_from, read_text
from nfield.fields.solution import SolutionField
from nfield.fields.staged import StageConfig, StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.jobs.equation.recipe import build_solution
from nfield.jobs.recipe import Recipe
from nfield.jobs.result import Result


@dataclasses.dataclass(kw_only=True, eq=False)
class EquationResult(Result):
    """A solution, at points (..., d) in the problem's units, time last."""

    problem: Problem


def reopened(folder: Any, config: Mapping[str, Any], trust: bool | str | Path | Problem) -> dict[str, Any]:
    """The problem of a run folder. The code of a user's file is run only where the user vouches for it.

    `trust` may be the problem itself.

    Raises UserError where it is wanted and nobody does, or where the file named is another than the run's.
    """
    if isinstance(trust, Problem):
        return {"problem": trust}
    text = config.get("problem_file")
    if text is None and config["source"] not in PROBLEMS:
        raise UserError(
            f"'{folder.path}' is the run of a Problem that was made in Python, of which the folder has no copy. "
            "Hand it over: nfield.load(folder, trust=problem)."
        )
    if text is None:
        return {"problem": named_problem(str(config["source"]))}
    if trust is False:
        raise UserError(
            f"'{folder.path}' is the run of a problem's file, and opening a folder runs no code. Name the file "
            "that you trust (trust='problem.py'), or say trust=True to run the copy in the folder."
        )
    if trust is not True and read_text(trust) != text:
        raise UserError(f"'{trust}' is not the file that '{folder.path}' was run with: its copy there differs.")
    return {"problem": problem_from(str(text), str(config["source"]))}


def rebuild(
    config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]
) -> SolutionField | StagedSolution:
    """A solution of a run folder with its weights; in stages in float64 on the CPU."""
    problem: Problem = data["problem"]
    if name == "field" and config["options"].get("stages", 1) > 1:
        networks = [StageConfig(**{**network, "scales": tuple(network["scales"])}) for network in config["stages"]]
        staged = StagedSolution(StagedField(problem.dimension, 1, networks), problem)
        staged.load_state_dict(state)
        return staged.requires_grad_(False)
    hard = config["options"]["constraints"] == "hard" or config["options"].get("stages", 1) > 1
    recipe = Recipe.of(config["recipe" if name == "field" else "baseline_recipe"])
    field = build_solution(recipe, Ansatz(problem, hard=hard), len(state["weights"]), config["seed"])
    dtype = next((v.dtype for v in state.values() if v.is_floating_point()), torch.float64)
    field.to(dtype).load_state_dict(state)
    return field
