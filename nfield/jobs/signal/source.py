"""From what the command line names to a signal."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from nfield.core.checks import UserError

if TYPE_CHECKING:
    from nfield.jobs.signal.options import SignalOptions
    from nfield.jobs.signal.problems import Box
    from nfield.jobs.signal.stages import FunctionStages, SampleStages
    from nfield.training.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes beyond the options of the run."""

    signal: Optional[str] = None
    """Samples: an array on a regular grid of 1 to 3 axes (.npy), or text with one row a sample (.csv, .txt, .dat):
    coordinates first, the value last; a single column is a grid on a line."""
    channels_last: bool = False
    """Of an array: the last axis holds channels."""
    periodic: bool = False
    """The signal is periodic over its domain."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SignalData:
    """A signal as a problem of stages, with its domain."""

    problem: "FunctionStages | SampleStages"
    box: "Box"
    source: str = "signal"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the command took, kept in config.json; nothing for signals from Python."""


def open_signal(command: Any, options: "SignalOptions", progress: "Progress") -> SignalData:
    """The samples that the command names."""
    import numpy as np

    from nfield.io.geometry.number_lines import first_mistake, read_rows
    from nfield.io.numpy_files import read_array
    from nfield.jobs.signal.problems import Box, grid_problem, scattered_problem

    if command.signal is None:
        raise UserError("nfield fit-signal needs samples: nfield fit-signal samples.csv")
    path, how = Path(command.signal), {"periodic": command.periodic, "seed": options.seed}
    taken = {field.name: getattr(command, field.name) for field in dataclasses.fields(Source)}
    if path.suffix.lower() == ".npy":
        problem = grid_problem(np.asarray(read_array(path)), channels_last=command.channels_last, **how)
        return SignalData(problem=problem, box=Box.of(-1.0, 1.0, problem.in_dim), source=str(path), options=taken)
    delimiter = "," if path.suffix.lower() == ".csv" else None
    try:
        with open(path, encoding="latin-1") as file:
            table = read_rows(file, delimiter=delimiter, comments="#")
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from None
    except ValueError:
        raise UserError(
            f"'{path}': {first_mistake(path, 0, delimiter, '#') or 'it holds no table of numbers'}."
        ) from None
    if not len(table):
        raise UserError(f"'{path}' holds no samples: give one row of numbers for each.")
    if table.shape[1] == 1:
        problem = grid_problem(table[:, 0], channels_last=False, **how)
        return SignalData(problem=problem, box=Box.of(-1.0, 1.0, 1), source=str(path), options=taken)
    if table.shape[1] > 4:
        raise UserError(f"'{path}' has {table.shape[1]} columns, but 1 to 3 coordinates and a value are wanted.")
    scattered, box = scattered_problem(table[:, -1], table[:, :-1], None, options.seed)
    return SignalData(problem=scattered, box=box, source=str(path), options=taken)


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the command took, from config.json of an earlier run."""
    return dict(config.get("source_options", {}))


def size(config: Mapping[str, Any]) -> str:
    """Dimensions of a run's signal in words."""
    many = "value" if config["out_dim"] == 1 else "values"
    return f"{config['out_dim']} {many} over {config['in_dim']} {'axis' if config['in_dim'] == 1 else 'axes'}"
