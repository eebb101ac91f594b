"""What the pages of all suites share: the folder, the machine, and tables in Markdown."""

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nfield.bench.machine import describe_machine
from nfield.core.checks import UserError
from nfield.io.atomic import write_json, write_text, writing_error

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BUSY = (
    "The machine was busy with other work when this began, so that its figures are too low and uneven: measure again "
    "when it is quiet."
)


def new_folder(out: str | Path | None, suite: str = "image") -> Path:
    """The folder for the results: `out`, or the first of runs/bench-SUITE[-N] that is new or empty."""
    folder = Path(f"runs/bench-{suite}") if out is None else Path(out)
    if out is None:
        number = 2
        while folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            folder, number = Path(f"runs/bench-{suite}-{number}"), number + 1
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file, but a folder for the results is needed. Choose another --out.")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"'{folder}' exists and is not empty. Choose a new or an empty folder for --out.")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from error
    return folder


def marks_of(marks: Sequence[float], seconds: float) -> list[float]:
    """Times at which results are compared: those marks that the longest time has behind it, and that time."""
    return [mark for mark in marks if mark < seconds] + [seconds]


def begun(suite: str, command: str, options: "DataclassInstance", device: torch.device) -> dict[str, Any]:
    """What bench.json of every suite begins with: command, options, and the machine before anything has run."""
    return {
        "suite": suite,
        "date": datetime.date.today().isoformat(),
        "command": command,
        "machine": describe_machine(device),
        "options": asdict(options),
    }


def write_measurement(folder: Path, found: dict[str, Any], page: str) -> None:
    """Write bench.json and bench.md, each whole or not at all; earlier ones are replaced."""
    write_json(folder / "bench.json", found)
    write_text(folder / "bench.md", page)


def measured_on(found: dict[str, Any]) -> list[str]:
    """The machine and the command, as lines of a page, with a warning where other work was going on."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    load = "" if machine["load_before"] is None else f"; load average before the run {machine['load_before']:.2f}"
    lines = [
        f"- Hardware: {machine['processor']}, {machine['cores']} cores; device {machine['device']}{load}",
        f"- System: {machine['system']}",
        f"- Versions: {versions}",
        f"- Command: `{found['command']}`, seed {found['options']['seed']}",
    ]
    return [*lines, "", f"**{BUSY}**"] if machine["busy"] else lines


def markdown_table(table: Sequence[Sequence[str]], texts: int = 1) -> list[str]:
    """Rows of cells, the head first, as lines of a page; all columns but the first `texts` are numbers."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return [lines[0], "|" + " --- |" * texts + " ---: |" * (len(table[0]) - texts), *lines[1:]]


def cell(value: float | None, how: str) -> str:
    """A number as it is formatted, or a dash."""
    return "-" if value is None else format(value, how)


def page_of(title: str, found: dict[str, Any], body: Sequence[str], rules: Sequence[str], unfinished: str = "") -> str:
    """The measurement as a page; `unfinished` is said of one that has not come to its end."""
    head = [f"# {title}", "", *measured_on(found)]
    if unfinished and not found["complete"]:
        head += ["", f"**Not finished: {unfinished}.**"]
    lines = [*head, "", *body, "", "## How it was measured", "", *(f"- {rule}" for rule in rules)]
    return "\n".join(lines) + "\n"
