"""`nfield solve`: a boundary or initial value problem to its solution, beside a plain MLP, with a report."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

import tyro

from nfield.backbones import BACKBONES
from nfield.cli.arguments import earlier_config, options_class, parse, read_settings, stored_options, take_settings
from nfield.cli.console import band_table
from nfield.cli.fit_image import new_folder
from nfield.core.checks import UserError
from nfield.encodings import ENCODINGS
from nfield.equations.named import PROBLEMS, named_problem
from nfield.equations.problem import Problem
from nfield.equations.user_file import read_problem
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.recipe import SOLVE_PRESETS, solve_parts
from nfield.jobs.equation.run import run_solve
from nfield.jobs.page import write_report
from nfield.training.progress import choose_progress

DESCRIPTION = (
    "Solve a partial differential equation with a coordinate network and show, band by band, which frequencies it has "
    f"found, beside a plain MLP. Problems by name: {', '.join(PROBLEMS)}; or a Python file that makes one, whose code "
    "is run. Settings of parts are given with dots: --backbone.width 128."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes beyond the options of the run."""

    problem: Optional[str] = None
    """Problem by name, or a Python file that makes an object called problem."""
    out: Optional[str] = None
    """Run folder to write. Default: a new folder runs/NAME."""
    config: Optional[str] = None
    """JSON file with options, such as a run's config.json; options on the command line win."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


def read_options(arguments: Sequence[str]) -> tuple[Command, SolveOptions]:
    """The command's own fields and the run's options; those of --config or of the run to resume come first."""
    rest, encoding_settings = take_settings(arguments, "encoding")
    rest, backbone_settings = take_settings(rest, "backbone")
    leave_out = ("encoding_settings", "backbone_settings")
    choices: dict[str, Iterable[str]] = {"preset": SOLVE_PRESETS, "encoding": ENCODINGS, "backbone": BACKBONES}
    positional = tyro.conf.Positional[Optional[str]]
    kind = options_class("Options", Command, SolveOptions, leave_out=leave_out, choices=choices, problem=positional)
    given = parse(kind, rest, verb="solve", description=DESCRIPTION)
    earlier = earlier_config(given.config, given.resume, given.out)
    stored = stored_options(earlier, SolveOptions) if earlier else {}
    if earlier:
        defaults = dataclasses.replace(kind(), **{k: v for k, v in stored.items() if k not in leave_out})
        given = parse(kind, rest, verb="solve", description=DESCRIPTION, default=defaults)
        if given.problem is None:
            given = dataclasses.replace(given, problem=earlier.get("source"))
    names = solve_parts(given.preset, given.encoding, given.backbone)
    values = {f.name: getattr(given, f.name) for f in dataclasses.fields(SolveOptions) if f.name not in leave_out}
    values["encoding_settings"] = {
        **stored.get("encoding_settings", {}),
        **read_settings(ENCODINGS, names.encoding, encoding_settings, "encoding"),
    }
    values["backbone_settings"] = {
        **stored.get("backbone_settings", {}),
        **read_settings(BACKBONES, names.backbone, backbone_settings, "backbone"),
    }
    own = Command(**{f.name: getattr(given, f.name) for f in dataclasses.fields(Command)})
    return own, SolveOptions(**values)


def chosen_problem(name: str | None) -> tuple[Problem, str, str | None]:
    """The problem, its name or file, and the file's text; a name that ends in .py or is a path is a file."""
    if name is None:
        raise UserError(f"Name a problem or a Python file. Problems: {', '.join(PROBLEMS)}.")
    if name.endswith(".py") or len(Path(name).parts) > 1:
        found, text = read_problem(name)
        return found, name, text
    return named_problem(name), name, None


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    command, options = read_options(arguments)
    problem, source, text = chosen_problem(command.problem)
    out = new_folder(source) if command.out is None else Path(command.out)
    progress = choose_progress(quiet=command.quiet)
    run_solve(problem, source, options, problem_file=text, out=out, resume=command.resume, progress=progress)
    report = write_report(out)
    if command.json:
        sys.stdout.write((out / "metrics.json").read_text())
    else:
        sys.stdout.write(band_table(json.loads((out / "metrics.json").read_text())))
        sys.stdout.write(f"\nReport: {report}\n")
