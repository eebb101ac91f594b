"""`nfield compare`: several runs side by side on one page."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.core.checks import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    runs: tuple[str, ...] = ()
    """Run folders, two or more."""
    out: str = "comparison.html"
    """Page to write."""
    overwrite: bool = False
    """Replace --out where it exists."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class(Command, runs=Annotated[tuple[str, ...], tyro.conf.Positional])
    command = parse(kind, arguments, verb="compare", description=__doc__ or "")
    if len(command.runs) < 2:
        raise UserError(f"nfield compare takes two run folders or more, but got {len(command.runs)}.")
    if Path(command.out).exists() and not command.overwrite:
        raise UserError(f"'{command.out}' exists. Choose another --out, or say --overwrite.")
    from nfield.jobs.comparison import write_comparison

    sys.stdout.write(f"{write_comparison([Path(run) for run in command.runs], Path(command.out))}\n")
