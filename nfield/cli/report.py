"""`nfield report`: write the report page of a run, finished or not."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.core.limits import Up


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Run folder, finished or not."""
    up: Optional[Up] = None
    """The axis that points upwards in pictures of surfaces, but those of the fit's course. Default: the run's."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class(Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="report", description=__doc__ or "")
    from nfield.jobs.page import write_report

    sys.stdout.write(f"{write_report(Path(command.run), up=command.up)}\n")
