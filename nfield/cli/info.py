"""`nfield info`: what a run holds, and how far it has come."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.console import band_table, number, printable
from nfield.cli.opened import job_of_run
from nfield.core.checks import UserError
from nfield.io.lock import is_locked
from nfield.jobs.job import Job


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Run folder, finished or not."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class(Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="info", description=__doc__ or "")
    job = job_of_run(command.run)
    from nfield.io.run_folder import RunFolder

    folder = RunFolder.open(command.run)
    metrics = folder.read_metrics()
    if command.json:
        sys.stdout.write(json.dumps(metrics) + "\n")
        return
    config, history = job.earlier(folder.read_config()), folder.read_history()
    try:
        lines = _lines(job, folder.path, config, metrics or {}, history)
        table = band_table(metrics, job) if metrics else ""
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"'{command.run}' is damaged: {type(error).__name__} ({error}). Its report shows what can be read: nfield "
            f"report {command.run}"
        ) from None
    sys.stdout.write(printable("\n".join(lines)) + "\n\n" + table)


def _lines(
    job: Job, folder: Path, config: dict[str, Any], metrics: dict[str, Any], history: list[dict[str, Any]]
) -> list[str]:
    recipe, quality = config["recipe"], config.get("quality_name", job.quality)
    size = job.size(config)
    versions = ", ".join(f"{name} {version}" for name, version in config["versions"].items())
    lines = [
        f"task       {job.name}: {config['source']}" + (f" ({size})" if size else ""),
        f"field      {recipe['encoding']['name']} -> {recipe['backbone']['name']}, seed {config['seed']}",
        f"device     {config['device']}",
        f"versions   {versions or 'not stated'}",
    ]
    for name in ("field", "baseline"):
        own = [line for line in history if line["run"] == name]
        if own:
            told = f"{quality} {number(own[-1][quality], '.2f')} dB"
            lines.append(f"{name:10} step {own[-1]['step']}, {told}, {len(own)} evaluations{_counted(own[-1])}")
    lines += _extremes(metrics)
    return [*lines, *_state(folder, config, metrics)]


def _state(folder: Path, config: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    """Whether the run is being written now, and by which process."""
    if is_locked(folder):
        writer = config.get("writer") or {}
        by = f"process {writer.get('pid', '?')} on {writer.get('host', '?')}"
        return [f"alive      written now by {by}"]
    return [] if metrics else ["The run has not finished: continue it with --resume."]


def _counted(line: dict[str, Any]) -> str:
    """What was counted up to that evaluation, such as rays per second."""
    counted = (line.get("numbers") or {}).items()
    return "".join(
        f", {name.replace('_', ' ')} {number(value, ',.0f' if value >= 100 else '.3g')}" for name, value in counted
    )


def _extremes(metrics: dict[str, Any]) -> list[str]:
    """The best and the worst of the measured views."""
    views = [view for view in metrics.get("per_view") or [] if view["psnr"] is not None]
    if not views:
        return []
    ends = [choose(views, key=lambda view: view["psnr"]) for choose in (max, min)]
    best, worst = (f"{view['name']} ({view['psnr']:.2f} dB)" for view in ends)
    return [f"views      best {best}, worst {worst}"]
