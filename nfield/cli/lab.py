"""`nfield lab`: experiments on what networks learn first, each with a claim that may turn out wrong."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Optional

from nfield.cli.arguments import options_class, parse
from nfield.cli.job import new_folder
from nfield.core.checks import UserError, choice
from nfield.core.device import choose_device
from nfield.lab import EXPERIMENTS, Setting
from nfield.lab.folder import PAGE, earlier_metrics, refuse_others, run_experiment
from nfield.lab.page import write_lab_page
from nfield.training.progress import choose_progress

ALL = "all"
DESCRIPTION = (
    "Run an experiment on the frequency principle: a claim, a measurement, a plot and a verdict, written to "
    "metrics.json, plot.png and a page. A claim that does not hold is told as such."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    out: Optional[str] = None
    """Folder to write. Default: a new folder runs/lab-NAME, or runs/lab for all."""
    size: Literal["quick", "default", "full"] = "default"
    """quick: seconds, to see that everything works; default: a few minutes on two cores; full: the paper's."""
    full: bool = False
    """Short for --size full."""
    seed: int = 0
    """First seed of weights and data; further ones follow it."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    resume: bool = False
    """Go on in --out: experiments that are there already, with the same size, seed and device, are not run again."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there; of all: a list."""


def usage() -> str:
    """The command's help, with the table of experiments."""
    rows = "\n".join(f"  {name:16} {experiment.title}" for name, experiment in EXPERIMENTS.items())
    return (
        f"usage: nfield lab EXPERIMENT ...\n\n{DESCRIPTION}\n\nexperiments:\n{rows}\n  {ALL:16} every one of them, and "
        "one page\n\n'nfield lab EXPERIMENT --help' lists the options.\n"
    )


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    if not arguments:
        raise UserError(f"nfield lab needs the name of an experiment: {', '.join([*EXPERIMENTS, ALL])}.")
    if arguments[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return
    name, rest = choice(arguments[0], [*EXPERIMENTS, ALL], "experiment"), arguments[1:]
    kind = options_class(Command)
    given: Any = parse(kind, rest, verb=f"lab {name}", description=DESCRIPTION)
    if given.full and given.size == "quick":
        raise UserError("--full and --size quick contradict each other: give one of them.")
    progress = choose_progress(quiet=given.quiet)
    setting = Setting(
        size="full" if given.full else given.size,
        seed=given.seed,
        device=choose_device(given.device),
        progress=progress,
    )
    if given.resume and given.out is None:
        raise UserError("--resume needs --out with the folder of the experiments to continue.")
    out = new_folder("lab" if name == ALL else f"lab-{name}") if given.out is None else Path(given.out)
    folders = {one: out / one for one in EXPERIMENTS} if name == ALL else {name: out}
    if name == ALL:
        there = [one for one, folder in folders.items() if folder.is_dir()]
        refuse_others(out, [*there, PAGE] if there else [])
    # Before the first one begins: the last one's folder should not be refused after minutes.
    known = {one: earlier_metrics(one, folder, setting, resume=given.resume) for one, folder in folders.items()}
    found = []
    for one, folder in folders.items():
        metrics = known[one]
        if metrics is None:
            progress.info(f"{one}: {EXPERIMENTS[one].claim}")
            metrics = run_experiment(one, EXPERIMENTS[one], setting, folder)
        found.append(metrics)
        if not given.json:
            sys.stdout.write(f"{one}: {'holds' if metrics['holds'] else 'DOES NOT HOLD'}. {metrics['verdict']}\n")
            sys.stdout.flush()
    page = write_lab_page(list(folders.values()), out / PAGE)
    if given.json:
        sys.stdout.write(json.dumps(found if name == ALL else found[0]) + "\n")
    else:
        sys.stdout.write(f"\nPage: {page}\n")
