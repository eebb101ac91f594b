"""From what the command line names to a problem."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from nfield.core.checks import UserError

if TYPE_CHECKING:
    from nfield.equations.problem import Problem
    from nfield.jobs.equation.options import EquationOptions
    from nfield.training.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes beyond the options of the run."""

    problem: Optional[str] = None
    """Problem by name, or a Python file that makes an object called problem."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EquationData:
    """A problem, and where it comes from."""

    problem: "Problem"
    source: str
    """Its name, or the path of its file."""
    text: str | None = None
    """The file's text; None for problems by name."""


def open_problem(command: Any, options: "EquationOptions | None" = None, progress: "Progress | None" = None) -> Any:
    """The problem that the command names; the code of a file is run."""
    from nfield.equations.named import PROBLEMS

    if command.problem is None:
        raise UserError(
            f"Name a problem or a Python file. Problems: {', '.join(PROBLEMS)}. A run of a file is continued by naming "
            "the file again, as its code is run."
        )
    return problem_data(command.problem)


def is_file(name: str) -> bool:
    """Whether this names a file, and no problem."""
    return name.endswith(".py") or len(Path(name).parts) > 1


def problem_data(name: str) -> EquationData:
    """The problem of that name or file; a name that ends in .py or is a path is a file, whose code is run."""
    from nfield.equations.named import named_problem
    from nfield.equations.user_file import read_problem

    if is_file(name):
        found, text = read_problem(name)
        return EquationData(problem=found, source=name, text=text)
    return EquationData(problem=named_problem(name), source=name)


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the command took, from config.json of an earlier run, but no file: only one that a user names is run."""
    source = config.get("source")
    return {} if config.get("problem_file") is not None or is_file(str(source)) else {"problem": source}


def size(config: Mapping[str, Any]) -> str:
    """The domain in words."""
    return ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in config["coordinates"].items())
