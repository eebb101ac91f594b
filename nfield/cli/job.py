"""The command of every job: its own fields and flags from `Job.source`, the rest from `Job.options`."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from nfield.cli.arguments import earlier_config, options_class, parse, read_settings, stored_options, take_settings
from nfield.io.atomic import writing_error
from nfield.jobs.job import Job
from nfield.jobs.options import RunOptions, options_from
from nfield.jobs.recipe import PARTS

SETTINGS = tuple(f"{part}_settings" for part in PARTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Common:
    """What every command of a job takes beyond the options of the run."""

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


def read_options(job: Job, arguments: Sequence[str]) -> tuple[Any, RunOptions]:
    """The command's own fields and the run's options; those of --config or of the run to resume come first."""
    import tyro

    rest, taken = list(arguments), {}
    for part in PARTS:
        rest, taken[part] = take_settings(rest, part)
    choices = {"preset": job.options.PRESETS, **{part: table for part, (table, _) in PARTS.items()}}
    positional = tyro.conf.Positional[Optional[str]]
    kind = options_class(
        job.source, Common, job.options, leave_out=SETTINGS, choices=choices, **{job.positional: positional}
    )
    given = parse(kind, rest, verb=job.verb, description=job.description)
    earlier = earlier_config(given.config, given.resume, given.out)
    stored = stored_options(earlier, job) if earlier else {}
    if earlier:
        before = {name: value for name, value in job.given(earlier).items() if value is not None}
        known, place = before.get(job.positional), earlier.get("source_path")
        if known is not None and place is not None and not Path(known).exists():
            before[job.positional] = place
        kept = {name: value for name, value in stored.items() if name not in SETTINGS}
        defaults = dataclasses.replace(kind(), **{**kept, **before})
        given = parse(kind, rest, verb=job.verb, description=job.description, default=defaults)
    values = {
        field.name: getattr(given, field.name)
        for field in dataclasses.fields(job.options)
        if field.name not in SETTINGS
    }
    chosen = job.options(**values).parts
    for part, (table, _) in PARTS.items():
        if taken[part] and chosen is None:
            # The options tell what is missing.
            options_from(job.options, {**values, f"{part}_settings": {"?": 0}})
        own = {} if chosen is None else read_settings(table, getattr(chosen, part), taken[part], part)
        values[f"{part}_settings"] = {**stored.get(f"{part}_settings", {}), **own}
    return given, options_from(job.options, values)


def new_folder(source: str) -> Path:
    """A new folder runs/NAME, made at once, so that no other process takes the same."""
    stem = Path(source).stem or "run"
    folder, number = Path("runs") / stem, 2
    try:
        while True:
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                folder, number = Path("runs") / f"{stem}-{number}", number + 1
    except OSError as error:
        raise writing_error(folder, error) from error


def main(job: Job, arguments: Sequence[str]) -> None:
    """Run the command of a job."""
    command, options = read_options(job, arguments)
    from nfield.cli.console import band_table
    from nfield.jobs.page import write_report
    from nfield.jobs.run import run
    from nfield.training.progress import choose_progress

    progress = choose_progress(quiet=command.quiet)
    data = job.open(command, options, progress)
    out = new_folder(data.source) if command.out is None else Path(command.out)
    try:
        result = run(job, data, options, out=out, resume=command.resume, progress=progress)
    finally:
        if command.out is None:
            # A run that was refused has written nothing.
            with contextlib.suppress(OSError):
                out.rmdir()
                out.parent.rmdir()
    written = job.finish(command, result)
    # The report reads the run folder: what takes much memory need not be there twice.
    del result, data
    written = {**written, "Report": write_report(out)}
    metrics = (out / "metrics.json").read_text()
    if command.json:
        sys.stdout.write(metrics)
        return
    sys.stdout.write(band_table(json.loads(metrics), job) + "\n")
    width = max(len(title) for title in written) + 1
    sys.stdout.write("".join(f"{title + ':':{width}} {path}\n" for title, path in written.items()))
